package media

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// ledger is the table media_files, which has a row for every file that is
// stored or about to be. Column pending is the time since which a row has been
// waiting to be kept, or NULL when it is kept; upload identifies who wrote the
// file or is removing it. Only the process that has the row of a name, with
// that upload, may write or remove the file. Therefore:
//
//   - two writers never have the same name, whichever server and store they
//     write to;
//   - a file exists before its row is kept, and its row is pending before the
//     file is removed;
//   - a process that wants to remove what a dead process left first puts its
//     own upload into the row. If the other process is alive after all, its
//     transaction finds the row changed and does not commit;
//   - one process at a time removes a file. If another took over the row
//     meanwhile, somebody else could have the name by the time the first one
//     gets to the file. So a removal stays alone for as long as it may take.
type ledger struct {
	db    *database.DB
	clock func() time.Time
}

// ledgerRow is a row of the table.
type ledgerRow struct {
	Info
	upload  string
	pending bool
}

const ledgerColumns = `name, upload, pending, type, download, size, etag, stored`

// insertRow begins the statements that claim names.
const insertRow = `INSERT INTO media_files (` + ledgerColumns + `) VALUES `

// values returns the list of placeholders for n rows of eight values.
func values(n int) string {
	var b strings.Builder
	for row := range n {
		if row > 0 {
			b.WriteByte(',')
		}
		at := 8 * row
		fmt.Fprintf(&b, "($%d,$%d,$%d,$%d,$%d,$%d,$%d,$%d)", at+1, at+2, at+3, at+4, at+5, at+6, at+7, at+8)
	}
	return b.String()
}

// removal returns a new upload for removing files. It begins like that of no
// writer.
func removal() string { return removalPrefix + rand.Text() }

const (
	removalPrefix = "-"
	// removalLease is how long a removal stays alone, counted from column
	// pending. It is well above removeWithin.
	removalLease = 10 * time.Minute
)

func (g ledger) now() time.Time { return g.clock().UTC().Truncate(time.Microsecond) }

// claim inserts a pending row for a name, and reports whether the name was
// free.
func (g ledger) claim(ctx context.Context, upload string, info Info) (bool, error) {
	n, err := g.insert(ctx, upload, []Info{info})
	return n == 1, err
}

// claimAll inserts rows for the free ones of some names, and returns which they
// are.
func (g ledger) claimAll(ctx context.Context, upload string, infos []Info) (map[string]bool, error) {
	n, err := g.insert(ctx, upload, infos)
	if err != nil {
		return nil, err
	}
	mine := make(map[string]bool, len(infos))
	if n == int64(len(infos)) {
		for _, info := range infos {
			mine[info.Name] = true
		}
		return mine, nil
	}
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	err = database.SelectIn(ctx, g.db, `SELECT name FROM media_files WHERE upload = ? AND name IN (?)`, names, func(name string) { mine[name] = true }, upload)
	if err != nil {
		return nil, fmt.Errorf("read the names of an upload: %w", err)
	}
	return mine, nil
}

func (g ledger) insert(ctx context.Context, upload string, infos []Info) (int64, error) {
	now := g.now()
	args := make([]any, 0, 8*len(infos))
	for _, info := range infos {
		args = append(args, info.Name, upload, now, info.Type, info.Download, info.Size, info.ETag, info.Modified)
	}
	result, err := g.db.Exec(ctx, insertRow+values(len(infos))+` ON CONFLICT (name) DO NOTHING`, args...)
	if err != nil {
		return 0, fmt.Errorf("reserve the name of an upload: %w", err)
	}
	return result.RowsAffected()
}

// nextFree returns the number before one above n with which the name is free.
func (g ledger) nextFree(ctx context.Context, name string, n int) (int, error) {
	free, err := database.FirstFree(ctx, n+1, maxNumber, func(n int) string { return numbered(name, n) }, func(ctx context.Context, names []string) (used []string, err error) {
		err = database.SelectIn(ctx, g.db, `SELECT name FROM media_files WHERE name IN (?)`, names, func(name string) { used = append(used, name) })
		return used, err
	})
	if err != nil {
		return 0, fmt.Errorf("look for a free name: %w", err)
	}
	return free - 1, nil
}

// release removes pending rows.
func (g ledger) release(ctx context.Context, upload string, names ...string) error {
	return g.change(ctx, `DELETE FROM media_files WHERE upload = ? AND pending IS NOT NULL AND name IN (?)`, names, upload)
}

// namesAtOnce is the number of names in one statement.
const namesAtOnce = 500

// change runs a statement for a list of names, with a transaction for each 500.
func (g ledger) change(ctx context.Context, query string, names []string, before ...any) error {
	for part := range slices.Chunk(names, namesAtOnce) {
		text, args, err := database.In(query, append(append([]any{}, before...), part)...)
		if err == nil {
			_, err = g.db.Exec(ctx, text, args...)
		}
		if err != nil {
			return fmt.Errorf("write down the names of uploads: %w", err)
		}
	}
	return nil
}

