package site_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// The content of a list is decided twice: by CanEdit for a single post, and by
// a condition for the database. Both agree for every role, type and status, and
// posts that the caller may not edit use no place in a list, whatever its order
// and offset.
func TestListRights(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		writers := []auth.Identity{n.admin, n.editor, n.author, n.contributor, n.subscriber}
		for _, kind := range []string{site.TypePost, site.TypePage} {
			for _, status := range []string{"publish", "draft", "pending", "private", "future"} {
				for i, w := range writers {
					e := site.PostEdit{Type: &kind, Title: new(fmt.Sprint(kind, " ", status, " ", i)), Status: &status, Author: &w.User.ID}
					if status == "future" {
						e.Status, e.Date = new("publish"), in(n, 1e12)
					}
					n.create(t, n.admin, e)
					if i%2 == 0 { // the same, in the trash
						e.Title = new(*e.Title + " trashed")
						if err := n.DeletePost(t.Context(), n.admin, n.create(t, n.admin, e)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
		addAttachment(t, n, "image/png")
		lists := 0
		for _, kind := range []string{site.TypePost, site.TypePage, site.TypeAttachment} {
			all, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Type: kind, Statuses: []string{"any", "trash"}, Limit: 1000, OrderBy: "ID"}, 0))
			if err != nil || len(all) == 0 {
				t.Fatalf("%ss: %d, %v", kind, len(all), err)
			}
			for _, who := range writers {
				var want []string
				for i := range all {
					if n.CanEdit(who, &all[i].Post) {
						want = append(want, all[i].Title)
					}
				}
				if !n.CanEditType(who, kind) {
					continue
				}
				for _, limit := range []int{1, 7, 100, 1000} { // some in one statement, some by id
					var got []string
					for offset := 0; ; offset += limit {
						page, err := whole(n.ListPosts(t.Context(), who, site.PostFilter{Type: kind, Statuses: []string{"any", "trash"}, Limit: limit, Offset: offset, OrderBy: "ID"}, 0))
						if err != nil {
							t.Fatal(err)
						}
						for i := range page {
							got = append(got, page[i].Title)
						}
						if len(page) < limit {
							break
						}
					}
					lists++
					if !slices.Equal(got, want) {
						t.Errorf("%s lists %ss by %d: %q, want %q", who.User.Role, kind, limit, got, want)
					}
				}
			}
		}
		if lists < 30 {
			t.Errorf("only %d lists compared", lists)
		}
	})
}

// A list of any length comes complete and in order, with all texts whatever
// their size, and with the same posts for every page size.
func TestLongList(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		const posts = 250
		text := func(i int) string {
			if i%60 == 7 {
				return strings.Repeat(fmt.Sprint("large ", i, " "), 10_000)
			}
			return fmt.Sprint("text ", i)
		}
		for i := range posts {
			n.create(t, n.author, site.PostEdit{
				Title: new(fmt.Sprint(i)), Content: new(text(i)), Status: new("publish"),
				CustomFields: []site.FieldEdit{{Key: "k", HasKey: true, Value: text(i)}},
			})
		}
		for _, limit := range []int{99, 1 << 30} {
			list, err := whole(n.ListPosts(t.Context(), n.author, site.PostFilter{Limit: limit, OrderBy: "ID", Ascending: true}, site.LoadFields))
			if err != nil || len(list) != min(limit, posts) {
				t.Fatalf("%d posts, %v; want %d", len(list), err, min(limit, posts))
			}
			for i := range list {
				p := &list[i]
				at := slices.IndexFunc(p.CustomFields, func(f site.CustomField) bool { return f.Key == "k" })
				if p.Title != fmt.Sprint(i) || p.Content != text(i) || at < 0 || p.CustomFields[at].Value != text(i) {
					t.Fatalf("post %d: %q with %d bytes, field %d, want %d bytes in both", i, p.Title, len(p.Content), at, len(text(i)))
				}
			}
		}
		p, err := n.GetPost(t.Context(), n.author, first(t, n, "67"), 0)
		if err != nil || p.Content != text(67) {
			t.Errorf("one post with a large text: %v", err)
		}
	})
}

// first returns the id of the first post with a title.
func first(t *testing.T, n *newsroom, title string) int64 {
	t.Helper()
	list, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Limit: 1 << 30}, 0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].Title == title {
			return list[i].ID
		}
	}
	t.Fatalf("no post %q", title)
	return 0
}
