// Package database opens the store and hides the few differences between its
// two forms: a SQLite file, which needs no other program, and a PostgreSQL
// server, which several replicas can share. Other packages write each statement
// once, with $1 placeholders, and both engines run it.
//
// Times are instants: a column declared TIMESTAMP (SQLite, stored as integer
// microseconds since 1970) or TIMESTAMPTZ (PostgreSQL) takes a time.Time and
// returns one in UTC, truncated to the microsecond. On SQLite this requires the
// column itself: an expression such as MAX(created) has no declared type and
// yields the bare integer, so select the column instead (ORDER BY … LIMIT 1).
// Never use the database's own clock.
//
// When Update returns nil, its changes are on disk: SQLite runs in WAL mode
// with synchronous=FULL, and PostgreSQL with the durability of its own
// settings.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/quillgate/quillgate/migrations"
)

// Config selects the database to open.
type Config struct {
	// URL is "postgres://…" (or "postgresql://…") in the form of libpq, or the
	// path of a SQLite file, which is created if it does not exist. A URL may
	// name several hosts (postgres://h1:p1,h2:p2/db): DB finds the one that
	// accepts writes, also after a failover.
	URL string

	// MaxConns is the largest number of connections: of the PostgreSQL pool, or
	// of the pool of SQLite readers. Zero means 4 for each CPU, at least 8.
	MaxConns int

	// Unmigrated leaves the schema as it is, for code that works on the schema
	// itself.
	Unmigrated bool
}

// Queryer runs single statements. Both DB and Tx do.
//
// Get scans the first row into dest (a struct with `db` tags, or one value) and
// returns ErrNoRows if there is none. Select scans all rows into a slice, which
// is empty if there are none. Exec returns the number of affected rows.
type Queryer interface {
	Get(ctx context.Context, dest any, query string, args ...any) error
	Select(ctx context.Context, dest any, query string, args ...any) error
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	// Site returns the site that $site stands for in statements; see DB.Of.
	Site() int64
	// Folded returns the SQL for a text without case and accents; see
	// DB.Folded.
	Folded(text string) string
	// Sorted returns the SQL for sorting texts that people write; see
	// DB.Sorted.
	Sorted(text string) string
}

// ErrNoRows is what Get returns when nothing matches.
var ErrNoRows = sql.ErrNoRows

// DB is an open database. It is safe for concurrent use.
//
// Outside of a transaction, Get and Select only read; a statement that writes
// and returns rows (INSERT … RETURNING id) belongs in Update. Outside of a
// transaction, Exec is a transaction of its own.
type DB struct {
	*pools
	site int64
}

// pools is an open database, independent of the site.
type pools struct {
	dialect    migrations.Dialect
	collation  string    // PostgreSQL: for sorting texts, quoted
	write      *sqlx.DB  // SQLite: the one writer. PostgreSQL: the pool
	read       *sqlx.DB  // SQLite: the readers. PostgreSQL: the same pool
	turns      turns     // PostgreSQL
	group      group     // SQLite
	url        string    // PostgreSQL
	postgres   *postgres // PostgreSQL
	file       *file     // SQLite
	statements atomic.Int64
	conflicts  atomic.Int64
	trace      atomic.Pointer[func(query string)]
	epochs     epochs
	pulse      pulse
	attached   sync.Map
}

// Attach stores a value with the open database. The type of key belongs to the
// package that uses the value, as with context.WithValue. Transactions can read
// it too.
func (db *DB) Attach(key, value any) { db.attached.Store(key, value) }

// Attached returns the value that Attach stored under a key, or nil.
func (db *DB) Attached(key any) any {
	value, _ := db.attached.Load(key)
	return value
}

// Open opens the database and migrates its schema to the current version.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{pools: &pools{dialect: migrations.SQLite}}
	conns := cfg.MaxConns
	if conns <= 0 {
		conns = max(8, 4*runtime.NumCPU())
	}
	// Writers may wait for those of other processes, so a quarter of the
	// connections is reserved for readers.
	db.turns = make(turns, max(1, conns-conns/4))
	db.epochs.open(db)
	var err error
	if isPostgres(cfg.URL) {
		db.dialect, db.epochs.maxAge = migrations.Postgres, maxAgePostgres
		err = db.openPostgres(cfg.URL, conns)
	} else {
		err = db.openSQLite(cfg.URL, conns)
	}
	if err != nil {
		return nil, err
	}
	if err := db.start(ctx, cfg.Unmigrated); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func (db *DB) start(ctx context.Context, unmigrated bool) error {
	if err := db.write.PingContext(ctx); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if err := db.collations(ctx); err != nil {
		return err
	}
	if unmigrated {
		return nil
	}
	return db.MigrateUp(ctx)
}

