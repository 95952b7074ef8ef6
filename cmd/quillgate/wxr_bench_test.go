//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// BenchmarkImport imports exports of 10,000 and 20,000 posts with five comments
// each in a separate process, and reports its maximum memory. "inserts" is the
// baseline: the same rows of posts, comments, custom fields and terms, inserted
// directly into the tables with a statement for each row, in transactions of
// the same size.
func BenchmarkImport(b *testing.B) {
	for _, name := range []string{"sqlite", "postgres"} {
		for _, posts := range []int{10_000, 20_000} {
			b.Run(fmt.Sprintf("%s/posts=%d/import", name, posts), func(b *testing.B) {
				file := sampleFile(b, posts)
				for b.Loop() {
					b.StopTimer()
					p := benchProgram(b, name)
					b.StartTimer()
					cmd := p.command("import", "--quiet", file)
					if out, err := cmd.CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, out)
					}
					b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB-peak")
				}
				reportItems(b, posts)
			})
		}
		b.Run(fmt.Sprintf("%s/posts=%d/inserts", name, 10_000), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p := benchProgram(b, name)
				url := p.database
				if url == "" {
					url = filepath.Join(p.folder, "quillgate.db")
				}
				db := databasetest.Open(b, url)
				b.StartTimer()
				insertSamples(b, db, 10_000)
			}
			reportItems(b, 10_000)
		})
	}
}

// benchProgram is a new blog.
func benchProgram(b *testing.B, name string) program {
	b.Helper()
	folder, err := os.MkdirTemp(b.TempDir(), name)
	if err != nil {
		b.Fatal(err)
	}
	p := program{folder: folder}
	if name == "postgres" {
		p.database = databasetest.DurablePostgres(b)
	}
	p.run(b, "user", "add", "admin") // which begins the blog
	return p
}

// reportItems reports posts and comments a second.
func reportItems(b *testing.B, posts int) {
	b.ReportMetric(float64(b.N)*float64(posts)*6/b.Elapsed().Seconds(), "items/s")
}

// insertSamples inserts the rows of the sample posts into the tables.
func insertSamples(b *testing.B, db *database.DB, posts int) {
	const inTransaction = 150 // posts, of ten rows each
	insert := func(tx *database.Tx, table, columns string, values ...any) error {
		marks := make([]string, len(values))
		for i := range marks {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		_, err := tx.Exec(context.Background(), `INSERT INTO `+table+` (`+columns+`) VALUES (`+strings.Join(marks, ",")+`)`, values...)
		return err
	}
	for from := 1; from <= posts; from += inTransaction {
		err := db.Update(b.Context(), func(tx *database.Tx) error {
			for n := from; n < min(from+inTransaction, posts+1); n++ {
				p := samplePost(n)
				err := insert(tx, "posts", "id, type, status, title, name, author, content, parent, comment_status, ping_status, guid, comment_count, date, date_gmt, modified, modified_gmt",
					p.ID, p.Type, p.Status, p.Title, p.Name, 1, p.Content, p.Parent, p.CommentStatus, p.PingStatus, p.GUID, 5, p.Date, p.DateGMT, p.Modified, p.ModifiedGMT)
				for _, m := range p.Meta {
					if err == nil {
						err = insert(tx, "post_meta", "post_id, key, value", p.ID, m.Key, m.Value)
					}
				}
				for _, c := range p.Comments {
					if err == nil {
						err = insert(tx, "comments", "id, post_id, parent, status, type, author, email, ip, content, date, date_gmt",
							c.ID, p.ID, c.Parent, "approve", c.Type, c.Author, c.AuthorEmail, c.AuthorIP, c.Content, c.Date, c.DateGMT)
					}
				}
				if n == 1 && err == nil {
					err = insert(tx, "terms", "id, taxonomy, name, name_key, slug", 100, "category", "C", "c", "c0")
				}
				if err == nil {
					err = insert(tx, "post_terms", "post_id, term_id", p.ID, 1)
				}
				if err == nil {
					err = insert(tx, "post_terms", "post_id, term_id", p.ID, 100)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
