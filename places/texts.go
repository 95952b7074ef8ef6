package places

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// Texts have no parts by nature. Those of a type of post in an order are
// separated by fences, in the table list_fences: a part begins with its fence
// and ends before the next one. Part 0 is before the first fence. A list has no
// fences until one of its parts is crowded; then Split adds one.

const (
	// crowded is the number of entries from which a part is split, and spacious
	// how many the first half of it gets.
	crowded  = 2000
	spacious = 1000
	// splits is how many parts one transaction splits.
	splits = 8
)

// textOrder returns the name of the fences of a list sorted by a text.
func textOrder(list string) (of string, ok bool) {
	words := strings.Fields(list)
	order := words[len(words)-1]
	return words[0] + " " + order, order == byTitle || order == byName
}

// fromText is From for lists that are sorted by a text. A part that is split
// between its two statements may shift the page.
func fromText(ctx context.Context, q database.Queryer, lists []string, of, column string, last bool, offset *int, add func(any) string) (string, error) {
	counts, err := Count(ctx, q, lists)
	if err != nil {
		return "", err
	}
	var fenced []int64
	if err := q.Select(ctx, &fenced, `SELECT part FROM list_fences WHERE of = $1 ORDER BY text`, of); err != nil {
		return "", fmt.Errorf("read the parts of a list: %w", err)
	}
	order := append([]int64{0}, fenced...)
	if last {
		slices.Reverse(order)
	}
	i, before := reach(order, counts, *offset)
	fence, compare := order[i], ` >= `
	if last {
		fence, compare = 0, ` < `
		if i > 0 {
			fence = order[i-1]
		}
	}
	if fence == 0 {
		return "", nil
	}
	*offset -= before
	return ` AND ` + column + compare + `(SELECT text FROM list_fences WHERE of = ` + add(of) + ` AND part = ` + add(fence) + `)`, nil
}

// A Walk reads the sort keys of posts. A key is a value of the database. nil
// stands for that before all others.
type Walk interface {
	// Key returns the key of the post that follows after skip others, in the order
	// of a list, from a key on, or above it. The error is database.ErrNoRows if
	// there is none.
	Key(ctx context.Context, tx *database.Tx, kind, status, order string, from any, above bool, skip int) (any, error)
	// Count counts the posts with a key at or after one and before another.
	Count(ctx context.Context, tx *database.Tx, kind, status, order string, from, to any) (int64, error)
}

// crowdedParts are the parts of lists by text that may be split.
const crowdedParts = `SELECT list, week FROM list_counts WHERE n > $1 AND (list LIKE '% title' OR list LIKE '% name')`

// Split adds fences where too many texts are between two, and reports whether
// there may be more to do. statuses are those that posts may have.
func Split(ctx context.Context, db *database.DB, statuses []string, walk Walk) (more bool, err error) {
	var list []part
	if err := db.Select(ctx, &list, crowdedParts, crowded); err != nil {
		return false, fmt.Errorf("look for crowded parts of lists: %w", err)
	}
	if len(list) == 0 {
		return false, nil
	}
	// Nobody else writes meanwhile: a post must be counted where its text is.
	err = db.Update(ctx, func(tx *database.Tx) error {
		more = false
		for range splits {
			var list []part
			if err := tx.Select(ctx, &list, crowdedParts, crowded); err != nil {
				return err
			}
			done := false
			for i := 0; i < len(list) && !done; i++ {
				var err error
				if done, err = split(ctx, tx, list[i], statuses, walk); err != nil {
					return err
				}
			}
			if !done {
				return nil
			}
		}
		more = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("split a part of a list: %w", err)
	}
	return more, nil
}

// split splits a part. It reports false for one of which all posts have the same
// text.
func split(ctx context.Context, tx *database.Tx, p part, statuses []string, walk Walk) (bool, error) {
	words := strings.Fields(p.List)
	kind, status, order := words[0], words[1], words[2]
	of, _ := textOrder(p.List)
	var from any
	if p.Week != 0 {
		if err := tx.Get(ctx, &from, `SELECT text FROM list_fences WHERE of = $1 AND part = $2`, of, p.Week); err != nil {
			return false, err
		}
	}
	key, err := walk.Key(ctx, tx, kind, status, order, from, false, spacious)
	if err != nil {
		return false, none(err)
	}
	between := func() (n int, err error) {
		err = tx.Get(ctx, &n, `SELECT COUNT(*) FROM list_fences WHERE of = $1 AND text <= $2`, of, key)
		return n, err
	}
	before := 0 // fences up to the part's own
	if from != nil {
		if err := tx.Get(ctx, &before, `SELECT COUNT(*) FROM list_fences WHERE of = $1 AND text <= $2`, of, from); err != nil {
			return false, err
		}
		if equal(key, from) { // more posts than fit have one text
			if key, err = walk.Key(ctx, tx, kind, status, order, from, true, 0); err != nil {
				return false, none(err)
			}
		}
	}
	if n, err := between(); err != nil || n != before {
		return false, err // another part begins there
	}
	var next int64
	if err := tx.Get(ctx, &next, `SELECT COALESCE(MAX(part), 0) + 1 FROM list_fences WHERE of = $1`, of); err != nil {
		return false, err
	}
	for _, status := range statuses {
		name := list(kind, status, order)
		var all int64
		err := tx.Get(ctx, &all, `SELECT COALESCE(SUM(n), 0) FROM (SELECT n FROM list_counts WHERE list = $1 AND week = $2 UNION ALL SELECT n FROM list_shifts WHERE list = $1 AND week = $2) AS counts`, name, p.Week)
		if err != nil {
			return false, err
		}
		if all == 0 {
			continue
		}
		first, err := walk.Count(ctx, tx, kind, status, order, from, key)
		if err != nil {
			return false, err
		}
		for week, n := range map[int64]int64{p.Week: first - all, next: all - first} {
			if err := add(ctx, tx, shift{part: part{name, week}, N: n}); err != nil {
				return false, err
			}
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO list_fences (of, text, part) VALUES ($1, $2, $3)`, of, key, next)
	return err == nil, err
}

// none returns nil for the error that there is no row.
func none(err error) error {
	if errors.Is(err, database.ErrNoRows) {
		return nil
	}
	return err
}

// equal reports whether two keys are the same.
func equal(a, b any) bool { return text(a) == text(b) }

func text(key any) string {
	if b, ok := key.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(key)
}
