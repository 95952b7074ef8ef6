package site

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/media"
)

// trashSuffix ends the slug of a trashed post, so that another post may use the
// slug.
const trashSuffix = "__trashed"

// CommentPostTrashed is the status of the comments of a trashed post, and
// metaCommentStatus stores their previous statuses.
const (
	CommentPostTrashed = "post-trashed"
	metaCommentStatus  = "_wp_post_trash_status"
)

// DeletePost moves a post or page to the trash or, if it is already there,
// deletes it permanently with its comments, custom fields and revisions.
// Attachments are deleted at once, with their files. Errors: ErrNotFound,
// *Denied.
func (s *Site) DeletePost(ctx context.Context, who auth.Identity, id int64) error {
	if id <= 0 {
		return ErrNotFound
	}
	opts, err := s.options.Current(ctx)
	if err != nil {
		return err
	}
	var files media.Condemned
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		p, err := readHead(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case !s.CanDelete(who, p):
			return &Denied{Action: "delete this post"}
		case (p.Type == TypePost || p.Type == TypePage) && p.Status != StatusTrash:
			w := &edit{PostEdit: PostEdit{Status: new(StatusTrash)}, s: s, tx: tx, who: who, opts: opts, now: s.now(), old: p}
			return w.trash(ctx)
		}
		if files, err = s.condemnFiles(ctx, tx, p); err != nil {
			return err
		}
		return deletePost(ctx, tx, p)
	})
	if err != nil {
		return fmt.Errorf("delete post %d: %w", id, err)
	}
	s.purgeFiles(ctx, files)
	return nil
}

// trash moves the post to the trash. It is an edit that needs the right to
// delete the post.
func (w *edit) trash(ctx context.Context) error {
	w.post = *w.old
	w.post.Status, w.post.Sticky = StatusTrash, false
	w.stampModified()
	return w.write(ctx)
}

func trashedSlug(name string) string {
	if strings.HasSuffix(name, trashSuffix) {
		return name
	}
	return markup.CutSlug(name, markup.MaxSlug-len(trashSuffix)) + trashSuffix
}

// enterTrash stores the previous state of the post, and hides its comments.
func enterTrash(ctx context.Context, tx *database.Tx, old *Post, now time.Time) error {
	kept := []FieldEdit{
		{Key: metaTrashStatus, Value: old.Status},
		{Key: metaTrashTime, Value: strconv.FormatInt(now.Unix(), 10)},
	}
	if !strings.HasSuffix(old.Name, trashSuffix) {
		kept = append(kept, FieldEdit{Key: metaTrashSlug, Value: old.Name})
	}
	if err := addFields(ctx, tx, old.ID, kept); err != nil {
		return err
	}
	if err := tx.Later(ctx, `INSERT INTO comment_meta (comment_id, key, value) SELECT id, $2, status FROM comments WHERE post_id = $1`, old.ID, metaCommentStatus); err != nil {
		return fmt.Errorf("store the comment statuses of post %d: %w", old.ID, err)
	}
	if err := tx.Later(ctx, `UPDATE comments SET status = $2 WHERE post_id = $1`, old.ID, CommentPostTrashed); err != nil {
		return fmt.Errorf("hide the comments of post %d: %w", old.ID, err)
	}
	if err := tx.Later(ctx, `UPDATE posts SET comment_count = 0 WHERE id = $1 AND comment_count <> 0`, old.ID); err != nil {
		return fmt.Errorf("count the comments of post %d: %w", old.ID, err)
	}
	return nil
}

// desiredSlug returns the slug that a trashed post had before.
func desiredSlug(ctx context.Context, tx *database.Tx, p *Post) (string, error) {
	var slugs []string
	err := tx.Select(ctx, &slugs, `SELECT value FROM post_meta WHERE post_id = $1 AND key = $2 ORDER BY id LIMIT 1`, p.ID, metaTrashSlug)
	if err != nil {
		return "", fmt.Errorf("read the slug that post %d had: %w", p.ID, err)
	}
	if len(slugs) == 0 {
		return strings.TrimSuffix(p.Name, trashSuffix), nil
	}
	return slugs[0], nil
}

// leaveTrash removes what enterTrash stored, and restores the comments.
func leaveTrash(ctx context.Context, tx *database.Tx, id int64) error {
	if err := database.ExecIn(ctx, tx, `DELETE FROM post_meta WHERE post_id = ? AND key IN (?)`, []string{metaTrashStatus, metaTrashTime, metaTrashSlug}, id); err != nil {
		return fmt.Errorf("restore post %d from the trash: %w", id, err)
	}
	for _, query := range []string{
		`UPDATE comments SET status = (SELECT m.value FROM comment_meta m WHERE m.comment_id = comments.id AND m.key = $2 ORDER BY m.id DESC LIMIT 1)
			WHERE post_id = $1 AND status = '` + CommentPostTrashed + `'
			AND EXISTS (SELECT 1 FROM comment_meta m WHERE m.comment_id = comments.id AND m.key = $2)`,
		`DELETE FROM comment_meta WHERE key = $2 AND comment_id IN (SELECT id FROM comments WHERE post_id = $1)`,
	} {
		if err := tx.Later(ctx, query, id, metaCommentStatus); err != nil {
			return fmt.Errorf("restore the comments of post %d: %w", id, err)
		}
	}
	err := tx.Later(ctx, `UPDATE posts SET comment_count = (SELECT COUNT(*) FROM comments c WHERE c.post_id = $1 AND c.status = 'approve') WHERE id = $1`, id)
	if err != nil {
		return fmt.Errorf("count the comments of post %d: %w", id, err)
	}
	return nil
}

// deletePost deletes a post of any type permanently. Its pages and attachments
// move up to its parent; its revisions, comments, custom fields and assignments
// of terms are deleted.
func deletePost(ctx context.Context, tx *database.Tx, p *Post) error {
	if err := countPost(ctx, tx, p.ID, CountsInTerms(p), false); err != nil {
		return err
	}
	if err := tx.Later(ctx, `DELETE FROM posts WHERE parent = $1 AND type = 'revision'`, p.ID); err != nil {
		return fmt.Errorf("delete the revisions of post %d: %w", p.ID, err)
	}
	if err := tx.Later(ctx, `UPDATE posts SET parent = $2 WHERE parent = $1 AND type IN ('attachment', $3)`, p.ID, p.Parent, p.Type); err != nil {
		return fmt.Errorf("move up the children of post %d: %w", p.ID, err)
	}
	if p.Type == TypeAttachment {
		if err := tx.Later(ctx, `DELETE FROM post_meta WHERE key = '`+metaThumbnail+`' AND substr(value, 1, 20) = $1`, strconv.FormatInt(p.ID, 10)); err != nil {
			return fmt.Errorf("remove attachment %d from the posts that use it: %w", p.ID, err)
		}
	}
	if err := tx.Later(ctx, `DELETE FROM posts WHERE id = $1`, p.ID); err != nil {
		return fmt.Errorf("delete post %d: %w", p.ID, err)
	}
	return nil
}
