package database_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// H10: a backup during writes is one consistent state, with everything that was
// committed before it began.
func TestH10Backup(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	const before = 50
	for i := range before {
		mustAdd(t, db, fmt.Sprint("before", i), moment)
	}
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				mustAdd(t, db, fmt.Sprint("during", i), moment)
			}
		}
	})
	folder := t.TempDir()
	path := filepath.Join(folder, "backup.db")
	var sizes, wholes []int64
	err := db.Backup(t.Context(), path, func(done, all int64) { sizes, wholes = append(sizes, done), append(wholes, all) })
	close(stop)
	writer.Wait()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v, want mode 0600", info.Mode(), err)
	}
	if len(sizes) == 0 || !slices.IsSorted(sizes) || wholes[0] < info.Size()/2 {
		t.Errorf("progress: %d of %d bytes, for a backup of %d", sizes, wholes, info.Size())
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 1 {
		t.Errorf("the folder of the backup holds %v, %v, want one file", list, err)
	}

	restored := databasetest.Open(t, path)
	var answer string
	if err := restored.Get(t.Context(), &answer, `PRAGMA integrity_check`); err != nil || answer != "ok" {
		t.Errorf("integrity_check: %q, %v", answer, err)
	}
	var n int
	if err := restored.Get(t.Context(), &n, `SELECT COUNT(*) FROM users WHERE login LIKE 'before%'`); err != nil || n != before {
		t.Errorf("%d rows of those from before, %v, want %d", n, err, before)
	}
}

// H10: a backup overwrites nothing, and leaves nothing behind if it fails.
func TestH10BackupRefusals(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	folder := t.TempDir()
	path := filepath.Join(folder, "backup.db")
	if err := os.WriteFile(path, []byte("of yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := db.Backup(t.Context(), path, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v, want fs.ErrExist", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "of yesterday" {
		t.Errorf("the other file is now %q, %v", text, err)
	}
	if err := db.Backup(t.Context(), filepath.Join(folder, "nowhere", "backup.db"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v, want fs.ErrNotExist", err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) != 1 {
		t.Errorf("the folder holds %v, %v, want the one file", list, err)
	}
	// The reader must not be able to write again.
	if err := db.Get(t.Context(), new(string), `INSERT INTO options (name, value) VALUES ('a', 'b') RETURNING name`); err == nil {
		t.Error("a connection that reads has written")
	}
	postgres := databasetest.Open(t, databasetest.Postgres(t))
	if err := postgres.Backup(t.Context(), filepath.Join(folder, "other.db"), nil); !errors.Is(err, database.ErrOwnTools) {
		t.Errorf("with PostgreSQL: %v, want ErrOwnTools", err)
	}
}
