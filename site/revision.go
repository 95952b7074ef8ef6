package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// A revision is a post of type revision whose parent is the post that it shows. It holds the title, the text and the
// excerpt as they were after an edit; the last revision of a post therefore equals the post.

// saveRevision keeps the present texts of the post, unless its last revision has the same.
func saveRevision(ctx context.Context, tx *database.Tx, p *Post, author int64) error {
	t, known := postTypeNamed(p.Type)
	if !known || !t.SupportsFeature("revisions") || p.Status == StatusAutoDraft {
		return nil
	}
	var last struct {
		Title   string `db:"title"`
		Content string `db:"content"`
		Excerpt string `db:"excerpt"`
	}
	err := tx.Get(ctx, &last, `SELECT title, content, excerpt FROM posts WHERE parent = $1 AND type = 'revision' AND name LIKE '%-revision-%'
		ORDER BY date DESC, id DESC LIMIT 1`, p.ID)
	switch {
	case errors.Is(err, database.ErrNoRows):
	case err != nil:
		return fmt.Errorf("read the last revision of post %d: %w", p.ID, err)
	case sameText(last.Title, p.Title) && sameText(last.Content, p.Content) && sameText(last.Excerpt, p.Excerpt):
		return nil
	}
	return addRevision(ctx, tx, p, author)
}

func addRevision(ctx context.Context, tx *database.Tx, p *Post, author int64) error {
	return insertPost(ctx, tx, &Post{
		Type: TypeRevision, Status: StatusInherit, Parent: p.ID, Author: author,
		Name:  fmt.Sprintf("%d-revision-v1", p.ID),
		Title: p.Title, Content: p.Content, Excerpt: p.Excerpt,
		CommentStatus: "closed", PingStatus: "closed",
		Date: p.Modified, DateGMT: p.ModifiedGMT, Modified: p.Modified, ModifiedGMT: p.ModifiedGMT,
	})
}

// sameText compares texts as WordPress does for revisions: white space counts only as such.
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}

// ListRevisions returns the revisions of a post, the latest first, in pages that are read while they are walked through.
// ErrNotFound when there is no such post; *Denied for who may not edit it, and for posts of types that keep no revisions.
func (s *Site) ListRevisions(ctx context.Context, who auth.Identity, id int64, load Load) (iter.Seq2[[]FullPost, error], error) {
	parent, err := readHead(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	if err := s.mayRevise(who, parent); err != nil {
		return nil, err
	}
	const query = `SELECT p.id FROM posts p WHERE p.parent = $1 AND p.type = 'revision' AND p.name NOT LIKE '%-autosave-%' ORDER BY p.date DESC, p.id DESC`
	return func(yield func([]FullPost, error) bool) { s.walkPosts(ctx, load, query, []any{id}, yield) }, nil
}

// RestoreRevision brings the texts of a post back to those of a revision. ErrNotFound when the id is no revision.
func (s *Site) RestoreRevision(ctx context.Context, who auth.Identity, id int64) error {
	revision, err := readPost(ctx, s.db, id)
	if err != nil {
		return err
	}
	if revision.Type != TypeRevision || strings.Contains(revision.Name, "-autosave-") {
		return ErrNotFound
	}
	parent, err := readHead(ctx, s.db, revision.Parent)
	if err != nil {
		return err
	}
	if err := s.mayRevise(who, parent); err != nil {
		return err
	}
	// Revisions never change, so that it is safe to have read them before the transaction.
	return s.EditPost(ctx, who, parent.ID, PostEdit{Title: &revision.Title, Content: &revision.Content, Excerpt: &revision.Excerpt})
}

func (s *Site) mayRevise(who auth.Identity, p *Post) error {
	if !s.CanEdit(who, p) {
		return &Denied{Action: "edit this post"}
	}
	t, known := postTypeNamed(p.Type)
	if !known || !t.SupportsFeature("revisions") {
		return &Denied{Action: "use revisions of this type of post"}
	}
	return nil
}
