package wxr_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/quillgate/quillgate/wxr"
)

// write calls the Writer's method for the item.
func write(w *wxr.Writer, item wxr.Item) error {
	switch item := item.(type) {
	case *wxr.Site:
		return w.WriteSite(item)
	case *wxr.Author:
		return w.WriteAuthor(item)
	case *wxr.Category:
		return w.WriteCategory(item)
	case *wxr.Tag:
		return w.WriteTag(item)
	case *wxr.Term:
		return w.WriteTerm(item)
	default:
		return w.WritePost(item.(*wxr.Post))
	}
}

type fatal interface{ Fatalf(string, ...any) }

func export(t fatal, items []wxr.Item) []byte {
	var b bytes.Buffer
	w := wxr.NewWriter(&b)
	for _, item := range items {
		if err := write(w, item); err != nil {
			t.Fatalf("write %s: %v", item.Kind(), err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return b.Bytes()
}

// read returns all items of an export in which nothing may be wrong.
func read(t fatal, export []byte) []wxr.Item {
	var items []wxr.Item
	r := wxr.NewReader(bytes.NewReader(export))
	for {
		item, err := r.Next()
		if err == io.EOF {
			return items
		}
		if err != nil {
			t.Fatalf("Next: %v in\n%s", err, export)
		}
		if notes := r.Notes(); len(notes) > 0 {
			t.Fatalf("notes %v on %s in\n%s", notes, item.Kind(), export)
		}
		items = append(items, item)
	}
}

func day(n int) time.Time { return time.Date(2023, 4, n, 12, 30, n, 0, time.UTC) }

// specimen has every field of every kind of item.
func specimen() []wxr.Item {
	return []wxr.Item{
		&wxr.Site{
			Title: "Glass & <house>", Link: "https://glass.example/?a=1&b=2", Description: "Two\nlines", PubDate: day(3),
			Language: "de-DE", Version: "1.2", BaseSiteURL: "https://glass.example", BaseBlogURL: "https://glass.example/blog",
			Generator: "https://quillgate.example/?v=1",
		},
		&wxr.Author{ID: 1, Login: "anna", Email: "anna@glass.example", DisplayName: "Anna 🌱", FirstName: "Anna", LastName: "Beck"},
		&wxr.Category{
			ID: 7, Slug: "plants", Parent: "", Name: "Plants, Trees", Description: "all ]]> of them",
			Meta: []wxr.Meta{{Key: "colour", Value: "#0a0"}},
		},
		&wxr.Category{ID: 8, Slug: "trees", Parent: "plants", Name: "Trees"},
		&wxr.Tag{ID: 9, Slug: "moss", Name: "Moss", Description: "soft", Meta: []wxr.Meta{{Key: "k", Value: ""}}},
		&wxr.Term{
			ID: 10, Taxonomy: "nav_menu", Slug: "top", Parent: "root", Name: "Top", Description: "menu",
			Meta: []wxr.Meta{{Key: "k", Value: "v"}},
		},
		&wxr.Post{
			ID: 21, Title: "A <em>title</em> ]]> & more", Link: "https://glass.example/a/", Creator: "anna",
			GUID: "https://glass.example/?p=21&x=1", Content: "<![CDATA[ a ]]> \r\n b\r ]\r]> ]]]]>> \u00a0 😀", Excerpt: " kept ",
			Date: day(4), DateGMT: day(5), Modified: day(6), ModifiedGMT: day(7), CommentStatus: "open", PingStatus: "closed",
			Name: "a-title", Status: "publish", Parent: 3, MenuOrder: -4, Type: "attachment", Password: " secret ", Sticky: true,
			AttachmentURL: "https://glass.example/a.jpg?x=1&y=2",
			Terms: []wxr.PostTerm{
				{Taxonomy: "category", Slug: "trees", Name: "Trees"},
				{Taxonomy: "post_tag", Slug: "a\"b<c>&d\te", Name: "&amp;"},
				{Taxonomy: "series", Name: "without a slug"},
			},
			Meta: []wxr.Meta{{Key: "twice", Value: "a:1:{i:0;s:1:\"x\";}"}, {Key: "twice", Value: ""}},
			Comments: []wxr.Comment{
				{
					ID: 31, Author: "Bernd", AuthorEmail: "b@glass.example", AuthorURL: "https://b.example/?a&b", AuthorIP: "2001:db8::1",
					Date: day(8), DateGMT: day(9), Content: "Nice ]]>", Approved: "1", Type: "comment", Parent: 30, UserID: 2,
					Meta: []wxr.Meta{{Key: "rating", Value: "5"}, {Key: "rating", Value: "4"}},
				},
				{ID: 32, Approved: "spam"},
			},
		},
		&wxr.Post{},
	}
}

func TestRoundTrip(t *testing.T) {
	want := specimen()
	if diff := cmp.Diff(want, read(t, export(t, want))); diff != "" {
		t.Errorf("read(write(x)) (-x +got):\n%s", diff)
	}
}

// TestWriterLayout holds the document to the order and names in which WordPress
// writes version 1.2.
func TestWriterLayout(t *testing.T) {
	const path = "testdata/written.xml"
	got := export(t, specimen())
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

var (
	prose = rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{
				"]]>", "]]", "]", ">", "<![CDATA[", "</item>", "<item>", "&amp;", "&#0;", "&", "<", "\"", "'", "\r\n", "\r", "\n",
				"\t", " ", "<!-- wp:x -->", "<?", "?>", "-->", "😀", "\u00a0", "\u2028", "\ufeff", "\ufffd", "\ue000", "\u0085", "\x7f",
			}),
			rapid.StringOf(rapid.Rune().Filter(legal)),
		), 0, 6).Draw(t, "parts")
		return strings.Join(parts, "")
	})
	word   = rapid.Map(prose, strings.TrimSpace)
	number = rapid.Int64()
	date   = rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 4).Draw(t, "no date") == 0 {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "seconds"), 0).UTC() // years 0 to 9999
	})
	meta  = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wxr.Meta { return wxr.Meta{Key: prose.Draw(t, "k"), Value: prose.Draw(t, "v")} }), 0, 3)
	terms = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wxr.PostTerm {
		taxonomy := word.Filter(func(s string) bool { return s != "" && s != "tag" })
		slug := word.Filter(func(s string) bool { return s != "" })
		return wxr.PostTerm{Taxonomy: taxonomy.Draw(t, "taxonomy"), Slug: slug.Draw(t, "slug"), Name: prose.Draw(t, "name")}
	}), 0, 3)
)

