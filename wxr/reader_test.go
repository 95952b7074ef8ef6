package wxr_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/quillgate/quillgate/wxr"
)

var update = flag.Bool("update", false, "rewrite want.json in testdata")

// A step is one outcome of Next as the files in testdata hold it.
type step struct {
	Offset int64      // InputOffset behind it
	Kind   wxr.Kind   `json:",omitempty"`
	Item   wxr.Item   `json:",omitempty"`
	Error  string     `json:",omitempty"`
	Notes  []wxr.Note `json:",omitempty"`
}

// readAll calls Next to the end.
func readAll(r *wxr.Reader) []step {
	var steps []step
	for {
		item, err := r.Next()
		s := step{Offset: r.InputOffset(), Item: item, Notes: append([]wxr.Note(nil), r.Notes()...)}
		if err != nil {
			s.Error = err.Error()
		} else {
			s.Kind = item.Kind()
		}
		steps = append(steps, s)
		if _, ok := errors.AsType[*wxr.ItemError](err); err != nil && !ok {
			return steps
		}
	}
}

func encode(t testing.TB, steps []step) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	for _, s := range steps {
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// exports returns the exports in testdata by name.
func exports(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("testdata: %v, %d files", err, len(paths))
	}
	all := make(map[string][]byte)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = archive.Files[0].Data
	}
	return all
}

func TestReaderTakesExports(t *testing.T) {
	for name, export := range exports(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".txtar")
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := encode(t, readAll(wxr.NewReader(bytes.NewReader(export))))
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("steps of %s (-want +got):\n%s", name, diff)
			}
		})
	}
}

// TestReaderIgnoresChunking reads the exports in pieces of every kind of size.
func TestReaderIgnoresChunking(t *testing.T) {
	for name, export := range exports(t) {
		want := encode(t, readAll(wxr.NewReader(bytes.NewReader(export))))
		for how, src := range map[string]io.Reader{
			"one byte":   iotest.OneByteReader(bytes.NewReader(export)),
			"halves":     iotest.HalfReader(bytes.NewReader(export)),
			"early end":  iotest.DataErrReader(bytes.NewReader(export)),
			"empty read": &hesitant{src: bytes.NewReader(export)},
		} {
			if diff := cmp.Diff(want, encode(t, readAll(wxr.NewReader(src)))); diff != "" {
				t.Errorf("%s, %s (-whole +pieces):\n%s", name, how, diff)
			}
		}
	}
}

// hesitant gives three bytes at every other read and nothing in between.
type hesitant struct {
	src  io.Reader
	gave bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.gave = !h.gave; !h.gave {
		return 0, nil
	}
	return h.src.Read(p[:min(3, len(p))])
}

// TestResumeAfterEveryItem saves the offset behind every outcome, opens the
// file again there, and expects the rest.
func TestResumeAfterEveryItem(t *testing.T) {
	for name, export := range exports(t) {
		whole := readAll(wxr.NewReader(bytes.NewReader(export)))
		for i, s := range whole {
			r, err := wxr.Resume(bytes.NewReader(export), s.Offset)
			if err != nil {
				t.Errorf("%s: Resume(%d): %v", name, s.Offset, err)
				continue
			}
			if got := r.InputOffset(); got != s.Offset {
				t.Errorf("%s: InputOffset after Resume(%d) = %d", name, s.Offset, got)
			}
			rest := whole[min(i+1, len(whole)-1):] // the end repeats itself
			if diff := cmp.Diff(encode(t, rest), encode(t, readAll(r))); diff != "" {
				t.Errorf("%s: after Resume(%d) (-whole +resumed):\n%s", name, s.Offset, diff)
			}
			if got, want := r.Site().Title, whole[0].Item.(*wxr.Site).Title; got != want {
				t.Errorf("%s: Site after Resume(%d) has the title %q, want %q", name, s.Offset, got, want)
			}
		}
	}
}

func TestResumeRefusesOtherOffsets(t *testing.T) {
	export := exports(t)["prefixes"]
	saved := map[int64]bool{0: true, int64(len(bytes.TrimSpace(export))): true} // the end of the root serves too,
	for offset := range export {                                                // and so do the beginnings of items
		for _, tag := range []string{"<item>", "<w:author>", "</channel>", "</rss>"} {
			saved[int64(offset)] = saved[int64(offset)] || bytes.HasPrefix(export[offset:], []byte(tag))
		}
	}
	for _, s := range readAll(wxr.NewReader(bytes.NewReader(export))) {
		saved[s.Offset] = true
	}
	for offset := int64(1); offset < int64(len(export))+10; offset++ {
		r, err := wxr.Resume(bytes.NewReader(export), offset)
		if saved[offset] || err != nil && errors.Is(err, wxr.ErrOffset) {
			continue
		}
		t.Errorf("Resume(%d) = %v, %v; want ErrOffset", offset, r != nil, err)
	}
}

