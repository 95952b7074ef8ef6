package profiles_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
)

// says checks that a page has a status and contains some texts, but not those
// after "NOT".
func (p page) says(t *testing.T, what string, status int, texts ...string) {
	t.Helper()
	want := true
	for _, text := range texts {
		if text == "NOT" {
			want = false
		} else if strings.Contains(p.body, text) != want {
			t.Errorf("%s: has %q: %v, want %v\n%s", what, text, !want, want, p.body)
		}
	}
	if p.status != status {
		t.Errorf("%s: status %d, want %d\n%s", what, p.status, status, p.body)
	}
}

// The home page shows the newest posts, or a page that was chosen in the
// settings. In the second case another page shows the posts, and the feeds keep
// their addresses. If the chosen page is no longer public, the home page shows
// the posts.
func TestFrontPage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		who := auth.Identity{User: h.ada}
		make := func(kind, title string) string {
			t.Helper()
			id, err := h.blog.Site.CreatePost(t.Context(), who, site.PostEdit{Type: &kind, Title: &title, Content: new("text of " + title), Status: new("publish")})
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(id)
		}
		welcome, journal, post := make("page", "Welcome"), make("page", "Journal"), make("post", "Sea air")
		ada, nora := h.as(t, "ada"), h.browser(t)
		set := func(values ...string) page { return ada.post("/admin/settings", append(values, "blog_public", "1")...) }

		set("show_on_front", "page", "page_on_front", welcome, "page_for_posts", journal, "permalink_structure", "/%postname%/").says(t, "set", 303)
		nora.get("/").says(t, "the home page", 200, "text of Welcome", `<link rel="canonical" href="`+h.base+`/" />`, `<link rel="pingback"`, "NOT", "text of Sea air")
		nora.get("/journal/").says(t, "the posts", 200, "text of Sea air", "<h1>Journal</h1>", `<link rel="canonical" href="`+h.base+`/journal/" />`, "NOT", "text of Journal")
		for _, former := range []string{"/welcome/", "/?page_id=" + welcome, "/page/2/"} {
			if p := nora.get(former); p.status != http.StatusMovedPermanently || p.header.Get("Location") != h.base+"/" {
				t.Errorf("%s leads to %q, %d", former, p.header.Get("Location"), p.status)
			}
		}
		for _, feed := range []string{"/feed/", "/feed/atom/", "/journal/feed/"} {
			nora.get(feed).says(t, feed, 200, "Sea air", "NOT", "Welcome")
		}
		if p := nora.get("/wp-sitemap.xml"); strings.Count(p.body, "<loc>"+h.base+"/</loc>") != 1 || !strings.Contains(p.body, h.base+"/journal/") {
			t.Errorf("the sitemap:\n%s", p.body)
		}
		ada.get("/admin/pages").says(t, "the list of pages", 200, `<a href="`+h.base+`/">View`)
		ada.get("/").says(t, "for whoever may edit it", 200, `href="/admin/pages/`+welcome+`"`)
		ada.get("/admin/settings").says(t, "the settings", 200, `value="page" checked`, `<option value="`+welcome+`" selected>Welcome</option>`, `<option value="`+journal+`" selected>Journal</option>`)

		for _, bad := range [][]string{
			{"page_on_front", post, "This must be 0 or the number of a published page."},
			{"page_on_front", "987654", "This must be 0 or the number of a published page."},
			{"page_for_posts", "journal", "This must be 0 or the number of a published page."},
			{"page_for_posts", welcome, "This must be another page than the front page."},
			{"show_on_front", "both", "This must be posts or page."},
			{"posts_per_page", "0", "This must be a whole number from 1 to 100."},
			{"posts_per_page", "101", "This must be a whole number from 1 to 100."},
			{"posts_per_rss", "", "This must be a whole number from 1 to 100."},
			{"site_icon", post, "This must be 0 or the number of an uploaded picture."},
			{"WPLANG", "klingonisch", "This must be empty, for English, or a language tag such as de or pt-BR."},
		} {
			set("blog_title", "Not this", bad[0], bad[1]).says(t, bad[0]+" "+bad[1], 422, bad[2], `id="`+bad[0]+`-wrong"`)
			if err := h.blog.Site.Options().Set(t.Context(), bad[0], bad[1]); err == nil || !strings.Contains("This "+err.Error()[len(bad[0])+2:]+".", bad[2]) {
				t.Errorf("the operator sets %s to %q: %v", bad[0], bad[1], err)
			}
		}
		nora.get("/").says(t, "after what was refused", 200, "text of Welcome", "NOT", "Not this")

		// Changes to the page apply to the home page too.
		ada.post("/admin/pages/"+welcome, "status", "private").says(t, "private", 303)
		nora.get("/").says(t, "a private front page", 200, "text of Sea air")
		ada.get("/admin/settings").says(t, "the settings say so", 200, "Welcome (not published, so the home page shows the posts)")
		set("blog_title", "Harbour").says(t, "another setting", 303)
		ada.post("/admin/pages", "one", "trash "+welcome)
		ada.post("/admin/pages", "one", "delete "+welcome)
		nora.get("/").says(t, "a deleted front page", 200, "text of Sea air")
		ada.get("/admin/settings").says(t, "the settings say so", 200, "Page "+welcome+", which was deleted (the home page shows the posts)")
		set("show_on_front", "posts").says(t, "the posts again", 303)
		nora.get("/journal/").says(t, "the page of the posts", 200, "text of Journal")
	})
}

