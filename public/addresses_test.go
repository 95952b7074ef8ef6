package public_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// library is a blog with an object of every kind that has an address.
func library(t *testing.T, db *database.DB, structure string) *face {
	t.Helper()
	f := openFace(t, db, public.Config{})
	f.set(t, "blog_title", "Library")
	f.set(t, "permalink_structure", structure)
	fruit, err := f.CreateTerm(t.Context(), f.admin, site.NewTerm{Taxonomy: site.Category, Name: "Fruit & nuts", Slug: "fruit"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.CreateTerm(t.Context(), f.admin, site.NewTerm{Taxonomy: site.Category, Name: "Apples", Slug: "apples", Parent: &fruit.ID}); err != nil {
		t.Fatal(err)
	}
	f.post(t, "Older", "an old text about marmalade", dated("2025-03-31 10:00:00"), named("category", "Fruit & nuts"))
	f.post(t, "Newer", "a new text", dated("2026-11-04 23:30:00"), named("category", "Apples"), named("post_tag", "Red Sky"))
	f.post(t, "Colophon", "all about paper", ofType("page"))
	return f
}

func TestPlainAddresses(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := library(t, db, "")
		tests := []struct {
			target string
			status int
			want   string // text in the body, or the target of a redirect
		}{
			{"/", 200, `<h2><a href="https://blog.example/?p=1">Older</a></h2>`},
			{"/?p=2", 200, "<h1>Newer</h1>"},
			{"/?page_id=3", 200, "<h1>Colophon</h1>"},
			{"/?p=3", 301, base + "/?page_id=3"},
			{"/index.php", 301, base + "/"},
			{"/?cat=2", 200, "<h1>Category: Fruit &amp; nuts</h1>"},
			{"/?cat=3", 200, "<h1>Category: Apples</h1>"},
			{"/category/fruit/apples/", 301, base + "/?cat=3"},
			{"/?category_name=fruit", 301, base + "/?cat=2"},
			{"/?cat=99", 404, ""},
			{"/?cat=-1", 404, ""},
			{"/?cat=x", 404, ""},
			{"/?tag=red-sky", 200, "<h1>Tag: Red Sky</h1>"},
			{"/?tag=blue-sky", 404, ""},
			{"/?author=1", 200, "<h1>Posts by Ada</h1>"},
			{"/?author_name=ada", 301, base + "/?author=1"},
			{"/?m=2025", 200, "<h1>2025</h1>"},
			{"/?m=202503", 200, "<h1>March 2025</h1>"},
			{"/?m=20250331", 200, "<h1>March 31, 2025</h1>"},
			{"/?m=20250231", 404, ""},
			{"/?m=1999", 404, ""}, // nothing was published
			{"/?m=2025033", 404, ""},
			{"/?m=0000", 404, ""},
			{"/?year=2025&monthnum=3", 301, base + "/?m=202503"},
			{"/?s=marmalade", 200, "<h1>Search results for “marmalade”</h1>"},
			{"/?s=paper", 200, "Colophon"},
			{"/?s=", 200, "What are you looking for?"},
			{"/?paged=1", 200, "Older"},
			{"/?paged=2", 404, ""},
			{"/?paged=99999999999999999999", 200, "Older"},
			{"/?utm_source=x", 200, "Older"},
			{"/?feed=rss2", 200, "<rss"},
			{"/?feed=rss", 200, "<rss"},
			{"/?feed=atom", 200, "<feed"},
			{"/?feed=comments-rss2", 200, "<rss"},
			{"/feed/", 200, "<rss"},
			{"/nothing/here", 404, ""},
			{"/%00", 404, ""},
			{"/%2e%2e/%2e%2e/etc/passwd", 404, ""},
		}
		for _, test := range tests {
			w := f.get(t, test.target)
			if test.status == 301 {
				expect(t, test.target, w, 301)
				if got := w.Header().Get("Location"); got != test.want {
					t.Errorf("%s: leads to %s, want %s", test.target, got, test.want)
				}
				continue
			}
			expect(t, test.target, w, test.status, test.want)
		}
		lacks(t, "a category below", f.get(t, "/?cat=3"), "Older")
		expect(t, "a category with what is below", f.get(t, "/?cat=2"), 200, "Older", "Newer")
		lacks(t, "a month", f.get(t, "/?m=202503"), "Newer")
		lacks(t, "a search", f.get(t, "/?s=marmalade"), "Newer</a>", "Colophon</a></h2>")
	})
}

