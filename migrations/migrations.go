// Package migrations owns the schema: numbered SQL files, one pair for each
// change (sqlite/NNNNN_name.sql and postgres/NNNNN_name.sql), each with an up
// and a down part. Every file is applied in one transaction, in the order of
// its number, exactly once; what was applied is remembered in the table
// goose_db_version.
//
// A file that was released is never edited: a change is a new file.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Table is the table that remembers what was applied.
const Table = goose.DefaultTablename

// A Dialect names a database and the folder that holds its files.
type Dialect string

// The databases that the schema exists for.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// State tells of one migration whether it was applied.
type State struct {
	Version int64     // the number that the file name starts with
	Name    string    // the file name
	Applied bool      //
	At      time.Time // when it was applied, UTC; zero when it was not
}

// ErrNewer says that a newer program has changed the schema in ways that this one does not know.
var ErrNewer = errors.New("the database was brought up to date by a newer quillgate: start that one again, or put back the backup from before it")

// Up applies everything that is not applied yet, and refuses a schema that is newer than it knows. Several processes may call
// it at once: on PostgreSQL they wait for one another, on SQLite the loser of
// the race finds the work done.
func Up(ctx context.Context, db *sql.DB, d Dialect) error {
	p, err := provider(db, d)
	if err != nil {
		return err
	}
	unlock, err := lockOthers(ctx, db, d)
	if err != nil {
		return err
	}
	defer unlock()
	if err := checkSums(ctx, db, d, p); err != nil {
		return err
	}
	_, err = p.Up(ctx)
	// SQLite has no lock that outlives a transaction, so another process that
	// migrates the same file makes us fail in the middle; what it has done
	// is not pending for the next try.
	for try := 0; err != nil && d == SQLite && try < 3 && ctx.Err() == nil; try++ {
		_, err = p.Up(ctx)
	}
	if err != nil {
		return fmt.Errorf("migrate the schema: %w", err)
	}
	if err := known(ctx, p); err != nil {
		return err
	}
	return keepSums(ctx, db, d)
}

// Newest is the version of the schema that this program knows.
func Newest(d Dialect) int64 {
	entries, err := files.ReadDir(string(d))
	if err != nil || len(entries) == 0 {
		return 0
	}
	version, _ := goose.NumericComponent(entries[len(entries)-1].Name()) // they are sorted
	return version
}

// lockOthers keeps other processes from migrating until unlock is called. On PostgreSQL the lock belongs to a transaction,
// not to a session: it holds behind a pooler too. SQLite has none that outlives a transaction.
func lockOthers(ctx context.Context, db *sql.DB, d Dialect) (unlock func(), err error) {
	if d != Postgres {
		return func() {}, nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("lock the schema: %w", err)
	}
	// The number is goose's, which earlier releases lock by session.
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(%d)`, lock.DefaultLockID))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("wait for another process that changes the schema: %w", err), tx.Rollback())
	}
	return func() { _ = tx.Rollback() }, nil
}

// known refuses a schema with steps that this program does not have: it would write rows that lack what those steps ask for.
func known(ctx context.Context, p *goose.Provider) error {
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if current > newest {
		return fmt.Errorf("its schema has version %d, and this program knows those up to %d: %w", current, newest, ErrNewer)
	}
	return nil
}

// Down takes back every migration with a number above version, newest first.
// Version 0 empties the database. What the taken tables held is gone.
func Down(ctx context.Context, db *sql.DB, d Dialect, version int64) error {
	p, err := provider(db, d)
	if err != nil {
		return err
	}
	if err := known(ctx, p); err != nil {
		return err
	}
	unlock, err := lockOthers(ctx, db, d)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := p.DownTo(ctx, version); err != nil {
		return fmt.Errorf("take back the schema to version %d: %w", version, err)
	}
	if version < sumsVersion {
		return nil
	}
	if _, err := db.ExecContext(ctx, `DELETE FROM migration_sums WHERE version > $1`, version); err != nil {
		return fmt.Errorf("forget the sums of migrations: %w", err)
	}
	return nil
}

// Status lists all known migrations, oldest first.
func Status(ctx context.Context, db *sql.DB, d Dialect) ([]State, error) {
	p, err := provider(db, d)
	if err != nil {
		return nil, err
	}
	list, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of the schema: %w", err)
	}
	states := make([]State, 0, len(list))
	for _, m := range list {
		states = append(states, State{
			Version: m.Source.Version,
			Name:    m.Source.Path,
			Applied: m.State == goose.StateApplied,
			At:      m.AppliedAt.UTC(),
		})
	}
	return states, nil
}

func provider(db *sql.DB, d Dialect) (*goose.Provider, error) {
	folder, err := fs.Sub(files, string(d))
	if err != nil {
		return nil, fmt.Errorf("migrations for %q: %w", d, err)
	}
	options := []goose.ProviderOption{goose.WithSlog(slog.New(slog.DiscardHandler))}
	dialect := goose.DialectSQLite3
	if d == Postgres {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, db, folder, options...)
	if err != nil {
		return nil, fmt.Errorf("read the migrations for %s: %w", d, err)
	}
	return p, nil
}
