package public_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
)

// The list of a tag or category has the address that pages use, and one with
// unescaped letters, in every script, plain and pretty, and as a feed too.
func TestListsInAllScripts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		for _, structure := range []string{"", "/%postname%/", "/blog/%postname%"} {
			f.set(t, "permalink_structure", structure)
			for _, word := range []string{"Русский", "あいう", "עברית", "étude", "Été à l'eau", "c#"} {
				id := f.post(t, "About "+word, "text", named("post_tag", word), named("category", word))
				page := f.get(t, link(id))
				if page.Code == 301 {
					page = f.get(t, strings.TrimPrefix(page.Header().Get("Location"), base))
				}
				for _, rel := range []string{`rel="tag"`, `rel="category tag"`} {
					before, _, found := strings.Cut(page.Body.String(), `" `+rel)
					if !found {
						t.Fatalf("%q %s: no list is linked", structure, word)
					}
					at := strings.ReplaceAll(strings.TrimPrefix(before[strings.LastIndex(before, `"`)+1:], base), "&amp;", "&")
					expect(t, structure+" "+word+" "+at, f.get(t, at), 200, "About ")
				}
				slug := markup.Slug(word)
				for _, target := range []string{"/?tag=" + slug, "/?category_name=" + slug, "/?tag=" + strings.ToUpper(slug)} {
					w := f.get(t, target)
					if w.Code == 301 {
						w = f.get(t, strings.TrimPrefix(w.Header().Get("Location"), base))
					}
					expect(t, target, w, 200, "About ")
				}
				expect(t, "the feed of "+word, f.get(t, "/?feed=rss2&tag="+slug), 200, "About ")
			}
		}
		expect(t, "a tag that is missing", f.get(t, "/?tag=nothing"), 404)
	})
}

// Addresses of WordPress that this server does not use lead to the same
// content.
func TestAddressesOfWordPress(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "permalink_structure", "/%year%/%monthnum%/%day%/%postname%/")
		trip, about := f.post(t, "Trip", "text", dated("2020-01-02 03:04:05")), f.post(t, "About", "text", ofType("page"))
		f.post(t, "Level two", "text", ofType("page"), func(e *site.PostEdit) { e.Parent = &about })
		f.post(t, "Template sticky", "text", dated("2020-01-02 03:04:05"))
		draft := f.post(t, "Hidden", "text", status("draft"))
		attached := func(name string, parent int64) string {
			a := f.upload(t, name+".png", 40, 30)
			if _, err := db.Exec(t.Context(), `UPDATE posts SET name = $1, parent = $2 WHERE id = $3`, name, parent, a.ID); err != nil {
				t.Fatal(err)
			}
			return "/?attachment_id=" + itoa(a.ID)
		}
		a, b, c, d := attached("a-pic", trip), attached("b-pic", about), attached("c-pic", 0), attached("d-pic", draft)
		f.set(t, "blog_tagline", "changed")
		for target, want := range map[string]string{
			"/2020/01/02/trip/a-pic/": a, "/2020/01/02/trip/attachment/a-pic/": a, "/about/b-pic/": b, "/c-pic/": c,
			"/template-sticky/": "/2020/01/02/template-sticky/", "/2020/01/02/template-sti/": "/2020/01/02/template-sticky/",
			"/blog/template-sticky/": "/2020/01/02/template-sticky/", "/level-two/": "/about/level-two/", "/?name=template-sticky": "/2020/01/02/template-sticky/",
			"/?pagename=level-two": "/about/level-two/", "/TEMPLATE-Sticky": "/2020/01/02/template-sticky/",
			"/template-sticky/2/": "/2020/01/02/template-sticky/2/", "/blog/template-sti/1": "/2020/01/02/template-sticky/",
		} {
			if w := f.get(t, target); w.Code != 301 || w.Header().Get("Location") != base+want {
				t.Errorf("%s: got %d %s, want a redirect to %s", target, w.Code, w.Header().Get("Location"), want)
			}
		}
		for _, target := range []string{"/2020/01/02/other/a-pic/", "/about/a-pic/", "/a-pic/", "/d-pic/", "/2021/01/02/template-sti/", "/te/", "/hidden/", "/hidd", "/?name=hidden", "/100%25/", "/%00/", "/%ff/"} {
			if w := f.get(t, target); w.Code != 404 {
				t.Errorf("%s: got %d %s, want 404", target, w.Code, w.Header().Get("Location"))
			}
		}
		_ = d
	})
}

