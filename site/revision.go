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

// A revision is a post of type revision whose parent is the post. It holds the
// title, the text and the excerpt after an edit, so the last revision of a post
// equals the post.

// saveRevision stores the current texts of the post, unless its last revision
// has the same.
func (w *edit) saveRevision(ctx context.Context) error {
	p := &w.post
	t, known := postTypeNamed(p.Type)
	if !known || !t.SupportsFeature("revisions") || p.Status == StatusAutoDraft {
		return nil
	}
	// The database compares: only texts that differ are read, and compared
	// again without their white space.
	var texts struct {
		Title      string `db:"title"`
		Content    string `db:"content"`
		Excerpt    string `db:"excerpt"`
		OldTitle   string `db:"old_title"`
		OldContent string `db:"old_content"`
		OldExcerpt string `db:"old_excerpt"`
	}
	err := w.tx.Get(ctx, &texts, `SELECT
			CASE WHEN p.title = r.title THEN '' ELSE p.title END AS title, CASE WHEN p.title = r.title THEN '' ELSE r.title END AS old_title,
			CASE WHEN p.content = r.content THEN '' ELSE p.content END AS content, CASE WHEN p.content = r.content THEN '' ELSE r.content END AS old_content,
			CASE WHEN p.excerpt = r.excerpt THEN '' ELSE p.excerpt END AS excerpt, CASE WHEN p.excerpt = r.excerpt THEN '' ELSE r.excerpt END AS old_excerpt
		FROM posts p, posts r WHERE p.id = $1 AND r.id =
			(SELECT id FROM posts WHERE parent = $1 AND type = 'revision' AND name LIKE '%-revision-%' ORDER BY date DESC, id DESC LIMIT 1)`, p.ID)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return fmt.Errorf("compare post %d with its last revision: %w", p.ID, err)
	}
	if err == nil && sameText(texts.OldTitle, texts.Title) && sameText(texts.OldContent, texts.Content) && sameText(texts.OldExcerpt, texts.Excerpt) {
		return nil
	}
	return w.addRevision(ctx)
}

// addRevision copies the texts of the post's row within the database, because
// they may be large.
func (w *edit) addRevision(ctx context.Context) error {
	p := &w.post
	err := w.tx.Later(ctx, `INSERT INTO posts (type, status, title, name, author, content, excerpt, password, parent, menu_order,
			comment_status, ping_status, mime_type, guid, sticky, comment_count, date, date_gmt, modified, modified_gmt)
		SELECT 'revision', 'inherit', title, $2, $3, content, excerpt, '', id, 0, 'closed', 'closed', '', '', FALSE, 0, modified, modified_gmt, modified, modified_gmt
		FROM posts WHERE id = $1`, p.ID, fmt.Sprintf("%d-revision-v1", p.ID), w.who.User.ID)
	if err != nil {
		return fmt.Errorf("keep a revision of post %d: %w", p.ID, err)
	}
	return nil
}

// sameText compares texts as WordPress does for revisions: runs of white space
// are equal.
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
}

// ListRevisions returns the revisions of a post, the latest first, in pages
// that are read during the iteration. The error is ErrNotFound if there is no
// such post, and *Denied for callers who may not edit it and for types without
// revisions.
func (s *Site) ListRevisions(ctx context.Context, who auth.Identity, id int64, load Load) (iter.Seq2[[]FullPost, error], error) {
	parent, err := readHead(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	if err := s.mayRevise(who, parent); err != nil {
		return nil, err
	}
	const query = `SELECT p.id FROM posts p WHERE p.parent = $1 AND p.type = 'revision' AND p.name NOT LIKE '%-autosave-%' ORDER BY p.date DESC, p.id DESC`
	return func(yield func([]FullPost, error) bool) { s.walkPosts(ctx, load.allowed(who), query, []any{id}, yield) }, nil
}

// RestoreRevision restores the texts of a post from a revision. The error is
// ErrNotFound if the id is not that of a revision.
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
	// Revisions never change, so it is safe to read them before the
	// transaction.
	if err := revision.complete(ctx, s.db); err != nil {
		return err
	}
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
