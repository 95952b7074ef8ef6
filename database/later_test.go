package database_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// What runs later is what would have run at once: in its place among the others, with its values as they are.
func TestLater(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		set := func(tx *database.Tx, name, value string) {
			t.Helper()
			if err := tx.Later(t.Context(), `INSERT INTO options (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value); err != nil {
				t.Fatal(err)
			}
		}
		texts := []string{
			"", "'", "''; DROP TABLE options; --", `\`, `\'`, `a\'; SELECT 1; --`, `\x41`, "$1 $2", "?", "-- no", "/* no", "E'\\n'",
			"a\nb\r\n\tc", "Ångström 世界 🚀", "%s %d", strings.Repeat("long' ", 30000),
		}
		if err := db.Write(t.Context(), nil, func(tx *database.Tx) error {
			for i, text := range texts {
				set(tx, fmt.Sprint("later", i), text)
			}
			var seen string
			if err := tx.Get(t.Context(), &seen, `SELECT value FROM options WHERE name = $1`, "later1"); err != nil || seen != texts[1] {
				t.Errorf("a statement after the others reads %q, %v", seen, err)
			}
			set(tx, "later0", "first")
			r, err := tx.Exec(t.Context(), `UPDATE options SET value = $2 WHERE name IN ($1, 'later1', 'nothing')`, "later0", "second")
			if err != nil {
				return err
			}
			if n, err := r.RowsAffected(); err != nil || n != 2 {
				t.Errorf("a statement after the others changes %d rows, %v", n, err)
			}
			set(tx, "later0", texts[0])
			set(tx, "later1", texts[1])
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			var got string
			if err := db.Get(t.Context(), &got, `SELECT value FROM options WHERE name = $1`, fmt.Sprint("later", i)); err != nil || got != text {
				t.Errorf("%.40q became %.40q, %v", text, got, err)
			}
		}

		at := time.Date(1969, 12, 31, 23, 59, 59, 123456000, time.FixedZone("", 3600))
		if err := db.Write(t.Context(), nil, func(tx *database.Tx) error {
			return tx.Later(t.Context(), `INSERT INTO media_files (name, upload, pending, type, download, size, etag, stored) VALUES ($1, 'u', $2, '', $3, $4, '', $5)`,
				"later", nil, true, int64(-7), at)
		}); err != nil {
			t.Fatal(err)
		}
		var row struct {
			Pending  *time.Time `db:"pending"`
			Download bool       `db:"download"`
			Size     int64      `db:"size"`
			Stored   time.Time  `db:"stored"`
		}
		if err := db.Get(t.Context(), &row, `SELECT pending, download, size, stored FROM media_files WHERE name = 'later'`); err != nil {
			t.Fatal(err)
		}
		if row.Pending != nil || !row.Download || row.Size != -7 || !row.Stored.Equal(at) {
			t.Errorf("values of other types became %+v", row)
		}
	})
}

// An error of what runs later rolls everything back, and is told as it is.
func TestLaterFails(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for name, last := range map[string]func(tx *database.Tx) error{
			"before the commit":    func(*database.Tx) error { return nil },
			"before another query": func(tx *database.Tx) error { return tx.Get(t.Context(), new(int), `SELECT COUNT(*) FROM options`) },
		} {
			err := db.Write(t.Context(), nil, func(tx *database.Tx) error {
				if err := tx.Later(t.Context(), `INSERT INTO options (name, value) VALUES ('undone', '')`); err != nil {
					return err
				}
				for range 2 {
					if err := tx.Later(t.Context(), `INSERT INTO options (name, value) VALUES ($1, '')`, "twice"); err != nil {
						return err
					}
				}
				return last(tx)
			})
			if !database.IsDuplicate(err) {
				t.Errorf("%s: the error is %v", name, err)
			}
			var n int
			if err := db.Get(t.Context(), &n, `SELECT COUNT(*) FROM options WHERE name IN ('undone', 'twice')`); err != nil || n != 0 {
				t.Errorf("%s: %d rows stay, %v", name, n, err)
			}
		}
		if err := db.Write(t.Context(), nil, func(*database.Tx) error { return nil }); err != nil {
			t.Errorf("an empty transaction: %v", err)
		}
		failed := errors.New("failed")
		if err := db.Write(t.Context(), nil, func(tx *database.Tx) error {
			return errors.Join(tx.Later(t.Context(), `INSERT INTO options (name, value) VALUES ('undone', '')`), failed)
		}); !errors.Is(err, failed) {
			t.Errorf("the error of the function is %v", err)
		}
		var names []string
		if err := db.Select(t.Context(), &names, `SELECT name FROM options WHERE name = 'undone'`); err != nil || len(names) > 0 {
			t.Errorf("what ran before an error stays: %q, %v", names, err)
		}
	})
}

