package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// A group lets SQLite writers that wait for one another share a transaction and
// its fsync, which is most of the cost of a small one. The first writer leads:
// it begins the transaction and does its own work. Then the writers that have
// arrived meanwhile do their work in the same transaction, one after the other,
// each in its own goroutine. The leader commits, and only then do all of them
// return. A lone writer behaves as without a group: it waits for nobody.
//
// Few writers fail after they have changed something. Such a failure rolls back
// the transaction, and the others do their work again. The members that come
// next have savepoints, so that their failures undo nothing of others, and a
// client that makes its calls fail delays few. A savepoint is not free: SQLite
// keeps a copy of each page that is changed after it, and moves the copies to a
// temporary file when they become many (see journalInMemory).
type group struct {
	mu      sync.Mutex
	busy    bool // someone is leading
	waiting []*member
	careful int // how many of the next members have a savepoint
}

const (
	// maxMembers is the largest number of writers that share a transaction, and
	// maxShared the time after which no more may join: the first one waits for
	// the last.
	maxMembers = 64
	maxShared  = 10 * time.Millisecond
	// carefulFor is how many members have a savepoint after one that would have
	// needed it.
	carefulFor = 1000
)

// member is a waiting writer. It receives a transaction to work in, or nil:
// then it leads the next one.
type member struct{ turn chan *shared }

// shared is the transaction of a group. The fields below are written before the
// channels signal.
type shared struct {
	tx    *sqlx.Tx
	works chan struct{} // receives a value when the working member is done with it
	ended chan struct{} // closed when the transaction has ended

	broken bool  // the work of all members is lost: SQLite has rolled it back, or the leader could not continue
	err    error // of the commit
}

// errBroken means that SQLite rolled back the transaction of a group, as it
// does after some errors of a statement. Members whose work had succeeded do it
// again.
var errBroken = errors.New("the transaction was rolled back")

// breaks is the error of the member that caused the loss of everyone's work.
type breaks struct{ error }

func (b *breaks) Unwrap() error        { return b.error }
func (b *breaks) Is(target error) bool { return target == errBreaks }

var errBreaks = errors.New("the transaction of others was rolled back")

// errHidden means that a writer went on after an error of a statement that had
// rolled back the transaction.
var errHidden = errors.New("a statement has failed, and its transaction was rolled back")

// update runs fn in a transaction of its own or of a group.
func (g *group) update(ctx context.Context, db *DB, fn func(tx *Tx) error) error {
	for {
		s, err := g.enter(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("wait for a transaction: %w", err)
		case s != nil:
			err = s.join(ctx, db, fn)
		default:
			err = g.lead(ctx, db, fn)
		}
		if !errors.Is(err, errBroken) {
			return err
		}
	}
}

// enter waits for a transaction to work in. It returns nil if the caller is to
// lead one.
func (g *group) enter(ctx context.Context) (*shared, error) {
	g.mu.Lock()
	if !g.busy {
		g.busy = true
		g.mu.Unlock()
		return nil, nil
	}
	m := &member{make(chan *shared, 1)}
	g.waiting = append(g.waiting, m)
	g.mu.Unlock()
	select {
	case s := <-m.turn:
		return s, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	for i, w := range g.waiting {
		if w == m {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			g.mu.Unlock()
			return nil, ctx.Err()
		}
	}
	g.mu.Unlock()
	// It is already this member's turn.
	if s := <-m.turn; s != nil {
		s.works <- struct{}{}
	} else {
		g.pass()
	}
	return nil, ctx.Err()
}

// next removes and returns the first waiting member, or nil.
func (g *group) next() *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return nil
	}
	m := g.waiting[0]
	g.waiting = g.waiting[1:]
	return m
}

// pass hands over the lead.
func (g *group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.busy, g.waiting = false, nil
		return
	}
	g.waiting[0].turn <- nil
	g.waiting = g.waiting[1:]
}

