//go:build cluster

package database_test

import (
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
)

// A cluster of three PostgreSQL servers under Patroni and etcd, as operators
// have it: the host of the leader dies under load. Nothing that was
// acknowledged is lost, by a URL with all hosts and through HAProxy. Most of
// the outage is Patroni's time to notice. make test-cluster runs it.
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
			stop := writers(t, db, 4)
			time.Sleep(2 * time.Second)
			began := time.Now()
			t.Log(script("kill-leader"))
			time.Sleep(6 * time.Second)
			keys, at := stop()
			longest := time.Duration(0)
			for i := 1; i < len(at); i++ {
				longest = max(longest, at[i].Sub(at[i-1]))
			}
			t.Logf("%d writes were acknowledged in %v; none for %v at the longest", len(keys), time.Since(began), longest)
			allThere(t, db, keys)
			script("revive")
			time.Sleep(10 * time.Second) // until there is a synchronous standby again
		})
	}
}