func TestPrettyAddresses(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := library(t, db, "/%year%/%monthnum%/%postname%/")
		tests := []struct {
			target string
			status int
			want   string
		}{
			{"/", 200, `<h2><a href="https://blog.example/2025/03/older/">Older</a></h2>`},
			{"/2025/03/older/", 200, "<h1>Older</h1>"},
			{"/2025/03/older", 301, base + "/2025/03/older/"},
			{"/index.php/2025/03/older/", 301, base + "/2025/03/older/"},
			{"/1999/", 404, ""},
			{"/2025/03/OLDER/", 301, base + "/2025/03/older/"},
			{"/2025/3/older/", 301, base + "/2025/03/older/"},
			{"/2025/04/older/", 404, ""},
			{"/2025/03/older/comment-page-2/", 301, base + "/2025/03/older/"},
			{"/2025/03/older/?utm_source=x", 200, "<h1>Older</h1>"},
			{"/?p=1", 301, base + "/2025/03/older/"},
			{"/?p=1&utm_source=x", 301, base + "/2025/03/older/"},
			{"/colophon/", 200, "<h1>Colophon</h1>"},
			{"/category/fruit/", 200, "<h1>Category: Fruit &amp; nuts</h1>"},
			{"/category/fruit/apples/", 200, "<h1>Category: Apples</h1>"},
			{"/category/apples/", 301, base + "/category/fruit/apples/"},
			{"/?cat=2", 301, base + "/category/fruit/"},
			{"/category/none/", 404, ""},
			{"/tag/red-sky/", 200, "<h1>Tag: Red Sky</h1>"},
			{"/author/ada/", 200, "<h1>Posts by Ada</h1>"},
			{"/?author=1", 301, base + "/author/ada/"},
			{"/2025/", 200, "<h1>2025</h1>"},
			{"/2025/03/", 200, "<h1>March 2025</h1>"},
			{"/2025/03/31/", 200, "<h1>March 31, 2025</h1>"},
			{"/2025/02/31/", 404, ""},
			{"/2025/13/", 404, ""},
			{"/search/marmalade/", 301, base + "/?s=marmalade"},
			{"/?s=marmalade", 200, "Older"},
			{"/page/1/", 301, base + "/"},
			{"/page/2/", 404, ""},
			{"/feed/", 200, "<rss"},
			{"/feed", 200, "<rss"},
			{"/feed/atom/", 200, "<feed"},
			{"/comments/feed/", 200, "<rss"},
			{"/comments/", 404, ""},
			{"/category/fruit/feed/", 200, "<title>Category: Fruit &amp; nuts – Library</title>"},
			{"/tag/red-sky/feed/atom/", 200, "<feed"},
			{"/author/ada/feed/", 200, "<rss"},
			{"/2025/03/older/feed/", 200, "<title>Comments on Older</title>"},
			{"/feed/?s=marmalade", 200, "<title>Older</title>"},
		}
		for _, test := range tests {
			w := f.get(t, test.target)
			if test.status == 301 {
				expect(t, test.target, w, 301)
				if got := w.Header().Get("Location"); got != test.want {
					t.Errorf("%s: leads to %s, want %s", test.target, got, test.want)
				}
				continue
			}
			expect(t, test.target, w, test.status, test.want)
			if test.status == 200 && strings.Contains(test.want, "<h1>") && !strings.Contains(w.Body.String(), `<link rel="canonical" href="`+base+strings.SplitN(test.target, "?", 2)[0]+`" />`) {
				t.Errorf("%s: names another address as the canonical one", test.target)
			}
		}
	})
}

// If the addresses of posts contain their numbers, the addresses of dates get a
// prefix, and a prefix of all addresses applies to lists too.
func TestAddressesBehindAFront(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := library(t, db, "/archives/%post_id%")
		for target, want := range map[string]string{
			"/archives/1": "<h1>Older</h1>", "/archives/category/fruit": "Category: Fruit", "/archives/tag/red-sky": "Tag: Red Sky",
			"/archives/author/ada": "Posts by Ada", "/archives/date/2025/03": "March 2025", "/colophon": "<h1>Colophon</h1>",
		} {
			expect(t, target, f.get(t, target), 200, want)
		}
		expect(t, "a year among the numbers of posts", f.get(t, "/archives/2025"), 404)
	})
}

