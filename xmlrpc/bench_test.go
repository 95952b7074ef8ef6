package xmlrpc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	kolo "github.com/kolo/xmlrpc"

	"github.com/quillgate/quillgate/xmlrpc"
)

// The benchmarks measure their baseline in the same run, and report how many
// times faster or slower the package is.

const paragraph = "<p>Der Ölpreis – so sagt man – “steigt” &amp; fällt; see <a href=\"https://example.org/?a=1&b=2\">here</a> for more, or there.</p>\n"

type koloTerm struct {
	ID       string `xmlrpc:"term_id"`
	Name     string `xmlrpc:"name"`
	Slug     string `xmlrpc:"slug"`
	Taxonomy string `xmlrpc:"taxonomy"`
	Count    int    `xmlrpc:"count"`
}

type koloPost struct {
	ID       string     `xmlrpc:"post_id"`
	Title    string     `xmlrpc:"post_title"`
	Date     time.Time  `xmlrpc:"post_date"`
	Modified time.Time  `xmlrpc:"post_modified"`
	Status   string     `xmlrpc:"post_status"`
	Type     string     `xmlrpc:"post_type"`
	Name     string     `xmlrpc:"post_name"`
	Author   string     `xmlrpc:"post_author"`
	Password string     `xmlrpc:"post_password"`
	Excerpt  string     `xmlrpc:"post_excerpt"`
	Content  string     `xmlrpc:"post_content"`
	Parent   string     `xmlrpc:"post_parent"`
	Link     string     `xmlrpc:"link"`
	GUID     string     `xmlrpc:"guid"`
	Order    int        `xmlrpc:"menu_order"`
	Comments string     `xmlrpc:"comment_status"`
	Pings    string     `xmlrpc:"ping_status"`
	Sticky   bool       `xmlrpc:"sticky"`
	Format   string     `xmlrpc:"post_format"`
	Terms    []koloTerm `xmlrpc:"terms"`
}

func posts() ([]koloPost, xmlrpc.Value) {
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	theirs := make([]koloPost, 100)
	ours := make([]xmlrpc.Value, 100)
	str := xmlrpc.String
	for i := range theirs {
		p := koloPost{
			ID: fmt.Sprint(i + 1), Title: fmt.Sprintf("Post number %d & more", i+1), Date: date, Modified: date, Status: "publish", Type: "post",
			Name: fmt.Sprintf("post-number-%d", i+1), Author: "1", Excerpt: "In short.", Content: strings.Repeat(paragraph, 6+i%8), Parent: "0",
			Link: fmt.Sprintf("https://example.org/?p=%d", i+1), GUID: fmt.Sprintf("https://example.org/?p=%d", i+1), Comments: "open", Pings: "open", Format: "standard",
			Terms: []koloTerm{{"1", "Uncategorized", "uncategorized", "category", 8}, {"2", "News", "news", "post_tag", 3}},
		}
		theirs[i] = p
		var terms []xmlrpc.Value
		for _, t := range p.Terms {
			terms = append(terms, xmlrpc.Struct(xmlrpc.M("term_id", str(t.ID)), xmlrpc.M("name", str(t.Name)), xmlrpc.M("slug", str(t.Slug)),
				xmlrpc.M("taxonomy", str(t.Taxonomy)), xmlrpc.M("count", xmlrpc.Int(int64(t.Count)))))
		}
		ours[i] = xmlrpc.Struct(
			xmlrpc.M("post_id", str(p.ID)), xmlrpc.M("post_title", str(p.Title)), xmlrpc.M("post_date", xmlrpc.DateTime("20260102T03:04:05")),
			xmlrpc.M("post_modified", xmlrpc.DateTime("20260102T03:04:05")), xmlrpc.M("post_status", str(p.Status)), xmlrpc.M("post_type", str(p.Type)),
			xmlrpc.M("post_name", str(p.Name)), xmlrpc.M("post_author", str(p.Author)), xmlrpc.M("post_password", str("")), xmlrpc.M("post_excerpt", str(p.Excerpt)),
			xmlrpc.M("post_content", str(p.Content)), xmlrpc.M("post_parent", str(p.Parent)), xmlrpc.M("link", str(p.Link)), xmlrpc.M("guid", str(p.GUID)),
			xmlrpc.M("menu_order", xmlrpc.Int(0)), xmlrpc.M("comment_status", str(p.Comments)), xmlrpc.M("ping_status", str(p.Pings)),
			xmlrpc.M("sticky", xmlrpc.Bool(false)), xmlrpc.M("post_format", str(p.Format)), xmlrpc.M("terms", xmlrpc.Array(terms...)))
	}
	return theirs, xmlrpc.Array(ours...)
}

// compare measures ours, and reports how many times as long the baseline takes:
// the median of rounds in which both run briefly, so that the load of the
// machine affects both, and neither collects the garbage of the other.
func compare(b *testing.B, unit string, ours, baseline func()) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		ours()
	}
	b.StopTimer()
	each := func(f func()) float64 {
		runtime.GC()
		n, start := 0, time.Now()
		for n == 0 || time.Since(start) < 150*time.Millisecond {
			f()
			n++
		}
		return float64(time.Since(start)) / float64(n)
	}
	var ratios []float64
	for range 9 {
		mine := each(ours)
		ratios = append(ratios, each(baseline)/mine)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], unit)
}

