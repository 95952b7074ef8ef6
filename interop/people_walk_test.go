package interop

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// An administrator adds a user, suspends and resumes the account, and deletes
// it, without scripts. Each step takes effect at once.
func TestWalkPeople(t *testing.T) {
	t.Parallel()
	traces.made("the password of the walk", walkPassword)
	p := start(t, seed(t, ""))
	b := openBrowser(t)
	admin, person := b.tab(t, p.base, bare), b.tab(t, p.base, bare)
	signInSeed(t, admin)
	admin.open(t, "/admin/users")
	admin.write(t, "#login", "mara")
	admin.write(t, "#new-password", walkPassword)
	admin.press(t, `form[method="post"][action$="/admin/users"] button`)
	admin.sees(t, "The user mara was added.")
	signIn := func(works bool) {
		t.Helper()
		person.open(t, "/profile")
		person.write(t, "#login", "mara")
		person.write(t, "#password", walkPassword)
		person.press(t, "main form button")
		if got := person.where() == p.base+"/profile"; got != works {
			t.Fatalf("signed in: %v, want %v:\n%s", got, works, person.text(t, "main"))
		}
	}
	openPerson := func() {
		t.Helper()
		admin.open(t, "/admin/users?search=mara")
		admin.press(t, `ol.rows a[href*="/admin/users/"]`)
	}
	signIn(true)
	openPerson()
	admin.press(t, `button[value="suspend"]`)
	admin.sees(t, "The account was suspended.")
	if person.open(t, "/profile/account"); !person.has(t, `form[action$="/signin"]`) {
		t.Errorf("somebody who was suspended is still at %s", person.where())
	}
	signIn(false)
	openPerson()
	admin.press(t, `button[value="resume"]`)
	signIn(true)
	openPerson()
	admin.write(t, "#heir", seedUser)
	admin.press(t, `button[value="delete"]`)
	admin.sees(t, "The user mara was deleted.")
	signIn(false)
	// The last administrator cannot be removed.
	admin.open(t, "/admin/users?search="+seedUser)
	admin.press(t, `ol.rows a[href*="/admin/users/"]`)
	if admin.has(t, `button[value="delete"]`) || admin.has(t, `button[value="suspend"]`) {
		t.Error("administrators can delete or suspend themselves")
	}
}

// walkPermalinks gives posts other addresses on the settings page. The old ones
// continue to lead to them.
func walkPermalinks(t *testing.T, visitor, admin *tab) {
	t.Helper()
	choose := func(structure string) {
		t.Helper()
		admin.open(t, "/admin/settings")
		do(t, admin, chromedp.Click(chromedp.CSS(`#permalink_structure input[value="`+structure+`"]`)))
		admin.press(t, `form[action$="/admin/settings"] button`)
		admin.sees(t, "The settings were saved.")
	}
	for _, structure := range []string{"/archives/%post_id%", "/%year%/%monthnum%/%postname%/"} {
		choose(structure)
		if visitor.open(t, "/?p=1"); strings.Contains(visitor.where(), "?p=") {
			t.Errorf("with %s the post is at %s", structure, visitor.where())
		}
	}
	for _, former := range []string{"/?p=1", "/archives/1"} {
		if visitor.open(t, former); !strings.HasSuffix(visitor.where(), visitor.address(t)) || strings.Contains(visitor.where(), "archives") {
			t.Errorf("%s leads to %s", former, visitor.where())
		}
	}
	choose("")
}

// address returns the path of the canonical address of the page.
func (v *tab) address(t *testing.T) string {
	t.Helper()
	return do(t, v, chromedp.Evaluate[string](`new URL(document.querySelector('link[rel=canonical]').href).pathname`))
}
