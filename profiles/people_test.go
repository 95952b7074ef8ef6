package profiles_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
)

// A user is invited by a link, suspended, readmitted and deleted, and the
// user's posts go to another user.
func TestLifeOfAnAccount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		ada := h.as(t, "ada")
		p := ada.post("/admin/users", "login", "carol", "email", "carol@example.org", "role", "author", "password", password)
		link := found(t, regexp.MustCompile(`<code id="link">([^<]+)<`), p.body)
		if !strings.HasPrefix(link, h.base+"/setup?code=") || p.status != http.StatusOK {
			t.Fatalf("invite: %d, link %q", p.status, link)
		}
		code := link[strings.Index(link, "code=")+5:]
		carol := h.browser(t)
		if p := carol.post("/setup", "code", code, "new-password", password, "new-password-again", password); p.status != http.StatusSeeOther {
			t.Fatalf("the link: %d\n%s", p.status, p.body)
		}
		user, err := h.blog.Users.ByLogin(ctx, "carol")
		if err != nil {
			t.Fatal(err)
		}
		carol = h.as(t, "carol")
		public, secret := carol.key("name", "Her client")
		post, err := h.blog.Site.CreatePost(ctx, auth.Identity{User: user}, site.PostEdit{Title: new("By carol"), Status: new("publish")})
		if err != nil {
			t.Fatal(err)
		}
		at := fmt.Sprint("/admin/users/", user.ID)
		if p := ada.post(at, "do", "account", "display-name", "Carol C.", "email", "c@example.org"); p.status != http.StatusSeeOther || !strings.Contains(ada.get(at).body, "Carol C.") {
			t.Errorf("edit: %d", p.status)
		}

		if p := ada.post(at, "do", "suspend"); p.status != http.StatusSeeOther {
			t.Fatalf("suspend: %d\n%s", p.status, p.body)
		}
		if p := carol.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("a session of a suspended account: %d", p.status)
		}
		if p := h.browser(t).post("/signin", "login", "carol", "password", password); p.status == http.StatusSeeOther {
			t.Error("a suspended account signs in")
		}
		if answer := h.call(t, public+" "+secret, "", ""); strings.Contains(answer, "<string>carol</string>") {
			t.Errorf("a key of a suspended account works:\n%s", answer)
		}
		if p := ada.post(at, "do", "networks", "networks", "127.0.0.0/8"); p.status != http.StatusSeeOther {
			t.Errorf("networks: %d", p.status)
		}
		if p := h.browser(t).post("/signin", "login", "carol", "password", password); p.status == http.StatusSeeOther {
			t.Error("other networks let a suspended account in")
		}
		if p := ada.get("/admin/users"); !strings.Contains(p.body, "suspended</span>") {
			t.Error("the list does not show the suspension")
		}
		ada.post(at, "do", "resume")
		if answer := h.call(t, public+" "+secret, "", ""); !strings.Contains(answer, "<string>carol</string>") {
			t.Errorf("the key of an account that is open again does not work:\n%s", answer)
		}
		if user, err := h.blog.Users.Get(ctx, user.ID); err != nil || user.Networks != "127.0.0.0/8" {
			t.Errorf("the networks are %q, %v", user.Networks, err)
		}

		if p := ada.post(at, "do", "delete", "heir", "nobody"); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="heir-wrong"`) {
			t.Errorf("an heir who is not there: %d", p.status)
		}
		if p := ada.post(at, "do", "delete", "heir", "carol"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("the user as the heir: %d", p.status)
		}
		if p := ada.post(at, "do", "delete", "heir", "bob"); p.status != http.StatusSeeOther {
			t.Fatalf("delete: %d\n%s", p.status, p.body)
		}
		if p := ada.get("/admin/users"); !strings.Contains(p.body, "The posts went to bob.") || strings.Contains(p.body, at) {
			t.Errorf("after the deletion:\n%s", p.body)
		}
		if p := ada.get("/admin/activity"); !strings.Contains(p.body, "The user carol was deleted. The posts went to bob.") {
			t.Errorf("the trail lacks the deletion:\n%s", p.body)
		}
		if full, err := h.blog.Site.GetPost(ctx, auth.Identity{User: h.ada}, post, 0); err != nil || full.Author != h.bob.ID {
			t.Errorf("the post is %+v, %v", full, err)
		}
		if answer := h.call(t, public+" "+secret, "", ""); strings.Contains(answer, "carol") {
			t.Errorf("a key of a deleted account works:\n%s", answer)
		}
	})
}

// The pages refuse to remove the last administrator, whoever asks for it.
func TestLastAdministrator(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		other := h.user(t, "otto", auth.Administrator)
		otto := h.as(t, "otto")
		ada := fmt.Sprint("/admin/users/", h.ada.ID)
		otto.post(ada, "do", "suspend", "password", password)
		for _, fields := range [][]string{{"do", "role", "role", "editor"}, {"do", "suspend"}, {"do", "delete", "heir", "bob"}} {
			if p := otto.post(fmt.Sprint("/admin/users/", other.ID), fields...); p.status != http.StatusUnprocessableEntity {
				t.Errorf("%v of oneself: %d", fields, p.status)
			}
			if err := h.blog.Users.SetRole(context.Background(), audit.Operator, other.ID, auth.Editor); err == nil {
				t.Error("the last administrator has become an editor")
			}
		}
		if p := otto.post(ada, "do", "role", "role", "editor"); p.status != http.StatusSeeOther {
			t.Errorf("the role of a suspended administrator: %d\n%s", p.status, p.body)
		}
	})
}

// If no mail is sent, people who have forgotten their password read whom to
// ask.
func TestForgottenWithoutMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.browser(t)
		if p := b.get("/signin"); !strings.Contains(p.body, `href="/signin/forgot"`) {
			t.Errorf("the sign-in page: %s", p.body)
		}
		for _, p := range []page{b.get("/signin/forgot"), b.post("/signin/forgot", "login", "ada")} {
			if p.status != http.StatusOK || !strings.Contains(p.body, "Ask an administrator") || strings.Contains(p.body, "<form method=\"post\" action=\"/signin/forgot\"") {
				t.Errorf("%d %s", p.status, p.body)
			}
		}
		if p := b.get("/signin/reset?code=ABC"); p.status != http.StatusForbidden || !strings.Contains(p.body, "This link has expired") {
			t.Errorf("a wrong link: %d %s", p.status, p.body)
		}
		if p := h.as(t, "ada").get("/admin/users/1"); strings.Contains(p.body, "by e-mail") {
			t.Errorf("the page offers mail: %s", p.body)
		}
	})
}