// lead runs fn in its own transaction, and lets waiting writers join it.
func (g *group) lead(ctx context.Context, db *DB, fn func(tx *Tx) error) (err error) {
	defer g.pass()
	// Others share the transaction, so it does not end with the context of one.
	// Only its begin does.
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	begun := context.AfterFunc(ctx, cancel)
	tx, err := db.write.BeginTxx(whole, &sql.TxOptions{})
	if !begun() && err == nil {
		tx.Rollback()
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	s := &shared{tx: tx, works: make(chan struct{}), ended: make(chan struct{}), broken: true}
	defer close(s.ended)
	defer tx.Rollback() // also for a panic; after a commit it does nothing
	own := &Tx{dialect: db.dialect, tx: tx, db: db, site: db.site, alone: true}
	if err := fn(own); err != nil {
		return err
	}
	if own.failed && s.gone(ctx) {
		return &breaks{errHidden}
	}
	s.broken = false
	began := time.Now()
	for n := 1; n < maxMembers && !s.broken && time.Since(began) < maxShared; n++ {
		m := g.next()
		if m == nil {
			break
		}
		m.turn <- s
		<-s.works
	}
	if s.broken {
		return errBroken
	}
	if err := tx.Commit(); err != nil {
		s.err = fmt.Errorf("commit: %w", err)
	}
	return s.err
}

// join runs fn in the transaction of a group, and returns when that has ended.
// An error waits for the end too: fn may have been refused because of another
// member's work, which readers do not see before, and which may be lost.
func (s *shared) join(ctx context.Context, db *DB, fn func(tx *Tx) error) error {
	err := s.work(ctx, db, fn)
	if errors.Is(err, errBreaks) {
		return err
	}
	<-s.ended
	switch {
	case s.broken, err != nil && s.err != nil:
		return errBroken
	case err != nil:
		return err
	}
	return s.err
}

// work runs fn. Whatever happens to fn, even a panic, the leader continues.
func (s *shared) work(ctx context.Context, db *DB, fn func(tx *Tx) error) error {
	if db.group.takesCare() {
		return s.afterSavepoint(ctx, db, fn)
	}
	tx := &Tx{dialect: db.dialect, tx: s.tx, db: db, site: db.site, alone: true}
	done := false
	defer func() {
		if !done && tx.wrote || tx.failed && s.gone(ctx) {
			s.broken = true
			db.group.takeCare()
		}
		s.works <- struct{}{}
	}()
	err := fn(tx)
	done = err == nil
	return err
}

// takesCare reports whether a member has a savepoint.
func (g *group) takesCare() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.careful == 0 {
		return false
	}
	g.careful--
	return true
}

// takeCare gives the next members savepoints.
func (g *group) takeCare() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.careful = carefulFor
}

// gone reports whether SQLite has rolled back the transaction: only then it
// begins another one, which the leader will end.
func (s *shared) gone(ctx context.Context) bool {
	_, err := s.tx.ExecContext(uncounted(context.WithoutCancel(ctx)), `BEGIN`)
	return err == nil
}

// afterSavepoint runs fn after a savepoint.
func (s *shared) afterSavepoint(ctx context.Context, db *DB, fn func(tx *Tx) error) (err error) {
	own := uncounted(context.WithoutCancel(ctx))
	done := false
	defer func() {
		if !done && !s.undo(own) {
			s.broken = true
			err = &breaks{err}
		}
		s.works <- struct{}{}
	}()
	if _, err := s.tx.ExecContext(own, `SAVEPOINT member`); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := fn(&Tx{dialect: db.dialect, tx: s.tx, db: db, site: db.site, alone: true}); err != nil {
		return err
	}
	if _, err := s.tx.ExecContext(own, `RELEASE member`); err != nil {
		return fmt.Errorf("end a part of a transaction: %w", err)
	}
	done = true
	return nil
}

// undo reverts to the savepoint. If the savepoint is gone, so is everything
// before it.
func (s *shared) undo(ctx context.Context) bool {
	_, err := s.tx.ExecContext(ctx, `ROLLBACK TO member`)
	if err == nil {
		_, err = s.tx.ExecContext(ctx, `RELEASE member`)
	}
	return err == nil
}
