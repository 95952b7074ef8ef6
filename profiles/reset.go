package profiles

import (
	"context"
	"errors"
	"net/http"

	"github.com/quillgate/quillgate/auth"
)

// Mail sends the mails that the pages need.
type Mail struct {
	// Reset sends a link for a new password to the owner of an account, if
	// the name or address belongs to one. It takes the same time if not.
	Reset func(ctx context.Context, name string) error
	// Invite sends a set-up link to a user who has an address.
	Invite func(ctx context.Context, userID int64) error
}

// SendsMail reports whether mail can be sent.
func (v *visit) SendsMail() bool { return v.p.cfg.Mail != nil }

// forgotPage is the data of the page for people who have forgotten their
// password.
type forgotPage struct{ ByMail, Asked bool }

// forgotPage shows the form, or who can help if no mail is sent.
func (v *visit) forgotPage() error {
	v.title = v.T("Forgot your password?")
	return v.show("forgot", forgotPage{ByMail: v.p.cfg.Mail != nil})
}

// forgot handles the form. The answer and its time do not reveal whether there
// is such an account.
func (v *visit) forgot() error {
	if v.p.cfg.Mail == nil {
		return v.forgotPage()
	}
	name := v.form("login")
	if name == "" || len(name) > 254 {
		v.wrong("login", v.T("Enter your user name or your e-mail address."))
		return v.forgotPage()
	}
	if err := v.p.cfg.Verifier.AskReset(v.ctx(), v.client()); err != nil {
		return err
	}
	if err := v.p.cfg.Mail.Reset(v.ctx(), name); err != nil {
		return err
	}
	v.title = v.T("Check your e-mail")
	v.render(http.StatusOK, "forgot", forgotPage{ByMail: true, Asked: true})
	return nil
}

// resetPage shows the form for a new password to anyone who has a link for it.
func (v *visit) resetPage() error {
	code := v.r.URL.Query().Get("code")
	if v.r.PostForm.Get("code") != "" {
		code = v.form("code")
	}
	v.hideCode()
	user, err := v.p.cfg.Verifier.ResetUser(v.ctx(), v.client(), code)
	if err != nil {
		return err
	}
	v.title = v.T("Choose a new password")
	return v.show("reset", struct{ Code, Login string }{code, user.Login})
}

// reset sets the password, and signs the visitor in unless a second factor is
// required.
func (v *visit) reset() error {
	if v.r.PostForm.Get("new-password") != v.r.PostForm.Get("new-password-again") {
		v.wrong("new-password-again", v.T("The two passwords do not match."))
		return v.resetPage()
	}
	user, err := v.p.cfg.Verifier.Reset(v.ctx(), v.client(), v.form("code"), v.r.PostForm.Get("new-password"))
	var invalid *auth.Invalid
	if errors.As(err, &invalid) {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.resetPage()
	}
	if err != nil {
		return err
	}
	return v.enterUnlessFactor(user.ID, "/profile")
}
