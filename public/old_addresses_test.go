package public_test

import (
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// The list of a tag or category is at the address that the pages give, and at the one with the letters themselves, in
// every script, plain and pretty, as a feed too.
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

// Addresses of WordPress that are not ours lead to what they showed there.
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
