package site_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
)

// BenchmarkPublish publishes posts on SQLite on the disk, next to a bare INSERT
// into a table of its own. It reports how many of each a second, and how many
// times as long the last posts take as the first.
func BenchmarkPublish(b *testing.B) {
	db, err := database.Open(b.Context(), database.Config{URL: filepath.Join(b.TempDir(), "blog.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	n := openNewsroom(b, db)
	if _, err := db.Exec(b.Context(), `CREATE TABLE bare (id INTEGER PRIMARY KEY, title TEXT, text TEXT)`); err != nil {
		b.Fatal(err)
	}
	const round = 100
	var bare, rounds []time.Duration
	for i := range max(b.N, 4*round) / round {
		began := time.Now()
		for k := range round {
			title := fmt.Sprintf("Post %d of %d", k, i)
			if _, err := n.CreatePost(b.Context(), n.admin, site.PostEdit{Title: &title, Content: new("Some words."), Status: new("publish"), FirstRevision: true}); err != nil {
				b.Fatal(err)
			}
		}
		rounds = append(rounds, time.Since(began))
		began = time.Now()
		for range round {
			if _, err := db.Exec(b.Context(), `INSERT INTO bare (title, text) VALUES ($1, $2)`, "Post", "Some words."); err != nil {
				b.Fatal(err)
			}
		}
		bare = append(bare, time.Since(began))
	}
	sum := func(list []time.Duration) (total time.Duration) {
		for _, d := range list {
			total += d
		}
		return total
	}
	b.ReportMetric(float64(len(rounds)*round)/sum(rounds).Seconds(), "posts/s")
	b.ReportMetric(float64(len(bare)*round)/sum(bare).Seconds(), "bare/s")
	b.ReportMetric(sum(bare).Seconds()/sum(rounds).Seconds(), "of-bare")
	quarter := len(rounds) / 4
	b.ReportMetric(sum(rounds[len(rounds)-quarter:]).Seconds()/sum(rounds[:quarter]).Seconds(), "last/first")
	b.ReportMetric(0, "ns/op")
}
