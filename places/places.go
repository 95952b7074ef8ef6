// Package places finds the position of an offset in a long list sorted by time,
// id, author or text, without walking through everything before it.
//
// The database counts the entries of each list in each part, which is a week,
// 2,000 ids, an author, or, in a list sorted by a text, the texts between two
// fences (see Split). Triggers of the schema maintain the counts: on
// SQLite, which has one writer, they change list_counts; on PostgreSQL they add
// rows to list_shifts (see database.Shifts). The column week holds the number of
// the part. Among each 2,000 ids they also know a date that none of the posts is
// after (newest).
package places

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// The lists that are counted.
const (
	date     = "date"
	modified = "modified"
	byID     = "id"
	byAuthor = "author"
	byTitle  = "title"
	byName   = "name"
)

// Posts returns the name of the list of posts with a type and a status by date.
func Posts(kind, status string) string { return list(kind, status, date) }

// Modified is Posts by the date of the last change.
func Modified(kind, status string) string { return list(kind, status, modified) }

// IDs is Posts by id.
func IDs(kind, status string) string { return list(kind, status, byID) }

// Titles is Posts by title, in the order of database.Sorted.
func Titles(kind, status string) string { return list(kind, status, byTitle) }

// Names is Titles by name.
func Names(kind, status string) string { return list(kind, status, byName) }

// Authors returns the name of the list whose parts are the authors of posts.
func Authors(kind, status string) string { return list(kind, status, byAuthor) }

// Comments returns the name of the list of comments with a status by date.
func Comments(status string) string { return list("comment", status, date) }

func list(kind, status, order string) string { return kind + " " + status + " " + order }

// far is the offset from which a walk costs more than reading the counts.
const far = 1000

const (
	week = 7 * 24 * 60 * 60
	// yearZero is in seconds before 1970. Weeks are counted from there, so that
	// their numbers are not negative.
	yearZero = 62_167_219_200
)

// IDsInPart is how many ids a part of a list by id has. Part 0 begins with id 1.
const IDsInPart = 2000

// parts is the SQL for the counts and shifts of lists by their parts, which has
// the lists as its arguments twice.
const parts = `SELECT week, n FROM list_counts WHERE list IN (?) UNION ALL SELECT week, n FROM list_shifts WHERE list IN (?)`

// Totals returns how many entries each of the lists has.
func Totals(ctx context.Context, q database.Queryer, lists []string) (map[string]int64, error) {
	query, args, err := database.In(`SELECT list, SUM(n) AS n FROM (SELECT list, n FROM list_counts WHERE list IN (?) UNION ALL SELECT list, n FROM list_shifts WHERE list IN (?)) AS counts GROUP BY list`, lists, lists)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		List string `db:"list"`
		N    int64  `db:"n"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read the totals of lists: %w", err)
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.List] = r.N
	}
	return out, nil
}

// Count returns how many entries lists have in each of their parts that is not
// empty.
func Count(ctx context.Context, q database.Queryer, lists []string) (map[int64]int64, error) {
	query := parts
	if len(lists) > 1 { // fewer rows
		query = `SELECT week, SUM(n) AS n FROM (` + parts + `) AS counts GROUP BY week`
	}
	query, args, err := database.In(query, lists, lists)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Part  int64 `db:"week"`
		Count int64 `db:"n"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read the counts of lists: %w", err)
	}
	out := make(map[int64]int64, len(rows))
	for _, r := range rows {
		out[r.Part] += r.Count
	}
	maps.DeleteFunc(out, func(_, n int64) bool { return n <= 0 })
	return out, nil
}

// reach returns the index of the part in which an offset is, and how many
// entries are in the parts before it. The last part has the offsets behind it.
func reach(order []int64, counts map[int64]int64, offset int) (i, before int) {
	for ; i < len(order)-1; i++ {
		n := int(counts[order[i]])
		if before+n > offset {
			break
		}
		before += n
	}
	return i, before
}

// From returns an SQL condition, preceded by AND, with which a walk through
// merged lists begins near an offset, and sets offset to what must be skipped
// from there. It is "" if the walk begins at the start. column is the sort key
// of the lists; add adds an argument to the statement and returns its
// placeholder.
//
// Entries that are written between this and the walk shift the page
// accordingly.
func From(ctx context.Context, q database.Queryer, lists []string, column string, newestFirst bool, offset *int, add func(any) string) (string, error) {
	if *offset < far || len(lists) == 0 {
		return "", nil
	}
	if of, ok := textOrder(lists[0]); ok {
		return fromText(ctx, q, lists, of, column, newestFirst, offset, add)
	}
	at, rest, ok, err := skip(ctx, q, lists, newestFirst, *offset)
	if err != nil || !ok {
		return "", err
	}
	*offset = rest
	if newestFirst {
		return ` AND ` + column + ` < ` + add(at), nil
	}
	return ` AND ` + column + ` >= ` + add(at), nil
}