// The number of posts on a page and in a feed, and the language, can be set.
func TestPostsOnAPageAndLanguage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i := range 5 {
			_, err := h.blog.Site.CreatePost(t.Context(), auth.Identity{User: h.ada}, site.PostEdit{Title: new(fmt.Sprint("Post ", i)), Content: new("sea"), Status: new("publish")})
			if err != nil {
				t.Fatal(err)
			}
		}
		ada, nora := h.as(t, "ada"), h.browser(t)
		ada.post("/admin/settings", "posts_per_page", "2", "posts_per_rss", "3", "WPLANG", "pt_BR").says(t, "set", 303)
		for path, want := range map[string]int{"/": 2, "/?paged=3": 1, "/?cat=1": 2, "/?s=sea": 2, "/?author=" + fmt.Sprint(h.ada.ID): 2} {
			p := nora.get(path)
			p.says(t, path, 200, `<html lang="pt-BR">`)
			if got := strings.Count(p.body, `<article id="post-`); got != want {
				t.Errorf("%s: %d posts, want %d", path, got, want)
			}
		}
		for path, want := range map[string]string{"/?feed=rss2": "<language>pt-BR</language>", "/?feed=atom": `xml:lang="pt-BR"`} {
			p := nora.get(path)
			p.says(t, path, 200, want)
			if got := strings.Count(p.body, "<item>") + strings.Count(p.body, "<entry>"); got != 3 {
				t.Errorf("%s: %d posts, want 3", path, got)
			}
		}
		ada.get("/admin/settings").says(t, "the settings", 200, `<option value="pt-BR" selected>Português (Brasil)</option>`, `name="posts_per_page" value="2"`)
	})
}

// Each rule for comments has a field. Lists of words keep their lines.
func TestCommentRulesOnThePage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.as(t, "ada")
		ada.post("/admin/settings", "moderation_keys", "casino\r\n<b>pills</b>\r\n", "disallowed_keys", "192.0.2.7", "thread_comments_depth", "3", "require_name_email", "1").says(t, "set", 303)
		o, err := h.blog.Site.Options().Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"moderation_keys": "casino\n<b>pills</b>", "disallowed_keys": "192.0.2.7", "thread_comments_depth": "3", "require_name_email": "1",
			"thread_comments": "0", "comment_previously_approved": "0", // boxes that are not selected
		} {
			if got := o.Text(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		ada.get("/admin/settings").says(t, "the settings", 200, "casino\n&lt;b&gt;pills&lt;/b&gt;</textarea>", `name="thread_comments_depth" value="3"`)
	})
}