// seeker gives its bytes with a source that can be made to fail.
type seeker struct {
	*bytes.Reader
	seeks, reads int // how many of each still work
}

var errBroken = errors.New("broken")

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	if s.seeks--; s.seeks < 0 {
		return 0, errBroken
	}
	return s.Reader.Seek(offset, whence)
}

func (s *seeker) Read(p []byte) (int, error) {
	if s.reads--; s.reads < 0 {
		return 0, errBroken
	}
	return s.Reader.Read(p)
}

func TestResumeReportsTheSource(t *testing.T) {
	file := exports(t)["prefixes"]
	steps := readAll(wxr.NewReader(bytes.NewReader(file)))
	for _, works := range []struct{ seeks, reads int }{{0, 9}, {1, 9}, {2, 0}, {2, 1}} {
		r, err := wxr.Resume(&seeker{bytes.NewReader(file), works.seeks, works.reads}, steps[1].Offset)
		if format, ok := errors.AsType[*wxr.FormatError](err); !ok || !errors.Is(err, errBroken) {
			t.Errorf("with %+v: %v, %v (%v), want a FormatError of %v", works, r != nil, err, format, errBroken)
		}
	}
}

func TestResumeFromTheStart(t *testing.T) {
	export := exports(t)["version11"]
	r, err := wxr.Resume(bytes.NewReader(export), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := encode(t, readAll(wxr.NewReader(bytes.NewReader(export))))
	if diff := cmp.Diff(want, encode(t, readAll(r))); diff != "" {
		t.Errorf("Resume(0) (-NewReader +Resume):\n%s", diff)
	}
}

func TestSiteLearnsTheGenerator(t *testing.T) {
	r := wxr.NewReader(bytes.NewReader(exports(t)["version12"]))
	readAll(r)
	if got, want := r.Site().Generator, "https://wordpress.org/?v=6.1"; got != want {
		t.Errorf("Generator = %q, want %q", got, want)
	}
}

// TestTruncated cuts an export at every byte: what comes out is a prefix of
// what the whole gives, and then either the end (all was there) or
// io.ErrUnexpectedEOF with an offset from which the whole file can be gone on
// with.
func TestTruncated(t *testing.T) {
	export := exports(t)["version12"]
	whole := readAll(wxr.NewReader(bytes.NewReader(export)))
	checked := 0
	closed := bytes.LastIndex(export, []byte("</channel>")) + len("</channel>")
	for n := range len(export) {
		r := wxr.NewReader(bytes.NewReader(export[:n]))
		var got []step
		var last error
		for last == nil {
			var item wxr.Item
			if item, last = r.Next(); last == nil {
				got = append(got, step{Offset: r.InputOffset(), Item: item, Kind: item.Kind()})
			}
		}
		if diff := cmp.Diff(whole[:len(got)], got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("first %d bytes (-whole +cut):\n%s", n, diff)
		}
		if n >= closed {
			if last != io.EOF {
				t.Errorf("first %d bytes end with %v, want io.EOF", n, last)
			}
			continue
		}
		var format *wxr.FormatError
		cutOff := errors.Is(last, io.ErrUnexpectedEOF) || errors.Is(last, wxr.ErrNotExport) && len(got) == 0
		if !errors.As(last, &format) || !cutOff {
			t.Errorf("first %d bytes end with %v, want a FormatError of io.ErrUnexpectedEOF", n, last)
		}
		if len(got) == checked {
			continue
		}
		checked = len(got)
		resumed, err := wxr.Resume(bytes.NewReader(export), r.InputOffset())
		if err != nil {
			t.Fatalf("first %d bytes: Resume(%d): %v", n, r.InputOffset(), err)
		}
		if diff := cmp.Diff(encode(t, whole[len(got):]), encode(t, readAll(resumed))); diff != "" {
			t.Fatalf("first %d bytes, then the rest (-want +got):\n%s", n, diff)
		}
	}
}

const (
	head = `<?xml version="1.0"?><rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"><channel><wp:wxr_version>1.2</wp:wxr_version>`
	tail = `</channel></rss>`
)

// A document type before the first element is passed over, whatever it
// declares; nothing of that counts.
func TestReaderPassesOverDoctype(t *testing.T) {
	body := head[strings.Index(head, "<rss"):] + "<item><title>A &amp; B</title><wp:post_id>1</wp:post_id></item>" + tail
	for _, doctype := range []string{
		"<!DOCTYPE rss>", "<!doctype rss>", `<!DOCTYPE rss SYSTEM "http://example.org/rss.dtd">`, `<!DOCTYPE rss PUBLIC "-//X//DTD ]> //EN" 'x>y'>`,
		"<!DOCTYPE rss [\n<!ENTITY nbsp \"&#160;\">\n<!ENTITY gt2 ']>'>\n<!-- ]> ' \" -->\n<!ELEMENT rss ANY>\n] >",
	} {
		for _, before := range []string{"", `<?xml version="1.0" encoding="UTF-8"?>` + "\n", "<!-- a generator -->"} {
			r := wxr.NewReader(strings.NewReader(before + doctype + "\n" + body))
			if _, err := r.Next(); err != nil {
				t.Errorf("%s%s: %v", before, doctype, err)
				continue
			}
			item, err := r.Next()
			if p, ok := item.(*wxr.Post); err != nil || !ok || p.Title != "A & B" {
				t.Errorf("%s%s: %+v, %v", before, doctype, item, err)
			}
		}
	}
}

func TestReaderRefusesFiles(t *testing.T) {
	unreadable := errors.New("unreadable")
	for _, test := range []struct {
		name string
		src  io.Reader
		want error
	}{
		{"nothing", strings.NewReader(""), wxr.ErrNotExport},
		{"white space", strings.NewReader("\n\n"), wxr.ErrNotExport},
		{"text", strings.NewReader("posts"), wxr.ErrNotExport},
		{"html", strings.NewReader("<html><body></body></html>"), wxr.ErrNotExport},
		{"no channel", strings.NewReader("<rss><item></item></rss>"), wxr.ErrNotExport},
		{"empty channel", strings.NewReader("<rss><channel/></rss>"), wxr.ErrNotExport},
		{"endless declaration", strings.NewReader("<?xml " + strings.Repeat("x", 2000)), wxr.ErrNotExport},
		{"two doctypes", strings.NewReader(`<?xml version="1.0"?><!DOCTYPE rss><!DOCTYPE rss><rss><channel>`), wxr.ErrDoctype},
		{"another declaration", strings.NewReader(`<?xml version="1.0"?><!ENTITY a "b"><rss><channel>`), wxr.ErrDoctype},
		{"doctype without an end", strings.NewReader(`<!DOCTYPE rss [ <!ENTITY a "]>"> <rss><channel>`), wxr.ErrDoctype},
		{"endless doctype", strings.NewReader("<!DOCTYPE rss [" + strings.Repeat("<!ENTITY a 'b'>", 10_000) + "]><rss><channel>"), wxr.ErrDoctype},
		{"doctype in the channel", strings.NewReader(head + "<!DOCTYPE rss>" + tail), wxr.ErrDoctype},
		{"doctype at the end", strings.NewReader(head + tail + "<!DOCTYPE rss>"), wxr.ErrDoctype},
		{"second root", strings.NewReader(head + tail + head + tail), wxr.ErrTrailing},
		{"second channel", strings.NewReader(head + "</channel><channel></channel></rss>"), wxr.ErrTrailing},
		{"UTF-16", strings.NewReader("\xFF\xFE<\x00?\x00"), wxr.ErrCharset},
		{"UTF-16 declared", strings.NewReader(`<?xml version="1.0" encoding="utf-16"?><rss>`), wxr.ErrCharset},
		{"shifted", strings.NewReader(`<?xml version="1.0" encoding="iso-2022-jp"?><rss>`), wxr.ErrCharset},
		{"unknown character set", strings.NewReader(`<?xml version="1.0" encoding="klingon"?><rss>`), wxr.ErrCharset},
		{"source fails at once", iotest.ErrReader(unreadable), unreadable},
		{"source fails later", io.MultiReader(strings.NewReader(head+"<item>"), iotest.ErrReader(unreadable)), unreadable},
		{"source fails at the end", io.MultiReader(strings.NewReader(head+tail), iotest.ErrReader(unreadable)), unreadable},
		{"source says nothing", stuck{}, io.ErrNoProgress},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := wxr.NewReader(test.src)
			var err error
			for err == nil {
				_, err = r.Next()
			}
			if format, ok := errors.AsType[*wxr.FormatError](err); !ok || !errors.Is(err, test.want) {
				t.Errorf("Next: %v (%T), want a FormatError of %v", err, format, test.want)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("Next after the end: %v, want %v", again, err)
			}
		})
	}
}

