package auth

import (
	"context"
	"errors"
)

// A Judge says whose user name and password these are, where passwords are kept elsewhere: by the WordPress behind a
// gateway. It returns the user of ours, and makes that user at the first sign-in. The error is [ErrDenied] when the pair is
// wrong; every other error says that the judge did not answer.
type Judge func(ctx context.Context, login, password string) (userID int64, err error)

// verifyElsewhere has the judge look at a password. Guesses are counted here, before the judge is asked: it never sees
// those that have to wait.
func (v *Verifier) verifyElsewhere(ctx context.Context, c credentials, a attempt, mode Mode, e *Event) (Identity, error) {
	if mode.refuses() {
		e.Reason = PasswordsRefused
		return Identity{}, ErrPasswordsRefused
	}
	var user User
	var reason Reason
	err := v.throttled(ctx, 0, a, true, func() (Reason, error) {
		id, err := v.cfg.Judge(ctx, c.login, c.password)
		if errors.Is(err, ErrDenied) {
			reason = WrongPassword
			return reason, nil
		}
		if err == nil {
			user, err = v.cfg.Users.cached(ctx, id)
		}
		if err == nil && !user.Networks.Allow(a.Addr) {
			reason = WrongNetwork
		}
		return reason, err
	})
	e.Reason = reason
	if throttled := (*Throttled)(nil); errors.As(err, &throttled) {
		if reason == "" {
			e.Reason = TooManyFailures
		}
		return Identity{}, err
	}
	if err != nil {
		return Identity{}, err
	}
	if reason != "" {
		return Identity{}, ErrDenied
	}
	v.cfg.Users.passwordSent(user.ID, a.Addr, a.Agent, true)
	return Identity{User: user, Via: ViaPassword}, nil
}
