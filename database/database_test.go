package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/migrations"
)

type person struct {
	ID         int64     `db:"id"`
	Login      string    `db:"login"`
	Registered time.Time `db:"registered"`
}

var moment = time.Date(2026, 3, 1, 12, 30, 15, 123456000, time.UTC)

// add inserts a user and returns its id.
func add(ctx context.Context, q database.Queryer, login string, at time.Time) (int64, error) {
	var id int64
	err := q.Get(ctx, &id, `INSERT INTO users (login, login_key, email, email_key, nicename, display_name, role, registered)
		VALUES ($1, $1, '', '', $1, $1, 'author', $2) RETURNING id`, login, at)
	return id, err
}

func mustAdd(t *testing.T, db *database.DB, login string, at time.Time) (id int64) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *database.Tx) (err error) {
		id, err = add(t.Context(), tx, login, at)
		return err
	})
	if err != nil {
		t.Fatalf("add %q: %v", login, err)
	}
	return id
}

func TestTimesAreMomentsInUTC(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		// The order is the same whatever their time zones are.
		east, west := time.FixedZone("east", 9*3600), time.FixedZone("west", -8*3600)
		mustAdd(t, db, "second", moment.In(east))
		mustAdd(t, db, "first", moment.Add(-time.Hour).In(west))
		mustAdd(t, db, "third", moment.Add(time.Microsecond))
		mustAdd(t, db, "old", time.Date(1821, 1, 2, 3, 4, 5, 6000, time.UTC))

		var got []person
		err := db.Select(t.Context(), &got, "SELECT id, login, registered FROM users WHERE registered >= $1 ORDER BY registered", moment.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want := []person{{2, "first", moment.Add(-time.Hour)}, {1, "second", moment}, {3, "third", moment.Add(time.Microsecond)}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rows since %v (-want +got):\n%s", moment, diff)
		}
		for _, p := range got {
			if p.Registered.Location() != time.UTC {
				t.Errorf("%s registered in %v, want UTC", p.Login, p.Registered.Location())
			}
		}
	})
}

func TestNoRows(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var p person
		if err := db.Get(t.Context(), &p, "SELECT id, login, registered FROM users WHERE id = $1", 7); !errors.Is(err, database.ErrNoRows) {
			t.Errorf("Get of nothing: %v, want ErrNoRows", err)
		}
		var list []person
		if err := db.Select(t.Context(), &list, "SELECT id, login, registered FROM users WHERE id = $1", 7); err != nil || len(list) != 0 {
			t.Errorf("Select of nothing: %v, %v, want no rows and no error", list, err)
		}
	})
}

func TestIsDuplicate(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		mustAdd(t, db, "ada", moment)
		tests := []struct {
			name, query string
			want        bool
		}{
			{"unique", "INSERT INTO users (login, login_key, email, email_key, nicename, display_name, role, registered) VALUES ('b', 'ada', '', '', '', '', '', $1)", true},
			{"primary key", "INSERT INTO users (id, login, login_key, email, email_key, nicename, display_name, role, registered) VALUES (1, 'b', 'b', '', '', '', '', '', $1)", true},
			{"not null", "INSERT INTO users (login, registered) VALUES (NULL, $1)", false},
			{"syntax", "INSERT INTO nowhere VALUES ($1)", false},
		}
		for _, test := range tests {
			_, err := db.Exec(t.Context(), test.query, moment)
			if err == nil {
				t.Errorf("%s: no error", test.name)
			} else if got := database.IsDuplicate(fmt.Errorf("wrapped: %w", err)); got != test.want {
				t.Errorf("%s: IsDuplicate(%v) = %v, want %v", test.name, err, got, test.want)
			}
		}
	})
}

func TestUpdateRollsBack(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		stop := errors.New("stop")
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			if _, err := add(t.Context(), tx, "ghost", moment); err != nil {
				return err
			}
			return stop
		})
		if err != stop {
			t.Errorf("Update returned %v, want the function's own error", err)
		}
		func() {
			defer func() { recover() }()
			db.Update(t.Context(), func(tx *database.Tx) error {
				if _, err := add(t.Context(), tx, "ghost", moment); err != nil {
					return err
				}
				panic("in the middle")
			})
		}()
		mustAdd(t, db, "real", moment) // the writer is free again
		if got := count(t, db); got != 1 {
			t.Errorf("%d users, want 1", got)
		}
	})
}

