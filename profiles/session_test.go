package profiles_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/auth"
)

// The session token has 256 bits. The server stores its hash, and the cookie
// goes to this site only and is hidden from scripts.
func TestA10SessionCookie(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, tt := range []struct{ proto, want, without string }{
			{"http", "quillgate=", "Secure"},
			{"https", "__Host-quillgate=", "Domain"},
		} {
			b := h.browser(t)
			b.Header.Set("X-Forwarded-For", "192.0.2.7")
			if tt.proto == "http" {
				b.Header.Del("X-Forwarded-For")
			}
			b.Header.Set("X-Forwarded-Proto", tt.proto)
			p := b.post("/signin", "login", "ada", "password", password)
			cookie := p.header.Get("Set-Cookie")
			if !strings.HasPrefix(cookie, tt.want) || strings.Contains(cookie, tt.without) {
				t.Errorf("over %s: the cookie is %q", tt.proto, cookie)
			}
			for _, part := range []string{"; Path=/", "; HttpOnly", "; SameSite=Strict"} {
				if !strings.Contains(cookie, part) {
					t.Errorf("over %s: the cookie lacks %q: %q", tt.proto, part, cookie)
				}
			}
			if tt.proto == "https" && !strings.Contains(cookie, "; Secure") {
				t.Errorf("over https: the cookie is not Secure: %q", cookie)
			}
			value, _, _ := strings.Cut(strings.TrimPrefix(cookie, tt.want), ";")
			if len(value) != 43 { // 32 bytes in base64
				t.Errorf("the token has %d characters: %q", len(value), value)
			}
			var have int
			if err := h.blog.DB.Get(context.Background(), &have, `SELECT COUNT(*) FROM sessions WHERE token = $1`, value); err != nil || have != 0 {
				t.Errorf("the token itself is in the database: %d, %v", have, err)
			}
			if err := h.blog.DB.Get(context.Background(), &have, `SELECT COUNT(*) FROM sessions WHERE token = $1`, auth.SessionID(value)); err != nil || have != 1 {
				t.Errorf("the hash of the token is not in the database: %d, %v", have, err)
			}
		}
	})
}

// A6: over a connection that others can read, the password is not checked,
// whether right or wrong.
func TestA6PasswordInClear(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser(t)
		b.Header.Set("X-Forwarded-For", "192.0.2.7")
		b.Header.Set("X-Forwarded-Proto", "http")
		for _, typed := range []string{password, "a wrong password"} {
			p := b.post("/signin", "login", "ada", "password", typed)
			if p.status != http.StatusForbidden || p.header.Get("Set-Cookie") != "" || !strings.Contains(p.body, "Open this page over https.") {
				t.Errorf("%q: %d, %v\n%s", typed, p.status, p.header, p.body)
			}
		}
	})
}

// A session ends half an hour after its last use, and twelve hours after its
// start in any case.
func TestA10SessionEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		var row struct {
			Data    []byte    `db:"data"`
			Created time.Time `db:"created"`
			Expires time.Time `db:"expires"`
		}
		if err := h.blog.DB.Get(context.Background(), &row, `SELECT data, created, expires FROM sessions`); err != nil {
			t.Fatal(err)
		}
		deadline, _, err := scs.GobCodec{}.Decode(row.Data)
		if life := deadline.Sub(row.Created).Round(time.Minute); err != nil || life != 12*time.Hour {
			t.Errorf("the session can last %v, want 12h; %v", life, err)
		}
		if idle := row.Expires.Sub(row.Created).Round(time.Minute); idle != 30*time.Minute {
			t.Errorf("the session lasts %v without use, want 30m", idle)
		}
		h.clock.Add(29 * time.Minute)
		if p := b.get("/profile"); p.status != http.StatusOK {
			t.Errorf("after 29 minutes: %d", p.status)
		}
		h.clock.Add(31 * time.Minute)
		if p := b.get("/profile"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/signin") {
			t.Errorf("after 31 minutes: %d to %q", p.status, p.header.Get("Location"))
		}
	})
}