// keep records files as kept.
func (g ledger) keep(ctx context.Context, tx *database.Tx, s *Stored) error {
	if a := s.adopted; a != nil {
		result, err := tx.Exec(ctx, insertRow+values(1)+` ON CONFLICT (name) DO UPDATE SET type = excluded.type, download = excluded.download,
			size = excluded.size, etag = excluded.etag, stored = excluded.stored WHERE media_files.pending IS NULL`, a.Name, s.upload, nil, a.Type, a.Download, a.Size, a.ETag, a.Modified)
		if err != nil {
			return fmt.Errorf("record the file %q: %w", a.Name, err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, fmt.Errorf("record the file %q: %w", a.Name, fs.ErrExist))
		}
	}
	if len(s.names) == 0 {
		return nil
	}
	query, args, err := database.In(`UPDATE media_files SET pending = NULL WHERE upload = ? AND pending IS NOT NULL AND name IN (?)`, s.upload, s.names)
	if err != nil {
		return err
	}
	result, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("record the files of an upload: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(s.names)) {
		return errors.Join(err, ErrSwept)
	}
	return nil
}

// take makes pending files those of token. It returns false if they are already
// kept, or belong to somebody else.
func (g ledger) take(ctx context.Context, token string, s *Stored) (bool, error) {
	query, args, err := database.In(`UPDATE media_files SET upload = ?, pending = ? WHERE upload = ? AND pending IS NOT NULL AND name IN (?)`, token, g.now(), s.upload, s.names)
	if err != nil {
		return false, err
	}
	result, err := g.db.Exec(ctx, query, args...)
	if err != nil {
		return false, fmt.Errorf("take back the files of an upload: %w", err)
	}
	n, err := result.RowsAffected()
	return n == int64(len(s.names)), err
}

// condemn makes files those of a removal, whatever their rows say, and inserts
// missing rows.
func (g ledger) condemn(ctx context.Context, tx *database.Tx, c Condemned) error {
	now := g.now()
	for part := range slices.Chunk(c.names, namesAtOnce/10) {
		args := make([]any, 0, 8*len(part))
		for _, name := range part {
			args = append(args, name, c.token, now, "", false, -1, "", now)
		}
		_, err := tx.Exec(ctx, insertRow+values(len(args)/8)+` ON CONFLICT (name) DO UPDATE SET upload = excluded.upload, pending = excluded.pending`, args...)
		if err != nil {
			return fmt.Errorf("write down the files to remove: %w", err)
		}
	}
	return nil
}

// forgotten is a condition for pending rows whose process has probably died.
type forgotten interface{ where() (string, []any) }

// forgottenBefore are rows that have been pending since before a time, except
// those that somebody else has been removing since ended.
type forgottenBefore struct{ before, ended time.Time }

func (f forgottenBefore) where() (string, []any) {
	return `pending < ? AND (upload NOT LIKE '` + removalPrefix + `%' OR pending < ?)`, []any{f.before, f.ended}
}

// leftBy are the pending rows of a writer.
type leftBy string

func (f leftBy) where() (string, []any) {
	return `pending IS NOT NULL AND upload LIKE ?`, []any{string(f) + writerEnd + "%"}
}

// takeForgotten makes some of the files that somebody forgot those of token.
func (g ledger) takeForgotten(ctx context.Context, token string, of forgotten) (names []string, err error) {
	where, values := of.where()
	query, args, err := database.In(`SELECT name FROM media_files WHERE `+where+` ORDER BY pending LIMIT 100`, values...)
	if err != nil {
		return nil, err
	}
	if err := g.db.Select(ctx, &names, query, args...); err != nil {
		return nil, fmt.Errorf("look for forgotten uploads: %w", err)
	}
	if len(names) == 0 {
		return nil, nil
	}
	if err := g.change(ctx, `UPDATE media_files SET upload = ?, pending = ? WHERE `+where+` AND name IN (?)`, names, append([]any{token, g.now()}, values...)...); err != nil {
		return nil, err
	}
	var mine []string
	err = database.SelectIn(ctx, g.db, `SELECT name FROM media_files WHERE upload = ? AND name IN (?)`, names, func(name string) { mine = append(mine, name) }, token)
	if err != nil {
		return nil, fmt.Errorf("read the forgotten uploads: %w", err)
	}
	return mine, nil
}

// find returns the row of a name, or nil.
func (g ledger) find(ctx context.Context, name string) (*ledgerRow, error) {
	rows, err := g.read(ctx, g.db, `SELECT `+ledgerColumns+` FROM media_files WHERE name = $1`, name)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// read runs a query for whole rows.
func (g ledger) read(ctx context.Context, q database.Queryer, query string, args ...any) ([]ledgerRow, error) {
	var found []struct {
		Name     string       `db:"name"`
		Upload   string       `db:"upload"`
		Pending  sql.NullTime `db:"pending"`
		Type     string       `db:"type"`
		Download bool         `db:"download"`
		Size     int64        `db:"size"`
		ETag     string       `db:"etag"`
		Stored   time.Time    `db:"stored"`
	}
	if err := q.Select(ctx, &found, query, args...); err != nil {
		return nil, fmt.Errorf("read the list of uploads: %w", err)
	}
	rows := make([]ledgerRow, len(found))
	for i, f := range found {
		rows[i] = ledgerRow{Info{f.Name, f.Stored.UTC(), Facts{f.Size, f.Type, f.Download, f.ETag}}, f.Upload, f.Pending.Valid}
	}
	return rows, nil
}
