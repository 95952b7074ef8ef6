package profiles

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
)

// userPage shows a user, and what an administrator can change.
type userPage struct {
	Person   auth.User
	Roles    []auth.Role
	Self     bool
	Factor   auth.SecondFactor
	Clients  []auth.PasswordClient
	Networks []netip.Prefix
	Site     auth.Mode // of users who have no mode of their own
}

// adminHome redirects to the first administration page that the visitor may
// see, or else to the visitor's own pages.
func (v *visit) adminHome() error {
	to := "/profile"
	if site := v.Site(); len(site) > 0 {
		to = site[0].Path
	}
	v.redirect(to)
	return nil
}

// users lists the users.
func (v *visit) users() error {
	search := v.r.URL.Query().Get("search")
	n, _ := strconv.Atoi(v.r.URL.Query().Get("page")) // anything but a number means the first page
	n = min(max(n, 1), 1_000_000)
	list, err := v.p.cfg.Users.List(v.ctx(), auth.Filter{Search: search, Offset: (n - 1) * perUsers, Limit: perUsers + 1})
	if err != nil {
		return err
	}
	before, after := n-1, 0
	if len(list) > perUsers {
		list, after = list[:perUsers], n+1
	}
	v.title = v.T("Users")
	return v.show("users", struct {
		Search        string
		List          []auth.User
		Roles         []auth.Role
		Before, After int // numbers of the previous and the next page; 0 if there is none
	}{search, list, auth.Roles(), before, after})
}

// perUsers is the number of users on a page.
const perUsers = 100

// addUser creates an account, with a password, or with a link by which its
// owner chooses one.
func (v *visit) addUser() error {
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok {
		return v.users()
	}
	password := v.r.PostForm.Get("new-password")
	if password == "" {
		password = rand.Text() + rand.Text() // a password that nobody knows
	}
	user, err := v.p.cfg.Users.Create(v.ctx(), v.actor(), auth.NewUser{
		Login: v.form("login"), Email: v.form("email"), Password: password, Role: auth.Role(v.form("role")),
	})
	if err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.users()
	}
	if v.r.PostForm.Get("new-password") == "" {
		if v.p.cfg.Mail != nil && user.Email != "" {
			return v.invite(user, "/admin/users")
		}
		return v.setUpLink(user)
	}
	return v.done("/admin/users", v.T("The user %s was added.", user.Login))
}

// setUpLink creates a link by which the owner of an account chooses a password,
// and shows it.
func (v *visit) setUpLink(user auth.User) error {
	code, err := v.p.cfg.Users.NewSetUpCode(v.ctx(), v.actor(), user.ID)
	if err != nil {
		return err
	}
	v.title = v.T("Set-up link")
	return v.show("set-up-link", struct{ Login, Link string }{user.Login, v.p.cfg.BaseURL + v.p.cfg.Prefix + "/setup?code=" + code.Reveal()})
}

// invite sends the set-up link by mail.
func (v *visit) invite(user auth.User, next string) error {
	if err := v.p.cfg.Mail.Invite(v.ctx(), user.ID); err != nil {
		return err
	}
	return v.done(next, v.T("A message with the set-up link for %s is on its way to %s.", user.Login, user.Email))
}

// person returns the user whose id is in the path.
func (v *visit) person() (auth.User, error) {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil {
		return auth.User{}, errNothing
	}
	return v.p.cfg.Users.Get(v.ctx(), id)
}

// userPage shows a user.
func (v *visit) userPage() error {
	user, err := v.person()
	if err != nil {
		return err
	}
	v.title = user.Login
	page := userPage{Person: user, Roles: auth.Roles(), Self: user.ID == v.who.User.ID}
	if page.Factor, err = v.p.cfg.Users.SecondFactor(v.ctx(), user.ID); err != nil {
		return err
	}
	if page.Clients, err = v.p.cfg.Users.PasswordClients(v.ctx(), user.ID); err != nil {
		return err
	}
	if page.Networks, err = user.Networks.List(); err != nil {
		return err
	}
	policy, err := v.p.cfg.Users.Policy(v.ctx())
	if err != nil {
		return err
	}
	page.Site = v.siteMode(policy.PasswordMode)
	return v.show("user", page)
}

