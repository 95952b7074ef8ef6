package profiles_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// The pages of the blog show who may comment, and who is signed in. Pages for
// anonymous visitors remain cacheable.
func TestSignedInOnTheBlog(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		write := func(who auth.User, title string, edit site.PostEdit) string {
			t.Helper()
			edit.Title, edit.Status = &title, new("publish")
			id, err := h.blog.Site.CreatePost(t.Context(), auth.Identity{User: who}, edit)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(id)
		}
		open := site.PostEdit{CommentStatus: new("open")}
		theirs, own, closed := write(h.ada, "By ada", open), write(h.bob, "By bob", open), write(h.bob, "Quiet", site.PostEdit{CommentStatus: new("closed")})
		has := func(what string, p page, wants ...string) {
			t.Helper()
			for _, want := range wants {
				if p.status != http.StatusOK || !strings.Contains(p.body, want) {
					t.Errorf("%s: %d, lacks %q\n%s", what, p.status, want, p.body)
				}
			}
		}
		lacks := func(what string, p page, not ...string) {
			t.Helper()
			for _, text := range not {
				if strings.Contains(p.body, text) {
					t.Errorf("%s has %q\n%s", what, text, p.body)
				}
			}
		}

		nora := h.browser(t)
		toSignIn := "/signin?next=%2F%3Fp%3D" + theirs + "%23respond"
		before := nora.get("/?p=" + theirs)
		has("a post for visitors", before, "Only signed-in users may comment", `href="`+toSignIn+`"`, ">Sign in</a>")
		lacks("a post for visitors", before, "Comments are closed", "wp-comments-post.php", "/admin/posts", "Sign out")
		if got := before.header.Get("Cache-Control"); got != "no-cache" || before.header.Get("ETag") == "" {
			t.Errorf("a post for visitors is kept by %q, tag %q", got, before.header.Get("ETag"))
		}
		lacks("a closed post", nora.get("/?p="+closed), "Only signed-in users may comment")

		// The link leads back to the post, and only to a post.
		bob := h.browser(t)
		if p := bob.post("/signin", "login", "bob", "password", password, "next", "/?p="+theirs+"#respond"); p.header.Get("Location") != "/?p="+theirs+"#respond" {
			t.Errorf("sign in from a post leads to %q", p.header.Get("Location"))
		}
		for _, next := range []string{"/?p=1&x=//evil.example", "/?p=1#x", "/?p=x", "/", "//?p=1"} {
			if p := h.browser(t).post("/signin", "login", "bob", "password", password, "next", next); p.header.Get("Location") != "/profile" {
				t.Errorf("next %q leads to %q", next, p.header.Get("Location"))
			}
		}

		for path, wants := range map[string][]string{
			"/": {"/admin/posts/" + own}, "/?p=" + own: {"/admin/posts/" + own, "You comment as bob"}, "/?p=" + theirs: {"You comment as bob"}, "/?p=" + closed: {"/admin/posts/" + closed},
		} {
			p := bob.get(path)
			has(path+" for bob", p, append(wants, `action="/signout"`, `href="/profile"><bdi>bob</bdi>`)...)
			lacks(path+" for bob", p, "/admin/posts/"+theirs, ">Sign in</a>", `name="author"`)
			if got := p.header.Get("Cache-Control"); got != "private, no-store" || p.header.Get("ETag") != "" {
				t.Errorf("%s for bob is kept by %q, tag %q", path, got, p.header.Get("ETag"))
			}
		}
		if p := bob.get("/nothing-here"); p.status != http.StatusNotFound || !strings.Contains(p.body, "Sign out") {
			t.Errorf("a missing page for bob: %d\n%s", p.status, p.body)
		}
		if p := bob.get("/feed/"); p.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("a feed for bob is kept by %q", p.header.Get("Cache-Control"))
		}
		if after := nora.get("/?p=" + theirs); after.body != before.body {
			t.Errorf("the page for visitors has changed:\n%s", after.body)
		}

		// Users who are signed in comment under their own name, by the
		// same rules as everybody.
		if p := bob.post("/wp-comments-post.php", "comment_post_ID", theirs, "comment", "A remark by bob", "author", "Mallory", "email", "m@example.org"); p.status != http.StatusSeeOther {
			t.Fatalf("comment: %d\n%s", p.status, p.body)
		}
		ada := h.as(t, "ada")
		has("the queue", ada.get("/admin/comments?status=all"), "A remark by bob", "bob")
		lacks("the queue", ada.get("/admin/comments?status=all"), "Mallory")
		if p := nora.post("/wp-comments-post.php", "comment_post_ID", theirs, "comment", "Mine", "author", "Nora", "email", "nora@example.net"); p.status != http.StatusUnprocessableEntity ||
			!strings.Contains(p.body, `role="alert">Only signed-in users may comment.`) {
			t.Errorf("a comment of a visitor: %d\n%s", p.status, p.body)
		}
		bob.Header.Set("Sec-Fetch-Site", "cross-site")
		if p := bob.post("/wp-comments-post.php", "comment_post_ID", theirs, "comment", "From elsewhere"); p.status != http.StatusForbidden {
			t.Errorf("a comment that another site sends: %d", p.status)
		}
		bob.Header.Set("Sec-Fetch-Site", "same-origin")

		set := func(who string) {
			t.Helper()
			if err := h.blog.Site.Options().Set(t.Context(), options.WhoMayComment, who); err != nil {
				t.Fatal(err)
			}
		}
		set(options.CommentersNobody)
		for name, b := range map[string]*browser{"visitors": nora, "bob": bob} {
			lacks("a blog without comments, for "+name, b.get("/?p="+own), "wp-comments-post.php", "Only signed-in users", "/signin?next=%2F%3Fp%3D"+own+"%23respond")
		}
		set(options.CommentersAnybody)
		has("a blog with comments", nora.get("/?p="+own), "wp-comments-post.php", `name="author"`)

		bob.post("/signout")
		p := bob.get("/?p=" + own)
		has("after signing out", p, ">Sign in</a>")
		lacks("after signing out", p, "Sign out", "/admin/posts")
		if p.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("after signing out: kept by %q", p.header.Get("Cache-Control"))
		}
	})
}

