package auth

import (
	"context"
	"errors"
	"net/netip"
)

// A Judge checks a user name and password that are stored elsewhere: at the
// WordPress behind a gateway. It returns the local user, which it creates at
// the first sign-in. The error is [ErrDenied] if the pair is wrong; any other
// error means that the judge did not answer.
type Judge func(ctx context.Context, login, password string) (userID int64, err error)

// verifyElsewhere lets the judge check a password of a call. Guesses are
// counted first, so the judge never sees those that must wait.
func (v *Verifier) verifyElsewhere(ctx context.Context, who candidate, a attempt, mode Mode, e *Event) (Identity, error) {
	if mode.refuses() {
		e.Reason = PasswordsRefused
		return Identity{}, ErrPasswordsRefused
	}
	var user User
	var reason Reason
	err := v.throttled(ctx, 0, a, true, func() (Reason, error) {
		var err error
		user, reason, err = v.judge(ctx, a.login, a.password, a.Addr)
		return reason, err
	})
	e.note(reason, err)
	if err != nil {
		return Identity{}, err
	}
	if reason != "" {
		return Identity{}, ErrDenied
	}
	if who.ID == user.ID {
		// A client that sends its password with each call need not have it
		// judged each time.
		v.proofs.add(v.proofs.mark(who.ID, who.Hash, a.password), a.now)
	}
	v.cfg.Users.passwordSent(user.ID, a.Addr, a.Agent, true)
	return Identity{User: user, Via: ViaPassword}, nil
}

// judge asks the judge whose password this is.
func (v *Verifier) judge(ctx context.Context, login, password string, addr netip.Addr) (user User, reason Reason, err error) {
	id, err := v.cfg.Judge(ctx, login, password)
	if errors.Is(err, ErrDenied) {
		return User{}, WrongPassword, nil
	}
	if err == nil {
		user, err = v.cfg.Users.cached(ctx, id)
	}
	if err == nil && !user.Networks.Allow(addr) {
		reason = WrongNetwork
	}
	return user, reason, err
}

// Refused records that the judge has refused a password elsewhere that Login
// had accepted. It will be judged again the next time.
func (q *Request) Refused(ctx context.Context, login, password string) error {
	if q == nil {
		return nil
	}
	c := cleaned(credentials{login: login, password: password})
	who, err := q.v.cfg.Users.signingIn(ctx, c.login)
	if err != nil {
		return err
	}
	q.v.proofs.drop(q.v.proofs.mark(who.ID, who.Hash, c.password))
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.passed, c)
	return nil
}
