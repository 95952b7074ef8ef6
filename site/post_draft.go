package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
)

// In WordPress wp.newPost, wp.newPage and metaWeblog.newPost first create an
// automatic draft and then edit it; if the content turns out to be invalid, the
// draft is left behind. Here a post is created in one transaction, and the
// draft is written only for a refusal, so that ids are assigned as there.

// autoDraftLife is how long automatic drafts are kept, as in WordPress.
const autoDraftLife = 7 * 24 * time.Hour

// autoDraft returns the automatic draft of the post that is being created.
func (w *edit) autoDraft() Post {
	now := w.opts.Local(w.now)
	comments, pings := Discussion(w.opts, w.post.Type)
	return Post{
		Type: w.post.Type, Status: StatusAutoDraft, Title: "Auto Draft", Author: w.who.User.ID, CommentStatus: comments, PingStatus: pings,
		Date: now, Modified: now, ModifiedGMT: &w.now,
	}
}

// refused reports whether an error concerns what the client sent, not the
// database.
func refused(err error) bool {
	var denied *Denied
	var invalid *Invalid
	return errors.As(err, &denied) || errors.As(err, &invalid) || errors.Is(err, ErrNotFound) || errors.Is(err, ErrEmptyPost)
}

func (s *Site) leaveAutoDraft(ctx context.Context, draft Post) error {
	return s.db.Write(ctx, nil, func(tx *database.Tx) error { // a draft without a slug
		p := draft
		return insertPost(ctx, tx, &p)
	})
}

// dropAutoDrafts deletes old automatic drafts.
func (s *Site) dropAutoDrafts(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `DELETE FROM posts WHERE type IN ('post', 'page') AND status = 'auto-draft' AND date < $1`, s.options.Local(s.now().Add(-autoDraftLife)))
	if err != nil {
		return fmt.Errorf("delete old automatic drafts: %w", err)
	}
	return nil
}
