package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/xmlrpc"
)

// BenchmarkPagesBesideCalls requests the home page again and again while calls
// are signed with RFC 9421; each of them writes a nonce. kept is the share of
// pages that needed no statement.
func BenchmarkPagesBesideCalls(b *testing.B) {
	for name, database := range onDisk {
		b.Run(name, func(b *testing.B) {
			p := newPoster(b, database(b))
			body := xmlrpc.AppendCall(nil, "demo.addTwoNumbers", xmlrpc.Int(2), xmlrpc.Int(3))
			page := func() {
				w := httptest.NewRecorder()
				p.server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://blog.example/", nil))
				if w.Code != http.StatusOK {
					b.Fatalf("the page answers %d", w.Code)
				}
			}
			page()
			kept, took := 0, time.Duration(0)
			for range b.N {
				if w := send(p.server, p.key.request(b, "http://blog.example/xmlrpc.php", time.Now(), body)); w.Code != http.StatusOK {
					b.Fatalf("the call answers %d", w.Code)
				}
				before, start := p.blog.DB.Statements(), time.Now()
				page()
				took += time.Since(start)
				if p.blog.DB.Statements() == before {
					kept++
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(kept)/float64(b.N), "kept")
			b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/page")
		})
	}
}

// BenchmarkNewPost publishes posts with signed calls of eight clients, on
// databases that write to the disk: in turns with and without the triggers that
// move epochs. The ratio is the median of the turns.
func BenchmarkNewPost(b *testing.B) {
	for name, database := range onDisk {
		b.Run(name, func(b *testing.B) {
			with, without := newPoster(b, database(b)), newPoster(b, database(b))
			dropTriggers(b, without.blog.DB, name)
			with.publish(b)
			without.publish(b)
			var ratios []float64
			var took time.Duration
			b.ResetTimer()
			for range b.N * postTurns {
				before, after := without.publish(b), with.publish(b)
				took += after
				ratios = append(ratios, before.Seconds()/after.Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(len(ratios)*askers*postsEach)/took.Seconds(), "posts/s")
			b.ReportMetric(ratios[len(ratios)/2], "of-without")
		})
	}
}

const (
	postTurns = 20 // of each kind for each b.N
	postsEach = 3  // of each client in one turn
)

type poster struct {
	blog   *server.Blog
	server *server.Server
	key    strictKey
}

func newPoster(b *testing.B, database string) poster {
	blog := open(b, database, nil)
	return poster{blog, newServer(b, server.Config{Blog: blog}), newStrictKey(b, blog, false)}
}

// publish publishes the posts of one turn.
func (p poster) publish(b *testing.B) time.Duration {
	body := xmlrpc.AppendCall(nil, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Struct(
		xmlrpc.Member{Name: "post_title", Value: xmlrpc.String("Title")}, xmlrpc.Member{Name: "post_status", Value: xmlrpc.String("publish")},
		xmlrpc.Member{Name: "post_content", Value: xmlrpc.String("Some text.")}))
	start := time.Now()
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for range postsEach {
				w := send(p.server, p.key.request(b, "http://blog.example/xmlrpc.php", time.Now(), body))
				if w.Code != http.StatusOK || bytes.Contains(w.Body.Bytes(), []byte("<fault>")) {
					b.Errorf("the call answers %d, %s", w.Code, w.Body)
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

func dropTriggers(b *testing.B, db *database.DB, kind string) {
	query, drop := `SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%moves!_%' ESCAPE '!'`, `DROP TRIGGER %s`
	if kind == "postgres" {
		query, drop = `SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE 'moves!_%' ESCAPE '!'`, `ALTER TABLE %s DISABLE TRIGGER USER`
	}
	var names []string
	if err := db.Select(b.Context(), &names, query); err != nil || len(names) == 0 {
		b.Fatalf("%d triggers, %v", len(names), err)
	}
	for _, name := range names {
		if _, err := db.Exec(b.Context(), fmt.Sprintf(drop, name)); err != nil {
			b.Fatal(err)
		}
	}
}

// onDisk creates databases that write to the disk.
var onDisk = map[string]func(*testing.B) string{
	"sqlite":   func(b *testing.B) string { return b.TempDir() + "/quillgate.db" },
	"postgres": func(b *testing.B) string { return databasetest.DurablePostgres(b) },
}