func legal(c rune) bool {
	return c >= 0x20 && c != 0xFFFE && c != 0xFFFF && (c < 0xD800 || c > 0xDFFF)
}

// draw fills the fields of one item: T's strings are words but for those named
// here.
func drawPost(t *rapid.T) wxr.Item {
	w := func(name string) string { return word.Draw(t, name) }
	p := func(name string) string { return prose.Draw(t, name) }
	n := func(name string) int64 { return number.Draw(t, name) }
	d := func(name string) time.Time { return date.Draw(t, name) }
	comments := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wxr.Comment {
		return wxr.Comment{
			ID: n("id"), Author: p("author"), AuthorEmail: w("email"), AuthorURL: w("url"), AuthorIP: w("ip"), Date: d("date"),
			DateGMT: d("gmt"), Content: p("content"), Approved: w("approved"), Type: w("type"), Parent: n("parent"),
			UserID: n("user"), Meta: meta.Draw(t, "meta"),
		}
	}), 0, 3)
	return &wxr.Post{
		ID: n("id"), Title: p("title"), Link: w("link"), Creator: w("creator"), GUID: w("guid"), Content: p("content"),
		Excerpt: p("excerpt"), Date: d("date"), DateGMT: d("gmt"), Modified: d("modified"), ModifiedGMT: d("modified gmt"),
		CommentStatus: w("comments"), PingStatus: w("pings"), Name: w("name"), Status: w("status"), Parent: n("parent"),
		MenuOrder: n("order"), Type: w("type"), Password: p("password"), Sticky: rapid.Bool().Draw(t, "sticky"),
		AttachmentURL: w("attachment"), Terms: terms.Draw(t, "terms"), Meta: meta.Draw(t, "meta"),
		Comments: comments.Draw(t, "comments"),
	}
}

