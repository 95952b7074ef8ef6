package profiles

import (
	"errors"

	"github.com/quillgate/quillgate/auth"
)

// securityPage describes how the visitor signs in, and the browsers that are
// signed in.
type securityPage struct {
	Factor   auth.SecondFactor
	Keys     []auth.Passkey
	Sessions []shownSession
	Last     []refusedLine
}

type shownSession struct {
	auth.Session
	Program string
	Current bool
}

// securityPage shows the page.
func (v *visit) securityPage() error {
	v.title = v.T("Security")
	var page securityPage
	var err error
	if page.Factor, err = v.p.cfg.Users.SecondFactor(v.ctx(), v.who.User.ID); err != nil {
		return err
	}
	if v.p.passkeys != nil {
		if page.Keys, err = v.p.passkeys.List(v.ctx(), v.who.User.ID); err != nil {
			return err
		}
	}
	list, err := v.p.cfg.Sessions.List(v.ctx(), v.who.User.ID)
	if err != nil {
		return err
	}
	current := auth.SessionID(v.s.Token(v.ctx()))
	for _, s := range list {
		page.Sessions = append(page.Sessions, shownSession{s, program(s.Agent), s.ID == current})
	}
	last, err := v.p.cfg.Refusals.Last(v.ctx(), v.who.User.ID)
	if err != nil {
		return err
	}
	page.Last = v.lastRefused(last, nil)
	return v.show("security", page)
}

// setPassword changes the password of the account, and ends all other sessions.
func (v *visit) setPassword() error {
	again := v.r.PostForm.Get("new-password-again")
	if again != v.r.PostForm.Get("new-password") {
		v.wrong("new-password-again", v.T("The two passwords do not match."))
	}
	// The old password is required even if it was entered a short while
	// ago: somebody who finds an open browser must not be able to take over
	// the account.
	err := v.p.cfg.Verifier.Confirm(v.ctx(), v.client(), v.who.User.ID, v.r.PostForm.Get("old-password"))
	var throttled *auth.Throttled
	switch {
	case errors.As(err, &throttled):
		return err
	case errors.Is(err, auth.ErrDenied):
		v.wrong("old-password", v.T("This is not your password."))
	case err != nil:
		return err
	}
	if len(v.problems) > 0 {
		return v.securityPage()
	}
	current := auth.SessionID(v.s.Token(v.ctx()))
	if err := v.p.cfg.Users.SetPassword(v.ctx(), v.actor(), v.who.User.ID, v.r.PostForm.Get("new-password"), current); err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.securityPage()
	}
	if err := v.renew(); err != nil {
		return err
	}
	return v.done("/profile/security", v.T("The password was changed, and every other browser was signed out."))
}

// renew gives the session a new token. Every change to what the session can do
// should call it.
func (v *visit) renew() error {
	deadline := v.s.Deadline(v.ctx())
	if err := v.s.RenewToken(v.ctx()); err != nil {
		return err
	}
	v.s.SetDeadline(v.ctx(), deadline)
	v.s.Put(v.ctx(), auth.SessionNew, true)
	return nil
}

// endSession signs out one browser.
func (v *visit) endSession() error {
	id := v.form("id")
	if id == auth.SessionID(v.s.Token(v.ctx())) {
		return v.signOut()
	}
	if err := v.p.cfg.Sessions.End(v.ctx(), v.actor(), v.who.User.ID, id); err != nil {
		return err
	}
	return v.done("/profile/security", v.T("That browser was signed out."))
}

// endSessions signs out all other browsers.
func (v *visit) endSessions() error {
	if err := v.p.cfg.Sessions.EndAll(v.ctx(), v.actor(), v.who.User.ID, auth.SessionID(v.s.Token(v.ctx()))); err != nil {
		return err
	}
	return v.done("/profile/security", v.T("Every other browser was signed out."))
}
