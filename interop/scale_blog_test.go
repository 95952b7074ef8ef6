//go:build scale

package interop

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
)

// A grower makes a seeded blog large: it writes rows with statements of the database itself, which takes some ten
// seconds for 100,000 posts. What a blog of n posts holds next to them grows with n: an attachment for each ten posts, a revision
// for each five, a comment, two custom fields, a category and two tags for each one. One post of 1,000 is sticky, one of
// 50 a draft, private or waiting for review, and one of 20 was dated back. Pages, terms and users stay as few as they are
// in blogs: what lists all of them is as large as its answer.
type grower struct {
	tx       *database.Tx
	postgres bool
}

// chunk is how many posts one transaction adds.
const chunk = 50_000

// grow adds n posts to a blog whose server does not run.
func grow(t testing.TB, blog seeded, n int) {
	t.Helper()
	ctx := t.Context()
	db, err := database.Open(ctx, database.Config{URL: blog.store(), Unmigrated: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	began := time.Now()
	update := func(fn func(g *grower) error) {
		t.Helper()
		err := db.Update(ctx, func(tx *database.Tx) error {
			g := &grower{tx, blog.database != ""}
			if g.postgres { // no trigger and no check of references: the rows are right, and no one watches
				if _, err := tx.Exec(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
					return err
				}
			}
			return fn(g)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var dropped []string
	update(func(g *grower) (err error) {
		if dropped, err = g.dropIndexes(ctx); err != nil {
			return err
		}
		return g.begin(ctx)
	})
	for from := 0; from < n; from += chunk {
		update(func(g *grower) error { return g.posts(ctx, n, from, min(from+chunk, n)) })
	}
	update(func(g *grower) error {
		for _, text := range dropped {
			if _, err := g.tx.Exec(ctx, text); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return g.finish(ctx)
	})
	if blog.database != "" {
		if _, err := db.Exec(ctx, `VACUUM ANALYZE`); err != nil { // as the autovacuum of a server does in time
			t.Fatal(err)
		}
	}
	t.Logf("made %d posts in %v", n, time.Since(began).Round(time.Second/10))
}

// store is the address of the database of the blog.
func (s seeded) store() string {
	if s.database != "" {
		return s.database
	}
	return filepath.Join(s.folder, "quillgate.db")
}

// dropIndexes drops the indexes and triggers of the large tables, and returns what makes them again: all rows at once
// cost far less than one by one.
func (g *grower) dropIndexes(ctx context.Context) (again []string, err error) {
	query := `SELECT type || ' ' || name AS name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL AND tbl_name IN (?) ORDER BY type, name`
	if g.postgres {
		query = `SELECT 'INDEX ' || indexname AS name, indexdef AS sql FROM pg_indexes WHERE tablename IN (?)
			AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname) ORDER BY indexname`
	}
	query, args, err := database.In(query, large)
	if err != nil {
		return nil, err
	}
	var list []struct {
		Name string `db:"name"`
		SQL  string `db:"sql"`
	}
	if err := g.tx.Select(ctx, &list, query, args...); err != nil {
		return nil, err
	}
	for _, l := range list {
		if _, err := g.tx.Exec(ctx, `DROP `+l.Name); err != nil {
			return nil, err
		}
		again = append(again, l.SQL)
	}
	return again, nil
}

// sentences are made of words as texts have them: a few in nearly every sentence, most of them seldom.
func sentences(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	const syllables = "ba be bi bo da de di do fa fe ga go ha he ka ki la le li lo ma me mi na ne ni no pa pe po ra re ri ro sa se so ta te ti to va ve wa we"
	parts := strings.Fields(syllables)
	words := make([]string, 5000)
	for i := range words {
		for range 2 + r.IntN(3) {
			words[i] += parts[r.IntN(len(parts))]
		}
	}
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for b.Len() < 60+r.IntN(50) {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(words[int(math.Pow(float64(len(words)), r.Float64()))-1])
		}
		out[i] = strings.ToUpper(b.String()[:1]) + b.String()[1:] + "."
	}
	return out
}

const pool = 2048 // sentences

// begin makes what the posts are made of: sentences, users, terms, pages.
func (g *grower) begin(ctx context.Context) error {
	if _, err := g.tx.Exec(ctx, `CREATE TABLE scale_pool (id BIGINT PRIMARY KEY, line TEXT NOT NULL)`); err != nil {
		return err
	}
	rows := database.NewRows("scale_pool", "id, line")
	for i, line := range sentences(pool) {
		rows.Add(int64(i), line)
	}
	if err := rows.Insert(ctx, g.tx); err != nil {
		return err
	}
	for _, text := range []string{
		g.series(20) + `INSERT INTO users (id, login, login_key, email, email_key, nicename, display_name, role, registered)
			SELECT 1000 + i, 'scale' || i, 'scale' || i, 'scale' || i || '@example.org', 'scale' || i || '@example.org', 'scale' || i, 'Writer ' || i, 'author', ` + g.moment(`1600000000`) + ` FROM n`,
		g.series(330) + `INSERT INTO terms (id, taxonomy, name, name_key, slug)
			SELECT 1000 + i, CASE WHEN i < 30 THEN 'category' ELSE 'post_tag' END, 'Topic ' || i, 'topic ' || i, 'topic-' || i FROM n`,
		g.series(40) + `INSERT INTO posts (id, type, status, title, name, author, content, date, date_gmt, modified, modified_gmt, parent, menu_order)
			SELECT 10000 + i, 'page', 'publish', 'Page ' || i, 'scale-page-' || i, 1001, 'About ' || i, ` + g.moment(`1600000000 + i`) + `, ` + g.moment(`1600000000 + i`) + `, ` +
			g.moment(`1600000000 + i`) + `, ` + g.moment(`1600000000 + i`) + `, CASE WHEN i < 10 THEN 0 ELSE 10000 + i / 10 END, i FROM n`,
	} {
		if _, err := g.tx.Exec(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// series begins a statement that reads the numbers i from 0 to n-1.
func (g *grower) series(n int) string { return g.span(0, n) }

func (g *grower) span(from, to int) string {
	return fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT CAST(%d AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, from, to-1)
}

// moment is the SQL for the moment of seconds since 1970.
func (g *grower) moment(seconds string) string {
	if g.postgres {
		return `to_timestamp(` + seconds + `)`
	}
	return `((` + seconds + `) * 1000000)`
}

// firstPost is the id of the first post that grow adds.
const firstPost = 20_000

// lineOf is the SQL for a sentence that depends on i.
func lineOf(k int) string {
	return fmt.Sprintf(`(SELECT line FROM scale_pool WHERE id = (i * 7919 + i / %d + %d) %% %d)`, 2039+k, 523*k, pool)
}

// posts adds the posts of these numbers out of n, the newest last.
func (g *grower) posts(ctx context.Context, n, from, to int) error {
	span := g.span(from, to)
	at := fmt.Sprintf(`(1700000000 - (%d - i) * 600 - CASE WHEN i %% 20 = 7 THEN (i * 104729) %% 10000000 ELSE 0 END)`, n)
	date := g.moment(at)
	columns := `(id, type, status, title, name, author, content, excerpt, parent, comment_status, ping_status, mime_type, guid, sticky, comment_count, date, date_gmt, modified, modified_gmt)`
	body := `'<p>' || ` + lineOf(1) + ` || '</p><p>' || ` + lineOf(2) + ` || ' ' || ` + lineOf(3) + ` || '</p><p>' || ` + lineOf(4) + ` ||
		CASE WHEN i % 20000 = 77 THEN ' A zebrafish.' WHEN i % 500 = 3 THEN ' A quokka.' ELSE '' END || CASE WHEN i % 2 = 0 THEN ' Everyday lantern.' ELSE '' END ||
		CASE WHEN i * 100 < ` + fmt.Sprint(n) + ` THEN ' A pangolin.' ELSE '' END || '</p>'`
	status := `CASE i % 100 WHEN 11 THEN 'draft' WHEN 12 THEN 'private' WHEN 13 THEN 'pending' ELSE 'publish' END`
	for _, text := range []string{
		`INSERT INTO posts ` + columns + fmt.Sprintf(` SELECT %d + i, 'post', `, firstPost) + status + `, 'Entry ' || i || ' ' || SUBSTR(` + lineOf(5) + `, 1, 30), 'entry-' || i, 1000 + i % 20,
			` + body + `, '', 0, 'open', 'open', '', '', i % 1000 = 0, 1, ` + date + `, ` + date + `, ` + date + `, ` + date + ` FROM n`,
		`INSERT INTO posts ` + columns + fmt.Sprintf(` SELECT %d + i / 10, 'attachment', 'inherit', 'Picture ' || i, 'picture-' || i, 1000 + i %% 20,
			'', '', %d + i, 'open', 'closed', CASE WHEN i %% 50 = 0 THEN 'application/pdf' ELSE 'image/png' END, '', i < 0, 0, `, firstPost+n, firstPost) + date + `, ` + date + `, ` + date + `, ` + date + ` FROM n WHERE i % 10 = 0`,
		fmt.Sprintf(`INSERT INTO attachments (post_id, file, size, width, height) SELECT %d + i / 10, '2023/01/picture-' || i || '.png', 1000, 640, 480 FROM n WHERE i %% 10 = 0`, firstPost+n),
		`INSERT INTO posts ` + columns + fmt.Sprintf(` SELECT %d + i / 5, 'revision', 'inherit', 'Entry ' || i, (%d + i) || '-revision-v1', 1000 + i %% 20,
			`, firstPost+2*n, firstPost) + lineOf(1) + fmt.Sprintf(`, '', %d + i, 'closed', 'closed', '', '', i < 0, 0, `, firstPost) + date + `, ` + date + `, ` + date + `, ` + date + ` FROM n WHERE i % 5 = 0`,
		fmt.Sprintf(`INSERT INTO post_meta (post_id, key, value) SELECT %d + i, 'mood', 'calm ' || i FROM n`, firstPost),
		fmt.Sprintf(`INSERT INTO post_meta (post_id, key, value) SELECT %d + i, '_edit_last', '1' FROM n`, firstPost),
		fmt.Sprintf(`INSERT INTO post_terms (post_id, term_id) SELECT %d + i, 1000 + i %% 30 FROM n`, firstPost),
		fmt.Sprintf(`INSERT INTO post_terms (post_id, term_id) SELECT %d + i, 1030 + i %% 150 FROM n`, firstPost),
		fmt.Sprintf(`INSERT INTO post_terms (post_id, term_id) SELECT %d + i, 1180 + i * 7 %% 150 FROM n`, firstPost),
		fmt.Sprintf(`INSERT INTO comments (post_id, status, author, email, content, date, date_gmt) SELECT %d + i, CASE i %% 50 WHEN 3 THEN 'hold' WHEN 4 THEN 'spam' ELSE 'approve' END,
			'Reader ' || i %% 1000, 'reader' || i %% 1000 || '@example.org', `, firstPost) + lineOf(6) + `, ` + date + `, ` + date + ` FROM n`,
	} {
		if _, err := g.tx.Exec(ctx, span+text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// finish counts what the terms have, and moves the automatic ids behind what was added.
func (g *grower) finish(ctx context.Context) error {
	if _, err := g.tx.Exec(ctx, `UPDATE terms SET count = (SELECT COUNT(*) FROM post_terms pt WHERE pt.term_id = terms.id) WHERE id >= 1000`); err != nil {
		return err
	}
	// The triggers were away.
	if _, err := g.tx.Exec(ctx, `INSERT INTO search_pending (post_id) SELECT id FROM posts WHERE type <> 'revision' ON CONFLICT DO NOTHING`); err != nil {
		return err
	}
	week := func(column string) string {
		if g.postgres {
			return `floor((extract(epoch FROM ` + column + `) + 62167219200) / 604800)::bigint`
		}
		return `(` + column + ` + 62167219200000000) / 604800000000`
	}
	for _, text := range []string{
		`DELETE FROM list_counts`, `DELETE FROM list_shifts`,
		`UPDATE post_terms SET shown = p.date FROM posts p WHERE p.id = post_terms.post_id AND p.type = 'post' AND p.status = 'publish'`,
		`INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' date', ` + week(`date`) + `, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2`,
		`INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' modified', ` + week(`modified`) + `, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2`,
		`INSERT INTO list_counts (list, week, n, newest) SELECT type || ' ' || status || ' id', (id - 1) / 2000, COUNT(*), MAX(date) FROM posts WHERE type <> 'revision' GROUP BY 1, 2`,
		`DELETE FROM list_fences`,
		`INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' title', 0, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1`,
		`INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' name', 0, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1`,
		`INSERT INTO list_counts (list, week, n) SELECT type || ' ' || status || ' author', author, COUNT(*) FROM posts WHERE type <> 'revision' GROUP BY 1, 2`,
		`INSERT INTO list_counts (list, week, n) SELECT 'comment ' || status || ' date', ` + week(`date_gmt`) + `, COUNT(*) FROM comments GROUP BY 1, 2`,
	} {
		if _, err := g.tx.Exec(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	if _, err := g.tx.Exec(ctx, `DROP TABLE scale_pool`); err != nil {
		return err
	}
	for _, table := range []string{"posts", "users", "terms", "comments"} {
		if err := database.ReserveIDs(ctx, g.tx, table, 1); err != nil {
			return err
		}
	}
	return nil
}