func drawTerm(t *rapid.T) []wxr.Item {
	w := func(name string) string { return word.Draw(t, name) }
	p := func(name string) string { return prose.Draw(t, name) }
	n := func(name string) int64 { return number.Draw(t, name) }
	return []wxr.Item{
		&wxr.Site{
			Title: p("title"), Link: w("link"), Description: p("description"), PubDate: date.Draw(t, "date"), Language: w("language"),
			Version: "1.2", BaseSiteURL: w("site"), BaseBlogURL: w("blog"), Generator: w("generator"),
		},
		&wxr.Author{ID: n("id"), Login: w("login"), Email: w("email"), DisplayName: p("name"), FirstName: p("first"), LastName: p("last")},
		&wxr.Category{ID: n("id"), Slug: w("slug"), Parent: w("parent"), Name: p("name"), Description: p("text"), Meta: meta.Draw(t, "m")},
		&wxr.Tag{ID: n("id"), Slug: w("slug"), Name: p("name"), Description: p("text"), Meta: meta.Draw(t, "m")},
		&wxr.Term{
			ID: n("id"), Taxonomy: w("taxonomy"), Slug: w("slug"), Parent: w("parent"), Name: p("name"), Description: p("text"),
			Meta: meta.Draw(t, "m"),
		},
	}
}

func TestRoundTripOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := append(drawTerm(t), rapid.SliceOfN(rapid.Custom(drawPost), 0, 3).Draw(t, "posts")...)
		written := export(t, want)
		if diff := cmp.Diff(want, read(t, written), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read(write(x)) (-x +got):\n%s", diff)
		}
		strictly(t, written)
	})
}

// strictly reads a document as a parser does that forgives nothing.
func strictly(t fatal, document []byte) {
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("not XML: %v in\n%s", err, document)
		}
	}
}

