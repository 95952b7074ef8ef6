package profiles

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// applications shows the list of applications: Remote Publishing Permissions.
func (v *visit) applications() error {
	over := v.r.URL.Query().Has("all")
	list, err := v.credentials(v.who.User.ID, over)
	if err != nil {
		return err
	}
	many, search := len(list) > manyApplications, strings.TrimSpace(v.r.URL.Query().Get("search"))
	list = slices.DeleteFunc(list, func(c credential) bool { return !c.matches(search) })
	// Credentials that do not work come last.
	slices.SortStableFunc(list, func(a, b credential) int {
		switch {
		case a.Works() == b.Works():
			return 0
		case a.Works():
			return -1
		}
		return 1
	})
	until, err := v.p.cfg.Apps.Enrolment(v.ctx(), v.who.User.ID)
	if err != nil {
		return err
	}
	senders, err := v.senders()
	if err != nil {
		return err
	}
	v.title = v.T("Remote Publishing Permissions")
	return v.show("applications", struct {
		List    []credential
		Over    bool
		Many    bool // the list is long enough for a search
		Search  string
		Until   time.Time // the code of an open enrolment
		Senders []sender  // clients that send the account password
	}{list, over, many || search != "", search, until, senders})
}

// manyApplications is the number of applications from which the page offers a
// search.
const manyApplications = 12

// sender is a client that still sends the account password.
type sender struct {
	Name, Program, Addr string // Name is the short name
	Last                time.Time
	Taken               int64
	Refused             int64
}

// newPage shows the form for a new application.
func (v *visit) newPage() error {
	v.title = v.T("Add an application")
	q := v.r.URL.Query()
	k := q.Get("kind")
	if k == "" {
		k = string(kindKey)
	}
	blank := credential{Kind: kindKey, Expires: v.now().Add(apps.SuggestedLife)}
	if p, known := apps.PresetNamed(q.Get("preset")); known {
		blank.Scope.Rights = p.Rights
	}
	chosen := cmp.Or(kind(v.form("kind")), kind(k))
	return v.show("new", struct {
		Kind, Name string
		Rare       bool // the form has one of the rare kinds selected
		Blank      credential
	}{k, cut(q.Get("name"), 100), chosen.rare(), blank})
}

// create creates the credential that the form describes, and shows its secret.
func (v *visit) create() error {
	l := v.limits(time.Time{})
	k := kind(v.form("kind"))
	if k == "" {
		k = kindKey
	}
	if k != "enrolment" && l.Name == "" {
		v.wrong("name", v.T("Give the application a name that you will recognise."))
	}
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok || len(v.problems) > 0 {
		return v.newPage()
	}
	if k == "enrolment" {
		return v.openEnrolment(l)
	}
	form := v.formID()
	if form != "" && !v.p.sent.first(form, v.now()) {
		return v.done("/profile", v.T("This form was already sent, and %s was added. If you have not seen its secret, create a new one.", l.Name))
	}
	c, secret, err := v.make(k, l)
	if err != nil {
		v.p.sent.forget(form)
		if err := v.refused(err); err != nil {
			return err
		}
		return v.newPage()
	}
	return v.reveal(c, secret)
}

// make creates a credential of a kind.
func (v *visit) make(k kind, l limits) (credential, apps.Secret, error) {
	in := apps.New{UserID: v.who.User.ID, Name: l.Name, Scope: l.Scope, Networks: l.Networks, Strict: l.Strict, Expires: l.Expires}
	switch k {
	case kindKey:
		app, secret, err := v.p.cfg.Apps.Create(v.ctx(), v.actor(), in)
		return v.ofApp(app), secret, err
	case kindVerification:
		key, err := apps.ParseVerificationKey(v.form("algorithm"), []byte(v.form("pem")))
		if err != nil {
			return credential{}, apps.Secret{}, err
		}
		app, err := v.p.cfg.Apps.Enrol(v.ctx(), v.actor(), in, key)
		return v.ofApp(app), apps.Secret{}, err
	}
	return v.createToken(k, l)
}

// openEnrolment allows one client to register its verification key, and shows
// the code for it.
func (v *visit) openEnrolment(l limits) error {
	code, until, err := v.p.cfg.Apps.OpenEnrolment(v.ctx(), v.actor(),
		apps.New{UserID: v.who.User.ID, Scope: l.Scope, Networks: l.Networks, Expires: l.Expires}, 0)
	if err != nil {
		return err
	}
	v.title = v.T("Enrol a verification key")
	return v.show("enrolment", struct {
		Code  string
		Until time.Time
	}{code.Reveal(), until})
}

