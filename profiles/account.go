package profiles

import (
	"github.com/quillgate/quillgate/auth"
)

// accountPage shows the profile of the visitor's account.
func (v *visit) accountPage() error {
	v.title = v.T("Account")
	zone, err := v.p.cfg.Users.Zone(v.ctx(), v.who.User.ID)
	if err != nil {
		return err
	}
	name := ""
	if zone != nil {
		name = zone.String()
	}
	return v.show("account", struct{ Zone, BlogZone string }{name, v.around.Zone.String()})
}

// account changes the profile of the visitor's account.
func (v *visit) account() error {
	id := v.who.User.ID
	field := func(name string) *string {
		text := v.r.PostForm.Get(name)
		return &text
	}
	_, err := v.p.cfg.Users.UpdateProfile(v.ctx(), v.actor(), id, auth.Profile{
		FirstName: field("first-name"), LastName: field("last-name"), Nickname: field("nickname"),
		DisplayName: field("display-name"), URL: field("url"), Bio: field("bio"),
	})
	if err == nil && v.form("email") != v.who.User.Email {
		err = v.p.cfg.Users.SetEmail(v.ctx(), v.actor(), id, v.form("email"))
	}
	if err == nil {
		err = v.p.cfg.Users.SetZone(v.ctx(), id, v.form("zone"))
	}
	if err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.accountPage()
	}
	return v.done("/profile/account", v.T("Your account was changed."))
}