// changeUser changes a user; the button determines the change.
func (v *visit) changeUser() error {
	user, err := v.person()
	if err != nil {
		return err
	}
	back := "/admin/users/" + strconv.FormatInt(user.ID, 10)
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok {
		return v.userPage()
	}
	// Administrators cannot lock themselves out, so there is always one.
	do := v.form("do")
	if user.ID == v.who.User.ID && (do == "role" || do == "password" || do == "networks" || do == "suspend" || do == "delete") {
		v.wrong(do, v.T("Only another administrator can change your account here."))
		return v.userPage()
	}
	if do == "link" && !v.Elsewhere() {
		return v.setUpLink(user)
	}
	if do == "invite" && v.p.cfg.Mail != nil && user.Email != "" {
		return v.invite(user, back)
	}
	text, err := v.applyTo(user)
	if err == nil && do == "delete" {
		back = "/admin/users"
	}
	if errors.Is(err, auth.ErrLastAdministrator) {
		v.wrong(do, v.T("This is the last administrator. Make somebody else an administrator first."))
		return v.userPage()
	}
	if err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.userPage()
	}
	return v.done(back, text)
}

// applyTo makes the change, and describes what was done.
func (v *visit) applyTo(user auth.User) (string, error) {
	users, by := v.p.cfg.Users, v.actor()
	do := v.form("do")
	if v.Elsewhere() && (do == "role" || do == "password" || do == "factor" || do == "account" || do == "delete") {
		return "", errNothing // passwords belong to the WordPress
	}
	switch do {
	case "role":
		return v.T("The role was changed."), users.SetRole(v.ctx(), by, user.ID, auth.Role(v.form("role")))
	case "password":
		return v.T("The password was set, and the user was signed out everywhere."),
			users.SetPassword(v.ctx(), by, user.ID, v.r.PostForm.Get("new-password"), "")
	case "account":
		_, err := users.UpdateProfile(v.ctx(), by, user.ID, auth.Profile{DisplayName: new(v.form("display-name"))})
		if err == nil && v.form("email") != user.Email {
			err = users.SetEmail(v.ctx(), by, user.ID, v.form("email"))
		}
		return v.T("The account was changed."), err
	case "suspend", "resume":
		text := v.T("The account was suspended. Its password, keys and tokens are refused.")
		if do == "resume" {
			text = v.T("The account may be used again.")
		}
		return text, users.Suspend(v.ctx(), by, user.ID, do == "suspend")
	case "delete":
		heir, err := users.ByLogin(v.ctx(), v.form("heir"))
		if err == nil {
			err = v.p.cfg.DeleteUser(v.ctx(), by, user.ID, heir.ID)
		} else if errors.Is(err, auth.ErrNotFound) {
			err = &auth.Invalid{Field: "heir", Why: "there is no such user"}
		}
		return v.T("The user %s was deleted. The posts went to %s.", user.Login, heir.Login), err
	case "mode":
		return v.T("The password rule was changed."), users.SetPasswordMode(v.ctx(), by, user.ID, auth.Mode(v.form("mode")))
	case "networks":
		list, err := apps.ParseNetworks(v.r.PostForm.Get("networks"))
		if err != nil {
			return "", err
		}
		return v.T("The networks of the account were changed."), users.SetNetworks(v.ctx(), by, user.ID, auth.NetworksOf(list))
	case "factor":
		return v.T("The second factor was removed."), users.ResetSecondFactor(v.ctx(), by, user.ID)
	case "sessions":
		return v.T("The user was signed out everywhere."), v.p.cfg.Sessions.EndAll(v.ctx(), by, user.ID, "")
	}
	return "", errNothing
}

// modeWords describes the modes of passwords. The effect of ModeDefault depends
// on the page.
var modeWords = map[auth.Mode]string{
	auth.ModeAllow:  "clients may send it",
	auth.ModeWarn:   "clients may send it, and the owner is warned",
	auth.ModeRefuse: "clients may not send it",
}

