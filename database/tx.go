package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/quillgate/quillgate/migrations"
)

// Tx is a transaction. It is valid inside the function it was passed to, and
// not safe for concurrent use.
type Tx struct {
	dialect migrations.Dialect
	tx      *sqlx.Tx
	db      *DB
	site    int64
	held    map[int64]bool // keys of locks
	alone   bool           // nobody else writes
	wrote   bool           // a statement may have changed something
	failed  bool           // a statement has failed
}

// Attached returns the value that DB.Attach stored under a key, or nil.
func (tx *Tx) Attached(key any) any { return tx.db.Attached(key) }

const (
	// patience is how long Update and Write repeat their function while other
	// transactions keep winning.
	patience = 15 * time.Second
	// maxPause is the longest wait before a repetition.
	maxPause = 250 * time.Millisecond
	// maxUnbegun is how often a transaction is run again because its connection
	// broke at its first statement. database/sql does the same for other
	// statements.
	maxUnbegun = 2
	// idleTime is the time after which PostgreSQL ends a transaction whose
	// client is silent, because its host has died, for example. Others wait for
	// its locks.
	idleTime = 5 * time.Second
)

// A Lock keeps what a rule depends on unchanged while a transaction of Write
// reads and writes: no two transactions with the same lock run at the same
// time, in any process. Each site has its own.
type Lock struct {
	Rule string // the rule, a constant of the package that owns it
	Of   string // what it is about
}

// key returns the number of the lock in PostgreSQL.
func (l Lock) key(site int64) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\x00%s\x00%s", site, l.Rule, l.Of)
	return int64(h.Sum64())
}

// everyone is the lock that all writers share, and that Update holds
// exclusively.
const everyone = 0x7175696c6c676174

// Update runs fn in a write transaction and commits it. It returns nil only
// when the commit is durable. Any error of fn rolls everything back and is
// returned unchanged.
//
// The transaction runs alone: no other Update or Write runs meanwhile, in any
// process. Therefore what fn reads cannot change under it, whatever its rules
// are. It is for rare operations; those that visitors and clients cause all the
// time belong in Write.
//
// fn may run more than once: it must have no effect outside tx, and must assign
// to variables outside, never add to them.
//
// SQLite allows one writer at a time, and waiting writers share its commit (see
// group).
//
// After an error of a statement fn can only return: PostgreSQL refuses
// everything else in the transaction, where SQLite would continue. If a
// duplicate is to be expected, check first, or use ON CONFLICT.
//
// Inside fn use only tx. A call of db.Update or db.Exec would wait for fn to
// end, for ever.
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	return db.change(ctx, true, nil, fn)
}

// Write is like Update, but on PostgreSQL it runs next to other transactions of
// Write, at READ COMMITTED: each statement sees what others have committed
// before it began, and two that change one row wait for each other. A rule that
// needs more needs a lock, and must read its rows after the lock was taken.
// locks are held from the first statement on. SQLite allows one writer at a time
// anyway.
func (db *DB) Write(ctx context.Context, locks []Lock, fn func(tx *Tx) error) error {
	return db.change(ctx, false, locks, fn)
}

