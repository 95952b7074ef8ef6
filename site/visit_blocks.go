package site

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// TypeBlock is the type of reusable blocks, which posts refer to by id.
const TypeBlock = "wp_block"

// ReusableBlocks returns the texts of the published reusable blocks with these
// ids. It omits missing ones, and those with a password.
func (s *Site) ReusableBlocks(ctx context.Context, ids []int64) (map[int64]string, error) {
	out := make(map[int64]string, len(ids))
	err := database.SelectIn(ctx, s.db, `SELECT p.id, p.content FROM posts p WHERE p.id IN (?) AND p.type = '`+TypeBlock+`' AND p.status = 'publish' AND p.password = ''`,
		ids, func(p Post) { out[p.ID] = p.Content })
	if err != nil {
		return nil, fmt.Errorf("read reusable blocks: %w", err)
	}
	return out, nil
}
