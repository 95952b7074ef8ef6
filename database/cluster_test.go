//go:build cluster

package database_test

import (
	"context"
	"database/sql"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
)

// The host of the leader dies under load, in a cluster of three PostgreSQL
// servers under Patroni and etcd, as operators run it. No acknowledged write is
// lost, with a URL that names all hosts and with HAProxy. Most of the outage is
// the time that Patroni needs to notice. make test-cluster runs it.
func TestCluster(t *testing.T) {
	script := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("../tools/patroni", append([]string{"/tmp/quillgate-cluster"}, args...)...)
		cmd.Env = append(cmd.Environ(), "TTL=6", "LOOP=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tools/patroni %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	t.Log(script("up"))
	defer func() { script("down") }()
	for _, way := range []string{"PG_MULTI", "PG_HAPROXY"} {
		t.Run(way, func(t *testing.T) {
			address := regexp.MustCompile(way + `='(.*)'`).FindStringSubmatch(script("env"))
			db := databasetest.Open(t, address[1])
			if _, err := db.Exec(t.Context(), `DELETE FROM import_state`); err != nil {
				t.Fatal(err)
			}
			load := writers(db, 4)
			time.Sleep(2 * time.Second)
			began := time.Now()
			led := newLeader(t, regexp.MustCompile(`PG_MULTI='(.*)'`).FindStringSubmatch(script("env"))[1])
			t.Log(script("kill-leader"))
			again := load.goOn(t, <-led, 5*time.Second)
			time.Sleep(5 * time.Second)
			load.stop()
			longest := time.Duration(0)
			for i := 1; i < len(load.at); i++ {
				longest = max(longest, load.at[i].Sub(load.at[i-1]))
			}
			t.Logf("%d writes were acknowledged in %v; none for %v at the longest, and for %v from the new leader on", len(load.keys), time.Since(began), longest, again)
			allThere(t, db, load.keys)
			script("revive")
			time.Sleep(10 * time.Second) // until there is a synchronous standby again
		})
	}
}

// newLeader returns a channel that gets the time at which a server other than
// the present leader accepts writes.
func newLeader(t *testing.T, hosts string) <-chan time.Time {
	t.Helper()
	all, err := url.Parse(hosts)
	if err != nil {
		t.Fatal(err)
	}
	var servers []*sql.DB
	for host := range strings.SplitSeq(all.Host, ",") {
		one := *all
		one.Host, one.RawQuery = host, "sslmode=disable&connect_timeout=1"
		db, err := sql.Open("postgres", one.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		servers = append(servers, db)
	}
	leads := func(db *sql.DB) (yes bool) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return db.QueryRowContext(ctx, `SELECT NOT pg_is_in_recovery()`).Scan(&yes) == nil && yes
	}
	others := slices.DeleteFunc(servers, leads)
	out := make(chan time.Time, 1)
	go func() {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if slices.ContainsFunc(others, leads) {
				break
			}
		}
		out <- time.Now()
	}()
	return out
}
