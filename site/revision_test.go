package site_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func TestRevisions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		list := func(id int64) (out []string) {
			t.Helper()
			revisions, err := whole(n.ListRevisions(t.Context(), n.admin, id, 0))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range revisions {
				out = append(out, r.Content)
			}
			return out
		}
		expect := func(what string, id int64, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, list(id)); diff != "" {
				t.Errorf("revisions %s (-want +got):\n%s", what, diff)
			}
		}
		plain := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: new("one"), Status: new("publish")})
		expect("of a post that was made at once", plain)
		id := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: new("one"), Status: new("publish"), FirstRevision: true})
		expect("of a new post", id, "one")
		step := func(e site.PostEdit) {
			t.Helper()
			n.clock.Add(time.Second)
			n.edit(t, n.author, id, e)
		}
		step(site.PostEdit{Content: new("two")})
		expect("after an edit", id, "two", "one")
		step(site.PostEdit{Content: new("two"), Tags: &[]string{"a"}})
		expect("after an edit that changed no text", id, "two", "one")
		step(site.PostEdit{Content: new(" two \n")})
		expect("after an edit of white space", id, "two", "one")
		step(site.PostEdit{Content: new("three")})

		revisions, err := whole(n.ListRevisions(t.Context(), n.admin, id, 0))
		if err != nil {
			t.Fatal(err)
		}
		oldest := revisions[len(revisions)-1]
		if oldest.Parent != id || oldest.Type != "revision" || oldest.Status != "inherit" || oldest.Author != n.author.User.ID {
			t.Errorf("revision %+v, want one of post %d by its author", oldest.Post, id)
		}
		n.clock.Add(time.Second)
		if err := n.RestoreRevision(t.Context(), n.author, oldest.ID); err != nil {
			t.Fatal(err)
		}
		if got := n.get(t, id).Content; got != "one" {
			t.Errorf("restored text %q, want one", got)
		}
		expect("after a restoration", id, "one", "three", "two", "one")

		for name, got := range map[string]error{
			"list of another's post":    second(whole(n.ListRevisions(t.Context(), n.contributor, id, 0))),
			"restore another's post":    n.RestoreRevision(t.Context(), n.contributor, oldest.ID),
			"list of an upload":         second(whole(n.ListRevisions(t.Context(), n.admin, addAttachment(t, n, "image/png"), 0))),
			"edit of a revision":        n.EditPost(t.Context(), n.admin, oldest.ID, site.PostEdit{Title: new("x")}),
			"deletion of a revision":    n.DeletePost(t.Context(), n.admin, oldest.ID),
			"reading another's version": second(n.GetPost(t.Context(), n.contributor, oldest.ID, 0)),
		} {
			if kind(got) != "denied" {
				t.Errorf("%s: %v, want denied", name, got)
			}
		}
		for name, got := range map[string]error{
			"list of nothing":    second(whole(n.ListRevisions(t.Context(), n.admin, 9999, 0))),
			"restore of nothing": n.RestoreRevision(t.Context(), n.admin, 9999),
			"restore of a post":  n.RestoreRevision(t.Context(), n.admin, id),
		} {
			if kind(got) != "not found" {
				t.Errorf("%s: %v, want not found", name, got)
			}
		}
		if _, err := n.GetPost(t.Context(), n.author, oldest.ID, 0); err != nil {
			t.Errorf("the author reads a revision: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// A post whose text takes most of the memory of a request still shows its
// revisions, one after the other.
func TestLargePostsShowTheirRevisions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		const large = 1 << 20
		text := strings.Repeat("large ", large/6)
		id := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: &text, Status: new("publish"), FirstRevision: true})
		// Reading a text asks for three times its size.
		ctx := database.WithMeter(t.Context(), &room{total: 3*large + large/2})
		revisions, err := whole(n.ListRevisions(ctx, n.admin, id, 0))
		if err != nil || len(revisions) != 1 || revisions[0].Content != text {
			t.Fatalf("%d revisions of a large post, %v; want one with its text", len(revisions), err)
		}
		if _, err := n.GetPost(ctx, n.admin, revisions[0].ID, 0); err != nil {
			t.Errorf("a large revision: %v", err)
		}
	})
}

// room is a meter with a total number of bytes. It does not wait for more.
type room struct{ used, total int64 }

func (r *room) Grow(n int64) error {
	r.used += n
	return r.Reserve(context.Background(), 0)
}

func (r *room) Reserve(_ context.Context, n int64) error {
	if r.used+n > r.total {
		return fmt.Errorf("%d bytes, %d are used of %d", n, r.used, r.total)
	}
	return nil
}

func (r *room) Used() int64       { return r.used }
func (r *room) Shrink(used int64) { r.used = used }