// A transaction waits for PostgreSQL once for each statement whose result is needed, and once for its commit.
func TestLaterIsCarried(t *testing.T) {
	t.Parallel()
	proxy := databasetest.NewProxy(t, databasetest.Postgres(t))
	db := databasetest.Open(t, proxy.URL())
	least := int64(1 << 30)
	for range 5 {
		before := proxy.RoundTrips()
		if err := db.Write(t.Context(), []database.Lock{{Rule: "test"}, {Rule: "test", Of: "another"}}, func(tx *database.Tx) error {
			var got []string
			if err := tx.Select(t.Context(), &got, `SELECT * FROM (VALUES ('a'), ('b')) AS v WHERE 'a' <> $1`, "b"); err != nil || !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("the first statement returns %q, %v", got, err)
			}
			for i := range 10 {
				if err := tx.Later(t.Context(), `DELETE FROM options WHERE name = $1`, fmt.Sprint("none", i)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		least = min(least, proxy.RoundTrips()-before)
	}
	if least != 2 {
		t.Errorf("a transaction took %d round trips, want 2", least)
	}
}

// A transaction whose connection breaks as it begins runs again on another one.
func TestBrokenBeforeItBegan(t *testing.T) {
	t.Parallel()
	proxy := databasetest.NewProxy(t, databasetest.Postgres(t))
	db := databasetest.Open(t, proxy.URL())
	write := func(ctx context.Context) error {
		return db.Write(ctx, nil, func(tx *database.Tx) error {
			var n int
			return tx.Get(ctx, &n, `SELECT COUNT(*) FROM options`)
		})
	}
	for range 3 {
		if err := write(t.Context()); err != nil {
			t.Fatal(err)
		}
		proxy.Cut()
		if err := write(t.Context()); err != nil {
			t.Errorf("after the connections were cut: %v", err)
		}
	}
}

// A transaction whose statements all wait, on a connection that broke while it
// was idle, runs on another one, once.
func TestBrokenBeforeTheOnlyScript(t *testing.T) {
	t.Parallel()
	address := databasetest.Postgres(t)
	proxy := databasetest.NewProxy(t, address)
	other := databasetest.Open(t, address)
	for name, way := range map[string]struct {
		address string
		end     func() error
	}{
		"cut": {proxy.URL(), func() error { proxy.Cut(); return nil }},
		"ended by the server": {address + "&application_name=ended", func() error {
			var ended bool // in time
			return other.Get(t.Context(), &ended, `SELECT bool_and(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'ended' AND datname = current_database()`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			db := databasetest.Open(t, way.address)
			write := func() error {
				return db.Write(t.Context(), nil, func(tx *database.Tx) error {
					return tx.Later(t.Context(), `INSERT INTO options (name, value) VALUES ($1, '1') ON CONFLICT (name) DO UPDATE SET value = options.value || '1'`, name)
				})
			}
			for range 3 {
				if err := write(); err != nil {
					t.Fatal(err)
				}
				if err := way.end(); err != nil {
					t.Fatal(err)
				}
				if err := write(); err != nil {
					t.Error(err)
				}
			}
			var got string
			if err := db.Get(t.Context(), &got, `SELECT value FROM options WHERE name = $1`, name); err != nil || got != "111111" {
				t.Errorf("six writes left %q, %v", got, err)
			}
		})
	}
}

// If PostgreSQL cannot read the first script of a transaction, it does not run
// even its BEGIN. What the function tries after that is not carried out either.
func TestNothingRunsAfterARefusedBeginning(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.Postgres(t))
	const insert = `INSERT INTO options (name, value) VALUES ($1, '')`
	for name, next := range map[string]func(tx *database.Tx) error{
		"a statement": func(tx *database.Tx) error { _, err := tx.Exec(t.Context(), insert, "x"); return err },
		"a query":     func(tx *database.Tx) error { return tx.Get(t.Context(), new(string), insert+` RETURNING name`, "x") },
		"a later one": func(tx *database.Tx) error { return tx.Later(t.Context(), insert, "x") },
		"the commit":  func(*database.Tx) error { return errors.New("it is not there yet") },
	} {
		err := db.Write(t.Context(), nil, func(tx *database.Tx) error {
			if _, err := tx.Exec(t.Context(), `NO STATEMENT`); err == nil {
				t.Errorf("%s: PostgreSQL ran what is not a statement", name)
			}
			if next(tx) == nil {
				t.Errorf("%s ran", name)
			}
			return nil
		})
		if err == nil {
			t.Errorf("%s: the transaction was committed", name)
		}
	}
	var n int
	if err := db.Get(t.Context(), &n, `SELECT COUNT(*) FROM options WHERE name = 'x'`); err != nil || n != 0 {
		t.Errorf("%d rows stay, %v", n, err)
	}
}

// However a transaction ends before its first script, its connection carries
// nothing of it into the next one.
func TestConnectionsCarryNothingOver(t *testing.T) {
	t.Parallel()
	address := databasetest.Postgres(t)
	for name, address := range map[string]string{"postgres": address, "pooler": databasetest.Pooler(t, address)} {
		t.Run(name, func(t *testing.T) {
			db := databasetest.Open(t, address)
			locks := []database.Lock{{Rule: "test"}}
			undone := func(tx *database.Tx) {
				t.Helper()
				if err := tx.Later(t.Context(), `INSERT INTO options (name, value) VALUES ('undone', '')`); err != nil {
					t.Error(err)
				}
			}
			panics := func() {
				defer func() { recover() }()
				db.Write(t.Context(), locks, func(tx *database.Tx) error { undone(tx); panic("on purpose") })
			}
			ends := func() {
				ctx, cancel := context.WithCancel(t.Context())
				if err := db.Write(ctx, locks, func(tx *database.Tx) error { undone(tx); cancel(); return nil }); err == nil {
					t.Error("a transaction whose context has ended was committed")
				}
			}
			waits := func() {
				// The first script waits for a lock when its context ends.
				if err := db.Write(t.Context(), locks, func(tx *database.Tx) error {
					if err := tx.Get(t.Context(), new(int), `SELECT 1`); err != nil {
						return err
					}
					ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
					defer cancel()
					if err := db.Write(ctx, locks, func(tx *database.Tx) error {
						undone(tx)
						return tx.Get(ctx, new(int), `SELECT 1`)
					}); err == nil {
						t.Error("two transactions had one lock")
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
			for range 3 {
				for what, before := range map[string]func(){"panic": panics, "context": ends, "lock": waits} {
					before()
					if err := db.Write(t.Context(), locks, func(tx *database.Tx) error {
						return tx.Later(t.Context(), `DELETE FROM options WHERE name = 'nothing'`)
					}); err != nil {
						t.Errorf("after %s: %v", what, err)
					}
				}
			}
			var n int
			if err := db.Get(t.Context(), &n, `SELECT COUNT(*) FROM options WHERE name = 'undone'`); err != nil || n != 0 {
				t.Errorf("%d rows of transactions that were not committed, %v", n, err)
			}
		})
	}
}
