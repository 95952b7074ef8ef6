package desk_test

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/site"
)

// full returns a post with its terms and custom fields.
func (n *newsroom) full(t *testing.T, id int64) *site.FullPost {
	t.Helper()
	p, err := n.blog.Site.GetPost(t.Context(), n.who("ada"), id, site.LoadTerms|site.LoadFields)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// form returns what a browser sends for the form of a post that was not
// changed.
func form(t *testing.T, p servertest.Page) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, m := range regexp.MustCompile(`<input type="[a-z-]+" (?:id="[a-z]+" )?name="(title|name|date|tags|alt|modified|categories)"[^>]* value="([^"]*)"|<input type="hidden" name="(modified|categories)" value="([^"]*)"`).FindAllStringSubmatch(p.Body, -1) {
		out[m[1]+m[3]] = html.UnescapeString(m[2] + m[4])
	}
	for _, m := range regexp.MustCompile(`(?s)<textarea id="([a-z]+)"[^>]*>\n?(.*?)</textarea>`).FindAllStringSubmatch(p.Body, -1) {
		out[m[1]] = strings.ReplaceAll(html.UnescapeString(m[2]), "\n", "\r\n")
	}
	for _, m := range regexp.MustCompile(`(?s)<select id="([a-z]+)".*?</select>`).FindAllStringSubmatch(p.Body, -1) {
		if chosen := regexp.MustCompile(`value="([^"]*)" ?selected`).FindStringSubmatch(m[0]); chosen != nil {
			out[m[1]] = chosen[1]
		}
	}
	if m := regexp.MustCompile(`name="category" value="(\d+)" checked`).FindStringSubmatch(p.Body); m != nil {
		out["category"] = m[1]
	}
	return out
}

func fields(form map[string]string, changes ...string) (list []string) {
	for i := 0; i < len(changes); i += 2 {
		form[changes[i]] = changes[i+1]
	}
	for name, value := range form {
		list = append(list, name, value)
	}
	return list
}

// Editing changes what was changed in the form, and nothing else.
func TestCorrectionOfAPost(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		const text = "\n<p>One &amp; two</p>\n\n<!-- wp:x -->\n<b>three</b>"
		id := n.post(t, "bob", site.PostEdit{Title: new("A <i>title</i> with a tpyo"), Content: new(text), Status: new("publish"), Tags: &[]string{"a & b", "c"}})
		b := n.as(t, "bob")
		path := fmt.Sprint("/admin/posts/", id)
		says(t, "the list", b.Get("/admin/posts"), 200, "A title with a tpyo", `value="trash `+fmt.Sprint(id)+`"`, "published", "NOT", "<i>title")
		before := n.full(t, id)
		says(t, "nothing changed", b.Post(path, fields(form(t, b.Get(path)))...), 303)
		if after := n.full(t, id); after.Title != before.Title || after.Content != before.Content || after.Name != before.Name || !after.Date.Equal(before.Date) || len(after.Terms) != len(before.Terms) || after.Status != before.Status {
			t.Errorf("a form without a change has made %+v of %+v", after, before)
		}
		p := b.Get(path)
		says(t, "a correction", b.Post(path, fields(form(t, p), "title", "A title with a typo", "name", "typo", "tags", "c, d", "comments", "closed", "date", "2024-02-03T04:05")...), 303)
		after := n.full(t, id)
		if got := fmt.Sprint(after.Title, "|", after.Name, "|", after.CommentStatus, "|", after.Date.Format("2006-01-02 15:04:05")); got != "A title with a typo|typo|closed|2024-02-03 04:05:00" || after.Content != before.Content {
			t.Errorf("after the correction: %s, text %q", got, after.Content)
		}
		says(t, "an older version of the form", b.Post(path, fields(form(t, p), "title", "Stale", "modified", "2020-01-01T00:00:00Z")...), 422, "Somebody else has changed this", `value="Stale"`)
		says(t, "a date that is none", b.Post(path, fields(form(t, b.Get(path)), "date", "tomorrow")...), 422, `id="date-wrong"`)
		says(t, "nothing at all", b.Post(path, fields(form(t, b.Get(path)), "title", "", "content", "")...), 422, "Enter a title or a text.")
		says(t, "later", b.Post(path, fields(form(t, b.Get(path)), "date", "2099-02-03T04:05:06")...), 303)
		if got := n.full(t, id).Status; got != "future" {
			t.Errorf("with a date in the future the post is %q", got)
		}
		says(t, "and at once", b.Post(path, fields(form(t, b.Get(path)), "date", "2024-02-03T04:05:06")...), 303)
		if got := n.full(t, id).Status; got != "publish" {
			t.Errorf("with a date in the past the post is %q", got)
		}
	})
}

