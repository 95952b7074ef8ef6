package apps

import (
	"context"
	"slices"
)

// IsSealedColumn reports whether a column is in the list of sealed ones.
func IsSealedColumn(table, column string) bool {
	return slices.ContainsFunc(sealedColumns(), func(c sealedColumn) bool { return c.table == table && c.column == column })
}

// SealedColumns returns the length of that list.
func SealedColumns() int { return len(sealedColumns()) }

// FlushUsage writes the uses that are due, as happens every 20 seconds.
func (s *Store) FlushUsage() { s.usage.Flush(context.Background(), false, s.now()) }

// Written is Get without the uses that wait.
func (s *Store) Written(ctx context.Context, public string) (App, error) {
	r, err := get(ctx, s.db, public)
	if err != nil {
		return App{}, err
	}
	return r.app()
}