// The number of a post in an address of a usual structure leads to the post,
// whatever the current structure is, but only to public posts.
func TestNumbersInFormerAddresses(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := library(t, db, "")
		post := f.post(t, "Sea air", "text")
		others := map[string]int64{"a draft": f.post(t, "Draft", "text", status("draft")), "a page": f.post(t, "Page", "text", ofType("page")), "no post": 987654}
		for _, structure := range []string{"", "/%year%/%postname%/"} {
			f.set(t, "permalink_structure", structure)
			w := f.get(t, "/archives/"+itoa(post))
			if got := w.Header().Get("Location"); w.Code != 301 || got != f.address(t, post) {
				t.Errorf("structure %q: %d to %q, want %s", structure, w.Code, got, f.address(t, post))
			}
			for what, id := range others {
				expect(t, what, f.get(t, "/archives/"+itoa(id)), 404)
			}
			for _, path := range []string{"/archives/", "/archives/0", "/archives/99999999999999999999", "/archives/" + itoa(post) + "x"} {
				expect(t, path, f.get(t, path), 404)
			}
		}
	})
}

// Addresses contain categories and authors if the structure has them, and wrong
// ones lead to the right address.
func TestNamesInAddresses(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := library(t, db, "/%category%/%author%/%postname%/")
		f.post(t, "Part", "a part of it", ofType("page"), func(e *site.PostEdit) { e.Parent = new(int64(3)) })
		for target, want := range map[string]string{
			"/fruit/ada/older/": "<h1>Older</h1>", "/fruit/apples/ada/newer/": "<h1>Newer</h1>", "/category/fruit/apples/": "Category: Apples", "/colophon/part/": "<h1>Part</h1>",
			"/": `href="https://blog.example/fruit/apples/ada/newer/"`,
		} {
			expect(t, target, f.get(t, target), 200, want)
		}
		for _, target := range []string{"/apples/ada/newer/", "/fruit/ada/newer/", "/fruit/apples/eve/newer/", "/?p=2"} {
			if w := f.get(t, target); w.Code != 301 || w.Header().Get("Location") != base+"/fruit/apples/ada/newer/" {
				t.Errorf("%s: %d to %s", target, w.Code, w.Header().Get("Location"))
			}
		}
		expect(t, "no such post", f.get(t, "/fruit/ada/none/"), 404)
	})
}

func TestPaging(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "permalink_structure", "/%postname%/")
		for i := range 25 {
			f.post(t, fmt.Sprintf("Number %d.", i), "text", dated(fmt.Sprintf("2026-10-%02d 10:00:00", i+1)))
		}
		f.post(t, "On top", "text", dated("2020-01-01 10:00:00"), func(e *site.PostEdit) { e.Sticky = new(true) })
		first := f.get(t, "/")
		expect(t, "first page", first, 200, "On top", "Number 24.", "Number 15.", `href="https://blog.example/page/2/"`)
		lacks(t, "first page", first, "Number 14.", "Newer posts")
		second := f.get(t, "/page/2/")
		expect(t, "second page", second, 200, "Number 14.", "Number 5.", `href="https://blog.example/page/3/"`, `href="https://blog.example/"`)
		lacks(t, "second page", second, "On top")
		third := f.get(t, "/page/3/")
		expect(t, "third page", third, 200, "Number 0.")
		lacks(t, "third page", third, "Older posts")
		expect(t, "page behind the last", f.get(t, "/page/4/"), 404)
		expect(t, "search", f.get(t, "/?s=number"), 200, `href="https://blog.example/page/2/?s=number"`)
		expect(t, "second page of a search", f.get(t, "/page/2/?s=number"), 200, "Number 14.")
		expect(t, "second page of a year", f.get(t, "/2026/page/2/"), 200, "Number 14.")
		// The previous and the next post.
		expect(t, "a post in the middle", f.get(t, "/number-10/"), 200, "/number-9/", "/number-11/")
	})
}