// stuck is a source that gives neither bytes nor an error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestLimits(t *testing.T) {
	item := func(id int, inside string) string {
		return fmt.Sprintf("<item>%s<wp:post_id>%d</wp:post_id></item>", inside, id)
	}
	entries := strings.Repeat("<wp:postmeta/><category/><wp:comment><wp:commentmeta/></wp:comment>", 3) // 12
	for _, test := range []struct {
		name   string
		limit  func(*wxr.Reader)
		inside string // fits, and does not with more behind it
		more   string
		want   error
	}{
		{"size", func(r *wxr.Reader) { r.MaxItem = 1000 }, strings.Repeat("x", 1000-len(item(1, ""))), "x", wxr.ErrTooLarge},
		{"large size", func(r *wxr.Reader) { r.MaxItem = 300_000 }, strings.Repeat("x", 200_000), "<![CDATA[" + strings.Repeat("y", 900_000) + "]]>", wxr.ErrTooLarge},
		{"depth", func(r *wxr.Reader) { r.MaxDepth = 4 }, "<a><b><c></c></b></a>", "<a><b><c><d></d></c></b></a>", wxr.ErrTooDeep},
		{"entries", func(r *wxr.Reader) { r.MaxEntries = 12 }, entries, "<category/>", wxr.ErrTooMany},
	} {
		t.Run(test.name, func(t *testing.T) {
			export := head + item(1, test.inside) + item(2, test.inside+test.more) + item(3, "") + tail
			r := wxr.NewReader(strings.NewReader(export))
			test.limit(r)
			var got []string
			for _, s := range readAll(r) {
				if p, ok := s.Item.(*wxr.Post); ok {
					got = append(got, fmt.Sprint("post ", p.ID))
				} else if s.Error != "" {
					got = append(got, s.Error)
				}
			}
			at := len(head) + len(item(1, test.inside))
			want := []string{
				"post 1", fmt.Sprintf("post 2 at byte %d: %v", at, test.want), "post 3", "EOF",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
		})
	}
}

