package public_test

import (
	"context"
	"encoding/xml"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// A reference to a reusable block shows the block, but not inside itself.
func TestReusableBlocks(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		ref := func(id int64) string { return `<!-- wp:block {"ref":` + itoa(id) + `} /-->` }
		block := func(content string, changes ...func(*site.PostEdit)) int64 {
			id := f.post(t, "Block", content, changes...)
			if _, err := db.Exec(t.Context(), `UPDATE posts SET type = 'wp_block', content = $1 WHERE id = $2`, strings.ReplaceAll(content, "SELF", itoa(id)), id); err != nil {
				t.Fatal(err)
			}
			return id
		}
		inner := block("<!-- wp:paragraph --><p>Written once.</p><!-- /wp:paragraph -->")
		outer := block("<p>Around</p>" + ref(inner))
		loop := block(`<p>Round</p><!-- wp:block {"ref":SELF} /-->`)
		draft := block("<p>Unfinished</p>", status("draft"))
		locked := block("<p>Veiled</p>", password("sesame"))
		other := f.post(t, "Other", "<p>Not a block</p>")
		for _, test := range []struct {
			name, text, want string
		}{
			{"one", ref(inner), "<p>Written once.</p>"},
			{"one in another", ref(outer), "<p>Around</p><p>Written once.</p>"},
			{"one in itself", ref(loop), "<p>Round</p>"},
			{"one twice", ref(inner) + ref(inner), "<p>Written once.</p><p>Written once.</p>"},
			{"one with more attributes", `<p>a</p><!-- wp:block {"lock":{"move":true},"ref":` + itoa(inner) + `} /--><p>b</p>`, "<p>a</p><p>Written once.</p><p>b</p>"},
			{"one that is missing", "<p>Before</p>" + ref(99999), "<p>Before</p>"},
			{"a draft", "<p>Before</p>" + ref(draft), "<p>Before</p>"},
			{"one with a password", "<p>Before</p>" + ref(locked), "<p>Before</p>"},
			{"a post", "<p>Before</p>" + ref(other), "<p>Before</p>"},
		} {
			id := f.post(t, "Uses", test.text)
			if got := textOfPost(t, f.get(t, link(id)).Body.String()); got != test.want {
				t.Errorf("%s: got %s, want %s", test.name, got, test.want)
			}
		}
		expect(t, "the feed", f.get(t, "/?feed=rss2"), 200, "Written once.", "Round")
	})
}

// Sounds and videos without an address are those of the post.
func TestAttachedPlayers(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		id := f.post(t, "Post", "[audio]<p>and</p>[video]<p>and</p>[playlist]")
		for _, file := range []struct{ name, kind string }{{"song.mp3", "audio/mpeg"}, {"clip.mp4", "video/mp4"}} {
			if _, err := f.CreateAttachment(t.Context(), f.admin, site.Upload{Name: file.name, Type: file.kind, Parent: id, Bytes: strings.NewReader("x")}); err != nil {
				t.Fatal(err)
			}
		}
		text := textOfPost(t, f.get(t, link(id)).Body.String())
		if strings.Count(text, "<audio") != 2 || strings.Count(text, "<video") != 1 || !strings.Contains(text, `song.mp3"`) || !strings.Contains(text, `clip.mp4"`) {
			t.Errorf("got %s", text)
		}
	})
}

// A sound or a video has a player on its own page; other files have a link.
func TestUploadsPlayOnTheirPages(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		for name, want := range map[string]string{"song.mp3": "<audio controls", "clip.mp4": "<video controls", "paper.pdf": ""} {
			kind := map[string]string{"song.mp3": "audio/mpeg", "clip.mp4": "video/mp4", "paper.pdf": "application/pdf"}[name]
			a, err := f.CreateAttachment(t.Context(), f.admin, site.Upload{Name: name, Type: kind, Bytes: strings.NewReader("x")})
			if err != nil {
				t.Fatal(err)
			}
			w := f.get(t, "/?attachment_id="+itoa(a.ID))
			expect(t, name, w, 200, want, `<p class="file"><a href="`+f.FileURL(a)+`" download>`)
			if want == "" {
				lacks(t, name, w, "<audio")
				lacks(t, name, w, "<video")
			} else {
				expect(t, name, w, 200, ` src="`+f.FileURL(a)+`"`)
			}
		}
	})
}

