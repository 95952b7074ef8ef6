package public_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

func TestPostPassword(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		addr := netip.MustParseAddr("192.0.2.1")
		f := openFace(t, db, public.Config{ClientAddr: func(*http.Request) netip.Addr { return addr }})
		id := f.post(t, "Locked", "hidden text", password("open sesame"), func(e *site.PostEdit) { e.Excerpt = new("hidden excerpt") }, named("post_tag", "red"))
		same := f.post(t, "Same", "hidden text of the same", password("open sesame"))
		other := f.post(t, "Other", "hidden text of another", password("other word"))
		if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "hidden remark"}); err != nil {
			t.Fatal(err)
		}
		try := func(post int64, word string) *httptest.ResponseRecorder {
			return f.send(t, "/wp-pass.php", url.Values{"post": {itoa(post)}, "post_password": {word}})
		}
		for _, target := range []string{"/", link(id), "/feed/", "/?feed=atom", "/?s=hidden", "/?tag=red", "/?feed=comments-rss2", "/wp-sitemap.xml"} {
			lacks(t, target, f.get(t, target), "hidden text", "hidden excerpt", "hidden remark", "sesame")
			lacks(t, target+" with a cookie", f.get(t, target, "Cookie", "quillgate-post=open sesame"), "hidden text", "hidden remark")
		}
		expect(t, "the page", f.get(t, link(id)), 200, `action="/wp-pass.php"`, "noindex")
		for _, wrong := range []string{"", "open", "open sesame ", "Open sesame"} {
			w := try(id, wrong)
			expect(t, "the password "+wrong, w, 403, "The password is wrong.")
			lacks(t, "the password "+wrong, w, "hidden text")
			if w.Header().Get("Set-Cookie") != "" {
				t.Errorf("the password %q: got a cookie", wrong)
			}
		}
		w := try(id, "open sesame")
		expect(t, "the password", w, 303)
		if got := w.Header().Get("Location"); got != link(id) {
			t.Errorf("leads to %s", got)
		}
		cookie := w.Result().Cookies()[0]
		if strings.Contains(cookie.Value, "sesame") || len(cookie.Value) != 64 || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie is %v", cookie)
		}
		with := cookie.Name + "=" + cookie.Value
		opened := f.get(t, link(id), "Cookie", with)
		expect(t, "the opened page", opened, 200, "hidden text", "hidden remark")
		if h := opened.Header(); h.Get("Cache-Control") != "private, no-store" || h.Get("Vary") != "Cookie" || h.Get("ETag") != "" {
			t.Errorf("the opened page can be kept: %v", h)
		}
		// Another visitor gets the form, the same visitor gets the
		// text, and a post with another password stays locked.
		lacks(t, "another visitor", f.get(t, link(id)), "hidden text")
		expect(t, "a post with the same password", f.get(t, link(same), "Cookie", with), 200, "hidden text of the same")
		lacks(t, "a post with another password", f.get(t, link(other), "Cookie", with), "hidden text")
		lacks(t, "the home page", f.get(t, "/", "Cookie", with), "hidden text")
		if err := f.EditPost(t.Context(), f.admin, id, site.PostEdit{Password: new("changed")}); err != nil {
			t.Fatal(err)
		}
		lacks(t, "after the password was changed", f.get(t, link(id), "Cookie", with), "hidden text")
		expect(t, "a post without a password", try(f.post(t, "Open", "text"), ""), 404)

		// Guessing soon stops working, for this address only.
		for range 12 {
			w = try(other, "guess")
		}
		expect(t, "the thirteenth guess", w, 429, "too many wrong passwords")
		expect(t, "the right one after it", try(other, "other word"), 429)
		addr = netip.MustParseAddr("192.0.2.2")
		expect(t, "somebody else", try(other, "other word"), 303)
	})
}

// Only visitors who have entered the password may comment on the post.
func TestCommentBehindPassword(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "comment_registration", "0")
		f.set(t, "anonymous_comments", "1")
		id := f.post(t, "Locked", "hidden text", password("sesame"))
		remark := url.Values{"comment_post_ID": {itoa(id)}, "comment": {"said inside"}, "author": {"Grace"}, "email": {"grace@example.com"}}
		cookie := f.send(t, "/wp-pass.php", url.Values{"post": {itoa(id)}, "post_password": {"sesame"}}).Result().Cookies()[0]
		with := cookie.Name + "=" + cookie.Value
		expect(t, "the opened page", f.get(t, link(id), "Cookie", with), 200, `id="respond"`)
		for name, c := range map[string]string{"nothing": "", "a wrong token": cookie.Name + "=" + strings.Repeat("0", 64)} {
			w := f.send(t, "/wp-comments-post.php", remark, "Cookie", c)
			expect(t, name, w, 422)
			lacks(t, name, w, "hidden text")
		}
		w := f.send(t, "/wp-comments-post.php", url.Values{"comment_post_ID": {itoa(id)}, "comment": {"  "}, "author": {"Grace"}, "email": {"grace@example.com"}}, "Cookie", with)
		expect(t, "an empty comment", w, 422, "hidden text", "Please write a comment", `value="Grace"`)
		if got := w.Header().Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("the page with the problem can be kept: %s", got)
		}
		expect(t, "the comment", f.send(t, "/wp-comments-post.php", remark, "Cookie", with), 303)
		var n int
		if err := db.Get(t.Context(), &n, `SELECT COUNT(*) FROM comments WHERE post_id = $1`, id); err != nil || n != 1 {
			t.Errorf("%d comments, %v, want 1", n, err)
		}
	})
}

// The key of the cookies belongs to the blog, not to the process.
func TestPasswordCookieLasts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		id := f.post(t, "Locked", "hidden text", password("sesame"))
		cookie := f.send(t, "/wp-pass.php", url.Values{"post": {itoa(id)}, "post_password": {"sesame"}}).Result().Cookies()[0]
		f.Handler = routes(t, public.Config{Site: f.Site})
		expect(t, "after a restart", f.get(t, link(id), "Cookie", cookie.Name+"="+cookie.Value), 200, "hidden text")
	})
}
