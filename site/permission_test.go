package site_test

import (
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// The matrix of rights on posts: for each status, the roles that may do
// something to a post of their own, and to one of another user. Each letter is
// the first of a role; p stands for everyone, even callers who are not signed
// in.
func TestPermissions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		roles := []struct {
			letter string
			who    auth.Identity
		}{{"a", n.admin}, {"e", n.editor}, {"w", n.author}, {"c", n.contributor}, {"s", n.subscriber}, {"p", auth.Identity{}}}
		tests := []struct {
			kind, status, from                         string
			editOwn, editOther, deleteOwn, deleteOther string
			readOwn, readOther                         string
		}{
			{"post", "publish", "", "aew", "ae", "aew", "ae", "aewcsp", "aewcsp"},
			{"post", "future", "", "aew", "ae", "aew", "ae", "aewcs", "ae"},
			{"post", "draft", "", "aewc", "ae", "aewc", "ae", "aewcs", "ae"},
			{"post", "pending", "", "aewc", "ae", "aewc", "ae", "aewcs", "ae"},
			{"post", "private", "", "aewc", "ae", "aewc", "ae", "aewcs", "ae"},
			{"post", "trash", "publish", "aew", "ae", "aew", "ae", "aewcs", "ae"},
			{"post", "trash", "draft", "aewc", "ae", "aewc", "ae", "aewcs", "ae"},
			{"page", "publish", "", "ae", "ae", "ae", "ae", "aewcsp", "aewcsp"},
			{"page", "draft", "", "ae", "ae", "ae", "ae", "aewcs", "ae"},
			{"page", "private", "", "ae", "ae", "ae", "ae", "aewcs", "ae"},
			{"attachment", "inherit", "", "aewc", "ae", "aewc", "ae", "aewcsp", "aewcsp"},
			{"revision", "inherit", "", "aewc", "ae", "", "", "aewcsp", "aewcsp"},
			{"nonsense", "publish", "", "", "", "", "", "aewcsp", "aewcsp"},
		}
		for _, test := range tests {
			var got [6]string
			for _, r := range roles {
				own := &site.Post{Type: test.kind, Status: test.status, TrashedFrom: test.from, Author: r.who.User.ID}
				other := &site.Post{Type: test.kind, Status: test.status, TrashedFrom: test.from, Author: 9999}
				for i, may := range []bool{
					n.CanEdit(r.who, own), n.CanEdit(r.who, other), n.CanDelete(r.who, own), n.CanDelete(r.who, other),
					n.CanRead(r.who, own, ""), n.CanRead(r.who, other, ""),
				} {
					if may {
						got[i] += r.letter
					}
				}
			}
			want := [6]string{test.editOwn, test.editOther, test.deleteOwn, test.deleteOther, test.readOwn, test.readOther}
			if got != want {
				t.Errorf("%s %s %s: edit, delete, read (own, other) %v, want %v", test.kind, test.status, test.from, got, want)
			}
		}
	})
}

func TestAttachmentsAreAsPublicAsTheirParents(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		upload := &site.Post{Type: "attachment", Status: "inherit", Author: n.author.User.ID}
		for parent, want := range map[string]bool{"": true, "publish": true, "draft": false, "private": false, "trash": false} {
			if got := n.CanRead(auth.Identity{}, upload, parent); got != want {
				t.Errorf("a visitor reads an upload of a post that is %q: %v, want %v", parent, got, want)
			}
		}
	})
}

func TestPostTypes(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		for who, want := range map[*auth.Identity]int{&n.admin: 14, &n.editor: 8, &n.author: 6, &n.contributor: 6, &n.subscriber: 0, {}: 0} {
			if got := len(n.PostTypes(*who)); got != want {
				t.Errorf("%q may edit %d post types, want %d", who.User.Role, got, want)
			}
		}
		if _, err := n.PostType(n.author, "page"); kind(err) != "denied" {
			t.Errorf("an author lists pages: %v, want *Denied", err)
		}
		if _, err := n.PostType(n.admin, "nonsense"); kind(err) != "invalid" {
			t.Errorf("an unknown type: %v, want invalid", err)
		}
	})
}