func (db *DB) change(ctx context.Context, alone bool, locks []Lock, fn func(tx *Tx) error) error {
	began := time.Now()
	for try, unbegun := 1, 0; ; try++ {
		err := db.attempt(ctx, alone, locks, fn)
		if errors.As(err, new(*notBegun)) && unbegun < maxUnbegun {
			unbegun++ // the next connection may work
			continue
		}
		if err == nil || !isConflict(err) || time.Since(began) > patience {
			return err
		}
		db.conflicts.Add(1)
		// Randomness keeps two that collided from colliding in step again.
		pause := min(time.Duration(rand.Int64N(int64(time.Millisecond)<<min(try, 10))), maxPause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Conflicts is how often a transaction was run again since Open, because it had
// collided with another.
func (db *DB) Conflicts() int64 { return db.conflicts.Load() }

func (db *DB) attempt(ctx context.Context, alone bool, locks []Lock, fn func(tx *Tx) error) error {
	if db.dialect == migrations.SQLite {
		return db.group.update(ctx, db, fn)
	}
	leave, err := db.turns.enter(ctx)
	if err != nil {
		return fmt.Errorf("wait for a transaction: %w", err)
	}
	defer leave()
	held := make(map[int64]bool, len(locks))
	begin := context.WithValue(ctx, beginKey{}, db.begin(alone, locks, held))
	return db.run(begin, db.write, nil, func(tx *Tx) error {
		tx.held, tx.alone = held, alone
		return fn(tx)
	})
}

// beginKey is that of the statements, in a context, by which a connection
// begins a transaction: in the round trip of the first statement in it.
type beginKey struct{}

func (db *DB) begin(alone bool, locks []Lock, held map[int64]bool) later {
	for _, l := range locks {
		held[l.key(db.site)] = true
	}
	share := "_shared"
	if alone {
		share = ""
	}
	q := fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL idle_in_transaction_session_timeout = %d; SELECT pg_advisory_xact_lock%s(%d)",
		idleTime.Milliseconds(), share, everyone)
	for _, key := range slices.Sorted(maps.Keys(held)) { // in the same order everywhere, or two could wait for each other
		q += fmt.Sprintf("; SELECT pg_advisory_xact_lock(%d)", key)
	}
	return later{text: []byte(q), sets: 1 + len(held)}
}

// Holds reports whether no other transaction can have the lock.
func (tx *Tx) Holds(l Lock) bool { return tx.alone || tx.held[l.key(tx.site)] }

// Lock waits for a lock that was not known at the beginning. The rule must read
// its rows after it.
func (tx *Tx) Lock(ctx context.Context, l Lock) error {
	if tx.Holds(l) {
		return nil
	}
	key := l.key(tx.site)
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, key); err != nil {
		return fmt.Errorf("wait for a lock: %w", err)
	}
	tx.held[key] = true
	return nil
}

// turns limits the number of write transactions of this process. A waiting one
// holds no connection.
type turns chan struct{}

// enter waits for a slot.
func (t turns) enter(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// View runs fn in a transaction that reads one consistent state of the database
// and writes nothing.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	return db.run(ctx, db.read, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

func (db *DB) run(ctx context.Context, pool *sqlx.DB, options *sql.TxOptions, fn func(tx *Tx) error) error {
	tx, err := pool.BeginTxx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	// Also for a panic in fn; after a commit it does nothing.
	defer tx.Rollback()
	if err := fn(&Tx{dialect: db.dialect, tx: tx, db: db, site: db.site, held: make(map[int64]bool)}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// isConflict reports whether an error proves that PostgreSQL has rolled back,
// and that the same transaction may succeed when it is repeated:
// serialization_failure, deadlock_detected, and read_only_sql_transaction,
// which a server returns that has become a standby. A connection that is lost
// during a commit does not count, since the outcome is unknown.
func isConflict(err error) bool {
	var p *pq.Error
	return errors.As(err, &p) && (p.Code == "40001" || p.Code == "40P01" || p.Code == "25006")
}

// Get reads one row; see Queryer.
func (tx *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	query, args = bound(query, args, tx.site)
	return tx.note(query, tx.tx.GetContext(ctx, dest, query, args...))
}

// Select reads all rows; see Queryer.
func (tx *Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	query, args = bound(query, args, tx.site)
	return tx.note(query, tx.tx.SelectContext(ctx, dest, query, args...))
}

// Exec writes; see Queryer.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	query, args = bound(query, args, tx.site)
	r, err := tx.tx.ExecContext(ctx, query, args...)
	return r, tx.note(query, err)
}

// note records what a statement means for the transaction, and returns its
// error.
func (tx *Tx) note(query string, err error) error {
	if !strings.HasPrefix(query, "SELECT") {
		tx.wrote = true
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		tx.failed = true
	}
	return err
}
