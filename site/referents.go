package site

import (
	"context"

	"github.com/quillgate/quillgate/database"
)

// referents finds what options refer to.
type referents struct{}

func (referents) PublishedPage(ctx context.Context, q database.Queryer, id int64) (is bool, err error) {
	err = q.Get(ctx, &is, `SELECT COUNT(*) > 0 FROM posts WHERE id = $1 AND type = 'page' AND status = 'publish'`, id)
	return is, err
}

func (referents) Picture(ctx context.Context, q database.Queryer, id int64) (is bool, err error) {
	err = q.Get(ctx, &is, `SELECT COUNT(*) > 0 FROM posts WHERE id = $1 AND type = 'attachment' AND mime_type LIKE 'image/%'`, id)
	return is, err
}

func (referents) Category(ctx context.Context, q database.Queryer, id int64) (is bool, err error) {
	err = q.Get(ctx, &is, `SELECT COUNT(*) > 0 FROM terms WHERE id = $1 AND taxonomy = 'category'`, id)
	return is, err
}
