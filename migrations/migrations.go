// Package migrations owns the schema: numbered SQL files, one pair for each
// change (sqlite/NNNNN_name.sql and postgres/NNNNN_name.sql), each with an up
// and a down part. Every file is applied exactly once, in the order of the
// numbers and in a transaction of its own. The table goose_db_version records
// the applied files.
//
// A released file is never edited: a change is a new file.
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

// Table is the table that records the applied migrations.
const Table = goose.DefaultTablename

// A Dialect names a database and the folder that holds its files.
type Dialect string

// The databases that the schema exists for.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// State is a migration, with the time at which it was applied.
type State struct {
	Version int64     // the number at the beginning of the file name
	Name    string    // the name of the file
	Applied bool      //
	At      time.Time // in UTC; zero: not applied
}

// ErrNewer means that a newer program has changed the schema in ways that this
// one does not know.
var ErrNewer = errors.New("the database was brought up to date by a newer quillgate: start that one again, or put back the backup from before it")

// Up applies all pending migrations. It refuses a schema that is newer than
// this program. Several processes may call it at the same time: on PostgreSQL
// they wait for each other, and on SQLite the others find the work done.
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
	// SQLite has no lock that outlives a transaction, so another process
	// that migrates the same file makes this one fail in the middle. The
	// next try skips what the other has done.
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

// Newest returns the version of the schema that this program knows.
func Newest(d Dialect) int64 {
	entries, err := files.ReadDir(string(d))
	if err != nil || len(entries) == 0 {
		return 0
	}
	version, _ := goose.NumericComponent(entries[len(entries)-1].Name()) // the list is sorted
	return version
}

// lockOthers prevents other processes from migrating until unlock is called. On
// PostgreSQL the lock belongs to a transaction, not to a session, so it also
// works behind a pooler. SQLite has no lock that outlives a transaction.
func lockOthers(ctx context.Context, db *sql.DB, d Dialect) (unlock func(), err error) {
	if d != Postgres {
		return func() {}, nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("lock the schema: %w", err)
	}
	// This is goose's number, which earlier releases lock by session.
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(%d)`, lock.DefaultLockID))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("wait for another process that changes the schema: %w", err), tx.Rollback())
	}
	return func() { _ = tx.Rollback() }, nil
}

// known refuses a schema with migrations that this program does not have: it
// would write rows that break their rules.
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

// Down reverts every migration with a number above version, the newest first.
// Version 0 empties the database. The content of dropped tables is lost.
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
