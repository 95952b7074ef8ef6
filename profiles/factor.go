package profiles

import (
	"errors"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
)

// enrolFactor creates a secret for the visitor's authenticator app, and shows
// it.
func (v *visit) enrolFactor() error {
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok {
		return v.securityPage()
	}
	e, err := v.p.cfg.Users.BeginSecondFactor(v.ctx(), v.who.User.ID, v.Blog())
	if err != nil {
		return err
	}
	code, err := qrCode(e.URL.Reveal())
	if err != nil {
		return err
	}
	v.title = v.T("Set up an authenticator app")
	return v.show("factor", struct {
		Secret string
		QR     picture
	}{grouped(e.Secret.Reveal()), code})
}

// confirmFactor activates the secret, and shows the recovery codes.
func (v *visit) confirmFactor() error {
	codes, err := v.p.cfg.Users.ConfirmSecondFactor(v.ctx(), v.actor(), v.who.User.ID, v.form("code"))
	if errors.Is(err, auth.ErrWrongCode) {
		v.title = v.T("Set up an authenticator app")
		v.wrong("code", v.T("This code is wrong. Is the clock of your phone right?"))
		return v.show("factor", struct {
			Secret string
			QR     picture
		}{})
	}
	if err != nil {
		return err
	}
	if err := v.renew(); err != nil {
		return err
	}
	return v.showCodes(codes)
}

// newCodes replaces the recovery codes.
func (v *visit) newCodes() error {
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok {
		return v.securityPage()
	}
	codes, err := v.p.cfg.Users.NewRecoveryCodes(v.ctx(), v.actor(), v.who.User.ID)
	if err != nil {
		return err
	}
	return v.showCodes(codes)
}

func (v *visit) showCodes(codes []apps.Secret) error {
	texts := make([]string, len(codes))
	for i, c := range codes {
		texts[i] = c.Reveal()
	}
	v.title = v.T("Your recovery codes")
	return v.show("codes", texts)
}

// removeFactor removes the second factor. It requires the password and a code.
func (v *visit) removeFactor() error {
	err := v.p.cfg.Verifier.RemoveSecondFactor(v.ctx(), v.client(), v.who.User.ID, v.r.PostForm.Get("factor-password"), v.form("code"))
	var throttled *auth.Throttled
	switch {
	case errors.As(err, &throttled):
		return err
	case errors.Is(err, auth.ErrDenied):
		v.wrong("code", v.T("The password or the code is wrong."))
		return v.securityPage()
	case err != nil:
		return err
	}
	return v.done("/profile/security", v.T("Signing in no longer requires a code from an authenticator app."))
}

// grouped splits a text into groups of four characters, for people who type it.
func grouped(text string) string {
	var out []byte
	for i := range len(text) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, text[i])
	}
	return string(out)
}
