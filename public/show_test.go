package public_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// upload creates a picture with a size.
func (f *face) upload(t *testing.T, name string, width, height int) *site.Attachment {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	a, err := f.CreateAttachment(t.Context(), f.admin, site.Upload{Name: name, Type: "image/png", Bytes: &file})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Pictures have their dimensions and the available sizes, so that the layout
// does not move and nothing is loaded in vain.
func TestPictures(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		a := f.upload(t, "pier.png", 1200, 600)
		folder := base + "/wp-content/uploads/2026/11/"
		set := fmt.Sprintf(`srcset="%[1]spier.png 1200w, %[1]spier-300x150.png 300w, %[1]spier-1024x512.png 1024w, %[1]spier-768x384.png 768w"`, folder)
		for _, test := range []struct {
			name, content string
			want          []string
			not           string
		}{
			{"a whole picture", `<img class="wp-image-` + itoa(a.ID) + `" src="` + folder + `pier.png" alt="">`, []string{`width="1200" height="600"`, set, `sizes="(max-width: 800px) 100vw, 800px"`}, "lazy"},
			{"a smaller version, known by its name", `<img src="` + folder + `pier-300x150.png" alt="">`, []string{`width="300" height="150"`, set, `sizes="(max-width: 300px) 100vw, 300px"`}, "lazy"},
			{"an address without a host", `<img src="/wp-content/uploads/2026/11/pier.png" alt="">`, []string{`width="1200" height="600"`, set}, ""},
			{"across the window", `<figure class="alignfull"><img src="` + folder + `pier.png" alt=""></figure>`, []string{`sizes="100vw"`}, "800px"},
			{"dimensions of its own", `<img src="` + folder + `pier.png" width="400" height="200" alt="">`, []string{`width="400" height="200"`, `sizes="(max-width: 400px) 100vw, 400px"`}, `width="1200"`},
			{"the second picture", `<img src="https://x.example/a.png" alt=""><img src="` + folder + `pier.png" alt="">`, []string{`loading="lazy"`, set}, ""},
			{"the square cut, which is of another shape", `<img src="` + folder + `pier-150x150.png" alt="">`, []string{`width="150" height="150"`}, "srcset"},
			{"a class of another picture", `<img class="wp-image-` + itoa(a.ID) + `" src="https://x.example/other.png" alt="">`, []string{`src="https://x.example/other.png"`}, "srcset"},
		} {
			w := f.get(t, link(f.post(t, "Post", test.content)))
			expect(t, test.name, w, 200, test.want...)
			if test.not != "" {
				lacks(t, test.name, w, test.not)
			}
		}
		id := f.post(t, "Illustrated", "text", func(e *site.PostEdit) { e.Thumbnail = &a.ID })
		for _, target := range []string{link(id), "/"} {
			expect(t, target, f.get(t, target), 200, `<img src="`+folder+`pier.png" `+set, `width="1200" height="600" alt=""`)
		}
		expect(t, "for those who share it", f.get(t, link(id)), 200, `<meta property="og:image" content="`+folder+`pier.png" />`)
		expect(t, "its own page", f.get(t, fmt.Sprintf("/?attachment_id=%d", a.ID)), 200, set, `alt="pier.png"`)
	})
}

func TestSummaries(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	long := strings.Repeat("word ", 200)
	f.post(t, "One", "<p>before</p><!--more--><p>behind</p>")
	f.post(t, "Two", long+"the end")
	f.post(t, "Three", "<p>"+long+"</p>", func(e *site.PostEdit) { e.Excerpt = new("said in short") })
	f.post(t, "Four", "<!-- wp:paragraph --><p>short &amp; whole</p><!-- /wp:paragraph -->")
	home := f.get(t, "/")
	expect(t, "the home page", home, 200, "before", "said in short", "short &amp; whole", "word word …", "Continue reading")
	lacks(t, "the home page", home, "behind", "the end", "wp:paragraph")
	if n := strings.Count(home.Body.String(), `class="more"`); n != 3 {
		t.Errorf("%d posts have more than is shown, want 3", n)
	}
}

// The beginning of the text replaces a missing title, and is not shown twice.
func TestUntitledPosts(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	id := f.post(t, "", "[gallery]A short <em>note</em> &amp; more")
	f.post(t, "Next", "text")
	expect(t, "its page", f.get(t, link(id)), 200, "<title>A short note &amp; more – My blog</title>", `<h1 class="unseen">A short note &amp; more</h1>`)
	expect(t, "the home page", f.get(t, "/"), 200, `<h2 class="unseen">`, `<a href="`+base+link(id)+`"><time`)
	expect(t, "the post behind it", f.get(t, link(id+1)), 200, "<small>Previous</small>A short note &amp; more</a>")
	f.post(t, "", "veiled", password("sesame"))
	home := f.get(t, "/")
	expect(t, "behind a password", home, 200, "(no title)")
	lacks(t, "behind a password", home, "veiled")
}

