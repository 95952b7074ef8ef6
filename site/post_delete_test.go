package site_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func addComment(t *testing.T, n *newsroom, post int64, status string) (id int64) {
	t.Helper()
	err := n.db.Update(t.Context(), func(tx *database.Tx) error {
		err := tx.Get(t.Context(), &id, `INSERT INTO comments (post_id, status, content, date, date_gmt) VALUES ($1, $2, 'x', $3, $3) RETURNING id`, post, status, n.clock.Now())
		if err != nil || status != "approve" {
			return err
		}
		_, err = tx.Exec(t.Context(), `UPDATE posts SET comment_count = comment_count + 1 WHERE id = $1`, post)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func commentStatus(t *testing.T, n *newsroom, id int64) (status string) {
	t.Helper()
	if err := n.db.Get(t.Context(), &status, `SELECT status FROM comments WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	return status
}

func TestTrash(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{
			Title: new("First post"), Status: new("publish"), Sticky: new(true), Tags: &[]string{"a"},
			CustomFields: []site.FieldEdit{{Key: "mood", Value: "happy"}},
		})
		shown, held := addComment(t, n, id, "approve"), addComment(t, n, id, "hold")
		if got := n.counts(t)["a"]; got != 1 {
			t.Fatalf("the tag counts %d posts, want 1", got)
		}

		if err := n.DeletePost(t.Context(), n.admin, id); err != nil {
			t.Fatal(err)
		}
		type state struct {
			Status, From, Name string
			Sticky             bool
			Comments           int64
			Shown, Held        string
		}
		look := func() state {
			p := n.get(t, id)
			return state{p.Status, p.TrashedFrom, p.Name, p.Sticky, p.CommentCount, commentStatus(t, n, shown), commentStatus(t, n, held)}
		}
		if diff := cmp.Diff(state{"trash", "publish", "first-post__trashed", false, 0, "post-trashed", "post-trashed"}, look()); diff != "" {
			t.Errorf("trashed (-want +got):\n%s", diff)
		}
		if got := n.counts(t)["a"]; got != 0 {
			t.Errorf("the tag of a trashed post counts %d posts, want 0", got)
		}
		other := n.create(t, n.admin, site.PostEdit{Title: new("First post"), Status: new("publish")})
		if got := n.get(t, other).Name; got != "first-post" {
			t.Errorf("the slug of a trashed post is not free: %q", got)
		}

		n.edit(t, n.admin, id, site.PostEdit{Status: new("publish")})
		if diff := cmp.Diff(state{"publish", "", "first-post-2", false, 1, "approve", "hold"}, look()); diff != "" {
			t.Errorf("taken out of the trash (-want +got):\n%s", diff)
		}
		var keys []string
		for _, f := range n.get(t, id).CustomFields {
			keys = append(keys, f.Key)
		}
		if diff := cmp.Diff([]string{"_encloseme", "_pingme", "mood"}, keys); diff != "" {
			t.Errorf("custom fields of a post that was in the trash (-want +got):\n%s", diff)
		}

		for range 2 {
			if err := n.DeletePost(t.Context(), n.admin, id); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.GetPost(t.Context(), n.admin, id, 0); kind(err) != "not found" {
			t.Errorf("a deleted post: %v, want not found", err)
		}
		if got := kind(n.DeletePost(t.Context(), n.admin, id)); got != "not found" {
			t.Errorf("delete a third time: %q, want not found", got)
		}
		for _, table := range []string{"post_meta", "post_terms", "comments"} {
			var left int
			if err := db.Get(t.Context(), &left, `SELECT COUNT(*) FROM `+table+` WHERE post_id = $1`, id); err != nil || left != 0 {
				t.Errorf("%s holds %d rows of a deleted post (%v)", table, left, err)
			}
		}
		var revisions int
		if err := db.Get(t.Context(), &revisions, `SELECT COUNT(*) FROM posts WHERE parent = $1`, id); err != nil || revisions != 0 {
			t.Errorf("%d revisions of a deleted post (%v)", revisions, err)
		}
	})
}

func TestDeletedPageHandsOnItsChildren(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		page := func(parent int64) int64 {
			return n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("P"), Status: new("publish"), Parent: &parent})
		}
		top := page(0)
		middle := page(top)
		child := page(middle)
		if err := n.DeletePost(t.Context(), n.admin, middle); err != nil {
			t.Fatal(err)
		}
		if got := n.get(t, child).Parent; got != middle {
			t.Errorf("parent of the child of a trashed page: %d, want %d still", got, middle)
		}
		if err := n.DeletePost(t.Context(), n.admin, middle); err != nil {
			t.Fatal(err)
		}
		if got := n.get(t, child).Parent; got != top {
			t.Errorf("parent of the child of a deleted page: %d, want %d", got, top)
		}
	})
}

func TestDraftsOfTheTrash(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		// Contributors may trash and delete their own drafts, and
		// nothing else.
		id := n.create(t, n.contributor, site.PostEdit{Title: new("Mine")})
		if err := n.DeletePost(t.Context(), n.contributor, id); err != nil {
			t.Fatalf("trash the own draft: %v", err)
		}
		if got := n.get(t, id).Name; got != "__trashed" {
			t.Errorf("slug of a trashed draft %q, want __trashed", got)
		}
		n.edit(t, n.contributor, id, site.PostEdit{Status: new("draft")})
		if got := n.get(t, id).Name; got != "" {
			t.Errorf("slug of a draft that came back %q, want none", got)
		}
		for range 2 {
			if err := n.DeletePost(t.Context(), n.contributor, id); err != nil {
				t.Fatalf("delete the own draft: %v", err)
			}
		}
		published := n.create(t, n.author, site.PostEdit{Title: new("T"), Status: new("publish")})
		for who, want := range map[*auth.Identity]string{&n.subscriber: "denied", &n.contributor: "denied", &n.author: ""} {
			if got := kind(n.DeletePost(t.Context(), *who, published)); got != want {
				t.Errorf("%s deletes an author's post: %q, want %q", who.User.Role, got, want)
			}
		}
	})
}

// Posts that are written at the same time get different slugs, and the counts
// of their terms stay right.
func TestPostsWrittenAtOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		const writers, each = 4, 5
		var group sync.WaitGroup
		for range writers {
			group.Go(func() {
				for range each {
					_, err := n.CreatePost(t.Context(), n.author, site.PostEdit{Title: new("Same"), Status: new("publish"), Tags: &[]string{"a"}, FirstRevision: true})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		var names, terms int
		if err := db.Get(t.Context(), &names, `SELECT COUNT(DISTINCT name) FROM posts WHERE type = 'post'`); err != nil {
			t.Fatal(err)
		}
		if err := db.Get(t.Context(), &terms, `SELECT COUNT(*) FROM terms WHERE taxonomy = 'post_tag'`); err != nil {
			t.Fatal(err)
		}
		if names != writers*each || terms != 1 || n.counts(t)["a"] != writers*each {
			t.Errorf("%d slugs, %d tags, which count %d posts; want %d, 1 and %[4]d", names, terms, n.counts(t)["a"], writers*each)
		}
	})
}

// A deleted picture no longer illustrates any post.
func TestDeletedThumbnail(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		picture := n.create(t, n.admin, site.PostEdit{Title: new("Picture")})
		if _, err := db.Exec(t.Context(), `UPDATE posts SET type = 'attachment', status = 'inherit' WHERE id = $1`, picture); err != nil {
			t.Fatal(err)
		}
		post := n.create(t, n.admin, site.PostEdit{Title: new("Post"), Status: new("publish"), Thumbnail: &picture})
		if err := n.DeletePost(t.Context(), n.admin, picture); err != nil {
			t.Fatal(err)
		}
		got, err := n.GetPost(t.Context(), n.admin, post, site.LoadFields)
		if err != nil || got.Thumbnail != 0 {
			t.Errorf("the post has the thumbnail %d, %v; want none", got.Thumbnail, err)
		}
	})
}
