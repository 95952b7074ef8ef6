package site

import (
	"context"
	"fmt"
	"strconv"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/places"
)

// SplitLists keeps the parts in which lists by title and by name are counted
// small, and reports whether there may be more to do. Run calls it.
func (s *Site) SplitLists(ctx context.Context) (more bool, err error) {
	return places.Split(ctx, s.db, allStatuses, postTexts{})
}

// allStatuses are the statuses that a post may have.
var allStatuses = append([]string{StatusTrash, StatusAutoDraft, StatusInherit}, listStatuses...)

// postTexts reads the titles and names of posts in their order.
type postTexts struct{}

// keys returns the sort key in an order, which is the name of its column, and
// the statement's part from FROM on, for keys at or after from, or above it.
func (postTexts) keys(tx *database.Tx, kind, status, order string, from any, compare string, a *arguments) (key, rest string) {
	key = tx.Sorted(`p.` + order)
	rest = ` FROM posts p WHERE p.type = ` + a.add(kind) + ` AND p.status = ` + a.add(status)
	if from != nil {
		rest += ` AND ` + key + compare + a.add(from)
	}
	return key, rest
}

// Key implements places.Walk.
func (t postTexts) Key(ctx context.Context, tx *database.Tx, kind, status, order string, from any, above bool, skip int) (key any, err error) {
	compare := ` >= `
	if above {
		compare = ` > `
	}
	a := &arguments{}
	column, rest := t.keys(tx, kind, status, order, from, compare, a)
	err = tx.Get(ctx, &key, `SELECT `+column+rest+` ORDER BY `+column+` LIMIT 1 OFFSET `+strconv.Itoa(skip), a.list...)
	return key, err
}

// Count implements places.Walk.
func (t postTexts) Count(ctx context.Context, tx *database.Tx, kind, status, order string, from, to any) (n int64, err error) {
	a := &arguments{}
	column, rest := t.keys(tx, kind, status, order, from, ` >= `, a)
	if err := tx.Get(ctx, &n, `SELECT COUNT(*)`+rest+` AND `+column+` < `+a.add(to), a.list...); err != nil {
		return 0, fmt.Errorf("count posts by %s: %w", order, err)
	}
	return n, nil
}
