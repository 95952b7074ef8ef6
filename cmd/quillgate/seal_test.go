package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
)

// plantedMark is in every secret of these blogs, so that one search finds all
// of them.
const plantedMark = "a-secret-in-the-clear-"

// keptBlog is a blog on disk with the secrets of its keys.
type keptBlog struct {
	folder, database string
	secrets          map[string]string
}

func (k *keptBlog) open(t testing.TB, unsealed bool) *server.Blog {
	t.Helper()
	blog, err := server.OpenBlog(context.WithoutCancel(t.Context()), server.BlogConfig{
		Folder: k.folder, Database: k.database, BaseURL: "http://blog.example", Unsealed: unsealed, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return blog
}

// plant creates a blog with keys.
func plant(t testing.TB, folder, url string, unsealed bool, keys int) *keptBlog {
	t.Helper()
	k := &keptBlog{folder: folder, database: url, secrets: make(map[string]string, keys)}
	blog := k.open(t, unsealed)
	defer blog.Close()
	ctx := context.WithoutCancel(t.Context())
	for made := 0; made < keys; {
		user := int64(1000 + made)
		n := min(apps.MaxPerUser, keys-made)
		err := blog.DB.Update(ctx, func(tx *database.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO users (id, login, login_key, email, email_key, nicename, display_name, role, registered)
				VALUES ($1, $2, $2, '', '', $2, $2, 'author', $3)`, user, fmt.Sprint("user", user), time.Unix(0, 0))
			if err != nil {
				return err
			}
			for i := range n {
				public, secret := fmt.Sprintf("public%d", made+i), plantedMark+rand.Text()
				_, err := blog.Apps.ImportTx(ctx, tx, apps.Imported{UserID: user, Name: "planted", Public: public, Secret: apps.NewSecret(secret)})
				if err != nil {
					return err
				}
				k.secrets[public] = secret
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		made += n
	}
	return k
}

// check opens every key.
func (k *keptBlog) check(t *testing.T, when string) apps.SealReport {
	t.Helper()
	// If it was killed before it began, it has changed nothing.
	_, err := os.Stat(filepath.Join(k.folder, "keyset"))
	blog := k.open(t, err != nil)
	defer blog.Close()
	for public, want := range k.secrets {
		got, _, err := blog.Apps.Lookup(t.Context(), public)
		if err != nil || got.Reveal() != want {
			t.Fatalf("%s: the key %s does not work: %v", when, public, err)
		}
	}
	report, err := blog.Apps.VerifySealed(t.Context(), nil)
	if err != nil || report.Broken > 0 {
		t.Fatalf("%s: %+v, %v", when, report, err)
	}
	return report
}

// command returns this program as a separate process.
func (k *keptBlog) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("quillgate", args...)
	cmd.Env = append(os.Environ(), "QUILLGATE_DATA="+k.folder, "QUILLGATE_DATABASE="+k.database)
	if k.database == "" {
		cmd.Env = append(os.Environ(), "QUILLGATE_DATA="+k.folder)
	}
	return cmd
}

// sealKilled runs keys seal and kills it after a while, and reports whether it
// was killed before its end.
func (k *keptBlog) sealKilled(t *testing.T, after time.Duration) bool {
	t.Helper()
	cmd := k.command(t, "keys", "seal")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { cmd.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	err := cmd.Wait()
	killed := err != nil && strings.Contains(err.Error(), "killed")
	if err != nil && !killed {
		t.Fatalf("keys seal: %v\n%s", err, &out)
	}
	return killed
}

// holds searches the files of a folder for the mark.
func holds(t *testing.T, folder string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(plantedMark)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// K4: keys seal is killed at 40 points on SQLite and 10 on PostgreSQL. Every
// key works after each, none is lost, none is sealed twice; once it has come to
// its end, nothing is unencrypted in the files.
func TestK4KilledWhileSealing(t *testing.T) {
	keys, kills := 800, 16
	if os.Getenv("QUILLGATE_TEST_NIGHTLY") != "" {
		keys, kills = 2000, 40
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		origin := plant(t, t.TempDir(), "", true, keys)
		if len(holds(t, origin.folder)) == 0 {
			t.Fatal("the secrets are not found before they are sealed: this looks in the wrong place")
		}
		began := time.Now()
		whole := copyBlog(t, origin)
		whole.sealKilled(t, time.Minute)
		full := time.Since(began)
		killed, between := 0, 0
		early := kills * 3 / 4 // before the wait for processes that may still be writing
		for i := range kills {
			k := copyBlog(t, origin)
			point := full * time.Duration(i-early+1) / time.Duration(kills-early+1)
			if i < early {
				point = max(full-time.Second, full/2) * time.Duration(i+1) / time.Duration(early+1)
			}
			began := time.Now()
			if k.sealKilled(t, point) {
				killed++
			} else {
				full = min(full, time.Since(began)) // the machine has less to do than when that was measured
			}
			report := k.check(t, fmt.Sprint("killed after ", point))
			if report.Clear > 0 && report.Clear < int64(keys) {
				between++
			}
			if i%8 == 0 {
				k.finish(t)
			}
		}
		t.Logf("killed %d of %d, %d of them between the first key and the last", killed, kills, between)
		if killed < kills/2 {
			t.Errorf("only %d of %d were killed", killed, kills)
		}
		whole.finish(t)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		rounds := kills / 4
		for i := range rounds {
			k := plant(t, t.TempDir(), databasetest.Postgres(t), true, keys/8)
			k.sealKilled(t, time.Duration(i+1)*1500*time.Millisecond/time.Duration(rounds))
			k.check(t, "killed")
			if i%4 == 0 {
				k.finish(t)
			}
		}
	})
}

// finish runs keys seal to its end and checks the result.
func (k *keptBlog) finish(t *testing.T) {
	t.Helper()
	if out, err := k.command(t, "keys", "seal").CombinedOutput(); err != nil {
		t.Fatalf("keys seal again: %v\n%s", err, out)
	}
	if report := k.check(t, "at the end"); report.Clear > 0 || len(report.Under) != 1 {
		t.Errorf("at the end: %+v", report)
	}
	if out, err := k.command(t, "keys", "verify").CombinedOutput(); err != nil {
		t.Errorf("keys verify: %v\n%s", err, out)
	}
	folder := k.folder
	if k.database != "" {
		folder = tablesFolder(t, k.database)
	}
	if found := holds(t, folder); len(found) > 0 {
		t.Errorf("unencrypted secrets are in %v", found)
	}
}

// tablesFolder returns the folder in which a PostgreSQL server stores the
// tables of a database. Its write-ahead log is in another one.
func tablesFolder(t *testing.T, url string) string {
	t.Helper()
	db := databasetest.Open(t, url)
	var data, number string
	if err := db.Get(t.Context(), &data, `SHOW data_directory`); err != nil {
		t.Fatal(err)
	}
	if err := db.Get(t.Context(), &number, `SELECT oid::text FROM pg_database WHERE datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(data, "base", number)
}

func copyBlog(t *testing.T, from *keptBlog) *keptBlog {
	t.Helper()
	k := &keptBlog{folder: t.TempDir(), secrets: from.secrets}
	if err := os.CopyFS(k.folder, os.DirFS(from.folder)); err != nil {
		t.Fatal(err)
	}
	return k
}