// Markup that comments may not have is removed. Words that it separated stay
// separated.
func TestWordsOfCommentsStayApart(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	id := f.post(t, "Post", "x")
	for _, text := range []string{
		"<h1>Header first</h1><h2>second two</h2><ul><li>third</li><li>fourth</li></ul>",
		"<table><tr><td>first</td><td>second</td></tr></table>", "<dl><dt>first</dt><dd>second</dd></dl>", "<figure>first</figure><header>second</header>",
	} {
		comment, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Exec(t.Context(), `UPDATE comments SET content = $1 WHERE id = $2`, text, comment); err != nil {
			t.Fatal(err)
		}
		for _, target := range []string{link(id), "/?feed=comments-rss2"} {
			w := f.get(t, target)
			expect(t, target, w, 200, "first", "second")
			lacks(t, target, w, "firstsecond")
			lacks(t, target, w, "thirdfourth")
			lacks(t, target, w, "<h1>Header")
		}
		if err := f.DeleteComment(t.Context(), f.admin, comment); err != nil {
			t.Fatal(err)
		}
	}
}

// Enclosures of a feed are web addresses, whatever the author wrote.
func TestEnclosuresAreOfTheWeb(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	for _, address := range []string{"javascript:alert(1)", "file:///etc/passwd", "data:audio/mpeg,x", " javascript:x", "//x.example/a.mp3", "/a.mp3", "https:x"} {
		f.post(t, "Post", "x", func(e *site.PostEdit) {
			e.CustomFields = []site.FieldEdit{{Key: "enclosure", HasKey: true, Value: address + "\n5\naudio/mpeg"}}
		})
	}
	lacks(t, "the feed", f.get(t, "/?feed=rss2"), "<enclosure")
	f.post(t, "Post", "x", func(e *site.PostEdit) {
		e.CustomFields = []site.FieldEdit{{Key: "enclosure", HasKey: true, Value: "HTTPS://x.example/a.mp3\n5\naudio/mpeg"}}
	})
	expect(t, "the feed", f.get(t, "/?feed=rss2"), 200, `<enclosure url="HTTPS://x.example/a.mp3" length="5"`)
}

// A list shows the beginning of a long post, and a feed shows more of it.
// Neither grows with the post.
func TestListsOfLongPosts(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	long := strings.Repeat("lorem ipsum dolor sit amet\n\n", 40_000) + "the very end"
	f.post(t, "Long", long)
	f.post(t, "Marked", strings.Repeat("<!-- x --><img src=\"/a.png\">\n", 40_000)+"<!--more-->behind")
	home, feed := f.get(t, "/"), f.get(t, "/?feed=rss2")
	if home.Body.Len() > 1<<20 || feed.Body.Len() > 5<<20 {
		t.Errorf("the home page has %d bytes, the feed %d", home.Body.Len(), feed.Body.Len())
	}
	expect(t, "the home page", home, 200, "Continue reading")
	expect(t, "the feed", feed, 200, "Continue reading", "lorem ipsum")
	if err := xml.Unmarshal(feed.Body.Bytes(), new(struct{})); err != nil {
		t.Error(err)
	}
	lacks(t, "the home page", home, "the very end")
}

// The work for a page ends when all visitors who requested it have left.
func TestVisitorsWhoLeave(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	id := f.post(t, "Long", strings.Repeat("<b>x</b>", 50_000))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", link(id), nil))
	if w.Code == 200 {
		t.Error("a page was made for nobody")
	}
	expect(t, "the next visitor", f.get(t, link(id)), 200, "<b>x</b>")
}

// The length of a page is limited, even with very many long comments.
func TestLongCommentsAreBounded(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	id := f.post(t, "Post", "x")
	long := strings.Repeat("word ", 12_000)
	for i := range 30 {
		f.clock.Add(time.Minute)
		if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "number " + itoa(int64(i)) + " " + long}); err != nil {
			t.Fatal(err)
		}
	}
	w := f.get(t, link(id))
	expect(t, "the page", w, 200, "number 0 ", "number 29 ")
	if w.Body.Len() > 1_500_000 {
		t.Errorf("the page has %d bytes", w.Body.Len())
	}
}
