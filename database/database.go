// Package database opens the store and hides the few differences between its
// two forms: a SQLite file, which needs no other program, and a PostgreSQL
// server, which several replicas can share. The packages above write each
// statement once, with $1 placeholders, and both run it.
//
// Times are moments: a column declared TIMESTAMP (SQLite, held as integer
// microseconds since 1970) or TIMESTAMPTZ (PostgreSQL) takes a time.Time and
// gives one back in UTC, cut to the microsecond. On SQLite this needs the
// column itself: an expression such as MAX(created) has no declared type and
// gives the bare integer, so select the column instead (ORDER BY … LIMIT 1).
// Never use the database's own clock.
//
// What Update has returned nil for is on disk: SQLite runs in WAL mode with
// synchronous=FULL, and PostgreSQL with the durability of its own settings.
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

// Config says which database to open.
type Config struct {
	// URL is "postgres://…" (or "postgresql://…"), as libpq reads it, or the
	// path of a SQLite file, which is made when it is not there. It may name
	// several hosts (postgres://h1:p1,h2:p2/db): the one that takes writes is
	// found, again after a failover too.
	URL string

	// MaxConns bounds the connections: of the one PostgreSQL pool, or of the
	// SQLite readers' pool. Zero means 4 for each CPU, at least 8.
	MaxConns int

	// Unmigrated leaves the schema as it is. Only what works on the schema
	// itself wants that.
	Unmigrated bool
}

// Queryer runs single statements. Both DB and Tx do.
//
// Get scans the first row into dest (a struct with `db` tags, or one value)
// and returns ErrNoRows when there is none; Select scans all rows into a
// slice, leaving it empty when there are none; Exec returns how many rows it
// touched.
type Queryer interface {
	Get(ctx context.Context, dest any, query string, args ...any) error
	Select(ctx context.Context, dest any, query string, args ...any) error
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	// Site is the site that $site stands for in the statements; see DB.Of.
	Site() int64
	// Folded writes the SQL for a text without case and accents; see DB.Folded.
	Folded(text string) string
	// Sorted writes the SQL by which texts that people write are put into order; see DB.Sorted.
	Sorted(text string) string
}

// ErrNoRows is what Get returns when nothing matches.
var ErrNoRows = sql.ErrNoRows

// DB is an open database. It is safe for concurrent use.
//
// Get and Select outside of a transaction only read; a statement that writes
// and returns rows (INSERT … RETURNING id) belongs in Update. Exec outside of a
// transaction is one transaction of its own.
type DB struct {
	*pools
	site int64
}

// pools is an open database, whichever site is looked at.
type pools struct {
	dialect    migrations.Dialect
	collation  string    // PostgreSQL: of texts in order, quoted
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

// Attach keeps a value with the open database, for the package that the type of key belongs to, as context.WithValue
// does. Transactions find it too.
func (db *DB) Attach(key, value any) { db.attached.Store(key, value) }

// Attached returns what Attach has kept under a key; nil when there is nothing.
func (db *DB) Attached(key any) any {
	value, _ := db.attached.Load(key)
	return value
}

// Open opens the database and brings its schema up to date.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{pools: &pools{dialect: migrations.SQLite}}
	conns := cfg.MaxConns
	if conns <= 0 {
		conns = max(8, 4*runtime.NumCPU())
	}
	// Writers may wait for those of other processes: a quarter of the connections
	// is for who reads meanwhile.
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
	pool.SetMaxOpenConns(max(2, conns)) // migrations hold a lock in one while they use another
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db.write, db.read = pool, pool
	return nil
}

func (db *DB) openSQLite(path string, conns int) error {
	if path == "" || strings.Contains(path, "\x00") {
		return errors.New("open the database: the path of the SQLite file is empty or holds a NUL")
	}
	// The journal files take the mode of the main file.
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
	db.pulse.asked = nil // an answer from before is no longer right
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

// Cut breaks all connections to PostgreSQL at once and lets no other be opened, so that everything that waits for them ends
// with an error. It is for the end of a process that cannot wait any longer. On SQLite, where nothing waits for a network,
// it does nothing.
func (db *DB) Cut() {
	if db.postgres != nil {
		db.postgres.cutAll()
	}
}

// Ping asks whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.Get(ctx, &one, "SELECT 1"); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}

// Shared reports whether several servers are meant to write to the database, as on PostgreSQL: what a client was told by one
// of them may be newer than the Stamp that another one has. Next to the server of an SQLite file only commands write, for
// which a Stamp is old for 20 ms at most.
func (db *DB) Shared() bool { return db.dialect == migrations.Postgres }

// Trace calls fn with the text of each statement that a connection sees for the first time, from several goroutines at
// once. It is for tests that look at the plans of statements.
func (db *DB) Trace(fn func(query string)) { db.trace.Store(&fn) }

// Statements is the number of statements executed since Open, without the
// begin and the end of transactions, and without what runs by itself, such as a
// Batch. Tests compare it before and after a call.
func (db *DB) Statements() int64 { return db.statements.Load() }

// Migrations lists the steps of the schema, and which of them were applied.
func (db *DB) Migrations(ctx context.Context) ([]migrations.State, error) {
	return migrations.Status(ctx, db.write.DB, db.dialect)
}

// MigrateDown takes the schema back to version; see migrations.Down.
func (db *DB) MigrateDown(ctx context.Context, version int64) error {
	if err := migrations.Down(ctx, db.write.DB, db.dialect, version); err != nil {
		return err
	}
	return db.epochs.learn(ctx)
}

// MigrateUp brings the schema up to date; see migrations.Up.
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