func TestWriterLeavesOutWhatXMLForbids(t *testing.T) {
	const dirty = "a\x00b\x1b[1mc\xffd\ufffee\U0001F600\xed\xa0\x80"
	const clean = "ab[1mc\ufffdde\U0001F600\ufffd\ufffd\ufffd"
	var b bytes.Buffer
	w := wxr.NewWriter(&b)
	post := &wxr.Post{Title: dirty, Link: dirty, Terms: []wxr.PostTerm{{Taxonomy: "x", Slug: dirty, Name: dirty}}}
	if err := errors.Join(w.WriteSite(&wxr.Site{Title: dirty}), w.WritePost(post), w.Close()); err != nil {
		t.Fatal(err)
	}
	strictly(t, b.Bytes())
	if got, want := w.Dropped(), 5*7; got != want {
		t.Errorf("Dropped = %d, want %d", got, want)
	}
	want := []wxr.Item{
		&wxr.Site{Title: clean, Version: "1.2"},
		&wxr.Post{Title: clean, Link: clean, Terms: []wxr.PostTerm{{Taxonomy: "x", Slug: clean, Name: clean}}},
	}
	if diff := cmp.Diff(want, read(t, b.Bytes())); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestWriterDates(t *testing.T) {
	for _, test := range []struct {
		name     string
		in, want time.Time
	}{
		{"none", time.Time{}, time.Time{}},
		{"another zone", time.Date(2020, 1, 1, 0, 30, 0, 0, time.FixedZone("", 3600)), time.Date(2019, 12, 31, 23, 30, 0, 0, time.UTC)},
		{"fractions", time.Date(2020, 1, 1, 0, 0, 0, 999, time.UTC), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"five digits", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
		{"before the year 0", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}},
	} {
		items := read(t, export(t, []wxr.Item{&wxr.Site{PubDate: test.in}, &wxr.Post{Date: test.in, DateGMT: test.in}}))
		site, post := items[0].(*wxr.Site), items[1].(*wxr.Post)
		for _, got := range []time.Time{site.PubDate, post.Date, post.DateGMT} {
			if !got.Equal(test.want) {
				t.Errorf("%s: wrote %v, read %v, want %v", test.name, test.in, got, test.want)
			}
		}
	}
}

func TestWriterKeepsOrder(t *testing.T) {
	kinds := []wxr.Item{&wxr.Site{}, &wxr.Author{}, &wxr.Category{}, &wxr.Tag{}, &wxr.Term{}, &wxr.Post{}}
	for i, first := range kinds {
		for j, second := range kinds {
			w := wxr.NewWriter(io.Discard)
			if i > 0 {
				if err := write(w, first); !errors.Is(err, wxr.ErrOrder) {
					t.Errorf("%s before the site: %v, want ErrOrder", first.Kind(), err)
				}
				if err := w.WriteSite(&wxr.Site{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := write(w, first); err != nil {
				t.Errorf("%s: %v", first.Kind(), err)
			}
			refused := errors.Is(write(w, second), wxr.ErrOrder)
			if want := j < i || j == 0; refused != want {
				t.Errorf("%s behind %s refused: %v, want %v", second.Kind(), first.Kind(), refused, want)
			}
			if err := w.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := write(w, second); !errors.Is(err, wxr.ErrOrder) {
				t.Errorf("%s behind Close: %v, want ErrOrder", second.Kind(), err)
			}
			if err := w.Close(); !errors.Is(err, wxr.ErrOrder) {
				t.Errorf("second Close: %v, want ErrOrder", err)
			}
		}
	}
	if err := wxr.NewWriter(io.Discard).Close(); !errors.Is(err, wxr.ErrOrder) {
		t.Errorf("Close without a site: %v, want ErrOrder", err)
	}
}

// full is a destination that takes n bytes.
type full struct{ n int }

var errFull = errors.New("full")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return 0, errFull
	}
	f.n -= len(p)
	return len(p), nil
}

func TestWriterReportsTheDestination(t *testing.T) {
	large := &wxr.Post{Content: strings.Repeat("x", 1<<20)}
	for _, test := range []struct {
		name  string
		size  int
		items []wxr.Item
	}{
		{"at an item", 0, []wxr.Item{&wxr.Site{}, large}},
		{"at the end", 0, []wxr.Item{&wxr.Site{}}},
	} {
		w := wxr.NewWriter(&full{test.size})
		var err error
		for _, item := range test.items {
			err = write(w, item)
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v, want %v", test.name, err, errFull)
		}
		if again := errors.Join(w.WritePost(large), w.Close()); !errors.Is(again, errFull) {
			t.Errorf("%s, later: %v, want %v", test.name, again, errFull)
		}
	}
}

// TestRewrite reads every export in testdata, writes it, and reads that.
func TestRewrite(t *testing.T) {
	for name, file := range exports(t) {
		items := rewritable(wxr.NewReader(bytes.NewReader(file)))
		if diff := cmp.Diff(items, read(t, export(t, items))); diff != "" {
			t.Errorf("%s (-read +rewritten):\n%s", name, diff)
		}
	}
}

// rewritable returns the items that can be read, in the order in which they can
// be written.
func rewritable(r *wxr.Reader) []wxr.Item {
	var items []wxr.Item
	for _, s := range readAll(r) {
		if site, ok := s.Item.(*wxr.Site); ok {
			site.Version = "1.2"
		}
		if s.Item != nil {
			items = append(items, s.Item)
		}
	}
	order := []wxr.Kind{wxr.KindSite, wxr.KindAuthor, wxr.KindCategory, wxr.KindTag, wxr.KindTerm, wxr.KindPost}
	slices.SortStableFunc(items, func(a, b wxr.Item) int {
		return slices.Index(order, a.Kind()) - slices.Index(order, b.Kind())
	})
	return items
}
