package wordpress_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

const (
	smallBlog, largeBlog = 1_000, 100_000
	mostGrowth           = 1.5 // the ratio of the costs of a list in the large and the small blog
	enoughRounds         = 20  // needed to judge the growth
)

// lists are the calls with which clients list what exists.
var lists = []struct {
	name, who, method string
	args              []xmlrpc.Value
	most              int64 // the number of statements, for any number of posts
}{
	{"newest 10", "editor", "wp.getPosts", nil, 3},
	{"newest 100", "editor", "wp.getPosts", []xmlrpc.Value{object("number", 100)}, 3},
	{"page 11", "editor", "wp.getPosts", []xmlrpc.Value{object("number", 10, "offset", 100)}, 3},
	{"drafts", "editor", "wp.getPosts", []xmlrpc.Value{object("post_status", "draft,pending")}, 3},
	{"last changed", "editor", "wp.getPosts", []xmlrpc.Value{object("orderby", "modified")}, 3},
	{"titles", "editor", "wp.getPosts", []xmlrpc.Value{object("number", 100), array("post_title")}, 2},
	{"pages", "editor", "wp.getPosts", []xmlrpc.Value{object("post_type", "page")}, 3},
	{"an author's", "author", "wp.getPosts", nil, 3},
	{"newest 10", "editor", "metaWeblog.getRecentPosts", []xmlrpc.Value{xmlrpc.Int(10)}, 4},
	{"newest 100", "editor", "metaWeblog.getRecentPosts", []xmlrpc.Value{xmlrpc.Int(100)}, 4},
	{"an author's", "author", "metaWeblog.getRecentPosts", []xmlrpc.Value{xmlrpc.Int(10)}, 4},
}

// The number of statements of a list depends neither on the number of posts in
// it nor on the number in the blog.
func TestListStatements(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		e := openEndpoint(t, db)
		e.fill(t, 300)
		for _, l := range lists {
			e.as(t, l.who, l.method, l.args...) // fills the caches
			before := db.Statements()
			v, fault := e.as(t, l.who, l.method, l.args...)
			if used := db.Statements() - before; used > l.most || fault != 0 || v.Len() == 0 {
				t.Errorf("%s %s: %d statements for %d posts, fault %d; want %d at most", l.method, l.name, used, v.Len(), fault, l.most)
			}
		}
	})
}

// BenchmarkLists calls a small and a large blog in turns, and fails if the
// large one takes longer for the same part of a list.
func BenchmarkLists(b *testing.B) {
	for _, kind := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", databasetest.SQLite}, {"postgres", databasetest.Postgres}} {
		b.Run(kind.name, func(b *testing.B) {
			var blogs [2]*endpoint
			for i, size := range []int{smallBlog, largeBlog} {
				blogs[i] = openEndpoint(b, databasetest.Open(b, kind.url(b)))
				blogs[i].fill(b, size)
			}
			for _, l := range lists {
				b.Run(strings.ReplaceAll(l.method+" "+l.name, " ", "_"), func(b *testing.B) {
					var took [2][]time.Duration
					for b.Loop() {
						for i, e := range blogs {
							start := time.Now()
							if _, fault := e.as(b, l.who, l.method, l.args...); fault != 0 {
								b.Fatalf("fault %d", fault)
							}
							took[i] = append(took[i], time.Since(start))
						}
					}
					slices.Sort(took[0])
					slices.Sort(took[1])
					// The faster quarter: the load of the
					// machine prolongs the others.
					rounds := len(took[0])
					small, large := took[0][rounds/4], took[1][rounds/4]
					growth := float64(large) / float64(small)
					b.ReportMetric(float64(small.Microseconds()), "µs/small")
					b.ReportMetric(float64(large.Microseconds()), "µs/large")
					b.ReportMetric(growth, "growth")
					if rounds >= enoughRounds && growth > mostGrowth {
						b.Errorf("%d posts take %v, %d take %v: %.2f times as long, want %.1f at most", largeBlog, large, smallBlog, small, growth, mostGrowth)
					}
				})
			}
		})
	}
}

// fill writes posts directly, without checks, each with two tags and two custom
// fields: most of them published, some drafts, some pages, a minute apart, by
// all users who may write.
func (e *endpoint) fill(t testing.TB, size int) {
	t.Helper()
	ctx := t.Context()
	must(t, e.db.Update(ctx, func(tx *database.Tx) error {
		var first, term int64
		if err := tx.Get(ctx, &first, `SELECT COALESCE(MAX(id), 0) + 1000 FROM posts`); err != nil {
			return err
		}
		if err := tx.Get(ctx, &term, `SELECT COALESCE(MAX(id), 0) + 1000 FROM terms`); err != nil {
			return err
		}
		for i := range int64(10) {
			if _, err := tx.Exec(ctx, `INSERT INTO terms (id, taxonomy, name, name_key, slug) VALUES ($1, 'post_tag', $2, $2, $2)`, term+i, fmt.Sprint("tag-", i)); err != nil {
				return err
			}
		}
		const batch = 100
		for from := 0; from < size; from += batch {
			var posts, tags, fields rows
			for i := int64(from); i < int64(min(from+batch, size)); i++ {
				kind, status := "post", "publish"
				switch {
				case i%100 == 50:
					status = "draft"
				case i%100 == 51:
					kind = "page"
				}
				at := e.clock.Now().Add(-time.Duration(i) * time.Minute)
				posts.add(first+i, kind, status, fmt.Sprint("Title ", i), fmt.Sprint("post-", i), 1+i%4, strings.Repeat("Words of the post. ", 20), at, at, at, at)
				tags.add(first+i, term+i%10)
				tags.add(first+i, term+(i+3)%10)
				fields.add(first+i, "mood", "calm")
				fields.add(first+i, "_edit_lock", fmt.Sprint(i))
			}
			for _, insert := range []struct {
				into string
				rows rows
			}{
				{"posts (id, type, status, title, name, author, content, date, date_gmt, modified, modified_gmt)", posts},
				{"post_terms (post_id, term_id)", tags},
				{"post_meta (post_id, key, value)", fields},
			} {
				if _, err := tx.Exec(ctx, "INSERT INTO "+insert.into+" VALUES "+insert.rows.marks, insert.rows.args...); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	if _, err := e.db.Exec(ctx, `ANALYZE`); err != nil { // PostgreSQL does this on its own after a while
		t.Fatal(err)
	}
}

// rows are the rows of one INSERT.
type rows struct {
	marks string
	args  []any
}

func (r *rows) add(values ...any) {
	marks := make([]string, len(values))
	for i := range values {
		marks[i] = fmt.Sprintf("$%d", len(r.args)+i+1)
	}
	if r.marks != "" {
		r.marks += ", "
	}
	r.marks += "(" + strings.Join(marks, ", ") + ")"
	r.args = append(r.args, values...)
}