// Posts are moved to the trash, restored as drafts and deleted permanently, one
// or several at once, but never by accident.
func TestTrashOfPosts(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		one := n.post(t, "bob", site.PostEdit{Title: new("One"), Status: new("publish")})
		two := n.post(t, "bob", site.PostEdit{Title: new("Two"), Status: new("draft")})
		about := n.post(t, "ada", site.PostEdit{Type: new("page"), Title: new("About"), Status: new("publish")})
		b := n.as(t, "eve")
		says(t, "none is ticked", b.Post("/admin/posts", "do", "trash"), 422, "Nothing is selected.")
		says(t, "no such button", b.Post("/admin/posts", "do", "burn", "id", fmt.Sprint(one)), 404)
		for range 2 { // trashing twice does not delete
			says(t, "both", b.Post("/admin/posts", "do", "trash", "id", fmt.Sprint(one), "id", fmt.Sprint(two)), 303)
		}
		says(t, "a post that is not in the trash", b.Post("/admin/pages", "one", fmt.Sprint("delete ", about)), 303)
		says(t, "a page among the posts", b.Post("/admin/posts", "one", fmt.Sprint("trash ", about)), 303)
		if got := n.full(t, one).Status + " " + n.full(t, two).Status + " " + n.full(t, about).Status; got != "trash trash publish" {
			t.Fatalf("the posts are %q", got)
		}
		says(t, "the trash", b.Get("/admin/posts?status=trash"), 200, "One", "Two", "Restore as draft", "NOT", "About")
		says(t, "a post in the trash", b.Get(fmt.Sprint("/admin/posts/", one)), 200, "This is in the trash.", "NOT", `id="content"`)
		says(t, "restore", b.Post("/admin/posts", "one", fmt.Sprint("restore ", one)), 303)
		says(t, "delete", b.Post("/admin/posts", "one", fmt.Sprint("delete ", two)), 303)
		says(t, "and then", b.Get("/admin/posts"), 200, "1 post: deleted.", "One", "NOT", "Two")
		if got := n.full(t, one).Status; got != "draft" {
			t.Errorf("the restored post is %q", got)
		}
		says(t, "one that is gone", b.Get(fmt.Sprint("/admin/posts/", two)), 404, "There is no such post.")
		says(t, "a page's own list", b.Get("/admin/pages"), 200, "About", "NOT", "One")
		says(t, "a post under the pages", b.Get(fmt.Sprint("/admin/pages/", one)), 404)
	})
}

// The lists show what a person may edit, and the forms refuse everything else,
// as calls do.
func TestWhoCorrects(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		n.users["con"] = another(t, n, "con", auth.Contributor)
		mine := n.post(t, "bob", site.PostEdit{Title: new("Mine"), Status: new("publish")})
		other := n.post(t, "ada", site.PostEdit{Title: new("Of another"), Status: new("publish")})
		draft := n.post(t, "con", site.PostEdit{Title: new("By a contributor"), Status: new("draft")})
		b := n.as(t, "bob")
		says(t, "an author's list", b.Get("/admin/posts"), 200, "Mine", "NOT", "Of another", "By a contributor", "/admin/pages")
		says(t, "another's post", b.Get(fmt.Sprint("/admin/posts/", other)), 403, "NOT", "Of another")
		says(t, "save it", b.Post(fmt.Sprint("/admin/posts/", other), "title", "x"), 403)
		says(t, "trash it", b.Post("/admin/posts", "one", fmt.Sprint("trash ", other)), 403)
		says(t, "pages are not an author's", b.Get("/admin/pages"), 403)
		c := n.as(t, "con")
		says(t, "a contributor's post", c.Get(fmt.Sprint("/admin/posts/", draft)), 200, "Pending review", "NOT", `value="publish"`, "Featured picture")
		says(t, "publish it all the same", c.Post(fmt.Sprint("/admin/posts/", draft), "status", "publish"), 422, "You may not")
		if got := n.full(t, mine).Status + " " + n.full(t, other).Title + " " + n.full(t, draft).Status; got != "publish Of another draft" {
			t.Errorf("the posts are %q", got)
		}
		says(t, "a subscriber", n.as(t, "sue").Get("/admin/posts"), 403)
		b.Header.Set("Sec-Fetch-Site", "cross-site")
		says(t, "a form of another site", b.Post("/admin/posts", "one", fmt.Sprint("trash ", mine)), 403, "sent by another site")
	})
}
