package database_test

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// Entries that a flush could not write are kept, and an entry that cannot be
// written does not lose others.
func TestBatchKeepsWhatItCouldNotWrite(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		if _, err := db.Exec(ctx, `CREATE TABLE tally (k INTEGER PRIMARY KEY, n INTEGER NOT NULL)`); err != nil {
			t.Fatal(err)
		}
		bad, down := 7, false
		b := database.NewBatch(database.BatchConfig[int, int]{
			DB: db, Compare: cmp.Compare[int], Merge: func(older, newer int) int { return older + newer },
			Write: func(ctx context.Context, tx *database.Tx, k, n int) error {
				if k == bad || down {
					return errors.New("cannot be written")
				}
				_, err := tx.Exec(ctx, `INSERT INTO tally (k, n) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET n = tally.n + excluded.n`, k, n)
				return err
			},
		})
		sum := func() (rows, n int) {
			t.Helper()
			if err := db.Get(ctx, &rows, `SELECT COUNT(*) FROM tally`); err != nil {
				t.Fatal(err)
			}
			if err := db.Get(ctx, &n, `SELECT COALESCE(SUM(n), 0) FROM tally`); err != nil {
				t.Fatal(err)
			}
			return rows, n
		}
		fill := func() {
			for k := range 250 {
				b.Add(k, 1)
			}
		}
		fill()
		down = true
		if n, err := b.Flush(ctx, true, time.Now()); err == nil || n != 0 {
			t.Errorf("with the database down %d are written, %v", n, err)
		}
		down = false
		fill()
		if n, err := b.Flush(ctx, true, time.Now()); err == nil || n != 249 {
			t.Errorf("with one entry that cannot be written %d are written, %v; want 249 and an error", n, err)
		}
		if rows, n := sum(); rows != 249 || n != 498 {
			t.Errorf("%d rows with %d, want 249 with 498", rows, n)
		}
		bad = -1
		if n, err := b.Flush(ctx, true, time.Now()); err != nil || n != 1 {
			t.Errorf("afterwards %d are written, %v; want the one", n, err)
		}
		if rows, n := sum(); rows != 250 || n != 500 {
			t.Errorf("%d rows with %d, want 250 with 500", rows, n)
		}
	})
}
