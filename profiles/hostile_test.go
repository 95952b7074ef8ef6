package profiles_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// Every answer forbids what the pages do not need, tells no other site where
// visitors come from, and must not be cached. No other site can show a page in
// a frame (clickjacking).
func TestH7HeadersOfPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		public, _ := b.key("name", "Program")
		for _, path := range append(h.pages(public), "/signin", "/setup?code=x", "/profile/nothing", "/admin/nothing", "/profile/activity.csv", "/profile/activity.json") {
			p := b.get(path)
			for name, want := range map[string]string{
				"Cache-Control":          "no-store",
				"X-Content-Type-Options": "nosniff",
				"X-Frame-Options":        "DENY",
			} {
				if got := p.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", path, name, got, want)
				}
			}
			csp := p.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: the policy lacks %s: %s", path, part, csp)
				}
			}
			if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
				t.Errorf("%s: the policy lets too much through: %s", path, csp)
			}
			if policy := p.header.Get("Referrer-Policy"); policy != "same-origin" && policy != "no-referrer" && policy != "strict-origin" {
				t.Errorf("%s: Referrer-Policy %q", path, p.header.Get("Referrer-Policy"))
			}
			if p.header.Get("Permissions-Policy") == "" || p.header.Get("Access-Control-Allow-Origin") != "" || p.header.Get("Server") != "" {
				t.Errorf("%s: %v", path, p.header)
			}
			if m := foreign.FindString(strings.ReplaceAll(p.body, h.base, "")); m != "" {
				t.Errorf("%s: the page loads something from elsewhere: %s", path, m)
			}
		}
	})
}

// foreign matches everything that would load something from another host, or
// that the policy would block.
var foreign = regexp.MustCompile(`(?i)(<(script|img|link|iframe|source|video|audio)[^>]+(src|href)="(https?:)?//[^>]*>|<style|\sstyle=|\son[a-z]+=")`)

// marks are texts that would become markup or scripts if they were not escaped.
var marks = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg/onload=alert(1)>`, `javascript:alert(1)`, `</title><script>alert(2)</script>`,
	`{{.User}}`, `${7*7}`, "` onfocus=alert(1) autofocus x=`",
}

// raw matches the markup in marks that has reached a page unescaped.
var raw = regexp.MustCompile(`<script>alert|<img src=x|<svg/|</title><script|href="javascript:|url=javascript:`)

// Everything written by others is text: names, clients, their addresses,
// details of the trail.
func TestStoredScripts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		var public string
		for i, mark := range marks {
			b.Header.Set("User-Agent", mark)
			public, _ = b.key("name", mark)
			b.post("/profile/applications", "kind", "password", "name", mark, "scope", "all")
			b.post("/profile/account", "display-name", mark, "first-name", mark, "last-name", mark, "nickname", mark, "url", mark, "bio", mark)
			b.post("/admin/settings", "blog_title", mark, "blog_tagline", mark, "default_comment_status", "open", "comment_max_links", "2")
			err := h.blog.DB.Update(context.Background(), func(tx *database.Tx) error {
				return audit.Append(context.Background(), tx, audit.Event{
					Kind: audit.Kind(mark), UserID: h.ada.ID,
					By: audit.Actor{UserID: h.ada.ID, Via: mark, App: mark, Agent: mark}, Detail: map[string]string{mark: mark, "name": mark},
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			h.browser(t).post("/signin", "login", "ada", "password", password) // with its User-Agent, which the list of sessions shows
			if i == 0 {
				continue
			}
			for _, path := range h.pages(public) {
				if p := b.get(path); p.status != http.StatusOK || raw.MatchString(p.body) {
					t.Errorf("%s: %d, with %q as markup:\n%s", path, p.status, raw.FindString(p.body), p.body)
				}
			}
		}
	})
}

// Parameters of a link are text too.
func TestReflectedScripts(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		for _, mark := range marks {
			q := url.QueryEscape(mark)
			for _, path := range []string{
				"/signin?next=" + q, "/signin/again?next=" + q, "/setup?code=" + q, "/profile/applications/new?kind=" + q + "&name=" + q,
				"/profile/applications/" + url.PathEscape(mark), "/profile/activity?kind=" + q + "&since=" + q + "&until=" + q + "&before=" + q,
				"/admin/activity?person=" + q, "/admin/users?search=" + q, "/admin/applications?search=" + q, "/admin/users/" + url.PathEscape(mark),
				"/authorize?app_name=" + q, "/authorize?app_name=x&scope=" + q, "/authorize?app_name=x&kind=" + q, "/authorize?app_name=x&app_id=" + q,
				"/authorize?app_name=x&success_url=" + q, "/authorize?app_name=x&reject_url=" + q, "/profile/" + url.PathEscape(mark),
			} {
				if p := b.get(path); p.status >= 500 || raw.MatchString(p.body) {
					t.Errorf("%s: %d, with %q as markup:\n%s", path, p.status, raw.FindString(p.body), p.body)
				}
			}
			for _, form := range [][]string{
				{"/signin", "login", mark, "password", mark, "next", mark},
				{"/profile/applications", "name", mark, "networks", mark, "expires", mark, "methods", mark, "scope", mark, "kind", mark},
				{"/profile/applications", "name", mark, "kind", "verification", "algorithm", mark, "pem", mark},
				{"/admin/users", "login", mark, "email", mark, "role", mark, "new-password", "short"},
				{"/admin/settings", "timezone_string", mark, "comment_max_links", mark},
				{"/profile/account", "zone", mark, "email", mark},
				{"/setup", "code", mark, "login", mark},
			} {
				anybody := b
				if form[0] == "/signin" {
					anybody = h.browser(t)
				}
				if p := anybody.post(form[0], form[1:]...); p.status >= 500 || raw.MatchString(p.body) {
					t.Errorf("%v: %d, with %q as markup:\n%s", form, p.status, raw.FindString(p.body), p.body)
				}
			}
		}
	})
}

