package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// If many ask for a value at the same time, one reads it. It is cached until
// the epoch moves.
func TestCacheReadsOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var reads atomic.Int64
		begun, finish := make(chan struct{}, 100), make(chan struct{})
		c := database.NewCache(database.CacheConfig[string, int64]{
			DB: db, Epoch: "people", Size: 10,
			Load: func(context.Context, string) (int64, time.Time, error) {
				begun <- struct{}{}
				<-finish
				return reads.Add(1), time.Time{}, nil
			},
		})
		var work sync.WaitGroup
		for range 20 {
			work.Go(func() {
				if n, err := c.Get(t.Context(), "a"); n != 1 || err != nil {
					t.Errorf("got %d, %v", n, err)
				}
			})
		}
		<-begun
		close(finish)
		work.Wait()
		mustAdd(t, db, "one", moment)
		if n, err := c.Get(t.Context(), "a"); n != 2 || err != nil {
			t.Errorf("after a write: %d, %v", n, err)
		}
		if _, err := db.Exec(t.Context(), `DELETE FROM nonces`); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Get(t.Context(), "a"); n != 2 || err != nil {
			t.Errorf("after a write to another table: %d, %v", n, err)
		}
	})
}

// A value that was being read when a write returned is not given to callers who
// ask after that write.
func TestCacheForgetsWhatWasOnItsWay(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var reads atomic.Int64
		begun, finish := make(chan struct{}, 1), make(chan struct{})
		c := database.NewCache(database.CacheConfig[string, int64]{
			DB: db, Epoch: "people", Size: 10,
			Load: func(context.Context, string) (int64, time.Time, error) {
				n := reads.Add(1)
				if n == 1 {
					begun <- struct{}{}
					<-finish
				}
				return n, time.Time{}, nil
			},
		})
		var work sync.WaitGroup
		work.Go(func() {
			if n, err := c.Get(t.Context(), "a"); n != 1 || err != nil {
				t.Errorf("the first one got %d, %v", n, err)
			}
		})
		<-begun
		mustAdd(t, db, "one", moment)
		second := func(when string) {
			t.Helper()
			if n, err := c.Get(t.Context(), "a"); n != 2 || err != nil {
				t.Errorf("%s: got %d, %v", when, n, err)
			}
		}
		second("while the first one reads")
		close(finish)
		work.Wait()
		second("after it")
	})
}

// A caller who leaves does not take away the answer of others, and errors are
// not cached.
func TestCacheOfOneWhoLeaves(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	begun := make(chan struct{}, 10)
	var reads atomic.Int64
	c := database.NewCache(database.CacheConfig[string, int64]{
		DB: db, Epoch: "people", Size: 10,
		Load: func(ctx context.Context, _ string) (int64, time.Time, error) {
			n := reads.Add(1)
			begun <- struct{}{}
			if n == 1 {
				<-ctx.Done()
				return 0, time.Time{}, ctx.Err()
			}
			return n, time.Time{}, nil
		},
	})
	ctx, leave := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("whoever left got %v", err)
		}
	})
	<-begun
	work.Go(func() {
		if n, err := c.Get(t.Context(), "a"); n != 2 || err != nil {
			t.Errorf("whoever stayed got %d, %v", n, err)
		}
	})
	leave()
	work.Wait()
	broken := errors.New("broken")
	failing := database.NewCache(database.CacheConfig[string, int64]{
		DB: db, Epoch: "people", Size: 10,
		Load: func(context.Context, string) (int64, time.Time, error) {
			if reads.Add(1) == 3 {
				return 0, time.Time{}, broken
			}
			return 7, time.Time{}, nil
		},
	})
	if _, err := failing.Get(t.Context(), "a"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if n, err := failing.Get(t.Context(), "a"); n != 7 || err != nil {
		t.Errorf("after the error: %d, %v", n, err)
	}
}

// A value is not used after its time, whatever the epoch is.
func TestCacheUntil(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	clock := databasetest.NewClock(moment)
	reads := 0
	c := database.NewCache(database.CacheConfig[string, int]{
		DB: db, Epoch: "keys", Size: 10, Clock: clock.Now,
		Load: func(context.Context, string) (int, time.Time, error) {
			reads++
			return reads, moment.Add(time.Minute), nil
		},
	})
	for _, step := range []struct {
		at   time.Duration
		want int
	}{{0, 1}, {59 * time.Second, 1}, {time.Minute, 2}, {time.Minute, 3}} {
		clock.Set(moment.Add(step.at))
		if n, err := c.Get(t.Context(), "a"); n != step.want || err != nil {
			t.Errorf("at %v: %d, %v, want %d", step.at, n, err, step.want)
		}
	}
}

// The cache keeps its size however many keys are requested, and keeps those
// that are requested again.
func TestCacheSize(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	reads := map[string]int{}
	c := database.NewCache(database.CacheConfig[string, string]{
		DB: db, Epoch: "keys", Size: 100,
		Load: func(_ context.Context, key string) (string, time.Time, error) {
			reads[key]++
			return key, time.Time{}, nil
		},
	})
	for i := range 5000 {
		for _, key := range []string{fmt.Sprint("stranger", i), "friend"} {
			if v, err := c.Get(t.Context(), key); v != key || err != nil {
				t.Fatalf("%s: %q, %v", key, v, err)
			}
		}
		if n := c.Len(); n > 100 {
			t.Fatalf("%d values are kept", n)
		}
	}
	if reads["friend"] != 1 {
		t.Errorf("a value that is requested all the time was read %d times", reads["friend"])
	}
}

func BenchmarkCacheGet(b *testing.B) {
	db := databasetest.Open(b, databasetest.SQLite(b))
	c := database.NewCache(database.CacheConfig[string, string]{
		DB: db, Epoch: "keys", Size: 100,
		Load: func(_ context.Context, key string) (string, time.Time, error) { return key, time.Time{}, nil },
	})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Get(b.Context(), "friend"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