// Dates are in the blog's time zone and format.
func TestDates(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	f.set(t, "timezone_string", "Pacific/Auckland")
	f.clock.Set(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC))
	id := f.post(t, "Post", "text")
	for format, want := range map[string]string{
		"F j, Y": "January 3, 2026", "d.m.y": "03.01.26", `l, \t\h\e jS \o\f F`: "Saturday, the 3rd of January", "D n/j": "Sat 1/3", "Y-m-d": "2026-01-03", "N w z t L W": "6 6 2 31 0 01", "ä": "ä", "": "",
	} {
		f.set(t, "date_format", format)
		expect(t, format, f.get(t, link(id)), 200, `<time datetime="2026-01-02T15:04:05Z">`+want+`</time>`)
	}
	f.set(t, "date_format", "j M")
	f.set(t, "time_format", "H:i:s g G h a A")
	if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "said"}); err != nil {
		t.Fatal(err)
	}
	expect(t, "a comment", f.get(t, link(id)), 200, "3 Jan, 04:04:05 4 4 04 am AM")
}

func TestRobotsAndSitemap(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.post(t, "Post", "text")
		expect(t, "robots.txt", f.get(t, "/robots.txt"), 200, "Sitemap: "+base+"/wp-sitemap.xml")
		lacks(t, "robots.txt", f.get(t, "/robots.txt"), "Disallow: /\n")
		expect(t, "the map", f.get(t, "/wp-sitemap.xml"), 200, "<loc>"+base+"/</loc>", "<loc>"+base+"/?p=1</loc>", "<lastmod>2026-11-05T12:00:00Z</lastmod>")
		expect(t, "a part that is not there", f.get(t, "/wp-sitemap.xml?page=2"), 404)
		lacks(t, "the home page", f.get(t, "/"), "noindex")

		// If there are more addresses than fit into one map, there is
		// an index.
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			for i := range 2000 {
				if _, err := tx.Exec(t.Context(), `INSERT INTO posts (type, status, title, name, date, modified) VALUES ('post', 'publish', 'x', $1, $2, $2)`, fmt.Sprintf("x-%d", i), f.clock.Now()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		index := f.get(t, "/wp-sitemap.xml")
		expect(t, "the index", index, 200, "<sitemapindex", "<loc>"+base+"/wp-sitemap.xml?page=2</loc>")
		lacks(t, "the index", index, "page=3")
		expect(t, "the second part", f.get(t, "/wp-sitemap.xml?page=2"), 200, "<urlset", "/?p=2001</loc>")
		if n := strings.Count(f.get(t, "/wp-sitemap.xml?page=1").Body.String(), "<url>"); n != 2001 {
			t.Errorf("the first part has %d addresses, want 2000 and the home page", n)
		}

		f.set(t, "blog_public", "0")
		expect(t, "robots.txt of a blog for few", f.get(t, "/robots.txt"), 200, "Disallow: /\n")
		expect(t, "the map of a blog for few", f.get(t, "/wp-sitemap.xml"), 404)
		expect(t, "the home page of a blog for few", f.get(t, "/"), 200, `<meta name="robots" content="noindex, follow" />`)
	})
}

// Without pages, the server has what publishing clients look for, and shows
// nothing of the blog.
func TestPublicOff(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{Off: true})
		f.set(t, "anonymous_comments", "1")
		id := f.post(t, "Veiled", "veiled text", named("post_tag", "red"))
		f.post(t, "Veiled page", "veiled text", ofType("page"))
		expect(t, "the home page", f.get(t, "/"), 200, `<link rel="EditURI" type="application/rsd+xml" title="RSD" href="https://blog.example/xmlrpc.php?rsd" />`,
			`<link rel="wlwmanifest" type="application/wlwmanifest+xml" href="https://blog.example/wp-includes/wlwmanifest.xml" />`, "<code>https://blog.example/xmlrpc.php</code>")
		for _, target := range []string{"/", link(id), "/?tag=red", "/feed/", "/?feed=rss2", "/comments/feed/", "/?author=1", "/?s=veiled", "/wp-sitemap.xml", "/robots.txt", "/2026/", "/wp-comments-post.php", "/wp-pass.php"} {
			w := f.get(t, target)
			lacks(t, target, w, "Veiled", "veiled text")
			if target != "/" && target != "/robots.txt" && w.Code != 404 {
				t.Errorf("%s: %d", target, w.Code)
			}
		}
		expect(t, "a comment", f.send(t, "/wp-comments-post.php", remark(id, "Hello")), 404)
	})
}

// A search takes words literally, and only reads what everyone may read.
func TestSearch(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.post(t, "Percent", "100% sure_thing")
		f.post(t, "Plain", "100 sure things")
		f.post(t, "Great Élan", "with an accent")
		found := func(words string) (titles []string) {
			body := f.get(t, "/?s="+words).Body.String()
			for _, title := range []string{"Percent", "Plain", "Great Élan"} {
				if strings.Contains(body, ">"+title+"</a></h2>") {
					titles = append(titles, title)
				}
			}
			return titles
		}
		for words, want := range map[string][]string{
			"100%25": {"Percent"}, "sure_thing": {"Percent"}, "SURE+thing": {"Percent", "Plain"}, "sure+-plain": {"Percent"}, "%22sure+things%22": {"Plain"},
			"great": {"Great Élan"}, "%27+OR+1=1+--": nil, "x%00y": nil, strings.Repeat("long+", 200): nil,
		} {
			if d := cmp.Diff(want, found(words)); d != "" {
				t.Errorf("%s (-want +got):\n%s", words, d)
			}
		}
	})
}
