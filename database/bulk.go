package database

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Rows are new rows of a table, inserted many at a time. Use NewRows.
type Rows struct {
	table, columns string
	width          int
	values         []any
}

// NewRows returns an empty set of rows for these columns of a table, separated
// by commas. The names must not come from outside the program.
func NewRows(table, columns string) *Rows {
	return &Rows{table: table, columns: columns, width: strings.Count(columns, ",") + 1}
}

// Add appends a row: one value for each column, in order.
func (r *Rows) Add(values ...any) { r.values = append(r.values, values...) }

// maxInsert is the largest number of rows in one statement. SQLite accepts
// 32,766 values.
const maxInsert = 128

// oneInsert is from how many rows on the number of rows in a statement is a
// power of two. Fewer are inserted by one statement.
const oneInsert = 8

// Insert inserts the rows in order. It uses few different numbers of rows in a
// statement, so that prepared statements can be reused.
func (r *Rows) Insert(ctx context.Context, tx *Tx) error {
	values := r.values
	for size := maxInsert; size > 0; size /= 2 {
		if left := len(values) / r.width; left < oneInsert && left > 0 {
			size = left
		}
		n := size * r.width
		for len(values) >= n {
			if _, err := tx.Exec(ctx, insertText(r.table, r.columns, r.width, size), values[:n]...); err != nil {
				return fmt.Errorf("insert into %s: %w", r.table, err)
			}
			values = values[n:]
		}
	}
	return nil
}

// insertText returns INSERT INTO table (columns) VALUES ($1, …), ($n, …), ….
func insertText(table, columns string, width, size int) string {
	b := make([]byte, 0, 64+len(columns)+size*width*6)
	b = append(b, "INSERT INTO "+table+" ("+columns+") VALUES "...)
	for row := range size {
		if row > 0 {
			b = append(b, ',')
		}
		for column := range width {
			open := byte(',')
			if column == 0 {
				open = '('
			}
			b = append(b, open, '$')
			b = strconv.AppendInt(b, int64(row*width+column+1), 10)
		}
		b = append(b, ')')
	}
	return string(b)
}

// listChunk is the largest number of list values in one statement.
const listChunk = 500

// eachChunk runs a query with a list, with at most listChunk values at a time.
// before holds the arguments before the list.
func eachChunk[V any](query string, list []V, before []any, run func(query string, args []any) error) error {
	for len(list) > 0 {
		n := min(len(list), listChunk)
		text, args, err := In(query, append(append([]any{}, before...), list[:n])...)
		if err != nil {
			return err
		}
		if err := run(text, args); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// SelectIn runs a query whose last ? is a list of values of any length, and
// calls each with all rows. before holds the arguments before the list. The
// order of the query applies only within each 500 values. With an empty list,
// it runs nothing.
func SelectIn[V, T any](ctx context.Context, q Queryer, query string, list []V, each func(T), before ...any) error {
	return eachChunk(query, list, before, func(query string, args []any) error {
		var found []T
		if err := q.Select(ctx, &found, query, args...); err != nil {
			return err
		}
		for _, f := range found {
			each(f)
		}
		return nil
	})
}

// ExecIn runs a statement whose last ? is a list of values of any length.
// before holds the arguments before the list. With an empty list, it runs
// nothing. It may run later; see Tx.Later.
func ExecIn[V any](ctx context.Context, tx *Tx, query string, list []V, before ...any) error {
	return eachChunk(query, list, before, func(query string, args []any) error {
		return tx.Later(ctx, query, args...)
	})
}

// IDs assigns ids to new rows of a table: the wished one if it is free,
// otherwise the next. Use NewIDs.
type IDs struct {
	taken map[int64]bool
	next  int64
}

// maxKeptID is the largest id that is kept: new rows get higher ids, and there
// must be room for them.
const maxKeptID = 1 << 48

// TakenIDs returns which of some ids are taken. TakenIn returns one; a package
// can provide another for its own tables.
type TakenIDs func(context.Context, Queryer, []int64) (map[int64]bool, error)

// TakenIn returns a TakenIDs for the rows of a table.
func TakenIn(table string) TakenIDs {
	return func(ctx context.Context, q Queryer, ids []int64) (map[int64]bool, error) {
		taken := make(map[int64]bool)
		err := SelectIn(ctx, q, `SELECT id FROM `+table+` WHERE id IN (?)`, ids, func(id int64) { taken[id] = true })
		return taken, err
	}
}

// NewIDs prepares for wishes, which may include zeros, and keeps the automatic
// ids of other writers clear of those it will assign. The table must be
// suitable for ReserveIDs and locked (LockTables), so that a free id stays
// free.
func NewIDs(ctx context.Context, tx *Tx, table string, wishes []int64, taken TakenIDs) (ids *IDs, err error) {
	ids = &IDs{taken: map[int64]bool{}}
	if len(wishes) == 0 {
		return ids, nil
	}
	list, top := make([]int64, 0, len(wishes)), int64(0)
	for _, id := range wishes {
		if id > 0 && id <= maxKeptID {
			list = append(list, id)
			top = max(top, id)
		}
	}
	if ids.taken, err = taken(ctx, tx, list); err != nil {
		return nil, fmt.Errorf("look for free ids of %s: %w", table, err)
	}
	next, err := NextID(ctx, tx, table)
	if err != nil {
		return nil, err
	}
	refused := len(wishes) - len(list) + len(ids.taken)
	seen := make(map[int64]bool, len(list))
	for _, id := range list {
		if seen[id] {
			refused++
		}
		seen[id] = true
	}
	ids.next = max(next, top+1)
	if refused == 0 && top < next {
		return ids, nil
	}
	return ids, ReserveIDs(ctx, tx, table, ids.next+int64(refused))
}

// Give returns the id for one of the wishes.
func (ids *IDs) Give(wish int64) int64 {
	if wish <= 0 || wish > maxKeptID || ids.taken[wish] {
		wish = ids.next
		ids.next++
	}
	ids.taken[wish] = true
	return wish
}