// endless is an export whose items never stop: n bytes of them, made as they
// are read.
type endless struct {
	begin, item string
	n           int
	at          int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	from := e.begin
	if from == "" {
		from = e.item
	}
	n := copy(p, from[e.at:])
	if e.at += n; e.at == len(from) {
		e.at, e.begin = 0, ""
	}
	e.n -= n
	return n, nil
}

// TestMemoryIsFlat counts what stays allocated while ever more of a file goes
// by.
func TestMemoryIsFlat(t *testing.T) {
	small := "<item><title>t</title><content:encoded><![CDATA[" + strings.Repeat("lorem ", 300) + "]]></content:encoded></item>\n"
	for _, test := range []struct{ name, begin, item string }{
		{"items", head, small},
		{"text between items", head, "nothing but text "},
		{"an endless item", head + "<item><title>", "<![CDATA[x]]>"},
		{"an endless comment", head + "<!--", "x"},
		{"an endless section", head + "<item><![CDATA[", "]]"},
		{"an endless tag", head + "<item ", "a"},
		{"tags that never end", head + "<item>", "<a <b '"},
		{"nothing but beginnings", head, "<a>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := &endless{begin: test.begin, item: strings.Repeat(test.item, 50), n: 4 << 20}
			r := wxr.NewReader(src)
			r.MaxItem = 1 << 20
			var last error
			for last == nil {
				_, last = r.Next()
				if _, skippable := errors.AsType[*wxr.ItemError](last); skippable {
					last = nil
				}
			}
			if !errors.Is(last, io.ErrUnexpectedEOF) {
				t.Errorf("end: %v, want io.ErrUnexpectedEOF", last)
			}
			if held := r.Buffered(); held > 4<<20 {
				t.Errorf("the reader holds %d bytes for items of at most %d", held, r.MaxItem)
			}
		})
	}
}