func (db *DB) openPostgres(url string, conns int) error {
	var err error
	if db.url, err = spreadHosts(url); err != nil {
		return err
	}
	if db.postgres, err = newPostgres(db.url); err != nil {
		return err
	}
	pool := sqlx.NewDb(sql.OpenDB(&connector{postgres: db.postgres, statements: &db.statements, epochs: &db.epochs, trace: &db.trace}), "postgres")
	pool.SetMaxOpenConns(max(2, conns)) // migrations hold one lock while they use another connection
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db.write, db.read = pool, pool
	return nil
}

func (db *DB) openSQLite(path string, conns int) error {
	if path == "" || strings.Contains(path, "\x00") {
		return errors.New("open the database: the path of the SQLite file is empty or holds a NUL")
	}
	keepJournals()
	// The journal files get the mode of the main file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if db.file, err = fileOf(f, path); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	writer := &connector{inner: sqliteConnector{sqliteURL(path, true)}, file: db.file, statements: &db.statements, epochs: &db.epochs, trace: &db.trace}
	reader := &connector{inner: sqliteConnector{sqliteURL(path, false)}, statements: &db.statements, epochs: &db.epochs, trace: &db.trace}

	db.write = sqlx.NewDb(sql.OpenDB(writer), "sqlite")
	db.write.SetMaxOpenConns(1)
	db.write.SetMaxIdleConns(1)
	db.read = sqlx.NewDb(sql.OpenDB(reader), "sqlite")
	db.read.SetMaxOpenConns(conns)
	db.read.SetMaxIdleConns(conns)
	return nil
}

// Close waits for running statements and closes all connections.
func (db *DB) Close() error {
	db.pulse.mu.Lock()
	db.pulse.asked = nil // an earlier answer is no longer right
	db.pulse.mu.Unlock()
	db.epochs.notices.close()
	err := db.write.Close()
	if db.read != db.write {
		err = errors.Join(db.read.Close(), err)
	}
	if err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// Cut breaks all connections to PostgreSQL at once and prevents new ones, so
// that everything that waits for them fails. It is for a process that must exit
// without further waiting. On SQLite, which does not wait for a network, it
// does nothing.
func (db *DB) Cut() {
	if db.postgres != nil {
		db.postgres.cutAll()
	}
}

// Ping checks whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.Get(ctx, &one, "SELECT 1"); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}

// Shared reports whether several servers may write to the database, as on
// PostgreSQL: one of them may have told a client something newer than the Stamp
// of another. Next to the server of a SQLite file only commands write, and for
// them a Stamp is at most 20 ms old.
func (db *DB) Shared() bool { return db.dialect == migrations.Postgres }

// Trace makes connections call fn with the text of each statement that they see
// for the first time, concurrently. It is for tests that check query plans.
func (db *DB) Trace(fn func(query string)) { db.trace.Store(&fn) }

// Statements returns the number of statements executed since Open. It does not
// count the begin and the end of transactions, or background work such as a
// Batch. Tests compare it before and after a call.
func (db *DB) Statements() int64 { return db.statements.Load() }

// Migrations lists the steps of the schema, with those that were applied.
func (db *DB) Migrations(ctx context.Context) ([]migrations.State, error) {
	return migrations.Status(ctx, db.write.DB, db.dialect)
}

// MigrateDown reverts the schema to version; see migrations.Down.
func (db *DB) MigrateDown(ctx context.Context, version int64) error {
	if err := migrations.Down(ctx, db.write.DB, db.dialect, version); err != nil {
		return err
	}
	return db.epochs.learn(ctx)
}

// MigrateUp migrates the schema to the current version; see migrations.Up.
func (db *DB) MigrateUp(ctx context.Context) error {
	if err := migrations.Up(ctx, db.write.DB, db.dialect); err != nil {
		return err
	}
	return db.epochs.learn(ctx)
}

// Get reads one row; see Queryer.
func (db *DB) Get(ctx context.Context, dest any, query string, args ...any) error {
	query, args = bound(query, args, db.site)
	return db.read.GetContext(ctx, dest, query, args...)
}

// Select reads all rows; see Queryer.
func (db *DB) Select(ctx context.Context, dest any, query string, args ...any) error {
	query, args = bound(query, args, db.site)
	return db.read.SelectContext(ctx, dest, query, args...)
}

// Exec writes, in a transaction of its own; see Queryer.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	query, args = bound(query, args, db.site)
	return db.write.ExecContext(ctx, query, args...)
}
