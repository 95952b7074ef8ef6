package databasetest_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// childVariable turns the test binary into the process that is killed.
const childVariable = "QUILLGATE_DATABASETEST_CHILD"

// The child of TestNothingOutlivesItsProcess creates databases, prints where
// they are, and waits to be killed.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	for _, address := range []string{databasetest.Postgres(t), databasetest.DurablePostgres(t)} {
		var data string
		if err := databasetest.Open(t, address).Get(t.Context(), &data, "SHOW data_directory"); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("url %s\nfolder %s\n", address, filepath.Dir(data))
	}
	fmt.Printf("folder %s\n", filepath.Dir(databasetest.SQLite(t)))
	fmt.Printf("end\n")
	select {}
}

func TestNothingOutlivesItsProcess(t *testing.T) {
	// If this is root, the durable server runs as another user, who must be
	// able to reach and remove its folder, as in /tmp.
	temp, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o777); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
	child.Env = append(os.Environ(), childVariable+"=1", "TMPDIR="+temp)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var servers, folders []string
	var output strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "end" {
		output.WriteString(lines.Text() + "\n")
		if address, ok := strings.CutPrefix(lines.Text(), "url "); ok {
			servers = append(servers, address)
		}
		if folder, ok := strings.CutPrefix(lines.Text(), "folder "); ok {
			folders = append(folders, folder)
		}
	}
	if len(servers) != 2 || len(folders) != 3 {
		child.Process.Kill()
		t.Fatalf("the child did not make its databases:\n%s", output.String())
	}
	for _, address := range servers {
		if err := ping(t.Context(), address); err != nil {
			t.Errorf("the cluster does not answer while its process lives: %v", err)
		}
	}
	if err := child.Process.Kill(); err != nil { // the signal that cannot be caught
		t.Fatal(err)
	}
	child.Wait()
	for _, address := range servers {
		eventually(t, "the cluster ends", func() bool { return ping(t.Context(), address) != nil })
	}
	for _, folder := range folders {
		eventually(t, folder+" goes", func() bool {
			_, err := os.Stat(folder)
			return errors.Is(err, fs.ErrNotExist)
		})
	}
}

// eventually waits for something that another process does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s still not: %s", what)
		}
	}
}

func ping(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	db, err := sql.Open("postgres", address)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

// Two databases of one cluster are separate, and the durable one waits for the
// disk.
func TestPostgres(t *testing.T) {
	first, second, durable := databasetest.Postgres(t), databasetest.Postgres(t), databasetest.DurablePostgres(t)
	if first == second {
		t.Fatal("two tests have one database")
	}
	host := func(address string) string {
		t.Helper()
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Host
	}
	if host(first) != host(second) || host(first) == host(durable) {
		t.Errorf("hosts %s, %s, %s: want one cluster, and another for the durable one", host(first), host(second), host(durable))
	}
	for address, want := range map[string]string{first: "off", durable: "on"} {
		db := databasetest.Open(t, address)
		for _, setting := range []string{"fsync", "synchronous_commit"} {
			var got string
			if err := db.Get(t.Context(), &got, "SHOW "+setting); err != nil || got != want {
				t.Errorf("%s is %q, %v; want %s", setting, got, err, want)
			}
		}
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		var n int
		if err := db.Get(t.Context(), &n, "SELECT COUNT(*) FROM users"); err != nil || n != 0 {
			t.Errorf("%d users, %v; want a migrated, empty database", n, err)
		}
	})
}
