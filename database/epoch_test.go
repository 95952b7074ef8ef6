package database_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func stampOf(t *testing.T, db *database.DB, e database.Epoch) database.Stamp {
	t.Helper()
	s, err := db.Stamp(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settled waits until no earlier write can change a stamp any more.
func settled(t *testing.T, db *database.DB, e database.Epoch) database.Stamp {
	t.Helper()
	for last := stampOf(t, db, e); ; {
		time.Sleep(800 * time.Millisecond)
		now := stampOf(t, db, e)
		if now == last {
			return now
		}
		last = now
	}
}

// A write moves the epochs of its table and no others, before it returns. A
// write to a table without an epoch moves none. A rollback may still have moved
// some on PostgreSQL, because sequences are not rolled back.
func TestStamp(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, test := range []struct {
			name  string
			write func() error
			moves []database.Epoch
		}{
			{"a user", func() error { mustAdd(t, db, "one", moment); return nil }, []database.Epoch{"people", "visitors"}},
			{"an option", func() error {
				_, err := db.Exec(t.Context(), `INSERT INTO options (name, value) VALUES ($1, $2)`, "blog_title", "x")
				return err
			}, []database.Epoch{"options", "visitors"}},
			{"an option without arguments", func() error {
				_, err := db.Exec(t.Context(), `UPDATE options SET value = 'y'`)
				return err
			}, []database.Epoch{"options", "visitors"}},
			{"a nonce", func() error {
				_, err := db.Exec(t.Context(), `INSERT INTO nonces (public, nonce, expires) VALUES ($1, $2, $3)`, "a", "b", moment)
				return err
			}, nil},
			{"what is deleted", func() error {
				_, err := db.Exec(t.Context(), `DELETE FROM options`)
				return err
			}, []database.Epoch{"options", "visitors"}},
		} {
			before := map[database.Epoch]database.Stamp{}
			for _, e := range []database.Epoch{"keys", "people", "options", "visitors"} {
				before[e] = stampOf(t, db, e)
			}
			if err := test.write(); err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			for e, was := range before {
				want := false
				for _, m := range test.moves {
					want = want || m == e
				}
				if moved := stampOf(t, db, e) != was; moved != want {
					t.Errorf("%s moved the epoch %s: %t, want %t", test.name, e, moved, want)
				}
			}
		}
		if _, err := db.Stamp(t.Context(), "nothing"); err == nil {
			t.Error("an epoch that there is not has a stamp")
		}
	})
}

