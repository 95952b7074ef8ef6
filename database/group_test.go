package database

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// openGroup opens a SQLite database with a table t.
func openGroup(t testing.TB) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{URL: filepath.Join(t.TempDir(), "group.db"), Unmigrated: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(t.Context(), `CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT NOT NULL DEFAULT '')`); err != nil {
		t.Fatal(err)
	}
	return db
}

func insertN(ctx context.Context, n int) func(tx *Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO t (n) VALUES ($1)`, n)
		return err
	}
}

// rowsOf returns the content of the table as readers see it.
func rowsOf(t *testing.T, db *DB) map[int]bool {
	t.Helper()
	var list []int
	if err := db.Select(t.Context(), &list, `SELECT n FROM t`); err != nil {
		t.Fatal(err)
	}
	out := make(map[int]bool)
	for _, n := range list {
		out[n] = true
	}
	return out
}

// gather makes one writer lead while others wait, and returns when all have
// returned. The leader inserts 0.
func gather(t *testing.T, db *DB, others ...func() error) []error {
	t.Helper()
	return gatherBehind(t, db, insertN(t.Context(), 0), others...)
}

func gatherBehind(t *testing.T, db *DB, leader func(*Tx) error, others ...func() error) []error {
	t.Helper()
	errs := make([]error, len(others)+1)
	var wait sync.WaitGroup
	leads, gathered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	wait.Go(func() {
		errs[0] = db.Update(t.Context(), func(tx *Tx) error {
			once.Do(func() { close(leads) })
			<-gathered
			return leader(tx)
		})
	})
	<-leads
	for i, other := range others {
		wait.Go(func() { errs[i+1] = other() })
		for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
			db.group.mu.Lock()
			waiting = len(db.group.waiting)
			db.group.mu.Unlock()
		}
	}
	close(gathered)
	wait.Wait()
	return errs
}

// Waiting writers share a transaction. With savepoints, a writer that fails
// undoes its own changes only. Nothing is visible before the commit.
func TestGroupSharesACommit(t *testing.T) {
	t.Parallel()
	db, ctx := openGroup(t), t.Context()
	db.group.takeCare()
	refused := errors.New("refused")
	var before, outside, seen int
	errs := gather(t, db,
		func() error { return db.Update(ctx, insertN(ctx, 1)) },
		func() error {
			return db.Update(ctx, func(tx *Tx) error { return errors.Join(insertN(ctx, 2)(tx), refused) })
		},
		func() error { // a duplicate; once that is said, readers see of what
			err := db.Update(ctx, insertN(ctx, 0))
			return errors.Join(err, db.Get(ctx, &seen, `SELECT COUNT(*) FROM t WHERE n = 0`))
		},
		func() error {
			return db.Update(ctx, func(tx *Tx) error {
				return errors.Join(tx.Get(ctx, &before, `SELECT COUNT(*) FROM t`), db.Get(ctx, &outside, `SELECT COUNT(*) FROM t`), insertN(ctx, 4)(tx))
			})
		},
	)
	for i, bad := range []bool{false, false, true, true, false} {
		if (errs[i] != nil) != bad {
			t.Errorf("writer %d: %v", i, errs[i])
		}
	}
	if !errors.Is(errs[2], refused) || !IsDuplicate(errs[3]) {
		t.Errorf("the errors of those that failed: %v, %v", errs[2], errs[3])
	}
	if got := fmt.Sprint(rowsOf(t, db)); got != fmt.Sprint(map[int]bool{0: true, 1: true, 4: true}) {
		t.Errorf("rows %s", got)
	}
	if seen != 1 {
		t.Error("a duplicate is refused before readers see what it is one of")
	}
	if before != 2 || outside != 0 {
		t.Errorf("the last one saw %d rows of those before it, want 2, and readers saw %d, want none", before, outside)
	}
}

// Writers have no savepoint until one fails after it has changed something. Then
// the others do their work again, and the next ones have savepoints.
func TestGroupTakesCare(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, test := range map[string]struct {
		fails func(ctx context.Context, tx *Tx) error
		want  error
		tries int64 // of another writer
		rows  string
	}{
		"nothing fails":     {func(ctx context.Context, tx *Tx) error { return insertN(ctx, 2)(tx) }, nil, 1, "map[0:true 1:true 2:true 3:true]"},
		"before it changes": {func(context.Context, *Tx) error { return refused }, refused, 1, "map[0:true 1:true 3:true]"},
		"after a statement that cannot be read": {func(ctx context.Context, tx *Tx) error {
			var n int
			if tx.Get(ctx, &n, `SELECT n FROM missing`) == nil {
				return nil
			}
			return refused
		}, refused, 1, "map[0:true 1:true 3:true]"},
		"after a change": {func(ctx context.Context, tx *Tx) error { return errors.Join(insertN(ctx, 2)(tx), refused) }, refused, 2, "map[0:true 1:true 3:true]"},
		"after a change that is read": {func(ctx context.Context, tx *Tx) error {
			var n int
			return errors.Join(tx.Get(ctx, &n, `INSERT INTO t (n) VALUES (2) RETURNING n`), refused)
		}, refused, 2, "map[0:true 1:true 3:true]"},
		"and hides it": {func(ctx context.Context, tx *Tx) error {
			if _, err := tx.Exec(ctx, `INSERT OR ROLLBACK INTO t (n) VALUES (2), (2)`); err == nil {
				return errors.New("a duplicate is accepted")
			}
			return nil
		}, errBreaks, 2, "map[0:true 1:true 3:true]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, ctx := openGroup(t), t.Context()
			var tries atomic.Int64
			errs := gather(t, db,
				func() error {
					return db.Update(ctx, func(tx *Tx) error {
						tries.Add(1)
						return insertN(ctx, 1)(tx)
					})
				},
				func() error { return db.Update(ctx, func(tx *Tx) error { return test.fails(ctx, tx) }) },
				func() error { return db.Update(ctx, insertN(ctx, 3)) },
			)
			if errs[0] != nil || errs[1] != nil || errs[3] != nil || !errors.Is(errs[2], test.want) {
				t.Errorf("errors %v", errs)
			}
			if got := fmt.Sprint(rowsOf(t, db)); got != test.rows {
				t.Errorf("rows %s, want %s", got, test.rows)
			}
			if tries.Load() < test.tries || test.tries == 1 && tries.Load() > 1 || (db.group.careful > 0) != (test.tries > 1) {
				t.Errorf("%d tries, %d members with savepoints follow", tries.Load(), db.group.careful)
			}
		})
	}
}

// Nobody joins a leader whose transaction is gone.
func TestGroupWithoutTransaction(t *testing.T) {
	t.Parallel()
	db, ctx := openGroup(t), t.Context()
	errs := gatherBehind(t, db, func(tx *Tx) error {
		if _, err := tx.Exec(ctx, `INSERT OR ROLLBACK INTO t (n) VALUES (2), (2)`); err == nil {
			return errors.New("a duplicate is accepted")
		}
		return nil
	}, func() error { return db.Update(ctx, insertN(ctx, 1)) })
	if got := fmt.Sprint(rowsOf(t, db)); !errors.Is(errs[0], errBreaks) || errs[1] != nil || got != "map[1:true]" {
		t.Errorf("errors %v, rows %s", errs, got)
	}
}

// Members have savepoints only for a while.
func TestGroupTakesCareForAWhile(t *testing.T) {
	t.Parallel()
	var g group
	g.takeCare()
	for range carefulFor {
		if !g.takesCare() {
			t.Fatal("a member has no savepoint")
		}
	}
	if g.takesCare() {
		t.Error("members have savepoints for ever")
	}
}

// If SQLite rolls back the whole transaction, the writers without an error
// repeat their work.
func TestGroupDoesItAgain(t *testing.T) {
	t.Parallel()
	db, ctx := openGroup(t), t.Context()
	var tries atomic.Int64
	errs := gather(t, db,
		func() error {
			return db.Update(ctx, func(tx *Tx) error {
				tries.Add(1)
				return insertN(ctx, 1)(tx)
			})
		},
		func() error {
			return db.Update(ctx, func(tx *Tx) error {
				_, err := tx.Exec(ctx, `INSERT OR ROLLBACK INTO t (n) VALUES (0)`)
				return err
			})
		},
		func() error { return db.Update(ctx, insertN(ctx, 3)) },
	)
	// Two of them insert 0. The second one is refused, and whoever repeats the
	// work may come before the other.
	first, second := errs[0], errs[2]
	if first != nil {
		first, second = second, first
	}
	if first != nil || !IsDuplicate(second) || errs[1] != nil || errs[3] != nil {
		t.Errorf("errors %v", errs)
	}
	if got := rowsOf(t, db); len(got) != 3 || !got[0] || !got[1] || !got[3] || tries.Load() < 2 {
		t.Errorf("rows %v after %d tries", got, tries.Load())
	}
}

// A writer whose context ends, or that panics, does not delay others.
func TestGroupGoesOn(t *testing.T) {
	t.Parallel()
	db, ctx := openGroup(t), t.Context()
	gone, leave := context.WithCancel(ctx)
	panicked := make(chan any, 1)
	errs := gather(t, db,
		func() error { return db.Update(gone, func(tx *Tx) error { leave(); return insertN(gone, 1)(tx) }) },
		func() error {
			defer func() { panicked <- recover() }()
			return db.Update(ctx, func(tx *Tx) error { panic(fmt.Sprint(insertN(ctx, 2)(tx))) })
		},
		func() error { return db.Update(ctx, insertN(ctx, 3)) },
	)
	if errs[0] != nil || !errors.Is(errs[1], context.Canceled) || errs[3] != nil || <-panicked == nil {
		t.Errorf("errors %v", errs)
	}
	if err := db.Update(gone, insertN(ctx, 5)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	func() {
		defer func() { recover() }()
		db.Update(ctx, func(*Tx) error { panic("alone") })
	}()
	if err := db.Update(ctx, insertN(ctx, 4)); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(rowsOf(t, db)); got != fmt.Sprint(map[int]bool{0: true, 3: true, 4: true}) {
		t.Errorf("rows %s", got)
	}
}

// Acknowledged writes exist and refused ones do not, whatever else was written
// at the time.
func TestGroupKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	db := openGroup(t)
	const writers, each = 16, 40
	var mu sync.Mutex
	good := make(map[int]bool)
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				n := w*each + i
				ctx, cancel := context.WithCancel(t.Context())
				err := db.Update(ctx, func(tx *Tx) error {
					if n%11 == 5 {
						cancel()
					}
					err := insertN(ctx, n)(tx)
					if n%7 == 3 {
						return errors.Join(err, errors.New("refused"))
					}
					return err
				})
				cancel()
				if err == nil {
					mu.Lock()
					good[n] = true
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	got := rowsOf(t, db)
	for n := range writers * each {
		if got[n] != good[n] {
			t.Errorf("row %d exists: %v, acknowledged: %v", n, got[n], good[n])
		}
	}
	if len(got) < writers*each/2 {
		t.Errorf("only %d rows", len(got))
	}
}

// BenchmarkGroup compares concurrent writers with one that inserts without this
// package. The ratio is how many times as many rows are written.
func BenchmarkGroup(b *testing.B) {
	for _, writers := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			db, ctx := openGroup(b), b.Context()
			const rows = 400
			var bare, grouped time.Duration
			n := 0
			for b.Loop() {
				began := time.Now()
				for range rows {
					n++
					if _, err := db.write.ExecContext(ctx, `INSERT INTO t (n) VALUES ($1)`, n); err != nil {
						b.Fatal(err)
					}
				}
				bare += time.Since(began)
				began = time.Now()
				var wait sync.WaitGroup
				for w := range writers {
					first := n + 1 + w*(rows/writers)
					wait.Go(func() {
						for i := range rows / writers {
							if err := db.Update(ctx, insertN(ctx, first+i)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wait.Wait()
				n += rows
				grouped += time.Since(began)
			}
			b.ReportMetric(float64(rows*b.N)/bare.Seconds(), "bare/s")
			b.ReportMetric(float64(rows/writers*writers*b.N)/grouped.Seconds(), "rows/s")
			b.ReportMetric(bare.Seconds()/grouped.Seconds(), "ratio")
		})
	}
}