// An old token, or one that an attacker has put into the browser, gives no
// access to the session.
func TestA10SessionFixation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser(t)
		const planted = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		b.setCookie(planted)
		b.post("/signin", "login", "ada", "password", password)
		first := b.cookie()
		if first == planted || first == "" {
			t.Fatalf("the planted token became the session's: %q", first)
		}
		b.post("/signin", "login", "ada", "password", password)
		second := b.cookie()
		if second == first {
			t.Error("the token stayed the same at a second sign-in")
		}
		for _, old := range []string{planted, first} {
			b.setCookie(old)
			if p := b.get("/profile"); p.status != http.StatusSeeOther {
				t.Errorf("an old token still opens the pages: %d", p.status)
			}
		}
	})
}

// No other site can make the browser act, whether the browser sends
// Sec-Fetch-Site or only Origin.
func TestA10CrossSitePost(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		public, _ := b.key("name", "Program")
		paths := []string{
			"/signin", "/signin/again", "/signout", "/authorize", "/wp-admin/authorize-application.php", "/setup", "/profile/applications", "/profile/enrolment/close",
			"/profile/applications/" + public, "/profile/applications/" + public + "/rotate", "/profile/applications/" + public + "/revoke",
			"/profile/account", "/profile/security/password", "/profile/security/sessions", "/profile/security/sessions/all",
			"/admin/users", "/admin/users/2", "/admin/settings", "/admin/applications/" + public + "/revoke",
		}
		for name, header := range map[string]http.Header{
			"says so":        {"Sec-Fetch-Site": {"cross-site"}},
			"same site":      {"Sec-Fetch-Site": {"same-site"}},
			"origin":         {"Origin": {"https://evil.example"}},
			"origin of none": {"Origin": {"null"}},
			"another port":   {"Origin": {"http://127.0.0.1:1"}},
			"another scheme": {"Origin": {strings.Replace(h.base, "http:", "https:", 1) + ".evil.example"}},
		} {
			b.Header = header
			for _, path := range paths {
				if p := b.post(path, "do", "approve", "app_name", "x", "name", "x", "login", "ada", "password", password); p.status != http.StatusForbidden {
					t.Errorf("%s: %s was answered with %d", name, path, p.status)
				}
			}
		}
		b.Header = http.Header{"Origin": {h.base}}
		if p := b.get("/profile"); p.status != http.StatusOK || !strings.Contains(p.body, public) {
			t.Errorf("after that the application is gone: %d", p.status)
		}
		if p := b.post("/profile/applications/"+public, "name", "Other name", "scope", "all", "expires", ""); p.status != http.StatusSeeOther {
			t.Errorf("a form of our own: %d\n%s", p.status, p.body)
		}
	})
}

// Browsers do not send the cookie if another site sends the visitor here, so
// the page reloads itself.
func TestArrivalFromAnotherSite(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser(t) // the browser does not send the cookie
		b.Header.Set("Sec-Fetch-Site", "cross-site")
		p := b.get(`/authorize?app_name=A+program&x=%22><b>&success_url=https://app.example/`)
		if want := `<meta http-equiv="refresh" content="0; url=/authorize?app_name=A&#43;program&amp;x=%22&gt;&lt;b&gt;&amp;success_url=https://app.example/">`; p.status != http.StatusOK || !strings.Contains(p.body, want) {
			t.Errorf("got %d\n%s\nwant %s", p.status, p.body, want)
		}
		b.Header.Set("Sec-Fetch-Site", "same-origin")
		if p := b.get("/authorize?app_name=A"); p.status != http.StatusSeeOther || p.header.Get("Location") != "/signin?next=%2Fauthorize%3Fapp_name%3DA" {
			t.Errorf("and then: %d to %q", p.status, p.header.Get("Location"))
		}
	})
}

