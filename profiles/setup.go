package profiles

import (
	"errors"
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// setUpPage shows the form that a one-time link leads to. It creates the first
// administrator, or sets the password of an account.
func (v *visit) setUpPage() error {
	code := v.r.URL.Query().Get("code")
	if v.r.PostForm.Get("code") != "" {
		code = v.form("code")
	}
	v.hideCode()
	user, err := v.p.cfg.Verifier.SetUpUser(v.ctx(), v.client(), code)
	if err != nil {
		return err
	}
	fresh, err := v.fresh(user)
	if err != nil {
		return err
	}
	v.title = v.T("Set up %s", v.Blog())
	return v.show("setup", struct {
		Code, Login, Email string
		Fresh              bool // the form also asks for the title and the time zone
		AsksAddress        bool // the form also asks for the address
	}{code, user.Login, user.Email, fresh, v.asksAddress(fresh)})
}

// hideCode prevents browsers from sending the address of this page, which holds
// the code, as the referrer of later requests. The policy no-referrer would hide
// too much: browsers then send the form with the origin "null", and over plain
// HTTP the origin is the only proof that the form is from this site.
func (v *visit) hideCode() { v.w.Header().Set("Referrer-Policy", "strict-origin") }

// fresh reports whether the form also asks about the blog. It asks the first
// administrator until the title and the time zone are set.
func (v *visit) fresh(user auth.User) (bool, error) {
	if v.p.cfg.Settings == nil || user.ID != 0 && user.Role != auth.Administrator {
		return false, nil
	}
	return v.p.cfg.Settings.Fresh(v.ctx())
}

// asksAddress reports whether the form asks for the address of the blog.
func (v *visit) asksAddress(fresh bool) bool { return fresh && v.p.cfg.Settings.AddressField != "" }

// newAddress returns the address that the form holds, or "" if it is the
// present one. It adds a problem to the page if the address cannot be used.
func (v *visit) newAddress(fresh bool) string {
	address := strings.TrimRight(v.form("blog-address"), "/")
	if !v.asksAddress(fresh) || address == "" || address == v.Base() {
		return ""
	}
	if why := v.p.cfg.Settings.AddressProblem(address); why != "" {
		v.wrong("blog-address", v.T("This %s.", why))
	}
	return address
}

// nameBlog saves the title and the time zone of the form, and the address. The
// account exists by now, so an invalid value does not end the set-up: a note
// says that the settings page can set it later.
func (v *visit) nameBlog(user auth.User, address string) error {
	settings := v.p.cfg.Settings
	values := make(map[string]string)
	for field, name := range map[string]string{"blog-title": settings.TitleField, "blog-zone": settings.ZoneField} {
		if text := v.form(field); text != "" {
			values[name] = text
		}
	}
	if address != "" {
		values[settings.AddressField] = address
		v.note = v.T("Restart the server: then the address of the blog is %s. Connect clients after that.", address)
	}
	if len(values) == 0 {
		return nil
	}
	bad, err := settings.Set(v.ctx(), auth.Identity{User: user, Via: auth.ViaSession, Addr: v.addr, Agent: auth.Agent(v.r)}, values)
	if len(bad) > 0 {
		v.note = v.T("The title, the time zone and the address were not saved. Set them on the settings page.")
	}
	return err
}

// setUp handles the form and signs the visitor in.
func (v *visit) setUp() error {
	if v.r.PostForm.Get("new-password") != v.r.PostForm.Get("new-password-again") {
		v.wrong("new-password-again", v.T("The two passwords do not match."))
		return v.setUpPage()
	}
	before, err := v.p.cfg.Verifier.SetUpUser(v.ctx(), v.client(), v.form("code"))
	if err != nil {
		return err
	}
	fresh, err := v.fresh(before)
	if err != nil {
		return err
	}
	address := v.newAddress(fresh)
	if len(v.problems) > 0 {
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
	if !fresh {
		return v.enterUnlessFactor(user.ID, "/profile")
	}
	if err := v.nameBlog(user, address); err != nil {
		return err
	}
	return v.enterUnlessFactor(user.ID, "/profile/first-steps")
}

// enterUnlessFactor signs in a user who has chosen a password through a link,
// unless the user has a second factor: the link must not bypass it.
func (v *visit) enterUnlessFactor(userID int64, next string) error {
	if factor, err := v.p.cfg.Users.SecondFactor(v.ctx(), userID); err != nil || factor.On {
		v.redirect("/signin")
		return err
	}
	return v.enter(userID, next)
}
