package site

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// rows are new rows of a table, written many with one statement.
type rows struct {
	table, columns string
	width          int
	values         []any
}

func newRows(table, columns string) *rows {
	return &rows{table: table, columns: columns, width: strings.Count(columns, ",") + 1}
}

func (r *rows) add(values ...any) { r.values = append(r.values, values...) }

// maxInsert is how many rows one statement inserts at most. SQLite takes 32,766 values.
const maxInsert = 128

// insert writes the rows in order, with few lengths of statements, so that prepared ones serve again.
func (r *rows) insert(ctx context.Context, tx *database.Tx) error {
	values := r.values
	for size := maxInsert; size > 0; size /= 2 {
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

// insertText is INSERT INTO table (columns) VALUES ($1, …), ($n, …), ….
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

// inLists runs a query with one list of values in it, a chunk at a time. before and after are the other arguments.
func inLists[V, T any](ctx context.Context, q database.Queryer, query string, list []V, each func(T), before ...any) error {
	for len(list) > 0 {
		n := min(len(list), listChunk)
		text, args, err := database.In(query, append(append([]any{}, before...), list[:n])...)
		if err != nil {
			return err
		}
		var found []T
		if err := q.Select(ctx, &found, text, args...); err != nil {
			return err
		}
		for _, f := range found {
			each(f)
		}
		list = list[n:]
	}
	return nil
}

// idGiver gives ids to new objects of a table: the one that is wished for where it is free, else the next.
type idGiver struct {
	table string
	taken map[int64]bool
	next  int64
}

// maxKeptID bounds the ids that are kept: new objects get higher ones, and there has to be room for them.
const maxKeptID = 1 << 48

// takenIDs says which of some ids are taken.
type takenIDs func(context.Context, database.Queryer, []int64) (map[int64]bool, error)

// takenIn says which are taken in a table of this package.
func takenIn(table string) takenIDs {
	return func(ctx context.Context, q database.Queryer, ids []int64) (map[int64]bool, error) {
		taken := make(map[int64]bool)
		err := inLists(ctx, q, `SELECT id FROM `+table+` WHERE id IN (?)`, ids, func(id int64) { taken[id] = true })
		return taken, err
	}
}

// newIDGiver prepares for the wishes, zeros among them, and makes the automatic ids of others stay clear.
func newIDGiver(ctx context.Context, tx *database.Tx, table string, wishes []int64, taken takenIDs) (g *idGiver, err error) {
	g = &idGiver{table: table, taken: map[int64]bool{}}
	if len(wishes) == 0 {
		return g, nil
	}
	list, top := make([]int64, 0, len(wishes)), int64(0)
	for _, id := range wishes {
		if id > 0 && id <= maxKeptID {
			list = append(list, id)
			top = max(top, id)
		}
	}
	if g.taken, err = taken(ctx, tx, list); err != nil {
		return nil, fmt.Errorf("look for free ids of %s: %w", table, err)
	}
	next, err := database.NextID(ctx, tx, table)
	if err != nil {
		return nil, err
	}
	refused := len(wishes) - len(list) + len(g.taken)
	seen := make(map[int64]bool, len(list))
	for _, id := range list {
		if seen[id] {
			refused++
		}
		seen[id] = true
	}
	g.next = max(next, top+1)
	if refused == 0 && top < next {
		return g, nil
	}
	return g, database.ReserveIDs(ctx, tx, table, g.next+int64(refused))
}

// give returns the id for one of the wishes.
func (g *idGiver) give(wish int64) int64 {
	if wish <= 0 || wish > maxKeptID || g.taken[wish] {
		wish = g.next
		g.next++
	}
	g.taken[wish] = true
	return wish
}
