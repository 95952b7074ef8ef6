package public_test

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// feedTexts reads an XML document to its end, and returns all texts and
// attributes.
func feedTexts(t *testing.T, what, document string) []string {
	t.Helper()
	var texts []string
	var text strings.Builder
	// Texts that readers may take for HTML: the type decides that in Atom,
	// and nothing does in RSS.
	shown := []string{"content"}
	if strings.Contains(document, "<rss") {
		shown = []string{"encoded", "description", "title", "creator", "category"}
	}
	for d := xml.NewDecoder(strings.NewReader(document)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			t.Errorf("%s: %v in\n%s", what, err, document)
			return texts
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			if token.Name.Local == "script" || token.Name.Local == "img" {
				t.Errorf("%s: an element %s of the feed itself", what, token.Name.Local)
			}
			text.Reset()
		case xml.EndElement:
			if slices.Contains(shown, token.Name.Local) {
				texts = append(texts, text.String())
			}
			text.Reset()
		}
	}
}

// readRSS and readAtom read feeds as feed readers do.
type readRSS struct {
	Channel struct {
		Title string `xml:"title"`
		Self  struct {
			Href string `xml:"href,attr"`
		} `xml:"http://www.w3.org/2005/Atom link"`
		Description string `xml:"description"`
		Items       []struct {
			Title      string   `xml:"title"`
			GUID       string   `xml:"guid"`
			Published  string   `xml:"pubDate"`
			Creator    string   `xml:"http://purl.org/dc/elements/1.1/ creator"`
			Categories []string `xml:"category"`
			Summary    string   `xml:"description"`
			Content    string   `xml:"http://purl.org/rss/1.0/modules/content/ encoded"`
			Replies    string   `xml:"http://wellformedweb.org/CommentAPI/ commentRss"`
			Enclosure  struct {
				URL    string `xml:"url,attr"`
				Length string `xml:"length,attr"`
			} `xml:"enclosure"`
		} `xml:"item"`
	} `xml:"channel"`
}

type readAtom struct {
	Title   string `xml:"title"`
	ID      string `xml:"id"`
	Updated string `xml:"updated"`
	Entries []struct {
		Title     string `xml:"title"`
		ID        string `xml:"id"`
		Published string `xml:"published"`
		Updated   string `xml:"updated"`
		Author    string `xml:"author>name"`
		Content   string `xml:"content"`
		Summary   string `xml:"summary"`
	} `xml:"entry"`
}

func readFeed(t *testing.T, f *face, target, kind string, into any) {
	t.Helper()
	w := f.get(t, target)
	if got := w.Header().Get("Content-Type"); w.Code != 200 || got != kind+"; charset=UTF-8" {
		t.Fatalf("%s: %d, %s", target, w.Code, got)
	}
	if err := xml.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
}

func TestFeeds(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "blog_title", "Tea & talk")
		f.set(t, "permalink_structure", "/%postname%/")
		f.set(t, "timezone_string", "Europe/Berlin")
		id := f.post(t, "One & <em>only</em>", "<p>Text <script>alert(1)</script>with ]]&gt; and \x02 in it.</p>", dated("2026-11-01 12:00:00"), named("category", "Fruit & nuts"),
			named("post_tag", "red"), func(e *site.PostEdit) {
				e.CustomFields = []site.FieldEdit{{Key: "enclosure", HasKey: true, Value: "https://blog.example/a.mp3\n1234\naudio/mpeg"}}
			})
		f.post(t, "Locked", "hidden text", password("sesame"), dated("2026-10-01 12:00:00"))
		if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "Well <em>said</em>"}); err != nil {
			t.Fatal(err)
		}

		var r readRSS
		readFeed(t, f, "/feed/", "application/rss+xml", &r)
		if len(r.Channel.Items) != 2 {
			t.Fatalf("%d items, want 2", len(r.Channel.Items))
		}
		item := r.Channel.Items[0]
		got := []string{
			r.Channel.Title, r.Channel.Self.Href, item.Title, item.GUID, item.Published, item.Creator, strings.Join(item.Categories, "|"),
			strings.TrimSpace(item.Content), item.Replies, item.Enclosure.URL, item.Enclosure.Length,
		}
		want := []string{
			"Tea & talk", base + "/feed/", "One & only", base + "/?p=1", "Sun, 01 Nov 2026 11:00:00 +0000", "Ada", "Fruit & nuts|red",
			"<p>Text with ]]&gt; and  in it.</p>", base + "/one-only/feed/", "https://blog.example/a.mp3", "1234",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("RSS (-want +got):\n%s", d)
		}
		if locked := r.Channel.Items[1]; locked.Title != "Locked" || strings.Contains(locked.Content+locked.Summary, "hidden") {
			t.Errorf("the feed contains a post with a password: %+v", locked)
		}

		var a readAtom
		readFeed(t, f, "/feed/atom/", "application/atom+xml", &a)
		entry := a.Entries[0]
		got = []string{a.Title, a.ID, a.Updated, entry.Title, entry.ID, entry.Published, entry.Author, strings.TrimSpace(entry.Content)}
		want = []string{"Tea & talk", base + "/feed/atom/", "2026-11-01T11:00:00Z", "One & only", base + "/?p=1", "2026-11-01T11:00:00Z", "Ada", "<p>Text with ]]&gt; and  in it.</p>"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Atom (-want +got):\n%s", d)
		}

		for _, target := range []string{"/comments/feed/", "/one-only/feed/", "/?feed=comments-rss2"} {
			var c readRSS
			readFeed(t, f, target, "application/rss+xml", &c)
			if len(c.Channel.Items) != 1 || c.Channel.Items[0].Title != "Ada on One & only" || !strings.Contains(c.Channel.Items[0].Content, "Well <em>said</em>") {
				t.Errorf("%s: %+v", target, c.Channel)
			}
		}
		expect(t, "comments on a post with a password", f.get(t, "/locked/feed/"), 404)
	})
}

// No feed contains comments on a post that is not public.
func TestCommentsFeedHidesComments(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		for _, change := range []func(*site.PostEdit){password("sesame"), status("private"), status("draft")} {
			id := f.post(t, "Veiled", "x", change)
			if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "secret remark"}); err != nil {
				t.Fatal(err)
			}
			lacks(t, "all comments", f.get(t, "/?feed=comments-rss2"), "secret remark", "Veiled")
			lacks(t, "comments of the post", f.get(t, "/?feed=rss2&p="+itoa(id)), "secret remark")
			lacks(t, "the post", f.get(t, link(id)), "secret remark")
		}
	})
}
