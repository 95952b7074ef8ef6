package wxr_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/wxr"
)

const (
	benchPosts    = 10_000
	benchComments = 5 // of each post
)

// benchItem is the n-th post of the benchmark's site: some 1.5 KB of text, two
// terms, two custom fields, comments.
func benchItem(n int) *wxr.Post {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour)
	p := &wxr.Post{
		ID: int64(n), Title: fmt.Sprintf("Post number %d & more", n), Link: fmt.Sprintf("https://bench.example/post-%d/", n),
		Creator: "anna", GUID: fmt.Sprintf("https://bench.example/?p=%d", n),
		Content: strings.Repeat("<p>The quick brown fox jumps over the lazy dog, and back &amp; forth.</p>\n", 20), Date: at,
		DateGMT: at, Modified: at, ModifiedGMT: at, CommentStatus: "open", PingStatus: "open", Name: fmt.Sprintf("post-%d", n),
		Status: "publish", Type: "post",
		Terms: []wxr.PostTerm{
			{Taxonomy: "category", Slug: "plants", Name: "Plants"}, {Taxonomy: "post_tag", Slug: "moss", Name: "Moss"},
		},
		Meta: []wxr.Meta{{Key: "_edit_last", Value: "1"}, {Key: "colour", Value: "green"}},
	}
	for i := range benchComments {
		p.Comments = append(p.Comments, wxr.Comment{
			ID: int64(n*benchComments + i), Author: "Bernd", AuthorEmail: "bernd@bench.example", AuthorIP: "192.0.2.1", Date: at,
			DateGMT: at, Content: "I could not agree more, and said so before.", Approved: "1", Type: "comment",
			Meta: []wxr.Meta{{Key: "rating", Value: "5"}},
		})
	}
	return p
}

func benchExport(b *testing.B) []byte {
	var out bytes.Buffer
	w := wxr.NewWriter(&out)
	err := w.WriteSite(&wxr.Site{Title: "Bench"})
	for n := 1; err == nil && n <= benchPosts; n++ {
		err = w.WritePost(benchItem(n))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func report(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchPosts*(1+benchComments)/b.Elapsed().Seconds(), "items/s")
}

// BenchmarkRead reads 10,000 posts with 50,000 comments; "tokens" is the least
// that encoding/xml can do with the same file, without keeping anything of it.
func BenchmarkRead(b *testing.B) {
	file := benchExport(b)
	b.Run("items", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			r := wxr.NewReader(bytes.NewReader(file))
			posts, comments := 0, 0
			for {
				item, err := r.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				if p, ok := item.(*wxr.Post); ok {
					posts, comments = posts+1, comments+len(p.Comments)
				}
			}
			if posts != benchPosts || comments != benchPosts*benchComments {
				b.Fatalf("%d posts, %d comments", posts, comments)
			}
		}
		report(b)
	})
	b.Run("tokens", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			d := xml.NewDecoder(bytes.NewReader(file))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
		report(b)
	})
}

// BenchmarkWrite writes the same; "copy" is a plain copy of the file.
func BenchmarkWrite(b *testing.B) {
	file := benchExport(b)
	post := benchItem(1)
	b.Run("items", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		b.ReportAllocs()
		for b.Loop() {
			w := wxr.NewWriter(io.Discard)
			err := w.WriteSite(&wxr.Site{})
			for n := 0; err == nil && n < benchPosts; n++ {
				err = w.WritePost(post)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(file)))
		to := make([]byte, len(file))
		for b.Loop() {
			copy(to, file)
		}
	})
}
