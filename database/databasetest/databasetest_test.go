package databasetest_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
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

// childVariable makes the test binary the process that is killed.
const childVariable = "QUILLGATE_DATABASETEST_CHILD"

// The child of TestClusterGoesWithItsProcess: it starts a cluster, says where
// it is, and waits to be killed.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		return
	}
	fmt.Printf("url %s\n", databasetest.Postgres(t))
	select {}
}

func TestClusterGoesWithItsProcess(t *testing.T) {
	temp := t.TempDir()
	// When this is root, the server runs as another user, who has to get there
	// and to take away the folder: as in /tmp.
	for dir := temp; strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
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
	var address string
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		address, _ = strings.CutPrefix(lines.Text(), "url ")
		if !strings.HasPrefix(address, "postgres://") {
			address = ""
		}
	}
	if address == "" {
		child.Process.Kill()
		t.Fatal("the child did not start a cluster")
	}
	if err := ping(t.Context(), address); err != nil {
		t.Errorf("the cluster does not answer while its process lives: %v", err)
	}
	if err := child.Process.Kill(); err != nil { // the signal that cannot be caught
		t.Fatal(err)
	}
	child.Wait()
	deadline := time.Now().Add(30 * time.Second)
	for {
		left, err := filepath.Glob(filepath.Join(temp, "quillgate-postgres-*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 && ping(t.Context(), address) != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("30 s after its process the cluster is still there: %v", left)
		}
		time.Sleep(20 * time.Millisecond)
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

// Two databases of one cluster are apart, and the durable one waits for the
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
