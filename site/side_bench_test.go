package site_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// BenchmarkPublishingSideBySide publishes posts of many clients on several
// servers, which share a PostgreSQL that waits for the disk. It reports the
// rate, the distribution of the times, and the share of transactions that were
// run again. The first case is the baseline.
func BenchmarkPublishingSideBySide(b *testing.B) {
	address := databasetest.DurablePostgres(b)
	first := openBlog(b, databasetest.Open(b, address), time.Now)
	servers := []blog{first}
	for range 2 {
		other := first
		other.db = databasetest.Open(b, address)
		var err error
		if other.Site, err = site.Open(b.Context(), site.Config{DB: other.db, Users: first.users, Media: first.files, BaseURL: first.BaseURL()}); err != nil {
			b.Fatal(err)
		}
		servers = append(servers, other)
	}
	who := auth.Identity{User: auth.User{ID: 1, Role: auth.Administrator}, Via: auth.ViaPassword}
	for _, c := range []struct{ clients, servers int }{{1, 1}, {24, 1}, {24, 3}} {
		b.Run(fmt.Sprintf("clients=%d/servers=%d", c.clients, c.servers), func(b *testing.B) {
			var again int64
			for _, s := range servers {
				again -= s.db.Conflicts()
			}
			var mu sync.Mutex
			var took []time.Duration
			var next atomic.Int64
			var work sync.WaitGroup
			for client := range c.clients {
				work.Go(func() {
					s := servers[client%c.servers]
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						began := time.Now()
						_, err := s.CreatePost(b.Context(), who, site.PostEdit{
							Title: new(fmt.Sprintf("Post %d of %d", n, client)), Content: new("text"), Status: new("publish"), FirstRevision: true,
						})
						if err != nil {
							b.Error(err)
							return
						}
						mu.Lock()
						took = append(took, time.Since(began))
						mu.Unlock()
					}
				})
			}
			work.Wait()
			for _, s := range servers {
				again += s.db.Conflicts()
			}
			slices.Sort(took)
			if len(took) == 0 {
				return
			}
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(again)/float64(b.N), "again/commit")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
		})
	}
}