// The addresses that people know, and those that clients get from the server,
// lead to the right pages.
func TestWaysIn(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bob, nora := h.as(t, "bob"), h.browser(t)
		h.user(t, "carol", auth.Subscriber)
		for _, row := range []struct {
			who      *browser
			from, to string
		}{
			{nora, "/login", "/signin"},
			{nora, "/wp-login.php", "/signin"},
			{nora, "/wp-admin/", "/profile"},
			{nora, "/admin", "/signin?next=%2Fadmin"},
			{nora, told(t, h, "login_url"), "/signin"},
			{bob, told(t, h, "admin_url"), "/profile"},
			{bob, "/admin", "/admin/posts"},
			{h.as(t, "ada"), "/admin", "/admin/posts"},
			{h.as(t, "carol"), "/admin", "/profile"},
		} {
			p := row.who.get(row.from)
			if got := strings.TrimPrefix(p.header.Get("Location"), h.base); p.status != http.StatusSeeOther || got != row.to {
				t.Errorf("%s: %d to %q, want %q", row.from, p.status, got, row.to)
			}
		}
		id, err := h.blog.Site.CreatePost(t.Context(), auth.Identity{User: h.ada}, site.PostEdit{Type: new("page"), Title: new("Login"), Status: new("publish")})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.blog.Site.Options().Set(t.Context(), "permalink_structure", "/%postname%/"); err != nil {
			t.Fatal(err)
		}
		if p := nora.get("/login/"); p.status != http.StatusOK || !strings.Contains(p.body, fmt.Sprintf("post-%d", id)) {
			t.Errorf("a page with the name login: %d to %q", p.status, p.header.Get("Location"))
		}
	})
}

// told returns the path of an address that clients get from wp.getOptions.
func told(t *testing.T, h *house, option string) string {
	t.Helper()
	call := `<methodCall><methodName>wp.getOptions</methodName><params><param><value><int>1</int></value></param><param><value>bob</value></param>` +
		`<param><value>` + password + `</value></param><param><value><array><data><value>` + option + `</value></data></array></value></param></params></methodCall>`
	resp, err := http.Post(h.base+"/xmlrpc.php", "text/xml", strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return found(t, regexp.MustCompile(regexp.QuoteMeta(h.base)+`(/[^<]*)<`), string(text))
}