func BenchmarkDecodeResponse(b *testing.B) {
	_, v := posts()
	doc := xmlrpc.AppendResponse(nil, v)
	b.SetBytes(int64(len(doc)))
	compare(b, "times-kolo", func() {
		if _, err := xmlrpc.DecodeResponse(doc, xmlrpc.Limits{}); err != nil {
			b.Fatal(err)
		}
	}, func() {
		var out []koloPost
		if err := kolo.Response(doc).Unmarshal(&out); err != nil || len(out) != 100 {
			b.Fatal(len(out), err)
		}
	})
}

func BenchmarkDecodeCall(b *testing.B) {
	_, v := posts()
	doc := xmlrpc.AppendCall(nil, "wp.test", v)
	b.SetBytes(int64(len(doc)))
	compare(b, "times-encoding/xml", func() {
		if _, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{}); err != nil {
			b.Fatal(err)
		}
	}, func() {
		d := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := d.RawToken(); err == io.EOF {
				return
			} else if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeSmallCall(b *testing.B) {
	doc := xmlrpc.AppendCall(nil, "wp.getPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.String("17"), xmlrpc.Array(xmlrpc.String("post_title")))
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := xmlrpc.DecodeCall(doc, xmlrpc.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	theirs, v := posts()
	var doc []byte
	compare(b, "times-kolo", func() {
		doc = xmlrpc.AppendCall(doc[:0], "wp.test", v)
	}, func() {
		if _, err := kolo.EncodeMethodCall("wp.test", theirs); err != nil {
			b.Fatal(err)
		}
	})
}

type hashCheck struct{ hash.Hash }

func (h hashCheck) Identify(context.Context) ([]byte, error) { return h.Sum(nil), nil }

// BenchmarkUpload passes 10 MB through the handler: hashed while being read,
// spooled, scanned, and decoded by the method. The baseline hashes the same
// body and decodes the same base64 text, both in memory.
func BenchmarkUpload(b *testing.B) {
	for _, lines := range []int{0, 76} {
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) { benchmarkUpload(b, lines) })
	}
}

func benchmarkUpload(b *testing.B, lines int) {
	photo := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz+-"), 10<<20/38)
	text := base64.StdEncoding.EncodeToString(photo)
	if lines > 0 {
		var t strings.Builder
		for len(text) > lines {
			t.WriteString(text[:lines] + "\n")
			text = text[lines:]
		}
		text = t.String() + text
	}
	doc := []byte(xml.Header + "<methodCall><methodName>test.upload</methodName><params><param><value><base64>" + text + "</base64></value></param></params></methodCall>")
	var got int64
	h, err := xmlrpc.New(xmlrpc.Config[[]byte]{
		SpoolDir:     b.TempDir(),
		Authenticate: func(*http.Request) (xmlrpc.Check[[]byte], error) { return hashCheck{sha256.New()}, nil },
		Methods: []xmlrpc.Method[[]byte]{{Name: "test.upload", Func: func(_ context.Context, c *xmlrpc.Call[[]byte]) (xmlrpc.Value, error) {
			r, err := c.Param(0).Open()
			if err != nil {
				return xmlrpc.Value{}, err
			}
			defer r.Close()
			got, err = io.Copy(io.Discard, r)
			return xmlrpc.Bool(true), err
		}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	compare(b, "of-hash+base64", func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/", bytes.NewReader(doc)))
		if got != int64(len(photo)) {
			b.Fatalf("%d bytes arrived, want %d: %s", got, len(photo), w.Body)
		}
	}, func() {
		sha256.Sum256(doc)
		if _, err := base64.StdEncoding.DecodeString(text); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkWindow reports how many times as long a spooled document takes with
// a window of eight times the size. The work for a document that consists of
// references, or of comments, depends on its length only. It uses the best of
// all turns, which the load of the machine affects least.
func BenchmarkWindow(b *testing.B) {
	for _, shape := range []struct{ name, kind, unit string }{
		{"references", "string", "a&lt;"},
		{"comments", "string", "a<!---->"},
		{"base64_references", "base64", "&#65;"},
		{"base64_comments", "base64", "AAAA<!---->"},
		{"plain", "string", "plain text "},
	} {
		b.Run(shape.name, func(b *testing.B) {
			doc := []byte("<methodCall><methodName>m</methodName><params><param><value><" + shape.kind + ">" + strings.Repeat(shape.unit, 1<<17) +
				"</" + shape.kind + "></value></param></params></methodCall>")
			b.SetBytes(int64(2 * len(doc)))
			took := [2]time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				for i, window := range []int{16 << 10, 128 << 10} {
					start := time.Now()
					_, done, err := xmlrpc.DecodeSpooled(b.TempDir(), doc, window, xmlrpc.Limits{})
					if err != nil {
						b.Fatal(err)
					}
					took[i] = min(took[i], time.Since(start))
					done()
				}
			}
			ratio := float64(took[1]) / float64(took[0])
			b.ReportMetric(ratio, "ratio")
			if ratio > 3 {
				b.Errorf("a window of eight times the size takes %.1f times as long: %v and %v", ratio, took[0], took[1])
			}
		})
	}
}
