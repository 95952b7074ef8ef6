//go:build scale

package interop

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// meter returns a function for the time that the server and the processes of its database have used the processor so far. Only
// Linux tells it of each thread in nanoseconds; elsewhere it is 0.
func (b *scaleBlog) meter(blog seeded) func() time.Duration {
	b.t.Helper()
	processes := []string{strconv.Itoa(b.p.cmd.Process.Pid)}
	if blog.database != "" {
		processes = append(processes, b.backends(blog)...)
	}
	return func() (sum time.Duration) {
		for _, process := range processes {
			threads, _ := filepath.Glob("/proc/" + process + "/task/*/schedstat")
			for _, thread := range threads {
				text, _ := os.ReadFile(thread)
				used, _, _ := strings.Cut(string(text), " ")
				n, _ := strconv.ParseInt(used, 10, 64)
				sum += time.Duration(n)
			}
		}
		return sum
	}
}

// backends are the processes of PostgreSQL that serve connections. The server has all of its own by now: it has indexed the
// blog.
func (b *scaleBlog) backends(blog seeded) (processes []string) {
	b.t.Helper()
	for range 20 { // as many connections as the table below needs, so that all are open
		b.page("/robots.txt")
		b.wp("wp.getPosts")
	}
	db, err := database.Open(b.t.Context(), database.Config{URL: blog.store(), Unmigrated: true})
	if err != nil {
		b.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Select(b.t.Context(), &processes, `SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`); err != nil {
		b.t.Fatal(err)
	}
	return processes
}