// An address that a post had on another blog leads to it if nothing else has
// that address: with its query, with additional parameters, with and without a
// slash, in upper or lower case, and after the addresses here have changed.
func TestOldAddressesLeadToTheirPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		trip, about := f.post(t, "Trip", "text", dated("2020-01-02 03:04:05")), f.post(t, "About", "text", ofType("page"))
		draft, taken := f.post(t, "Hidden", "text", status("draft")), f.post(t, "Taken", "text", dated("2021-05-06 07:08:09"))
		file := f.upload(t, "a.png", 40, 30)
		remember := func(id int64, addresses ...string) {
			t.Helper()
			for _, address := range addresses {
				if _, err := db.Exec(t.Context(), `INSERT INTO old_addresses (address, post_id) VALUES ($1, $2)`, permalink.Old(address), id); err != nil {
					t.Fatal(err)
				}
			}
		}
		remember(trip, "http://old.example/2015/03/my-trip.html", "/blog/2015/3/14/My-Trip", "http://old.example/a.asp?id=17&cat=B", "http://old.example/?p=9017", "/2019/")
		remember(about, "http://old.example/a.asp?id=18", "/%E3%81%82/%E3%81%84/", "http://old.example/?page_id=9018")
		remember(draft, "http://old.example/hidden.html", "http://old.example/a.asp?id=19")
		remember(taken, "/about", "http://old.example/?x=1")
		remember(file.ID, "http://old.example/trip/a-pic/", "http://old.example/?attachment_id=9019")
		for _, structure := range []string{"", "/%year%/%monthnum%/%postname%/"} {
			f.set(t, "permalink_structure", structure)
			tripAt, aboutAt, fileAt := f.address(t, trip), f.address(t, about), f.address(t, file.ID)
			for target, want := range map[string]string{
				"/2015/03/my-trip.html": tripAt, "/2015/03/My-Trip.html?m=1": tripAt, "/2015/03/my-trip.html/?utm_source=x": tripAt,
				"/blog/2015/3/14/my-trip": tripAt, "/blog/2015/3/14/my-trip/": tripAt, "/index.php/blog/2015/3/14/my-trip": tripAt,
				"/a.asp?id=17&cat=B": tripAt, "/a.asp?cat=B&id=17": tripAt, "/A.ASP?id=18": aboutAt, "/?p=9017": tripAt, "/index.php?p=9017": tripAt, "/?page_id=9018": aboutAt,
				"/%e3%81%82/%E3%81%84": aboutAt, "/trip/a-pic": fileAt, "/?attachment_id=9019": fileAt,
			} {
				for range 2 { // produced, and cached
					if w := f.get(t, target); w.Code != 301 || w.Header().Get("Location") != want {
						t.Errorf("%q %s: got %d %s, want a redirect to %s", structure, target, w.Code, w.Header().Get("Location"), want)
					}
				}
			}
			for _, target := range []string{"/a.asp?id=20", "/a.asp", "/a.asp?id=19", "/?p=9020", "/" + strings.Repeat("%61", 2000)} {
				if w := f.get(t, target); w.Code != 404 {
					t.Errorf("%q %s: got %d %s, want 404", structure, target, w.Code, w.Header().Get("Location"))
				}
			}
			expect(t, "the home page with a parameter", f.get(t, "/?x=1"), 200)
			if structure != "" {
				expect(t, "a page at an old address", f.get(t, "/about/"), 200, "About")
				expect(t, "a year without posts", f.get(t, "/2018/"), 404)
				if w := f.get(t, "/2019/"); w.Code != 301 || w.Header().Get("Location") != tripAt {
					t.Errorf("a year without posts that was an address: %d %s", w.Code, w.Header().Get("Location"))
				}
			}
		}

		// The lookup is one statement if nothing else answers, and
		// another one if there are unknown parameters.
		count := func(target string) int64 {
			f.get(t, target)
			before := db.Statements()
			f.get(t, target)
			return db.Statements() - before
		}
		if plain, more := count("/nowhere/"), count("/nowhere/?x=1"); more != plain+1 {
			t.Errorf("an address with nothing at it takes %d statements, and %d with a parameter", plain, more)
		}
		if n := count("/2020/01/trip/?x=1"); n != 0 {
			t.Errorf("a kept page with a parameter takes %d statements", n)
		}

		// The addresses of a deleted post are forgotten.
		for range 2 { // to the trash, then deleted
			if err := f.DeletePost(t.Context(), f.admin, about); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, "the old address of a post that is gone", f.get(t, "/a.asp?id=18"), 404)
		var left int
		if err := db.Get(t.Context(), &left, `SELECT COUNT(*) FROM old_addresses WHERE post_id = $1`, about); err != nil || left != 0 {
			t.Errorf("%d of its addresses are left, %v", left, err)
		}
	})
}

// If the blog is below a path, old addresses are found with and without that
// path.
func TestOldAddressesBelowAPath(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	blog := sitetest.Open(t, db, sitetest.Config{BaseURL: base + "/blog"}).Site
	pages := routes(t, public.Config{Site: blog})
	post := site.Post{Type: "post", Status: "publish", Title: "Trip", Name: "trip"}
	if err := db.Update(t.Context(), func(tx *database.Tx) error {
		err := tx.Get(t.Context(), &post.ID, `INSERT INTO posts (type, status, title, name, author, date, date_gmt, modified, modified_gmt) VALUES ('post', 'publish', 'Trip', 'trip', 0, $1, $1, $1, $1) RETURNING id`,
			time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC))
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `INSERT INTO old_addresses (address, post_id) VALUES ('/blog/2015/a.html', $1), ('/2016/b.html', $1)`, post.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/2015/a.html", "/2016/b.html"} { // a proxy has removed the path
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if want := base + "/blog/?p=" + itoa(post.ID); w.Code != 301 || w.Header().Get("Location") != want {
			t.Errorf("%s: got %d %s, want a redirect to %s", target, w.Code, w.Header().Get("Location"), want)
		}
	}
}

// address returns the address of a post.
func (f *face) address(t *testing.T, id int64) string {
	t.Helper()
	post, err := f.FindPost(t.Context(), f.admin, link(id), 0)
	if err != nil {
		t.Fatal(err)
	}
	return post.Link
}
