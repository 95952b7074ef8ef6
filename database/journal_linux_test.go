package database

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJournalInMemory: SQLite needs no temporary file for what a statement
// changes in some 20 pages, and can write one for more.
func TestJournalInMemory(t *testing.T) {
	db := openGroup(t)
	text := strings.Repeat("x", 3000) // a row is most of a page
	for _, test := range []struct {
		rows int
		file bool
	}{{25, false}, {200, true}} {
		err := db.Update(t.Context(), func(tx *Tx) error {
			for i := range test.rows {
				if _, err := tx.Exec(t.Context(), `INSERT INTO t (n, text) VALUES ($1, $2) ON CONFLICT DO NOTHING`, i, text); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(t.Context(), `SAVEPOINT part`); err != nil {
				return err
			}
			if _, err := tx.Exec(t.Context(), `UPDATE t SET text = 'y' || substr(text, 2)`); err != nil {
				return err
			}
			if got := temporaryFiles(t); (len(got) > 0) != test.file {
				t.Errorf("after %d rows, SQLite has the temporary files %q", test.rows, got)
			}
			var changed int
			if _, err := tx.Exec(t.Context(), `ROLLBACK TO part`); err != nil {
				return err
			}
			if err := tx.Get(t.Context(), &changed, `SELECT COUNT(*) FROM t WHERE text <> $1`, text); err != nil || changed > 0 {
				t.Errorf("%d of %d rows stay changed: %v", changed, test.rows, err)
			}
			_, err := tx.Exec(t.Context(), `RELEASE part`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// temporaryFiles are the files without a name that the process has open.
func temporaryFiles(t *testing.T) (list []string) {
	t.Helper()
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", os.Getpid()))
	if err != nil || len(open) == 0 {
		t.Fatalf("%d open files: %v", len(open), err)
	}
	for _, link := range open {
		if to, err := os.Readlink(link); err == nil && strings.HasSuffix(to, " (deleted)") {
			list = append(list, to)
		}
	}
	return list
}