func count(t *testing.T, q database.Queryer) (n int) {
	t.Helper()
	if err := q.Get(t.Context(), &n, "SELECT COUNT(*) FROM users"); err != nil {
		t.Fatal(err)
	}
	return n
}

// Transactions that read and then write lose no update on either database.
func TestUpdateIsSerializable(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		id := mustAdd(t, db, "counter", moment)
		const workers, rounds = 16, 10
		var group sync.WaitGroup
		for range workers {
			group.Go(func() {
				for range rounds {
					err := db.Update(t.Context(), func(tx *database.Tx) error {
						var bio string
						if err := tx.Get(t.Context(), &bio, "SELECT bio FROM users WHERE id = $1", id); err != nil {
							return err
						}
						_, err := tx.Exec(t.Context(), "UPDATE users SET bio = $2 WHERE id = $1", id, bio+"x")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		var bio string
		if err := db.Get(t.Context(), &bio, "SELECT bio FROM users WHERE id = $1", id); err != nil {
			t.Fatal(err)
		}
		if len(bio) != workers*rounds {
			t.Errorf("%d updates arrived, want %d", len(bio), workers*rounds)
		}
	})
}

func TestViewReadsOneState(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		err := db.View(t.Context(), func(tx *database.Tx) error {
			before := count(t, tx)
			mustAdd(t, db, "late", moment)
			if after := count(t, tx); after != before {
				t.Errorf("the view saw %d users, then %d", before, after)
			}
			_, err := tx.Exec(t.Context(), "UPDATE users SET bio = 'x' WHERE id = $1", 1)
			return err
		})
		if err == nil {
			t.Error("a view could write")
		}
		if got := count(t, db); got != 1 {
			t.Errorf("%d users after the view, want 1", got)
		}
	})
}

// A connection that has read in a transaction can write in the next one,
// whatever happened to the context of the first.
func TestReadersLeaveNothingBehind(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db, err := database.Open(t.Context(), database.Config{URL: url, MaxConns: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := db.View(ctx, func(tx *database.Tx) error {
				var n int
				return tx.Get(ctx, &n, `SELECT COUNT(*) FROM options`)
			}); err != nil {
				t.Error(err)
			}
			for range 4 {
				if err := db.Update(t.Context(), func(tx *database.Tx) error {
					_, err := tx.Exec(t.Context(), `UPDATE options SET value = value WHERE name = 'none'`)
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestReserveIDs(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		reserve := func(next int64) {
			t.Helper()
			err := db.Update(t.Context(), func(tx *database.Tx) error {
				return database.ReserveIDs(t.Context(), tx, "users", next)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		insert := func(id int64) {
			t.Helper()
			_, err := db.Exec(t.Context(), `INSERT INTO users (id, login, login_key, email, email_key, nicename, display_name, role, registered)
				VALUES ($1, $2, $2, '', '', '', '', '', $3)`, id, fmt.Sprint("given", id), moment)
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(name string, want int64) {
			t.Helper()
			if got := mustAdd(t, db, name, moment); got != want {
				t.Errorf("%s got id %d, want %d", name, got, want)
			}
		}
		reserve(100)
		want("empty table", 100)
		insert(500)
		reserve(200)
		want("a higher id is there", 501)
		reserve(10)
		want("never back", 502)
		reserve(1000)
		reserve(20)
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			for table, want := range map[string]int64{"users": 1000, "posts": 1} {
				if got, err := database.NextID(t.Context(), tx, table); err != nil || got != want {
					t.Errorf("NextID of %s is %d, %v; want %d", table, got, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		want("forward", 1000)
	})
}

func TestIn(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, login := range []string{"a", "b", "c", "d"} {
			mustAdd(t, db, login, moment)
		}
		query, args, err := database.In("SELECT login FROM users WHERE role = ? AND id IN (?) AND login <> ? ORDER BY id", "author", []int64{1, 3, 4}, "c")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := db.Select(t.Context(), &got, query, args...); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a", "d"}, got); diff != "" {
			t.Errorf("%s with %v (-want +got):\n%s", query, args, diff)
		}
		if _, _, err := database.In("SELECT 1 WHERE 1 IN (?)", []int64{}); err == nil {
			t.Error("an empty list passed")
		}
	})
}

func TestLike(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, login := range []string{"100%", "100x", `a\b`, "a_b", "axb"} {
			mustAdd(t, db, login, moment)
		}
		for _, text := range []string{"100%", `a\b`, "a_b"} {
			var got []string
			if err := db.Select(t.Context(), &got, `SELECT login FROM users WHERE login LIKE $1 ESCAPE '\'`, database.Like(text)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{text}, got); diff != "" {
				t.Errorf("LIKE %q (-want +got):\n%s", text, diff)
			}
		}
	})
}

func TestStatementsAreCounted(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		before := db.Statements()
		mustAdd(t, db, "one", moment)
		count(t, db)
		if got := db.Statements() - before; got != 2 {
			t.Errorf("an insert in a transaction and a count were %d statements, want 2", got)
		}
	})
}

// The same text is used twice on one connection at the same time, prepared more
// often than the cache can hold, and fails in between.
func TestStatementCache(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		mustAdd(t, db, "one", moment)
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			for i := range 600 {
				var n int
				query := fmt.Sprintf("SELECT id + %d FROM users WHERE id = $1", i%400)
				if err := tx.Get(t.Context(), &n, query, 1); err != nil || n != 1+i%400 {
					return fmt.Errorf("query %d: %d, %w", i, n, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := db.Exec(t.Context(), "INSERT INTO users (id, login, login_key, email, email_key, nicename, display_name, role, registered) VALUES ($1, 'b', 'b', '', '', '', '', '', $2)", 1, moment); !database.IsDuplicate(err) {
				t.Fatalf("duplicate id: %v", err)
			}
		}
		// The schema changes under prepared statements.
		var all []person
		const star = "SELECT id, login, registered FROM users WHERE id >= $1"
		for range 3 {
			all = nil
			if err := db.Select(t.Context(), &all, star, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(t.Context(), fmt.Sprintf("ALTER TABLE users ADD COLUMN extra%d TEXT", time.Now().UnixNano())); err != nil {
				t.Fatal(err)
			}
		}
		if len(all) != 1 {
			t.Errorf("%d users, want 1", len(all))
		}
	})
}

// A statement whose caller has left must not affect others.
func TestCancelledContexts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for i := range 200 {
			mustAdd(t, db, fmt.Sprint("user", i), moment)
		}
		const slow = "SELECT COUNT(*) FROM users a, users b, users c WHERE a.id + b.id + c.id > $1"
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						var n int
						if err := db.Get(t.Context(), &n, "SELECT COUNT(*) FROM users WHERE id > $1", 0); err != nil || n != 200 {
							t.Errorf("bystander: %d, %v", n, err)
							return
						}
					}
				}
			})
		}
		cancelled := 0
		for range 30 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			var n int
			if err := db.Get(ctx, &n, slow, 0); err != nil {
				cancelled++
			}
			cancel()
		}
		close(stop)
		group.Wait()
		if cancelled == 0 {
			t.Error("no query was cancelled: the test tests nothing")
		}
		mustAdd(t, db, "after", moment)
	})
}

