package database_test

import (
	"errors"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// The version stays while nothing is committed, and changes with every commit of whichever process.
func TestVersion(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		here, there := databasetest.Open(t, url), databasetest.Open(t, url)
		version := func() string {
			t.Helper()
			v, err := here.Version(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		last := version()
		for name, writer := range map[string]*database.DB{"our own": here, "another process's": there} {
			commits := here.Commits()
			mustAdd(t, writer, name, moment)
			now := version()
			if now == last {
				t.Errorf("%s write did not change the version %s", name, now)
			}
			if changed := here.Commits() != commits; changed != (writer == here) {
				t.Errorf("%s write: commits of this process changed: %t", name, changed)
			}
			last = now
		}
		commits := here.Commits()
		failed := errors.New("failed")
		if err := here.Update(t.Context(), func(*database.Tx) error { return failed }); !errors.Is(err, failed) {
			t.Fatal(err)
		}
		if here.Commits() != commits {
			t.Error("a transaction that was rolled back counts as a commit")
		}
		if _, err := here.Exec(t.Context(), `UPDATE users SET bio = 'x'`); err != nil || here.Commits() != commits+1 {
			t.Errorf("a single statement: %d commits, %v", here.Commits()-commits, err)
		}
	})
}
