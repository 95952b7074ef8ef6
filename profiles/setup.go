package profiles

import (
	"errors"

	"github.com/quillgate/quillgate/auth"
)

// setUpPage shows what whoever has a one-time link sets up: the first administrator, or an account's password.
func (v *visit) setUpPage() error {
	code := v.r.URL.Query().Get("code")
	if v.r.PostForm.Get("code") != "" {
		code = v.form("code")
	}
	// The code is in the address of this page.
	v.w.Header().Set("Referrer-Policy", "no-referrer")
	user, err := v.p.cfg.Verifier.SetUpUser(v.ctx(), v.client(), code)
	if err != nil {
		return err
	}
	v.title = v.T("Set up %s", v.Blog())
	return v.show("setup", struct{ Code, Login, Email string }{code, user.Login, user.Email})
}

// setUp takes the form, and signs the visitor in.
func (v *visit) setUp() error {
	if v.r.PostForm.Get("new-password") != v.r.PostForm.Get("new-password-again") {
		v.wrong("new-password-again", v.T("The two passwords do not match."))
		return v.setUpPage()
	}
	user, err := v.p.cfg.Verifier.SetUp(v.ctx(), v.client(), v.form("code"),
		auth.NewUser{Login: v.form("login"), Email: v.form("email"), Password: v.r.PostForm.Get("new-password")})
	var invalid *auth.Invalid
	if errors.As(err, &invalid) {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.setUpPage()
	}
	if err != nil {
		return err
	}
	return v.enterUnlessFactor(user.ID)
}

// enterUnlessFactor signs in whoever has chosen a password by a link. The link must not be a way round the second factor.
func (v *visit) enterUnlessFactor(userID int64) error {
	if factor, err := v.p.cfg.Users.SecondFactor(v.ctx(), userID); err != nil || factor.On {
		v.redirect("/signin")
		return err
	}
	return v.enter(userID, "/profile")
}
