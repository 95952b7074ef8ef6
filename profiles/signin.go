package profiles

import (
	"errors"
	"net/http"

	"github.com/quillgate/quillgate/auth"
)

// signInPage shows the form.
func (v *visit) signInPage() error {
	next := v.r.URL.Query().Get("next")
	if v.who.LoggedIn() {
		v.redirect(destination(next))
		return nil
	}
	v.title = v.T("Sign in")
	return v.show("signin", next)
}

// destination is where to go when signed in.
func destination(next string) string {
	if !ours(next) {
		return "/profile"
	}
	return next
}

// signIn checks user name and password.
func (v *visit) signIn() error {
	next := v.form("next")
	who, err := v.checkPassword(v.form("login"), v.r.PostForm.Get("password"))
	var throttled *auth.Throttled
	if err != nil && (errors.As(err, &throttled) || !errors.Is(err, auth.ErrDenied)) {
		return err
	}
	if err != nil {
		v.title, v.posted = v.T("Sign in"), true
		v.wrong("login", v.T("User name or password is wrong."))
		v.render(http.StatusForbidden, "signin", next)
		return nil
	}
	return v.enter(who.User.ID, "password", next)
}

// enter begins the session of a user. The token is a new one, so whoever knew that of before knows nothing.
func (v *visit) enter(userID int64, via, next string) error {
	if err := v.s.RenewToken(v.ctx()); err != nil {
		return err
	}
	v.s.Remove(v.ctx(), keyPending)
	v.s.Put(v.ctx(), auth.SessionNew, true)
	v.s.Put(v.ctx(), auth.SessionUser, userID)
	v.s.Put(v.ctx(), auth.SessionAddr, v.addr.String())
	v.s.Put(v.ctx(), auth.SessionAgent, cut(v.r.UserAgent(), 200))
	v.s.Put(v.ctx(), keyProved, v.now().Unix())
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
