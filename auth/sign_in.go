package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Client returns the origin of a request according to the configuration.
func (v *Verifier) Client(r *http.Request) Client {
	addr, secure := v.cfg.ClientAddr(r)
	return Client{Addr: addr.Unmap(), Agent: Agent(r), Secure: secure}
}

// SignIn checks the user name (or address) and the password of someone who
// signs in to the pages. Only the account's own password is accepted, whatever
// the password mode; no key, token or application password. If there is a
// Judge, it decides, and it may require more than a password. If needsCode is
// true, the user has a second factor and is not signed in before SecondFactor
// succeeds. Errors: ErrDenied, *Throttled, ErrClearText, ErrBusy.
func (v *Verifier) SignIn(ctx context.Context, from Client, login, password string) (user User, needsCode bool, err error) {
	c := cleaned(credentials{login: login, password: password, accountOnly: true})
	who, err := v.verifyPage(ctx, c, from)
	if err != nil {
		return User{}, false, err
	}
	if !who.SecondFactor {
		if err := v.signedIn(ctx, from, who.User); err != nil {
			return User{}, false, err
		}
	}
	return who.User, who.SecondFactor, nil
}

// verifyPage checks a password from a page.
func (v *Verifier) verifyPage(ctx context.Context, c credentials, from Client) (candidate, error) {
	e := Event{Via: ViaPassword, Login: c.login, Addr: from.Addr}
	if !from.Secure && !v.cfg.ClearTextPasswords {
		e.Reason = ClearText
		v.tell(ctx, e)
		return candidate{}, ErrClearText
	}
	if e.Reason = c.checkForm(); e.Reason != "" {
		return candidate{}, v.deny(ctx, e)
	}
	who, err := v.comparePage(ctx, c, from, &e)
	throttled := (*Throttled)(nil)
	switch {
	case errors.As(err, &throttled):
		e.Reason = TooManyFailures
	case errors.Is(err, ErrBusy):
		e.Reason, err = Overload, ErrBusy
	case err != nil:
		return candidate{}, fmt.Errorf("verify a password: %w", err)
	case e.Reason != "":
		err = ErrDenied
	default:
		e.UserID = who.ID
	}
	v.tell(ctx, e)
	if err != nil {
		return candidate{}, err
	}
	return who, nil
}

func (v *Verifier) comparePage(ctx context.Context, c credentials, from Client, e *Event) (candidate, error) {
	a, wait, err := v.attempt(ctx, forPages, c, from)
	if err != nil {
		return candidate{}, err
	}
	if wait > 0 {
		return candidate{}, &Throttled{RetryAfter: wait}
	}
	who, err := v.cfg.Users.signingIn(ctx, c.login)
	if err != nil {
		return candidate{}, err
	}
	if wait, err = v.meant(ctx, &a, forPages, who); err != nil {
		return candidate{}, err
	}
	if v.cfg.Judge != nil {
		a.marked, who.SecondFactor = false, false // the judge may have changed its answer, and checks everything it requires
	}
	if wait > 0 {
		return candidate{}, &Throttled{RetryAfter: wait}
	}
	err = v.throttled(ctx, who.ID, a, !who.SecondFactor, func() (Reason, error) {
		if v.cfg.Judge != nil {
			who.User, e.Reason, err = v.judge(ctx, a.login, a.password, a.Addr)
			return e.Reason, err
		}
		e.Reason, err = v.compare(ctx, who, a)
		if e.Reason == "" && !who.Networks.Allow(from.Addr) {
			e.Reason = WrongNetwork
		}
		return e.Reason, err
	})
	if before := (*refusedBefore)(nil); errors.As(err, &before) {
		e.Reason, err = before.reason, nil
	}
	return who, err
}

// SecondFactor checks the second half of a sign-in after SignIn has accepted
// the first: a code or a recovery code. Errors: ErrWrongCode, which is an
// ErrDenied; *Throttled.
func (v *Verifier) SecondFactor(ctx context.Context, from Client, userID int64, code string) (User, error) {
	user, err := v.cfg.Users.Get(ctx, userID)
	if err != nil {
		return User{}, err
	}
	if err := v.code(ctx, from, user, code); err != nil {
		return User{}, err
	}
	return user, v.signedIn(ctx, from, user)
}

// code checks a code and logs the result.
func (v *Verifier) code(ctx context.Context, from Client, user User, code string) error {
	reason, err := v.checkCode(ctx, user.ID, code, from, true)
	e := Event{Reason: reason, Via: ViaPassword, Login: user.Login, Addr: from.Addr}
	if reason == "" && err == nil {
		e.UserID = user.ID
	}
	if reason != "" || err == nil {
		v.tell(ctx, e)
	}
	if err == nil && reason != "" {
		return ErrWrongCode
	}
	return err
}

// signedIn records a sign-in.
func (v *Verifier) signedIn(ctx context.Context, from Client, user User) error {
	users := v.cfg.Users
	err := users.db.Update(ctx, func(tx *database.Tx) error {
		return audit.Append(ctx, tx, audit.Event{Kind: SignedIn, UserID: user.ID, By: from.actor(user.ID, ViaPassword), At: users.now()})
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

// Confirm checks the password of someone who is signed in, before an action
// that a stolen session must not allow: creating a key, an export, a change of
// the password. Errors: those of SignIn.
func (v *Verifier) Confirm(ctx context.Context, from Client, userID int64, password string) error {
	user, err := v.cfg.Users.Get(ctx, userID)
	if err != nil {
		return err
	}
	who, err := v.verifyPage(ctx, cleaned(credentials{login: user.Login, password: password, accountOnly: true}), from)
	if err == nil && who.ID != userID {
		return ErrDenied // for the judge, this name belongs to someone else
	}
	return err
}

// RemoveSecondFactor removes the second factor of a user, who must enter the
// password and a code or recovery code. Errors: ErrNoSecondFactor and those of
// SignIn and SecondFactor.
func (v *Verifier) RemoveSecondFactor(ctx context.Context, from Client, userID int64, password, code string) error {
	users := v.cfg.Users
	if err := v.Confirm(ctx, from, userID, password); err != nil {
		return err
	}
	user, err := users.Get(ctx, userID)
	if err != nil {
		return err
	}
	if f, err := users.SecondFactor(ctx, userID); err != nil || !f.On {
		return errors.Join(ErrNoSecondFactor, err)
	}
	if err := v.code(ctx, from, user, code); err != nil {
		return err
	}
	err = users.db.Update(ctx, func(tx *database.Tx) error {
		return users.removeFactor(ctx, tx, audit.Event{Kind: SecondFactorOff, UserID: userID, By: from.actor(userID, ViaSession)})
	})
	if err != nil {
		return fmt.Errorf("remove a second factor: %w", err)
	}
	return nil
}