func TestMigrateDownAndUp(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db := databasetest.Open(t, url)
		mustAdd(t, db, "gone", moment)
		states, err := db.Migrations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range states {
			if !s.Applied || s.At.IsZero() {
				t.Errorf("%s is not applied after Open", s.Name)
			}
		}
		// Step by step, so that each down migration is tested alone.
		for i := len(states) - 1; i >= 0; i-- {
			if err := db.MigrateDown(t.Context(), states[i].Version-1); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := db.Get(t.Context(), &n, "SELECT COUNT(*) FROM users"); err == nil {
			t.Error("the table users is still there at version 0")
		}
		if err := db.MigrateUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, db, "new", moment)
		if got := count(t, db); got != 1 {
			t.Errorf("%d users after down and up, want 1", got)
		}
	})
}

// An older program must not write to a database that a newer one has migrated.
func TestNewerSchema(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db := databasetest.Open(t, url)
		if _, err := db.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, $1)", true); err != nil {
			t.Fatal(err)
		}
		if _, err := database.Open(t.Context(), database.Config{URL: url}); !errors.Is(err, migrations.ErrNewer) {
			t.Errorf("opening it gives %v, want %v", err, migrations.ErrNewer)
		}
		if err := db.MigrateDown(t.Context(), 0); !errors.Is(err, migrations.ErrNewer) {
			t.Errorf("taking it back gives %v, want %v", err, migrations.ErrNewer)
		}
		if got := count(t, db); got != 0 {
			t.Errorf("%d users, want 0", got)
		}
	})
}

