package profiles_test

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
)

var formShown = regexp.MustCompile(`name="form" value="([^"]+)"`)

// A form whose session has ended is shown again to be sent once more, with
// everything that was entered except passwords.
func TestFormOutlivesItsSession(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		h.clock.Add(13 * time.Hour)
		p := b.post("/profile/applications", "kind", "password", "name", `MarsEdit "on" <b>`, "scope", "read", "scope", "draft", "password", "the old one", "code", "123456")
		if p.status != http.StatusForbidden {
			t.Fatalf("got %d to %s", p.status, p.header.Get("Location"))
		}
		for _, want := range []string{`action="/profile/applications"`, `name="name" value="MarsEdit &#34;on&#34; &lt;b&gt;"`, `name="scope" value="read"`, `name="scope" value="draft"`, `href="/signin"`} {
			if !strings.Contains(p.body, want) {
				t.Errorf("the page lacks %s:\n%s", want, p.body)
			}
		}
		for _, secret := range []string{"the old one", "123456"} {
			if strings.Contains(p.body, secret) {
				t.Errorf("the page holds %s", secret)
			}
		}
		b.post("/signin", "login", "bob", "password", password)
		if p := b.post("/profile/applications", "kind", "password", "name", "MarsEdit", "scope", "read"); p.status != http.StatusOK || !secretShown.MatchString(p.body) {
			t.Errorf("sent again: %d\n%s", p.status, p.body)
		}
		// A request of an application is shown again.
		h.clock.Add(13 * time.Hour)
		p = b.post("/authorize", "do", "approve", "app_name", "A", "success_url", "https://app.example/", "x", "y")
		if want := "/signin?next=%2Fauthorize%3Fapp_name%3DA%26success_url%3Dhttps%253A%252F%252Fapp.example%252F"; p.header.Get("Location") != want {
			t.Errorf("the approval leads to %q, want %q", p.header.Get("Location"), want)
		}
	})
}

// The form for a new application creates one, however often it is sent. A form
// that had no effect can be sent again.
func TestFormIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		form := found(t, formShown, b.get("/profile/applications/new").body)
		if other := found(t, formShown, b.get("/profile/applications/new").body); other == form {
			t.Errorf("two forms have the name %s", form)
		}
		if p := b.post("/profile/applications", "form", form, "kind", "verification", "name", "Mars", "scope", "all", "pem", "no key"); p.status == http.StatusOK {
			t.Errorf("an invalid key creates an application:\n%s", p.body)
		}
		fields := []string{"form", form, "kind", "key", "name", "Mars", "scope", "all"}
		if p := b.post("/profile/applications", fields...); !secretShown.MatchString(p.body) {
			t.Fatalf("the first time: %d\n%s", p.status, p.body)
		}
		if p := b.post("/profile/applications", fields...); p.status != http.StatusSeeOther || p.header.Get("Location") != "/profile" {
			t.Errorf("the second time: %d\n%s", p.status, p.body)
		}
		if p := b.get("/profile"); !strings.Contains(p.body, "This form was already sent, and Mars was added.") {
			t.Errorf("the list lacks the message:\n%s", p.body)
		}
		if list, _, err := h.blog.Apps.List(context.Background(), apps.Filter{UserID: h.bob.ID}); err != nil || len(list) != 1 {
			t.Errorf("%d applications, %v", len(list), err)
		}
		if p := h.as(t, "ada").post("/profile/applications", fields...); !secretShown.MatchString(p.body) {
			t.Errorf("the name of another user's form counts: %d", p.status)
		}
	})
}

// The list renames keys and application passwords in place, but not those of
// others.
func TestRenameInPlace(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		public, _ := b.key("name", "Mars")
		b.post("/profile/applications", "kind", "password", "name", "Word", "scope", "all")
		id := found(t, regexp.MustCompile(`/profile/applications/([0-9A-Z]+)/name"`), b.get("/profile").body)
		for _, one := range [][2]string{{public, "Venus"}, {id, "Phrase"}} {
			if p := b.post("/profile/applications/"+one[0]+"/name", "name", one[1]); p.status != http.StatusSeeOther || p.header.Get("Location") != "/profile" {
				t.Errorf("rename %s: %d\n%s", one[0], p.status, p.body)
			}
			if p := b.get("/profile"); !strings.Contains(p.body, "<bdi>"+one[1]+"</bdi>") {
				t.Errorf("the list lacks %s:\n%s", one[1], p.body)
			}
			if p := h.as(t, "ada").post("/profile/applications/"+one[0]+"/name", "name", "Mine"); p.status != http.StatusNotFound {
				t.Errorf("another user renames %s: %d", one[0], p.status)
			}
		}
		if p := b.post("/profile/applications/"+public+"/name", "name", " "); p.status != http.StatusUnprocessableEntity {
			t.Errorf("without a name: %d", p.status)
		}
	})
}

// Every change to a user has its own form, so that the return key in one field
// does not press the button of another.
func TestFormsOfAUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.as(t, "ada")
		h.clock.Add(11 * time.Minute)
		page := ada.get("/admin/users/2").body
		for _, form := range strings.Split(page, "<form")[1:] {
			form, _, _ = strings.Cut(form, "</form>")
			if n := strings.Count(form, `name="do"`); n > 1 {
				t.Errorf("a form has %d buttons:\n%s", n, form)
			}
		}
		if n := strings.Count(page, `id="password"`); n > 0 {
			t.Errorf("%d fields of the id that problems lead to", n)
		}
		// Input in one form does not change the others.
		if err := h.blog.Users.SetNetworks(context.Background(), audit.Operator, h.bob.ID, auth.NetworksOf([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})); err != nil {
			t.Fatal(err)
		}
		p := ada.post("/admin/users/2", "do", "role", "role", "editor", "password", "wrong")
		for _, want := range []string{`id="password" name="password" required autocomplete="current-password" aria-invalid="true"`, `value="192.0.2.0/24"`, `<option value="editor" selected>`} {
			if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, want) {
				t.Errorf("%d without %s:\n%s", p.status, want, p.body)
			}
		}
	})
}

// Changing how clients may sign in requires the password. A refusal keeps the
// choice, and leaves the other form unchanged.
func TestA10PasswordForThePolicy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.as(t, "ada")
		h.clock.Add(11 * time.Minute)
		p := ada.post("/admin/policy", "mode", "refuse", "tokens", "1", "password", "wrong")
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `<option value="refuse" selected>`) ||
			!strings.Contains(p.body, `name="application-passwords" value="1" >`) || !strings.Contains(p.body, `name="blog_public" value="1" checked`) {
			t.Errorf("with a wrong password: %d\n%s", p.status, p.body)
		}
		if policy, err := h.blog.Users.Policy(context.Background()); err != nil || policy.PasswordMode != auth.ModeDefault {
			t.Errorf("the policy is %+v, %v", policy, err)
		}
		if p := ada.post("/admin/policy", "mode", "refuse", "tokens", "1", "password", password); p.status != http.StatusSeeOther {
			t.Errorf("with the password: %d\n%s", p.status, p.body)
		}
	})
}