// A row that is deleted with another row moves the epoch of its own table too.
func TestStampOfCascade(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		here, there := databasetest.Open(t, url), databasetest.Open(t, url)
		id := mustAdd(t, here, "one", moment)
		_, err := here.Exec(t.Context(), `INSERT INTO apps (public, user_id, name, secret, hint, created) VALUES ('p', $1, 'n', $2, 'h', $3)`, id, []byte("s"), moment)
		if err != nil {
			t.Fatal(err)
		}
		before := settled(t, there, "keys")
		if _, err := here.Exec(t.Context(), `DELETE FROM users WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
		awaitMove(t, there, "keys", before, time.Second)
	})
}

// awaitMove fails unless a stamp changes in time.
func awaitMove(t *testing.T, db *database.DB, e database.Epoch, before database.Stamp, within time.Duration) {
	t.Helper()
	began := time.Now()
	for stampOf(t, db, e) == before {
		if time.Since(began) > within {
			t.Fatalf("the epoch %s has not moved within %v", e, within)
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("the epoch %s moved after %v", e, time.Since(began).Round(time.Millisecond))
}

// A write of another process is noticed within a second, whether or not it is
// announced, even if it was made by other means.
func TestStampOfOthers(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		here, there := databasetest.Open(t, url), databasetest.Open(t, url)
		before := stampOf(t, here, "people")
		mustAdd(t, there, "one", moment)
		awaitMove(t, here, "people", before, time.Second)
		settled(t, here, "people")
	})
}

// The counter of a transaction moves before the transaction commits. Readers at
// that time must not believe that they have seen all of it.
func TestStampOfSlowTransaction(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		here, there := databasetest.Open(t, url), databasetest.Open(t, url)
		users := database.NewCache(database.CacheConfig[string, int]{
			DB: here, Epoch: "people", Size: 10,
			Load: func(ctx context.Context, login string) (n int, _ time.Time, err error) {
				return n, time.Time{}, here.Get(ctx, &n, `SELECT COUNT(*) FROM users WHERE login = $1`, login)
			},
		})
		count := func() int {
			t.Helper()
			n, err := users.Get(t.Context(), "one")
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := there.Update(t.Context(), func(tx *database.Tx) error {
			_, err := add(t.Context(), tx, "one", moment)
			for range 4 { // the counter is read more than once
				if n := count(); n != 0 {
					t.Errorf("%d users before the commit", n)
				}
				time.Sleep(400 * time.Millisecond)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); count() != 1; time.Sleep(time.Millisecond) {
			if time.Since(began) > time.Second {
				t.Fatal("the user is not seen a second after the commit")
			}
		}
	})
}

// listen listens until the test ends.
func listen(t *testing.T, db *database.DB, tell func(error)) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { db.Listen(ctx, tell) })
	t.Cleanup(func() { cancel(); work.Wait() })
}

// With notifications, a write is noticed in milliseconds.
func TestListen(t *testing.T) {
	address := databasetest.Postgres(t)
	here, there := databasetest.Open(t, address), databasetest.Open(t, address)
	listen(t, here, func(err error) { t.Error(err) })
	awaitListening(t, here, there)
	for i := range 5 {
		before := settled(t, here, "people") // the counters were just read, so the next reading without a notification is 750 ms away
		mustAdd(t, there, fmt.Sprint("user", i), moment)
		awaitMove(t, here, "people", before, 200*time.Millisecond)
	}
}

// awaitListening writes until that is noticed at once.
func awaitListening(t *testing.T, here, there *database.DB) {
	t.Helper()
	for i := range 20 {
		before := settled(t, here, "options")
		if _, err := there.Exec(t.Context(), `INSERT INTO options (name, value) VALUES ($1, '')`, fmt.Sprint("o", i, time.Now().UnixNano())); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); time.Since(began) < 200*time.Millisecond; time.Sleep(time.Millisecond) {
			if stampOf(t, here, "options") != before {
				return
			}
		}
	}
	t.Fatal("nothing is heard")
}

// If the connection that listens is cut, or goes silent without being closed,
// changes are still noticed within a second, only later. It is opened again
// automatically.
func TestListenThroughTrouble(t *testing.T) {
	address := databasetest.Postgres(t)
	for _, trouble := range []string{"cut", "silent"} {
		t.Run(trouble, func(t *testing.T) {
			t.Parallel()
			way := databasetest.NewProxy(t, address)
			here, there := databasetest.Open(t, address), databasetest.Open(t, address)
			database.ListenThrough(here, way.URL())
			var lost, found atomic.Int64
			listen(t, here, func(err error) {
				if err != nil {
					lost.Add(1)
				} else {
					found.Add(1)
				}
			})
			awaitListening(t, here, there)
			if trouble == "cut" {
				way.Cut()
			}
			way.Silence(true)
			for i := range 3 {
				before := settled(t, here, "people")
				mustAdd(t, there, fmt.Sprint(trouble, i), moment)
				awaitMove(t, here, "people", before, time.Second)
			}
			for began := time.Now(); lost.Load() == 0; time.Sleep(10 * time.Millisecond) {
				if time.Since(began) > 20*time.Second {
					t.Fatal("the loss of the connection is not told")
				}
			}
			way.Cut()
			way.Silence(false)
			awaitListening(t, here, there)
			if found.Load() == 0 {
				t.Error("the return of the connection was not announced")
			}
		})
	}
}

// Concurrent writes of several processes do not collide because of the epochs,
// and none is missed.
func TestStampUnderLoad(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		here, there := databasetest.Open(t, url), databasetest.Open(t, url)
		var written atomic.Int64
		counts := database.NewCache(database.CacheConfig[string, int64]{
			DB: here, Epoch: "people", Size: 10,
			Load: func(ctx context.Context, _ string) (n int64, _ time.Time, err error) {
				return n, time.Time{}, here.Get(ctx, &n, `SELECT COUNT(*) FROM users`)
			},
		})
		var work sync.WaitGroup
		for i := range 4 {
			work.Go(func() {
				for j := range 20 {
					db := here
					if i%2 == 1 {
						db = there
					}
					err := db.Update(t.Context(), func(tx *database.Tx) error {
						_, err := add(t.Context(), tx, fmt.Sprint(i, "-", j), moment)
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
					if db == here {
						least := written.Add(1)
						// Writes of this process are
						// visible at once.
						if n, err := counts.Get(t.Context(), ""); err != nil || n < least {
							t.Errorf("%d users, %v, after %d were written here", n, err, least)
						}
					}
				}
			})
		}
		work.Wait()
		began := time.Now()
		for {
			n, err := counts.Get(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if n == 80 {
				return
			}
			if time.Since(began) > time.Second {
				t.Fatalf("%d users a second after 80 were written", n)
			}
			time.Sleep(time.Millisecond)
		}
	})
}