// closeEnrolment invalidates the code.
func (v *visit) closeEnrolment() error {
	if err := v.p.cfg.Apps.CloseEnrolment(v.ctx(), v.actor(), v.who.User.ID); err != nil {
		return err
	}
	return v.done("/profile", v.T("Enrolment is closed."))
}

// application shows an application, with the form to change it.
func (v *visit) application() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	v.title = c.Name
	return v.show("application", c)
}

// change changes an application.
func (v *visit) change() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	l := v.limits(c.Expires)
	if len(v.problems) > 0 {
		return v.application()
	}
	wider, err := v.proveWider(c, l)
	if err != nil {
		return err
	}
	if !wider {
		return v.application()
	}
	if c.IsSigned() {
		change := apps.Change{Name: &l.Name, Scope: &l.Scope, Networks: &l.Networks, Strict: &l.Strict}
		if !l.Expires.Equal(c.Expires) {
			change.Expires = &l.Expires
		}
		_, err = v.p.cfg.Apps.Update(v.ctx(), v.actor(), c.UserID, c.ID, change)
	} else {
		err = v.changeToken(c, l)
	}
	if err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.application()
	}
	return v.done("/profile/applications/"+c.ID, v.T("The application was changed."))
}

// rename changes the name of an application, with the short form in the list.
func (v *visit) rename() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	name := v.form("name")
	if c.IsSigned() {
		err = v.p.cfg.Apps.Rename(v.ctx(), v.actor(), c.UserID, c.ID, name)
	} else {
		err = v.p.cfg.Apps.RenameToken(v.ctx(), v.actor(), c.UserID, c.ID, name)
	}
	if err != nil {
		return err
	}
	return v.done("/profile", v.T("%s was renamed to %s.", c.Name, name))
}

// proveWider requires the password again for all changes except a new name:
// they may give the client more rights than it had.
func (v *visit) proveWider(c credential, l limits) (bool, error) {
	if v.ScopeOf(c.Scope) == v.ScopeOf(l.Scope) && v.NetworksOf(c.Networks) == v.NetworksOf(l.Networks) && c.Expires.Equal(l.Expires) && c.Strict == l.Strict {
		return true, nil
	}
	return v.prove()
}

// rotatePage asks how long the old key should continue to work.
func (v *visit) rotatePage() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	if !c.IsSigned() || c.Successor != "" || !c.Works() {
		return errNothing
	}
	v.title = v.T("Rotate the key of %s", c.Name)
	return v.show("rotate", struct {
		credential
		Hours, Most int
	}{c, int(apps.DefaultOverlap.Hours()), int(apps.MaxOverlap.Hours())})
}

// rotate creates the successor of a key, and shows its secret.
func (v *visit) rotate() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(v.form("hours"))
	if err != nil || hours < 0 || hours > int(apps.MaxOverlap.Hours()) {
		v.wrong("hours", v.T("Enter a number of hours from 0 to %d.", int(apps.MaxOverlap.Hours())))
	}
	if v.form("overlap") == "none" {
		hours, v.problems = 0, nil
	}
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok || len(v.problems) > 0 {
		return v.rotatePage()
	}
	overlap := time.Duration(hours) * time.Hour
	var app apps.App
	var secret apps.Secret
	if c.Kind == kindVerification {
		var key apps.VerificationKey
		if key, err = apps.ParseVerificationKey(v.form("algorithm"), []byte(v.form("pem"))); err == nil {
			app, err = v.p.cfg.Apps.RotateKey(v.ctx(), v.actor(), c.UserID, c.ID, overlap, key)
		}
	} else {
		app, secret, err = v.p.cfg.Apps.Rotate(v.ctx(), v.actor(), c.UserID, c.ID, overlap)
	}
	if err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.rotatePage()
	}
	return v.reveal(v.ofApp(app), secret)
}

// revokePage asks for confirmation.
func (v *visit) revokePage() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	v.title = v.T("Revoke %s?", c.Name)
	return v.show("revoke", struct {
		credential
		At, Back string
	}{c, "/profile/applications/" + c.ID, "/profile/applications/" + c.ID})
}

// revokeOwn revokes an application of the visitor. It requires no password,
// because revoking must be quick.
func (v *visit) revokeOwn() error {
	c, err := v.credential()
	if err != nil {
		return err
	}
	if err := v.revoke(c); err != nil {
		return err
	}
	return v.done("/profile", v.T("%s is revoked. Requests that use it are refused.", c.Name))
}

// reveal shows a secret. It is never shown again.
func (v *visit) reveal(c credential, secret apps.Secret) error {
	page, err := v.revealed(c, secret)
	if err != nil {
		return err
	}
	v.title = v.T("%s can now publish", c.Name)
	v.render(http.StatusOK, "secret", page)
	return nil
}
