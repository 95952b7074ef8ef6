package interop

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// deskPages are the pages about the content of the blog.
var deskPages = []struct {
	name, path string
	status     int64
}{
	{"comments-held", "/admin/comments", 200},
	{"comment", "/admin/comments/1", 200},
	{"posts", "/admin/posts", 200},
	{"post", "/admin/posts/10", 200},
	{"media", "/admin/media", 200},
	{"file", "/admin/media/22", 200},
	{"blog-signed-in", "/?p=1", 200},
}

// A person manages the blog in the browser without scripts: visitors may
// comment, a comment is held and visible to its author, and it is found,
// answered and then seen by everyone.
func TestDesk(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""))
	b := openBrowser(t)
	v := b.tab(t, p.base, bare)
	signInSeed(t, v)
	walkComments(t, b.tab(t, p.base, bare), v)
	walkPost(t, v)
	walkPermalinks(t, b.tab(t, p.base, bare), v)
	v.resize(t, desktop)
	sources := make(map[string]string)
	for _, row := range deskPages {
		t.Run(row.name, func(t *testing.T) {
			sources[row.name] = judge(t, v, func(t *testing.T) {
				if got := v.open(t, row.path); got != row.status {
					t.Errorf("%s: status %d, want %d", row.path, got, row.status)
				}
			})
		})
	}
	validate(t, sources)
}

// sees fails the test unless the open page contains a text.
func (v *tab) sees(t *testing.T, want string) {
	t.Helper()
	if text := v.text(t, "main"); !strings.Contains(text, want) {
		t.Fatalf("the page %s lacks %q:\n%s", v.where(), want, text)
	}
}

// typed enters a text into an empty field, such as a textarea, which write
// could not clear.
func (v *tab) typed(t *testing.T, selector, text string) {
	t.Helper()
	do(t, v, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// walkComments follows a comment: visitor writes it, and admin decides.
func walkComments(t *testing.T, visitor, admin *tab) {
	t.Helper()
	admin.open(t, "/admin/settings")
	do(t, admin, chromedp.Click(chromedp.CSS(`#who_may_comment input[value="anybody"]`)))
	admin.press(t, `form[action$="/admin/settings"] button`)

	visitor.open(t, "/?p=1")
	visitor.typed(t, "#comment", "A remark for the queue")
	visitor.write(t, "#author", "Nora Newcomer")
	visitor.write(t, "#email", "nora@example.net")
	visitor.press(t, "#respond button")
	visitor.sees(t, "Only you see it")
	visitor.sees(t, "A remark for the queue")

	admin.open(t, "/profile")
	admin.press(t, `.notice a[href$="/admin/comments"]`)
	admin.write(t, "#search", "nora")
	admin.press(t, "form.filter button")
	admin.sees(t, "A remark for the queue")
	admin.press(t, `ol.rows a[href*="/admin/comments/"]`)
	admin.typed(t, "#reply", "Thank you, Nora.")
	admin.press(t, `form[action$="/reply"] button`)
	admin.sees(t, "The reply was posted.")

	visitor.open(t, "/?p=1")
	visitor.sees(t, "A remark for the queue")
	visitor.sees(t, "Thank you, Nora.")
}

// walkPost edits a post, moves it to the trash and restores it.
func walkPost(t *testing.T, admin *tab) {
	t.Helper()
	admin.open(t, "/profile")
	admin.press(t, `nav a[href$="/admin/posts"]`)
	admin.write(t, "#search", "sport")
	admin.press(t, "form.filter button")
	admin.press(t, `ol.rows a[href$="/admin/posts/3"]`)
	admin.write(t, "#title", "Sports results")
	admin.press(t, `form[action$="/admin/posts/3"] button`)
	admin.sees(t, "Your changes were saved.")
	admin.open(t, "/?p=3")
	admin.sees(t, "Sports results")
	admin.open(t, "/admin/posts/3")
	admin.press(t, `button[value="trash 3"]`)
	admin.sees(t, "1 post: moved to the trash.")
	admin.open(t, "/admin/posts?status=trash")
	admin.press(t, `button[value="restore 3"]`)
	admin.sees(t, "1 post: restored as drafts.")
}
