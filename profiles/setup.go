package profiles

import (
	"errors"
	"strings"

	"github.com/quillgate/quillgate/auth"
)

// setUpPage shows what whoever has a one-time link sets up: the first administrator, or an account's password.
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
		Fresh              bool // the blog is set up too
		AsksAddress        bool // and where it is
	}{code, user.Login, user.Email, fresh, v.asksAddress(fresh)})
}

// hideCode keeps the code in the address of a page from the pages that follow. With the policy no-referrer, browsers would
// also send the form of the page with the origin "null", and over plain HTTP nothing else says that it comes from here.
func (v *visit) hideCode() { v.w.Header().Set("Referrer-Policy", "strict-origin") }

// fresh reports whether who sets up an account is asked about the blog too: its first administrator, while no one has said
// what it is called and where it is.
func (v *visit) fresh(user auth.User) (bool, error) {
	if v.p.cfg.Settings == nil || user.ID != 0 && user.Role != auth.Administrator {
		return false, nil
	}
	return v.p.cfg.Settings.Fresh(v.ctx())
}

// asksAddress reports whether the first administrator is asked for the address of the blog.
func (v *visit) asksAddress(fresh bool) bool { return fresh && v.p.cfg.Settings.AddressField != "" }

// newAddress returns the address of the blog in the form, "" if it is the present one. It notes a problem.
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

// nameBlog sets the title and the zone that the form holds, and an address. The account is there already, so what cannot
// be taken is left for the page of settings.
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

// setUp takes the form, and signs the visitor in.
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

// enterUnlessFactor signs in whoever has chosen a password by a link. The link must not be a way round the second factor.
func (v *visit) enterUnlessFactor(userID int64, next string) error {
	if factor, err := v.p.cfg.Users.SecondFactor(v.ctx(), userID); err != nil || factor.On {
		v.redirect("/signin")
		return err
	}
	return v.enter(userID, next)
}
