package database_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// note writes a row that no other call writes.
func note(ctx context.Context, db *database.DB, key string) error {
	return db.Update(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO import_state (source, file) VALUES ($1, 'x')`, key)
		return err
	})
}

// load is a number of writers that write until stop.
type load struct {
	over atomic.Bool
	work sync.WaitGroup
	mu   sync.Mutex
	keys []string    // of all acknowledged writes
	at   []time.Time // when they were acknowledged
}

// writers starts n writers. Each rests between its writes: it is the outage
// that counts, and not how much the machine can do.
func writers(db *database.DB, n int) *load {
	l := new(load)
	for w := range n {
		l.work.Go(func() {
			for i := 0; !l.over.Load(); i++ {
				key := fmt.Sprintf("w%d-%d", w, i)
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				err := note(ctx, db, key)
				cancel()
				if err != nil {
					time.Sleep(20 * time.Millisecond)
					continue
				}
				l.mu.Lock()
				l.keys, l.at = append(l.keys, key), append(l.at, time.Now())
				l.mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	return l
}

// goOn waits until a hundred writes were acknowledged after a moment. It fails
// if there is none within the limit, and returns after how long the first one was.
func (l *load) goOn(t *testing.T, after time.Time, limit time.Duration) time.Duration {
	t.Helper()
	for {
		l.mu.Lock()
		first, _ := slices.BinarySearchFunc(l.at, after, time.Time.Compare)
		since := l.at[first:]
		l.mu.Unlock()
		switch {
		case len(since) > 100:
			return since[0].Sub(after)
		case len(since) == 0 && time.Since(after) > limit:
			t.Errorf("no write was acknowledged for %v", limit)
			return limit
		case len(since) > 0 && since[0].Sub(after) > limit:
			t.Errorf("no write was acknowledged for %v", since[0].Sub(after))
			return since[0].Sub(after)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// stop ends the writers.
func (l *load) stop() {
	l.over.Store(true)
	l.work.Wait()
}

// allThere fails if an acknowledged write is missing.
func allThere(t *testing.T, db *database.DB, keys []string) {
	t.Helper()
	var there []string
	if err := db.Select(t.Context(), &there, `SELECT source FROM import_state`); err != nil {
		t.Fatal(err)
	}
	stored := make(map[string]bool, len(there))
	for _, k := range there {
		stored[k] = true
	}
	for _, k := range keys {
		if !stored[k] {
			t.Errorf("%s was acknowledged, and is lost", k)
		}
	}
	if len(keys) == 0 {
		t.Error("nothing was acknowledged")
	}
}

// The network drops everything, and later works again: calls fail soon, none
// hangs, and they succeed as soon as the database can be reached, although the
// connections that were open stay silent. Meanwhile Ready reports the outage in
// time.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	way := databasetest.NewProxy(t, databasetest.Postgres(t))
	db := databasetest.Open(t, way.URL())
	load := writers(db, 4)
	load.goOn(t, time.Now(), 5*time.Second)
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("before: %v", err)
	}
	way.Silence(true)
	time.Sleep(1100 * time.Millisecond) // an answer of Ready is valid for a second
	for range 2 {
		began := time.Now()
		if err := db.Ready(t.Context()); err == nil {
			t.Error("ready, while no one answers")
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("Ready took %v", took)
		}
	}
	back := time.Now()
	way.Silence(false)
	// All writers may be waiting for connections that were begun in the
	// silence, whose bytes are lost: those are given up after 8 s.
	load.goOn(t, back, 10*time.Second)
	load.stop()
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("after: %v", err)
	}
	allThere(t, db, load.keys)
}

// When its context ends, a call cuts a silent connection.
func TestContextCutsAConnection(t *testing.T) {
	t.Parallel()
	way := databasetest.NewProxy(t, databasetest.Postgres(t))
	db := databasetest.Open(t, way.URL())
	var one int
	if err := db.Get(t.Context(), &one, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	way.Silence(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := db.Update(ctx, func(tx *database.Tx) error { return tx.Get(ctx, &one, "SELECT 1") })
	if took := time.Since(began); err == nil || took > 2*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
	// Cut also ends calls that wait without a context.
	done := make(chan error, 1)
	go func() { done <- note(context.Background(), db, "k") }()
	time.Sleep(100 * time.Millisecond)
	db.Cut()
	select {
	case err := <-done:
		if !database.Outage(err) {
			t.Errorf("cut: got %v, want an outage", err)
		}
	case <-time.After(2 * time.Second):
		t.Error("a call hangs after Cut")
	}
}

// Long statements are not cut, because the database still answers that it is
// working.
func TestLongStatementsAreAwaited(t *testing.T) {
	t.Parallel()
	way := databasetest.NewProxy(t, databasetest.Postgres(t))
	db := databasetest.Open(t, way.URL())
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"without a bound": func() (context.Context, context.CancelFunc) { return t.Context(), func() {} },
		"with a bound":    func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := ctx()
			defer cancel()
			var text string
			if err := db.Get(ctx, &text, `SELECT pg_sleep(4)::text || $1::text`, "x"); err != nil || text != "x" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

// Statements that take long because of a bad network are not errors.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	way := databasetest.NewProxy(t, databasetest.Postgres(t))
	db := databasetest.Open(t, way.URL())
	way.Delay(100 * time.Millisecond)
	if err := note(t.Context(), db, "k"); err != nil {
		t.Error(err)
	}
	way.Cut()
	if err := note(t.Context(), db, "l"); err != nil { // BEGIN met a broken connection; another one will do
		t.Errorf("after a cut: %v", err)
	}
}

// A server that is restarted, in an orderly way or by a crash, loses no
// acknowledged write, and writing continues at once. Ready distinguishes one
// that has become read-only.
func TestRestarts(t *testing.T) {
	t.Parallel()
	server := databasetest.NewServer(t)
	db := databasetest.Open(t, server.Database(t))
	load := writers(db, 4)
	for _, immediate := range []bool{false, true} {
		load.goOn(t, time.Now(), 3*time.Second)
		server.Stop(t, immediate)
		if err := note(t.Context(), db, "x"); !database.Outage(err) {
			t.Errorf("while it is away: got %v, want an outage", err)
		}
		server.Start(t)
	}
	load.goOn(t, time.Now(), 3*time.Second)
	load.stop()
	allThere(t, db, load.keys)
	server.Exec(t, "ALTER SYSTEM SET default_transaction_read_only = on")
	server.Exec(t, "SELECT pg_reload_conf()")
	databasetest.WithinASecond(t, func() error {
		if err := db.Ready(t.Context()); !database.Outage(err) {
			return fmt.Errorf("ready: got %w, want an outage", err)
		}
		return nil
	})
}

// A database that takes long to answer a new connection, as on a busy machine,
// is waited for until the time for connecting is up.
func TestSlowConnections(t *testing.T) {
	t.Parallel()
	proxy := databasetest.NewProxy(t, databasetest.Postgres(t))
	proxy.Delay(2500 * time.Millisecond) // there and back
	time.AfterFunc(3*time.Second, func() { proxy.Delay(0) })
	databasetest.Open(t, proxy.URL())
}

// The primary dies under load, and its synchronous standby is promoted. With a
// URL that names both hosts no acknowledged write is lost, and writing
// continues within 5 s.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := databasetest.NewServer(t)
	address := primary.Database(t)
	standby := primary.Standby(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	// In the form of libpq; neither the order nor a host that does not
	// exist matters.
	both := strings.Replace(address, u.Host, standby.Addr()+",127.0.0.1:1,"+primary.Addr(), 1)
	db := databasetest.Open(t, both)
	load := writers(db, 4)
	load.goOn(t, time.Now(), 5*time.Second)
	primary.Stop(t, true)
	standby.Promote(t)
	again := load.goOn(t, time.Now(), 5*time.Second)
	load.stop()
	t.Logf("writes went on %v after the promotion; %d were acknowledged", again, len(load.keys))
	allThere(t, db, load.keys)
}

// Several hosts, as libpq writes them.
func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	address := databasetest.Postgres(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, hosts := range []string{
		"127.0.0.1:1," + u.Host,
		u.Host + ",127.0.0.1:1",
		"localhost:1,[::1]:1," + u.Host,
	} {
		db, err := database.Open(t.Context(), database.Config{URL: strings.Replace(address, u.Host, hosts, 1)})
		if err != nil {
			t.Errorf("%s: %v", hosts, err)
			continue
		}
		if err := note(t.Context(), db, hosts); err != nil {
			t.Errorf("%s: %v", hosts, err)
		}
		db.Close()
	}
	_, err = database.Open(t.Context(), database.Config{URL: strings.Replace(address, u.Host, "127.0.0.1:1,127.0.0.1:2", 1)})
	if err == nil || database.Advice(err) == "" {
		t.Errorf("without any host: got %v, with advice %q", err, database.Advice(err))
	}
	_, err = database.Open(t.Context(), database.Config{URL: strings.Replace(address, "sslmode", "target_session_attrs=standby&sslmode", 1)})
	if err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("without a standby: got %v", err)
	}
}

// A file that was removed or replaced is noticed: acknowledged writes must be
// visible to anyone who opens it next.
func TestFileIsReplaced(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(path string) error{
		"removed": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
		"away": func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			db := databasetest.Open(t, filepath.Join(dir, "quillgate.db"))
			if err := note(t.Context(), db, "a"); err != nil {
				t.Fatal(err)
			}
			if err := act(filepath.Join(dir, "quillgate.db")); err != nil {
				t.Fatal(err)
			}
			if err := note(t.Context(), db, "b"); !errors.Is(err, database.ErrReplaced) || !database.Outage(err) {
				t.Errorf("in a transaction: got %v, want ErrReplaced", err)
			}
			_, err := db.Exec(t.Context(), `INSERT INTO import_state (source, file) VALUES ('c', 'x')`)
			if !errors.Is(err, database.ErrReplaced) {
				t.Errorf("alone: got %v, want ErrReplaced", err)
			}
			if err := db.Ready(t.Context()); !errors.Is(err, database.ErrReplaced) {
				t.Errorf("ready: got %v, want ErrReplaced", err)
			}
		})
	}
}

// A reader that reads for a long time prevents the journal from being emptied.
// When it has finished, the journal becomes small again.
func TestJournalShrinks(t *testing.T) {
	t.Parallel()
	path := databasetest.SQLite(t)
	db := databasetest.Open(t, path)
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	large := strings.Repeat("x", 1<<20)
	err := db.View(t.Context(), func(tx *database.Tx) error {
		var n int
		if err := tx.Get(t.Context(), &n, `SELECT COUNT(*) FROM import_state`); err != nil {
			return err
		}
		for i := range 40 {
			if _, err := db.Exec(t.Context(), `INSERT INTO import_state (source, file, report) VALUES ($1, '', $2)`, fmt.Sprint(i), large); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if size() < 40<<20 {
		t.Fatalf("the journal has %d bytes: the reader has not held it", size())
	}
	for i := range 3 {
		if err := note(t.Context(), db, fmt.Sprint("after", i)); err != nil {
			t.Fatal(err)
		}
	}
	if size() > 16<<20 {
		t.Errorf("the journal has %d bytes after the reader has gone", size())
	}
}

// Migrations that were edited after they had been applied are refused.
func TestEditedMigration(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, address string) {
		t.Parallel()
		db := databasetest.Open(t, address)
		r, err := db.Exec(t.Context(), `UPDATE migration_sums SET sum = $1 WHERE version = 2`, strings.Repeat("0", 64))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.RowsAffected(); n != 1 || err != nil {
			t.Fatalf("%d sums are of migration 2 (%v)", n, err)
		}
		_, err = database.Open(t.Context(), database.Config{URL: address})
		if err == nil || !strings.Contains(err.Error(), "migration 2: migration edited after it was applied") {
			t.Errorf("got %v", err)
		}
	})
}

// Another release has changed the schema, so this one is not ready.
func TestOtherSchemaIsNotReady(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, address string) {
		t.Parallel()
		db := databasetest.Open(t, address)
		if err := db.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`); err != nil {
			t.Fatal(err)
		}
		databasetest.WithinASecond(t, func() error {
			if err := db.Ready(t.Context()); !errors.Is(err, database.ErrSchema) {
				return fmt.Errorf("got %w, want ErrSchema", err)
			}
			return nil
		})
	})
}