// siteMode returns the mode of passwords for all accounts: that of the
// administrators if it is stricter than that of the server's configuration.
func (v *visit) siteMode(policy auth.Mode) auth.Mode {
	all := auth.Modes()
	return all[max(0, slices.Index(all, v.p.cfg.PasswordMode), slices.Index(all, policy))]
}

// Modes lists the modes of passwords.
func (v *visit) Modes() []auth.Mode { return append([]auth.Mode{auth.ModeDefault}, auth.Modes()...) }

// Mode describes a mode of passwords.
func (v *visit) Mode(m auth.Mode) string { return v.T(modeWords[m]) }

// settingsPage shows the settings and how programs may sign in.
func (v *visit) settingsPage() error {
	v.title = v.T("Settings")
	list, err := v.shownSettings()
	if err != nil {
		return err
	}
	policy, err := v.p.cfg.Users.Policy(v.ctx())
	if err != nil {
		return err
	}
	if v.sent("/admin/policy") {
		policy = v.policyTyped()
	}
	return v.show("settings", struct {
		Of     string
		List   []shownSetting
		Policy auth.Policy
		Server auth.Mode // where the policy says nothing
	}{v.settingsTitle(), list, policy, v.siteMode(auth.ModeDefault)})
}

// sent reports whether the form with this path was sent, and is shown again.
func (v *visit) sent(path string) bool { return v.r.Method == http.MethodPost && v.r.URL.Path == path }

// policyTyped is the policy as the form has it.
func (v *visit) policyTyped() auth.Policy {
	return auth.Policy{
		PasswordMode: auth.Mode(v.form("mode")),
		Tokens:       v.form("tokens") != "", ApplicationPasswords: v.form("application-passwords") != "",
	}
}

// changePolicy takes how programs may sign in. That may let in more than before, so it wants the password again.
func (v *visit) changePolicy() error {
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if ok {
		err = v.p.cfg.Users.SetPolicy(v.ctx(), v.actor(), v.policyTyped())
		if err == nil {
			return v.done("/admin/settings", v.T("The sign-in rules were changed."))
		}
		if err := v.refused(err); err != nil {
			return err
		}
	}
	return v.settingsPage()
}

// allApplications lists the applications of all users.
func (v *visit) allApplications() error {
	v.title = v.T("All applications")
	search := strings.TrimSpace(v.r.URL.Query().Get("search"))
	all, err := v.credentials(0, false)
	if err != nil {
		return err
	}
	names := v.names()
	var list []credential
	for _, c := range all {
		if c.Owner = names(c.UserID); c.matches(search) {
			list = append(list, c)
		}
	}
	page := applicationsPage{Search: search, Of: len(list)}
	n, _ := strconv.Atoi(v.r.URL.Query().Get("page")) // anything but a number means the first page
	n = min(max(n, 1), max(1, (len(list)+perApplications-1)/perApplications))
	page.First, page.Last = (n-1)*perApplications+1, min(n*perApplications, len(list))
	if n > 1 {
		page.Before = n - 1
	}
	if page.Last < len(list) {
		page.After = n + 1
	}
	page.List = list[page.First-1 : page.Last]
	return v.show("all-applications", page)
}

// perApplications is the number of applications on a page with those of all
// users.
const perApplications = 50

// applicationsPage is a page with the applications of all users.
type applicationsPage struct {
	Search          string
	List            []credential
	First, Last, Of int
	Before, After   int // numbers of the previous and the next page; 0 if there is none
}

// adminRevokePage asks for confirmation.
func (v *visit) adminRevokePage() error {
	c, err := v.anyCredential()
	if err != nil {
		return err
	}
	c.Owner = v.names()(c.UserID)
	v.title = v.T("Revoke %s?", c.Name)
	return v.show("revoke", struct {
		credential
		At, Back string
	}{c, "/admin/applications/" + c.ID, "/admin/applications"})
}

// adminRevoke revokes an application of any user.
func (v *visit) adminRevoke() error {
	c, err := v.anyCredential()
	if err != nil {
		return err
	}
	if err := v.revoke(c); err != nil {
		return err
	}
	return v.done("/admin/applications", v.T("%s is revoked. Requests that use it are refused.", c.Name))
}
