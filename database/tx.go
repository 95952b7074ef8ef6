package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/quillgate/quillgate/migrations"
)

// Tx is a transaction, valid inside the function it was given to and not safe
// for concurrent use.
type Tx struct {
	dialect migrations.Dialect
	tx      *sqlx.Tx
	db      *DB
	site    int64
}

// Attached returns what DB.Attach has kept under a key; nil when there is nothing.
func (tx *Tx) Attached(key any) any { return tx.db.Attached(key) }

const (
	// patience is for how long Update runs its function again when other
	// transactions keep winning.
	patience = 15 * time.Second
	// maxPause bounds the wait before it does so.
	maxPause = 250 * time.Millisecond
	// aloneAfter is how many tries go side by side with the transactions of
	// others. After them the others wait.
	aloneAfter = 3
)

// Update runs fn in a write transaction and commits it. It returns nil only
// when the commit is durable; any error of fn rolls everything back and is
// returned as it is.
//
// Transactions are serializable on both databases: what fn reads cannot change
// under it before its writes land. SQLite lets one writer in at a time, and
// those that wait for it share its commit (see group); PostgreSQL lets several
// run and refuses the ones that collide, which Update then runs again from the
// start. So fn may run more than once: it must have
// no effect beyond tx and must assign to variables outside, never add to
// them. One that has collided again and again runs while no other Update does,
// in any process, so that it gets through however many there are and however
// short they are.
//
// After an error of a statement fn can only return: PostgreSQL refuses
// everything else that the transaction tries, where SQLite would go on. Ask
// first, or use ON CONFLICT, where a duplicate is to be expected.
//
// Inside fn use tx alone. A call of db.Update or db.Exec would wait for fn to
// end, for ever.
func (db *DB) Update(ctx context.Context, fn func(tx *Tx) error) error {
	began := time.Now()
	for try := 1; ; try++ {
		err := db.attempt(ctx, try > aloneAfter, fn)
		if err == nil || !isConflict(err) || time.Since(began) > patience {
			return err
		}
		// Randomness keeps two that collided from colliding in step again.
		pause := min(time.Duration(rand.Int64N(int64(time.Millisecond)<<min(try, 10))), maxPause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (db *DB) attempt(ctx context.Context, alone bool, fn func(tx *Tx) error) error {
	if db.dialect == migrations.SQLite {
		return db.group.update(ctx, db, fn)
	}
	leave, err := db.turns.enter(ctx, alone)
	if err != nil {
		return fmt.Errorf("wait for a transaction: %w", err)
	}
	defer leave()
	return db.run(ctx, db.write, &sql.TxOptions{Isolation: sql.LevelSerializable}, func(tx *Tx) error {
		if err := db.takeTurn(ctx, tx, alone); err != nil {
			return err
		}
		return fn(tx)
	})
}

// takeTurn makes the transaction one of those of all processes that run side
// by side, or waits until it is the only one. PostgreSQL takes what a
// transaction sees at its first query, and LOCK TABLE is none: who has waited
// here sees what the others have done meanwhile, and does not collide with it.
// The lock is on a table that is there always and changes with the schema
// only; to read it takes no part in this.
func (db *DB) takeTurn(ctx context.Context, tx *Tx, alone bool) error {
	if tx.dialect != migrations.Postgres {
		return nil
	}
	mode := "ROW SHARE"
	if alone {
		mode = "EXCLUSIVE"
	}
	// It belongs to the begin of the transaction, which does not count.
	if _, err := tx.Exec(uncounted(ctx), `LOCK TABLE `+migrations.Table+` IN `+mode+` MODE`); err != nil {
		return fmt.Errorf("wait for a transaction: %w", err)
	}
	return nil
}

// turns lets many write transactions of this process run, or one alone. Who
// waits here holds no connection, unlike who waits for other processes.
type turns struct {
	places chan struct{} // one for each that runs
	alone  chan struct{} // held while someone takes all the places
}

func newTurns(n int) turns {
	return turns{places: make(chan struct{}, n), alone: make(chan struct{}, 1)}
}

// enter waits for a place, or for all of them.
func (t turns) enter(ctx context.Context, alone bool) (leave func(), err error) {
	want, have := 1, 0
	leave = func() {
		for range have {
			<-t.places
		}
	}
	if alone {
		select {
		case t.alone <- struct{}{}:
			defer func() { <-t.alone }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		want = cap(t.places)
	}
	for ; have < want; have++ {
		select {
		case t.places <- struct{}{}:
		case <-ctx.Done():
			leave()
			return nil, ctx.Err()
		}
	}
	return leave, nil
}

// View runs fn in a transaction that reads one consistent state of the
// database and writes nothing.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	return db.run(ctx, db.read, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

func (db *DB) run(ctx context.Context, pool *sqlx.DB, options *sql.TxOptions, fn func(tx *Tx) error) error {
	tx, err := pool.BeginTxx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	// Also the way out of a panic in fn; after a commit it does nothing.
	defer tx.Rollback()
	if err := fn(&Tx{db.dialect, tx, db, db.site}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// isConflict tells the errors after which PostgreSQL has surely rolled back and
// the same transaction may pass when it is run again: serialization_failure,
// deadlock_detected, and read_only_sql_transaction, by which a server tells
// that it has become a standby. A connection lost in the middle of a commit is
// not one of them, since no one knows how it ended.
func isConflict(err error) bool {
	var p *pq.Error
	return errors.As(err, &p) && (p.Code == "40001" || p.Code == "40P01" || p.Code == "25006")
}

// Get reads one row; see Queryer.
func (tx *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	query, args = bound(query, args, tx.site)
	return tx.tx.GetContext(ctx, dest, query, args...)
}

// Select reads all rows; see Queryer.
func (tx *Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	query, args = bound(query, args, tx.site)
	return tx.tx.SelectContext(ctx, dest, query, args...)
}

// Exec writes; see Queryer.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	query, args = bound(query, args, tx.site)
	return tx.tx.ExecContext(ctx, query, args...)
}