// skip returns the time, the id or the author at which a walk through merged
// lists can begin, and how many entries it must skip from there: with the newest
// first, the entries before it remain, otherwise those at and after it. ok is
// false if the lists are not counted, and the walk must begin at the start.
//
// The counts are added up here: a window function of SQLite takes four times as
// long as reading them.
func skip(ctx context.Context, q database.Queryer, lists []string, newestFirst bool, offset int) (at any, rest int, ok bool, err error) {
	counts, err := Count(ctx, q, lists)
	if err != nil || len(counts) == 0 {
		return nil, 0, false, err
	}
	order := slices.Sorted(maps.Keys(counts))
	if newestFirst {
		slices.Reverse(order)
	}
	i, before := reach(order, counts, offset)
	part := order[i]
	if newestFirst {
		part++
	}
	switch {
	case strings.HasSuffix(lists[0], " "+byID):
		at = part*IDsInPart + 1
	case strings.HasSuffix(lists[0], " "+byAuthor):
		at = part
	default:
		at = time.Unix(part*week-yearZero, 0).UTC()
	}
	return at, offset - before, true, nil
}

// Since returns the numbers of the parts of lists by id in which an entry may
// not be older than a date, of those with ids up to the given one; at most limit.
func Since(ctx context.Context, q database.Queryer, lists []string, date time.Time, id int64, limit int) (parts []int64, err error) {
	const of = `SELECT week FROM `
	const where = ` WHERE list IN (?) AND week <= ? AND newest >= ?`
	part := (id - 1) / IDsInPart
	query, args, err := database.In(`SELECT DISTINCT week FROM (`+of+`list_counts`+where+` UNION ALL `+of+`list_shifts`+where+`) AS parts LIMIT `+strconv.Itoa(limit), lists, part, date, lists, part, date)
	if err != nil {
		return nil, err
	}
	if err := q.Select(ctx, &parts, query, args...); err != nil {
		return nil, fmt.Errorf("look for parts of lists by date: %w", err)
	}
	return parts, nil
}

var folding = database.Lock{Rule: "counts of lists are folded by one"}

// part identifies a part of a list.
type part struct {
	List string `db:"list"`
	Week int64  `db:"week"`
}

// shift is a row of list_shifts.
type shift struct {
	part
	N      int64      `db:"n"`
	Newest *time.Time `db:"newest"`
}

// sum returns the sum of two shifts of one part.
func sum(a, b shift) shift {
	a.N += b.N
	if a.Newest == nil || b.Newest != nil && b.Newest.After(*a.Newest) {
		a.Newest = b.Newest
	}
	return a
}

// add adds a shift to the counts.
func add(ctx context.Context, tx *database.Tx, s shift) error {
	if s.Newest == nil {
		return tx.Later(ctx, `INSERT INTO list_counts (list, week, n) VALUES ($1, $2, $3) ON CONFLICT (list, week) DO UPDATE SET n = list_counts.n + excluded.n`, s.List, s.Week, s.N)
	}
	return tx.Later(ctx, `INSERT INTO list_counts (list, week, n, newest) VALUES ($1, $2, $3, $4) ON CONFLICT (list, week) DO UPDATE
		SET n = list_counts.n + excluded.n, newest = CASE WHEN list_counts.newest >= excluded.newest THEN list_counts.newest ELSE excluded.newest END`, s.List, s.Week, s.N, *s.Newest)
}

// Fold adds up shifts, and reports whether there may be more. The counts do not
// change.
func Fold(ctx context.Context, db *database.DB) (more bool, err error) {
	more, err = database.Shifts[shift, part]{
		Few:  `SELECT COUNT(*) FROM (SELECT 1 FROM list_shifts LIMIT $1) AS s`,
		Take: `DELETE FROM list_shifts WHERE id IN (SELECT id FROM list_shifts ORDER BY id LIMIT $1) RETURNING list, week, n, newest`,
		Key:  func(row shift) part { return row.part },
		Sum:  sum,
		Add:  add,
		Write: func(ctx context.Context, fn func(tx *database.Tx) error) error {
			return db.Write(ctx, []database.Lock{folding}, fn)
		},
	}.Fold(ctx, db)
	if err != nil {
		return false, fmt.Errorf("add up the counts of lists: %w", err)
	}
	return more, nil
}