// Signing in leads to a page of this package, whatever a link asks for.
func TestOpenRedirect(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, tt := range []struct{ next, want string }{
			{"/profile/activity?kind=app.created", "/profile/activity?kind=app.created"},
			{"/authorize?app_name=A&success_url=https%3A%2F%2Fapp.example%2F", "/authorize?app_name=A&success_url=https%3A%2F%2Fapp.example%2F"},
			{"", "/profile"},
			{"https://evil.example/", "/profile"},
			{"//evil.example/profile", "/profile"},
			{"///evil.example", "/profile"},
			{`/\evil.example`, "/profile"},
			{`\\evil.example`, "/profile"},
			{"/profile//evil.example", "/profile"},
			{"/profile/..//evil.example", "/profile"},
			{"/\tprofile", "/profile"},
			{"/profile\r\nSet-Cookie: a=b", "/profile"},
			{"javascript:alert(1)", "/profile"},
			{"profile", "/profile"},
			{"http:/profile", "/profile"},
			{"/xmlrpc.php", "/profile"},
			{"/%2f/evil.example", "/profile"},
			{"/profile/%2e%2e/%2fevil.example", "/profile"},
			{"@evil.example/profile", "/profile"},
		} {
			b := h.browser(t)
			if p := b.post("/signin", "login", "bob", "password", password, "next", tt.next); p.header.Get("Location") != tt.want {
				t.Errorf("next %q leads to %q, want %q", tt.next, p.header.Get("Location"), tt.want)
			}
			if p := b.get("/signin?next=" + url.QueryEscape(tt.next)); p.header.Get("Location") != tt.want {
				t.Errorf("signed in, next %q leads to %q, want %q", tt.next, p.header.Get("Location"), tt.want)
			}
		}
	})
}

// The answer to a wrong password does not reveal whether there is such a user.
func TestSameAnswerForUnknownUsers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		var bodies []string
		for _, login := range []string{"bob", "nobody", "bob@example.org", "nobody@example.org"} {
			p := h.browser(t).post("/signin", "login", login, "password", "a wrong password")
			if p.status != http.StatusForbidden || p.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d, %v", login, p.status, p.header)
			}
			bodies = append(bodies, strings.ReplaceAll(p.body, `value="`+login+`"`, ""))
		}
		for _, body := range bodies[1:] {
			if body != bodies[0] {
				t.Errorf("the answers differ:\n%s\n%s", bodies[0], body)
			}
		}
	})
}

// The pages write no password, code or secret to the log.
func TestNoSecretInLog(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		_, secret := b.key("name", "Program")
		b.get("/setup?code=SECRETCODE")
		b.post("/signin", "login", "ada", "password", "SECRETPASSWORD")
		for _, text := range []string{password, secret, "SECRETCODE", "SECRETPASSWORD", b.cookie()} {
			if strings.Contains(h.log.String(), text) {
				t.Errorf("the log has %q", text)
			}
		}
	})
}

func TestOversizedForm(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		for _, path := range []string{"/signin", "/profile/account", "/setup", "/authorize"} {
			if p := b.post(path, "bio", strings.Repeat("x", 64<<10)); p.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d", path, p.status)
			}
		}
		if p := b.post("/profile/account", "bio", strings.Repeat("x", 60<<10)); p.status != http.StatusSeeOther {
			t.Errorf("a form of 60 KiB: %d", p.status)
		}
	})
}

// Only administrators see the pages for administrators, and nobody sees the
// credentials of others.
func TestRightsOnPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob := h.as(t, "ada"), h.as(t, "bob")
		public, _ := ada.key("name", "Of ada")
		for _, path := range h.pages(public) {
			want := http.StatusOK
			switch {
			case strings.HasPrefix(path, "/admin"):
				want = http.StatusForbidden
			case strings.Contains(path, public):
				want = http.StatusNotFound
			}
			if p := bob.get(path); p.status != want {
				t.Errorf("bob, %s: %d, want %d", path, p.status, want)
			}
			if p := h.browser(t).get(path); p.status != http.StatusSeeOther {
				t.Errorf("a stranger, %s: %d", path, p.status)
			}
		}
		for _, path := range []string{"/profile/applications/" + public, "/profile/applications/" + public + "/rotate", "/profile/applications/" + public + "/revoke"} {
			if p := bob.post(path, "name", "Of bob", "hours", "0"); p.status != http.StatusNotFound {
				t.Errorf("bob posts to %s: %d", path, p.status)
			}
		}
		for _, path := range []string{"/admin/users", "/admin/users/1", "/admin/settings", "/admin/applications/" + public + "/revoke"} {
			if p := bob.post(path, "do", "role", "role", "administrator"); p.status != http.StatusForbidden {
				t.Errorf("bob posts to %s: %d", path, p.status)
			}
		}
		// The blog always keeps an administrator.
		if p := ada.post("/admin/users/1", "do", "role", "role", "subscriber"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("ada gives up her role: %d", p.status)
		}
		app, err := h.blog.Apps.Get(context.Background(), public)
		if err != nil || app.Name != "Of ada" || !app.Revoked.IsZero() {
			t.Errorf("the application was changed: %+v, %v", app, err)
		}
		if _, err := h.blog.Users.ByLogin(context.Background(), "eve"); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("there is a new user: %v", err)
		}
	})
}
