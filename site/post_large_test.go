package site_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

const largeText = 8 << 20

// taken returns the number of bytes that f allocates on the heap.
func taken(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// Actions that do not concern the text of a post do not read it: a post may be
// as large as a request, and nothing limits the memory of a transaction that
// writes.
func TestLargeTextsAreNotReadInPassing(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		text := strings.Repeat("large ", largeText/6)
		id := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: &text, Status: new("publish"), PingStatus: new("open"), FirstRevision: true})
		edit := func(e site.PostEdit) func() error {
			return func() error { return n.EditPost(t.Context(), n.editor, id, e) }
		}
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"an edit of the status", edit(site.PostEdit{Status: new("private")})},
			{"an edit of the title", edit(site.PostEdit{Title: new("New"), Status: new("publish")})},
			{"an edit of an excerpt and tags", edit(site.PostEdit{Excerpt: new("short"), Tags: &[]string{"a"}})},
			{"categories", func() error { return n.SetCategories(t.Context(), n.editor, id, nil) }},
			{"a pingback", func() error {
				post, err := n.PostHead(t.Context(), id)
				if err != nil {
					return err
				}
				return n.AddPingback(t.Context(), post, site.Pingback{Source: "https://else.example/page", Title: "Else", Excerpt: "x"})
			}},
			{"a refused reader", func() error {
				if _, err := n.GetPost(t.Context(), n.contributor, id, 0); kind(err) != "denied" {
					return err
				}
				return nil
			}},
			{"a refused edit", func() error {
				if err := n.EditPost(t.Context(), n.contributor, id, site.PostEdit{Title: new("x")}); kind(err) != "denied" {
					return err
				}
				return nil
			}},
			{"an old address", func() error { _, err := n.MovedPost(t.Context(), "elsewhere/t"); return err }},
			{"a move to the trash", func() error { return n.DeletePost(t.Context(), n.editor, id) }},
			{"a move out of the trash", edit(site.PostEdit{Status: new("publish")})},
		} {
			n.clock.Add(time.Second)
			var err error
			if bytes := taken(func() { err = step.do() }); err != nil || bytes > largeText/4 {
				t.Errorf("%s of a post of %d bytes takes %d bytes of memory, %v; want few", step.name, largeText, bytes, err)
			}
		}
		got := n.get(t, id)
		if got.Content != text || got.Title != "New" || got.Excerpt != "short" {
			t.Errorf("%d bytes of content, title %q, excerpt %q; want those that were written", len(got.Content), got.Title, got.Excerpt)
		}
		revisions, err := whole(n.ListRevisions(t.Context(), n.editor, id, 0))
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, r := range revisions {
			texts = append(texts, r.Title+" "+r.Excerpt)
			if r.Content != text {
				t.Errorf("revision %d has %d bytes of content, want those of the post", r.ID, len(r.Content))
			}
		}
		if diff := cmp.Diff([]string{"New short", "New ", "T "}, texts); diff != "" {
			t.Errorf("titles and excerpts of the revisions (-want +got):\n%s", diff)
		}
		if bytes := taken(func() { err = n.DeletePost(t.Context(), n.editor, id) }); err != nil || bytes > largeText/4 {
			t.Errorf("a move to the trash takes %d bytes, %v", bytes, err)
		}
		if bytes := taken(func() { err = n.DeletePost(t.Context(), n.editor, id) }); err != nil || bytes > largeText/4 {
			t.Errorf("a deletion takes %d bytes, %v", bytes, err)
		}
	})
}

// Texts that are too large to be read on the way are still taken into account
// where they matter.
func TestLargeTextsCount(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		large := strings.Repeat("large ", 10_000)
		for _, test := range []struct {
			name      string
			old, edit site.PostEdit
			want      string // the kind of error
			slug      string
		}{
			{"the text alone remains", site.PostEdit{Title: new("T"), Content: &large}, site.PostEdit{Title: new("")}, "", ""},
			{"the excerpt alone remains", site.PostEdit{Content: new("c"), Excerpt: &large}, site.PostEdit{Content: new("")}, "", ""},
			{"nothing remains", site.PostEdit{Content: &large}, site.PostEdit{Content: new("0")}, "empty", ""},
			{"nothing remains of all", site.PostEdit{Title: &large, Content: &large}, site.PostEdit{Title: new(""), Content: new("")}, "empty", ""},
			{
				"a large title names the post",
				site.PostEdit{Title: new(strings.Repeat("long ", 10_000))},
				site.PostEdit{Status: new("publish")},
				"",
				strings.TrimSuffix(strings.Repeat("long-", 40), "-"),
			},
			{"white space alone changes", site.PostEdit{Content: &large, FirstRevision: true}, site.PostEdit{Content: new(large + "\n")}, "", ""},
		} {
			id := n.create(t, n.author, test.old)
			n.clock.Add(time.Second)
			err := n.EditPost(t.Context(), n.author, id, test.edit)
			if got := kind(err); got != test.want {
				t.Errorf("%s: %v, want %q", test.name, err, test.want)
			}
			if got := n.get(t, id).Name; got != test.slug {
				t.Errorf("%s: slug %q, want %q", test.name, got, test.slug)
			}
			revisions, err := whole(n.ListRevisions(t.Context(), n.author, id, 0))
			if want := 1; err != nil || test.want == "" && len(revisions) != want {
				t.Errorf("%s: %d revisions, %v; want %d", test.name, len(revisions), err, want)
			}
		}
	})
}

// A list of titles reads no other text, and shows long titles in full.
func TestListsWithoutTexts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		const size = 100_000
		text, title := strings.Repeat("x", size), strings.Repeat("t", size)
		n.create(t, n.author, site.PostEdit{Title: new("small"), Content: &text, Excerpt: new("e"), Status: new("publish")})
		n.clock.Add(time.Minute)
		n.create(t, n.author, site.PostEdit{Title: &title, Content: &text, Excerpt: &text, Status: new("publish")})
		for _, limit := range []int{10, 1000} {
			meter := &room{total: 5 * size} // reading a title asks for three times its size
			list, err := whole(n.ListPosts(database.WithMeter(t.Context(), meter), n.admin, site.PostFilter{Author: n.author.User.ID, Limit: limit}, site.WithoutTexts))
			if err != nil || len(list) != 2 {
				t.Fatalf("%d of at most %d posts, %v; want 2", len(list), limit, err)
			}
			for i, want := range []string{title, "small"} {
				if p := list[i]; p.Title != want || p.Content != "" || p.Excerpt != "" {
					t.Errorf("post %d of at most %d has %d bytes of title, %d of content and %d of excerpt, want %d of title alone", i, limit, len(p.Title), len(p.Content), len(p.Excerpt), len(want))
				}
			}
		}
	})
}
