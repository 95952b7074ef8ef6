package interop

import (
	"testing"
)

// profilePages are the pages of a user who administers the blog. {app} is the
// public key of the seed.
var profilePages = []struct {
	name, path string
	status     int64
}{
	{"profile", "/profile", 200},
	{"profile-all", "/profile?all=1", 200},
	{"new", "/profile/applications/new", 200},
	{"application", "/profile/applications/" + seedPublic, 200},
	{"rotate", "/profile/applications/" + seedPublic + "/rotate", 200},
	{"revoke", "/profile/applications/" + seedPublic + "/revoke", 200},
	{"activity", "/profile/activity", 200},
	{"account", "/profile/account", 200},
	{"security", "/profile/security", 200},
	{"authorize", "/authorize?app_name=A+reader&success_url=http%3A%2F%2F127.0.0.1%3A9%2Fback", 200},
	{"users", "/admin/users", 200},
	{"user", "/admin/users/2", 200},
	{"all-applications", "/admin/applications", 200},
	{"all-activity", "/admin/activity", 200},
	{"settings", "/admin/settings", 200},
	{"refusals", "/admin/refusals", 200},
	{"missing", "/profile/applications/nothing", 404},
}

// signInSeed signs in the administrator of the seed.
func signInSeed(t *testing.T, v *tab) {
	t.Helper()
	v.open(t, "/signin")
	v.write(t, "#login", seedUser)
	v.write(t, "#password", seedPassword)
	v.press(t, "main form button")
}

// onThePhone checks that the open page is readable in a narrow window.
func onThePhone(t *testing.T, v *tab) {
	t.Helper()
	for _, l := range looks() {
		if !l.mobile {
			continue
		}
		v.resize(t, l)
		for _, what := range v.sideways(t) {
			t.Errorf("%s: scrolls sideways: %s", l.name, what)
		}
		for _, what := range v.ragged(t) {
			t.Errorf("%s: the lines begin at different places: %s", l.name, what)
		}
	}
	v.resize(t, desktop)
}

func TestProfilePages(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""))
	b := openBrowser(t)
	v := b.tab(t, p.base, desktop)
	sources := make(map[string]string)
	t.Run("signin", func(t *testing.T) {
		sources["signin"] = judge(t, v, func(t *testing.T) { v.open(t, "/signin") })
	})
	signInSeed(t, v)
	for _, row := range profilePages {
		t.Run(row.name, func(t *testing.T) {
			sources[row.name] = judge(t, v, func(t *testing.T) {
				if got := v.open(t, row.path); got != row.status || v.has(t, `form[action$="/signin"]`) {
					t.Errorf("%s: status %d at %s, want %d", row.path, got, v.where(), row.status)
				}
			})
			onThePhone(t, v)
		})
	}
	validate(t, sources)
}