// Important actions require the password again, ten minutes after it was
// entered.
func TestA10PasswordAgain(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		public, _ := b.key("name", "Program")
		h.clock.Add(11 * time.Minute)
		for _, form := range []struct {
			path  string
			typed []string // more wrong ones would be throttled
			rest  []string
		}{
			{"/profile/applications", []string{"", "wrong password"}, []string{"name", "Other", "kind", "key", "scope", "all"}},
			{"/profile/applications/" + public, []string{"", "wrong password"}, []string{"name", "Program", "scope", "read", "expires", ""}},
			{"/profile/applications/" + public + "/rotate", []string{""}, []string{"overlap", "none"}},
			{"/authorize", []string{""}, []string{"app_name", "Other", "do", "approve", "kind", "key"}},
			{"/profile/security/code", []string{""}, nil},
			{"/admin/users", []string{""}, []string{"login", "eve", "role", "administrator", "new-password", password}},
			{"/admin/users/2", []string{""}, []string{"do", "role", "role", "administrator"}},
		} {
			for _, typed := range form.typed {
				p := b.post(form.path, append(form.rest, "password", typed)...)
				if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="password-wrong"`) {
					t.Errorf("%s with %q: %d\n%s", form.path, typed, p.status, p.body)
				}
			}
		}
		for _, path := range []string{"/profile/activity.csv", "/profile/activity.json", "/admin/activity.csv"} {
			if p := b.get(path); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/signin/again?next=") {
				t.Errorf("%s: %d to %q", path, p.status, p.header.Get("Location"))
			}
		}
		if p := b.post("/signin/again", "password", password, "next", "/profile/activity.csv"); p.header.Get("Location") != "/profile/activity.csv" {
			t.Fatalf("with the password: %d to %q", p.status, p.header.Get("Location"))
		}
		if p := b.get("/profile/activity.csv"); p.status != http.StatusOK || !strings.Contains(p.body, "app.created") {
			t.Errorf("the export: %d\n%s", p.status, p.body)
		}
	})
}

func TestSignOut(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two, three := h.as(t, "ada"), h.as(t, "ada"), h.as(t, "ada")
		other := h.as(t, "bob")
		bobs := auth.SessionID(other.cookie())
		two.post("/profile/security/sessions", "id", auth.SessionID(one.cookie()))
		two.post("/profile/security/sessions", "id", bobs)
		if p := one.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("signed out by another browser, and still in: %d", p.status)
		}
		if p := other.get("/profile"); p.status != http.StatusOK {
			t.Errorf("ada has signed bob out: %d", p.status)
		}
		two.post("/profile/security/sessions/all")
		if p := three.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("signed out in all other browsers, but still signed in: %d", p.status)
		}
		old := two.cookie()
		two.post("/signout")
		two.setCookie(old)
		if p := two.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("signed out, and still in with the old cookie: %d", p.status)
		}
	})
}

// A new password signs out all other browsers.
func TestChangeOfPassword(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		one, two := h.as(t, "bob"), h.as(t, "bob")
		const other = "another password entirely"
		for name, fields := range map[string][]string{
			"the old one is wrong": {"old-password", "wrong", "new-password", other, "new-password-again", other},
			"two new ones":         {"old-password", password, "new-password", other, "new-password-again", other + "x"},
			"too short":            {"old-password", password, "new-password", "short", "new-password-again", "short"},
		} {
			if p := one.post("/profile/security/password", fields...); p.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", name, p.status)
			}
		}
		before := one.cookie()
		if p := one.post("/profile/security/password", "old-password", password, "new-password", other, "new-password-again", other); p.status != http.StatusSeeOther {
			t.Fatalf("change the password: %d\n%s", p.status, p.body)
		}
		if one.cookie() == before {
			t.Error("the token stayed the same")
		}
		if p := one.get("/profile/security"); p.status != http.StatusOK {
			t.Errorf("whoever changed it is out: %d", p.status)
		}
		if p := two.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("the other browser is still in: %d", p.status)
		}
		if p := h.browser(t).post("/signin", "login", "bob", "password", password); p.status != http.StatusForbidden {
			t.Errorf("the old password: %d", p.status)
		}
	})
}
