package site

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// HandOver gives the posts, pages, files and revisions of a deleted user to
// another. Comments keep their author's name, without a user. Call it in the
// transaction that deletes the user.
func (s *Site) HandOver(ctx context.Context, tx *database.Tx, from, to int64) error {
	if err := tx.Later(ctx, `UPDATE posts SET author = $2 WHERE author = $1`, from, to); err != nil {
		return fmt.Errorf("hand over posts: %w", err)
	}
	if err := tx.Later(ctx, `UPDATE comments SET user_id = 0 WHERE user_id = $1`, from); err != nil {
		return fmt.Errorf("hand over comments: %w", err)
	}
	return nil
}
