package profiles

import (
	"errors"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/network"
)

// halfwayTime is the longest time between the password and the second factor.
const halfwayTime = 10 * time.Minute

// signInPage shows the form.
func (v *visit) signInPage() error {
	next := v.r.URL.Query().Get("next")
	if v.who.LoggedIn() {
		v.redirect(destination(next))
		return nil
	}
	if v.Elsewhere() {
		return v.upstreamSignIn(http.StatusOK, next)
	}
	v.title = v.T("Sign in")
	return v.show("signin", next)
}

// destination returns the address to go to after signing in.
func destination(next string) string {
	if !ours(next) {
		return "/profile"
	}
	return next
}

// signIn checks user name and password. All refusals read the same, so that
// they do not reveal who has an account.
func (v *visit) signIn() error {
	next := v.form("next")
	user, needsCode, err := v.p.cfg.Verifier.SignIn(v.ctx(), v.client(), v.form("login"), v.r.PostForm.Get("password"))
	var throttled *auth.Throttled
	switch {
	case errors.As(err, &throttled), err != nil && !errors.Is(err, auth.ErrDenied):
		return err
	case err != nil:
		v.title = v.T("Sign in")
		v.wrong("login", v.T("User name or password is wrong."))
		v.posted = true
		if v.Elsewhere() {
			return v.upstreamSignIn(http.StatusForbidden, next)
		}
		v.render(http.StatusForbidden, "signin", next)
		return nil
	case v.Elsewhere():
		return v.settle(user, v.form("login"), v.r.PostForm.Get("password"), next)
	case !needsCode:
		return v.enter(user.ID, next)
	}
	if err := v.begun(halfwayTime); err != nil {
		return err
	}
	v.s.Put(v.ctx(), auth.SessionPending, user.ID)
	v.s.Put(v.ctx(), auth.SessionAddr, network.Of(v.addr).String())
	v.s.Put(v.ctx(), keyNext, next)
	v.redirect("/signin/code")
	return nil
}

// begun starts a session in which nobody is signed in yet.
func (v *visit) begun(life time.Duration) error {
	if err := v.s.Clear(v.ctx()); err != nil {
		return err
	}
	if err := v.s.RenewToken(v.ctx()); err != nil {
		return err
	}
	v.s.SetDeadline(v.ctx(), time.Now().Add(life).UTC())
	v.s.Put(v.ctx(), auth.SessionNew, true)
	return nil
}

// codePage asks for the second factor.
func (v *visit) codePage() error {
	id := v.s.GetInt64(v.ctx(), auth.SessionPending)
	if id == 0 {
		v.redirect("/signin")
		return nil
	}
	v.title = v.T("One more step")
	page := struct{ Passkey bool }{}
	if v.p.passkeys != nil {
		list, err := v.p.passkeys.List(v.ctx(), id)
		if err != nil {
			return err
		}
		page.Passkey = len(list) > 0
	}
	return v.show("code", page)
}

// code checks the second factor.
func (v *visit) code() error {
	id := v.s.GetInt64(v.ctx(), auth.SessionPending)
	if id == 0 {
		v.redirect("/signin")
		return nil
	}
	user, err := v.p.cfg.Verifier.SecondFactor(v.ctx(), v.client(), id, v.form("code"))
	if errors.Is(err, auth.ErrWrongCode) {
		v.wrong("code", v.T("This code is wrong or has already been used."))
		return v.codePage()
	}
	if err != nil {
		return err
	}
	return v.enter(user.ID, v.s.GetString(v.ctx(), keyNext))
}

// enter starts the session of a user, with a new token: knowing the previous
// one is of no use.
func (v *visit) enter(userID int64, next string) error {
	if err := v.begun(sessionTime); err != nil {
		return err
	}
	v.s.Put(v.ctx(), auth.SessionUser, userID)
	v.s.Put(v.ctx(), auth.SessionAddr, v.addr.String())
	v.s.Put(v.ctx(), auth.SessionAgent, auth.Agent(v.r))
	v.s.Put(v.ctx(), keyProved, v.now().Unix())
	if v.note != "" {
		v.s.Put(v.ctx(), keyFlash, v.note)
	}
	v.redirect(destination(next))
	return nil
}

// signOut ends the session.
func (v *visit) signOut() error {
	if v.who.LoggedIn() {
		id := auth.SessionID(v.s.Token(v.ctx()))
		if err := v.p.cfg.Sessions.End(v.ctx(), v.actor(), v.who.User.ID, id); err != nil {
			return err
		}
	}
	if err := v.s.Destroy(v.ctx()); err != nil {
		return err
	}
	v.redirect("/signin")
	return nil
}