// Errors that an operator can solve come with advice, and no advice contains a
// password.
func TestAdvice(t *testing.T) {
	notOne := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(notOne, bytes.Repeat([]byte("text "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, url, want string }{
		{"nobody listens", "postgres://me:hush@127.0.0.1:1/x", "No PostgreSQL server listens there"},
		{"no such host", "postgres://me:hush@nowhere.invalid/x", "is unknown"},
		{"another file", notOne, "Restore it from a backup"},
	} {
		_, err := database.Open(t.Context(), database.Config{URL: test.url})
		got := database.Advice(err)
		if err == nil || !strings.Contains(got, test.want) {
			t.Errorf("%s: advice %q on %v, want %q", test.name, got, err, test.want)
		}
		if strings.Contains(got, "hush") {
			t.Errorf("%s: the advice holds the password: %s", test.name, got)
		}
	}
	if got := database.Advice(nil); got != "" {
		t.Errorf("advice on nothing: %q", got)
	}
}

// Several processes may start on one database at the same time.
func TestOpenAtOnce(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		first := databasetest.Open(t, url)
		if err := first.MigrateDown(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				db, err := database.Open(t.Context(), database.Config{URL: url})
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		mustAdd(t, first, "one", moment)
	})
}

func TestSQLiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a %41 ?x=1#y.db")
	db := databasetest.Open(t, path)
	mustAdd(t, db, "one", moment)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%q has mode %o, want 600", suffix, info.Mode().Perm())
		}
	}
	var journal string
	var synchronous int
	err := db.Update(t.Context(), func(tx *database.Tx) error {
		return errors.Join(tx.Get(t.Context(), &journal, "PRAGMA journal_mode"), tx.Get(t.Context(), &synchronous, "PRAGMA synchronous"))
	})
	if err != nil || journal != "wal" || synchronous != 2 {
		t.Errorf("journal_mode %s, synchronous %d, %v; want wal, 2 (FULL)", journal, synchronous, err)
	}
}

func TestOpenErrorsKeepThePassword(t *testing.T) {
	for _, url := range []string{
		"postgres://user:hunter2@127.0.0.1:1/x?sslmode=disable",
		"postgres://user:hunter2@127.0.0.1:notaport/x",
		"postgres://user:hunter2%zz@127.0.0.1/x",
	} {
		db, err := database.Open(t.Context(), database.Config{URL: url})
		if err == nil {
			db.Close()
			t.Errorf("Open(%q) worked", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): the error shows the password: %v", url, err)
		}
	}
}

// Several processes that constantly write to one row all succeed, each as often
// as it wants to, and so does one whose transactions take much longer than
// those of the others.
func TestUpdateUnderContention(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		const processes, writers, times = 3, 2, 25
		var quick, slow sync.WaitGroup
		first := databasetest.Open(t, url)
		id := mustAdd(t, first, "row", moment)
		bump := func(db *database.DB, pause time.Duration) error {
			return db.Update(t.Context(), func(tx *database.Tx) error {
				var n int
				if err := tx.Get(t.Context(), &n, `SELECT CAST(display_name AS INTEGER) FROM users WHERE id = $1`, id); err != nil {
					return err
				}
				time.Sleep(pause)
				_, err := tx.Exec(t.Context(), `UPDATE users SET display_name = $2 WHERE id = $1`, id, strconv.Itoa(n+1))
				return err
			})
		}
		if _, err := first.Exec(t.Context(), `UPDATE users SET display_name = '0' WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var done atomic.Int64
		for range processes {
			db := databasetest.Open(t, url)
			for range writers {
				quick.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							if i >= times {
								return
							}
						default:
						}
						if err := bump(db, 0); err != nil {
							t.Error("a quick one:", err)
							return
						}
						done.Add(1)
					}
				})
			}
		}
		slow.Go(func() {
			for range 5 {
				if err := bump(first, 50*time.Millisecond); err != nil {
					t.Error("the slow one:", err)
				}
				done.Add(1)
			}
		})
		slow.Wait()
		close(stop)
		quick.Wait()
		var text string
		if err := first.Get(t.Context(), &text, `SELECT display_name FROM users WHERE id = $1`, id); err != nil || text != fmt.Sprint(done.Load()) {
			t.Errorf("%s, %v, want %d", text, err, done.Load())
		}
	})
}