// The old addresses of a post that was moved lead to it.
func TestOldAddresses(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "permalink_structure", "/%year%/%monthnum%/%postname%/")
		id := f.post(t, "First name", "text", dated("2026-03-01 10:00:00"))
		edit := func(e site.PostEdit) {
			t.Helper()
			if err := f.EditPost(t.Context(), f.admin, id, e); err != nil {
				t.Fatal(err)
			}
		}
		edit(site.PostEdit{Name: new("second-name")})
		want := base + "/2026/03/second-name/"
		if w := f.get(t, "/2026/03/first-name/"); w.Code != 301 || w.Header().Get("Location") != want {
			t.Errorf("the old name: %d to %q, want %s", w.Code, w.Header().Get("Location"), want)
		}
		edit(site.PostEdit{Date: &site.PostDate{Time: time.Date(2026, 5, 2, 10, 0, 0, 0, time.UTC), Local: true}})
		want = base + "/2026/05/second-name/"
		for _, old := range []string{"/2026/03/first-name/", "/2026/03/second-name/"} {
			if w := f.get(t, old); w.Code != 301 || w.Header().Get("Location") != want {
				t.Errorf("%s: %d to %q, want %s", old, w.Code, w.Header().Get("Location"), want)
			}
		}
		edit(site.PostEdit{Status: new("draft")})
		expect(t, "the old address of a draft", f.get(t, "/2026/03/first-name/"), 404)
	})
}

// A post that is not public has no address, and no page mentions it.
func TestHiddenPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		var ids []int64
		for _, hidden := range []string{"draft", "pending", "private", "trash"} {
			ids = append(ids, f.post(t, "Veiled "+hidden, "veiled text", status(hidden), named("category", "Veiled category "+hidden), named("post_tag", "veil-"+hidden)))
			ids = append(ids, f.post(t, "Veiled page "+hidden, "veiled text", status(hidden), ofType("page")))
		}
		ids = append(ids, f.post(t, "Veiled future", "veiled text", dated("2027-01-01 10:00:00"), named("post_tag", "veil-future")))
		veiled := f.upload(t, "veiled-picture.png", 4, 4)
		if _, err := db.Exec(t.Context(), `UPDATE posts SET parent = $2, title = 'Veiled picture' WHERE id = $1`, veiled.ID, ids[0]); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, veiled.ID)
		for _, structure := range []string{"", "/%postname%/"} {
			f.set(t, "permalink_structure", structure)
			targets := []string{
				"/", "/feed/", "/feed/atom/", "/comments/feed/", "/wp-sitemap.xml", "/?s=veiled", "/feed/?s=veiled", "/2026/", "/2027/", "/?m=2027",
				"/veiled-draft/", "/veiled-private/", "/veiled-page-private/", "/veiled-future/", "/2027/01/01/", "/?feed=rss2&tag=veil-future", "/tag/veil-private/",
			}
			for _, id := range ids {
				targets = append(targets, link(id), fmt.Sprintf("/?page_id=%d", id), fmt.Sprintf("/?attachment_id=%d", id), fmt.Sprintf("/?feed=rss2&p=%d", id), fmt.Sprintf("/?p=%d&preview=true", id))
			}
			for _, target := range targets {
				w := f.get(t, target)
				if w.Code == 301 {
					w = f.get(t, strings.TrimPrefix(w.Header().Get("Location"), base))
				}
				// An answer may repeat the words of the
				// request, and terms are public.
				body := strings.NewReplacer("“veiled”", "", `value="veiled"`, "", "s=veiled", "").Replace(w.Body.String())
				if strings.Contains(body, "Veiled ") || strings.Contains(body, "veiled text") || strings.Contains(body, "veiled-") {
					t.Errorf("%s (%s): shows what is not public\n%s", target, structure, body)
				}
			}
		}
	})
}

// A4: the pages do not reveal which accounts exist.
func TestA4AuthorsWithoutPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "permalink_structure", "/%postname%/")
		quiet := f.user(t, "quiet", auth.Author)
		title := "Veiled"
		if _, err := f.CreatePost(t.Context(), quiet, site.PostEdit{Title: &title}); err != nil {
			t.Fatal(err)
		}
		nobody := f.get(t, "/author/nobody/")
		for _, target := range []string{
			"/author/quiet/", fmt.Sprintf("/?author=%d", quiet.User.ID), "/?author=4711", "/?author_name=quiet", "/?author=0", "/?author=-1",
			"/author/quiet/feed/", fmt.Sprintf("/?feed=rss2&author=%d", quiet.User.ID),
		} {
			w := f.get(t, target)
			if w.Code != 404 || w.Body.String() != nobody.Body.String() {
				t.Errorf("%s: %d, which is not the answer for nobody", target, w.Code)
			}
		}
		expect(t, "one who has published nothing yet", f.get(t, "/author/ada/"), 404)
		f.post(t, "Open", "text")
		expect(t, "one who has published", f.get(t, "/author/ada/"), 200, "Open")
	})
}
