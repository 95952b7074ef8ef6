package site_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// On SQLite a post that was read is cached until something changes. Changes
// show at once, and callers who may not edit the post do not get it. On
// PostgreSQL, where other servers write too, it is read each time.
func TestPostsAreKept(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db := databasetest.Open(t, url)
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{Title: new("first"), Content: new("words")})
		large := n.create(t, n.admin, site.PostEdit{Title: new("large"), Content: new(strings.Repeat("many words ", 10_000))})
		n.get(t, id)
		before := db.Statements()
		for range 5 {
			n.get(t, id)
		}
		if cost := db.Statements() - before; db.Shared() == (cost == 0) {
			t.Errorf("five more times cost %d statements", cost)
		}
		if _, err := n.GetPost(t.Context(), n.author, id, site.LoadTerms|site.LoadFields); kind(err) != "denied" {
			t.Errorf("an author gets the post of another: %v", err)
		}
		n.get(t, id).Title = "of the caller"
		n.edit(t, n.admin, id, site.PostEdit{Content: new("other words")})
		if p := n.get(t, id); p.Title != "first" || p.Content != "other words" {
			t.Errorf("after an edit it is %q, %q", p.Title, p.Content)
		}
		if _, err := databasetest.Open(t, url).Exec(t.Context(), `UPDATE posts SET title = 'by another process' WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		databasetest.WithinASecond(t, func() error {
			if p := n.get(t, id); p.Title != "by another process" {
				return fmt.Errorf("after a change of another process it is %q", p.Title)
			}
			return nil
		})
		if p := n.get(t, large); len(p.Content) != 110_000 {
			t.Errorf("the large one has %d bytes", len(p.Content))
		}
		if err := n.DeletePost(t.Context(), n.admin, id); err != nil {
			t.Fatal(err)
		}
		if p := n.get(t, id); p.Status != "trash" {
			t.Errorf("after it was deleted it is %s", p.Status)
		}
	})
}
