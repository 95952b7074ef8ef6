package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/transfer"
)

// large lists the tables that grow with a blog. No call scans one of them.
var large = []string{"posts", "post_meta", "terms", "term_meta", "post_terms", "comments", "comment_meta", "attachments", "pings"}

// statements records the texts of statements that servers ran.
type statements struct {
	mu    sync.Mutex
	texts map[string]bool
}

func (s *statements) add(query string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = make(map[string]bool)
	}
	s.texts[query] = true
}

// placeholders matches the parameters of a list, so that statements that differ
// only in its length count as one.
var placeholders = regexp.MustCompile(`\$\d+(, ?\$\d+){2,}`)

// wholeBlog has the beginnings of statements of commands that scan a large
// table, with the reasons why they may.
var wholeBlog = map[string]string{
	"SELECT author FROM posts WHERE type <> 'revision'":                           "an export names the authors of all that is in it",
	"SELECT id, taxonomy, name, slug, parent, description, term_group FROM terms": "an export holds all terms, and an import looks for its own among them",
	"UPDATE posts SET comment_count = (SELECT COUNT(*) FROM comments c":           "an import counts the comments of all posts once, at its end",
	"UPDATE terms SET count = (SELECT COUNT(*) FROM post_terms pt JOIN posts p":   "an import counts the posts of all terms once, at its end",
	"SELECT c.status, COUNT(*) AS n FROM comments c WHERE 1 = 1 AND (":            "the page of comments counts those that a search finds",
	"SELECT c.status, COUNT(*) AS n FROM comments c CROSS JOIN posts p":           "the same, for comments on posts of one's own",
}

// check asks the database for the plan of each statement, and fails for one
// that scans a large table, unless whole has its beginning. least is the
// smallest number of statements that the test must find.
func (s *statements) check(t *testing.T, at seeded, least int, whole map[string]string) {
	t.Helper()
	used := make(map[string]bool)
	defer func() {
		for begin := range whole {
			if !used[begin] {
				t.Errorf("no statement begins with %q: take it out of the list", begin)
			}
		}
	}()
	explain, done := explainSQLite(t, at)
	if at.database != "" {
		explain, done = explainPostgres(t, at)
	}
	defer done()
	seen := make(map[string]bool)
	looked := 0
	for _, query := range slices.Sorted(maps.Keys(s.texts)) {
		words := strings.Fields(query)
		if len(words) == 0 || !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "INSERT", "WITH"}, strings.ToUpper(words[0])) {
			continue
		}
		shape := placeholders.ReplaceAllString(strings.Join(words, " "), "($…)")
		if seen[shape] {
			continue
		}
		seen[shape] = true
		looked++
		if begin := beginOf(shape, whole); begin != "" {
			used[begin] = true
			continue
		}
		for _, step := range explain(query) {
			t.Errorf("%s\n\t%s", step, shape)
		}
	}
	if looked < least {
		t.Errorf("only %d statements were looked at", looked)
	}
	t.Logf("%d statements", looked)
}

// beginOf returns the beginning among those of whole that a statement has, or
// "".
func beginOf(query string, statements map[string]string) string {
	for begin := range statements {
		if strings.HasPrefix(query, begin) {
			return begin
		}
	}
	return ""
}

// explainSQLite returns a function that finds the steps of a plan that scan a
// large table: those with SCAN.
func explainSQLite(t *testing.T, at seeded) (explain func(query string) []string, done func()) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: filepath.Join(at.folder, "quillgate.db"), Unmigrated: true})
	if err != nil {
		t.Fatal(err)
	}
	return func(query string) (bad []string) {
		var steps []struct {
			ID, Parent, NotUsed int
			Detail              string
		}
		if err := db.Select(t.Context(), &steps, "EXPLAIN QUERY PLAN "+query, nulls(query)...); err != nil {
			t.Errorf("%v\n\t%s", err, query)
		}
		aliases := aliasesOf(query)
		for _, step := range steps {
			name, scanned := strings.CutPrefix(step.Detail, "SCAN ")
			if name, _, _ = strings.Cut(name, " "); scanned && slices.Contains(large, aliases[name]) {
				bad = append(bad, step.Detail)
			}
		}
		return bad
	}, func() { db.Close() }
}

// explainPostgres is explainSQLite on PostgreSQL. Plans there depend on the
// size of the tables, so it plans as if scans were expensive: a scan that
// remains has no index. The few terms of the seed would be merged with other
// tables from end to end, so it plans as if there were 100,000.
func explainPostgres(t *testing.T, at seeded) (explain func(query string) []string, done func()) {
	t.Helper()
	db, err := sqlx.Open("postgres", at.database)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	db.MustExec("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
	db.MustExec("UPDATE pg_class SET relpages = GREATEST(relpages, 1), reltuples = 100000 WHERE relname = 'terms'")
	return func(query string) (bad []string) {
		if _, err := db.Exec("PREPARE looked AS " + query); err != nil {
			t.Errorf("%v\n\t%s", err, query)
			return nil
		}
		defer db.MustExec("DEALLOCATE looked")
		var text string
		arguments := strings.TrimSuffix(strings.Repeat("NULL, ", len(nulls(query))), ", ")
		if arguments != "" {
			arguments = "(" + arguments + ")"
		}
		if err := db.Get(&text, "EXPLAIN (FORMAT JSON) EXECUTE looked"+arguments); err != nil {
			t.Errorf("%v\n\t%s", err, query)
			return nil
		}
		var plans []struct{ Plan planNode }
		if err := json.Unmarshal([]byte(text), &plans); err != nil {
			t.Fatal(err)
		}
		for _, p := range plans {
			bad = p.Plan.wholeTables(bad)
		}
		return bad
	}, func() { db.Close() }
}

type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	Plans    []planNode `json:"Plans"`
}

func (n *planNode) wholeTables(bad []string) []string {
	whole := n.Type == "Seq Scan" || n.Index != "" && n.Cond == "" && n.Index != "posts_scheduled" // it contains few posts
	if whole && slices.Contains(large, n.Relation) {
		bad = append(bad, fmt.Sprintf("%s on %s %s", n.Type, n.Relation, n.Index))
	}
	for i := range n.Plans {
		bad = n.Plans[i].wholeTables(bad)
	}
	return bad
}

var (
	parameter = regexp.MustCompile(`\$(\d+)`)
	aliased   = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE|INTO|,)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?`)
)

// nulls returns arguments for a statement, because a plan does not depend on
// them.
func nulls(query string) []any {
	most := 0
	for _, m := range parameter.FindAllStringSubmatch(query, -1) {
		var n int
		fmt.Sscan(m[1], &n)
		most = max(most, n)
	}
	return make([]any, most)
}

// aliasesOf returns the table that each name in a statement means.
func aliasesOf(query string) map[string]string {
	out := make(map[string]string)
	for _, m := range aliased.FindAllStringSubmatch(query, -1) {
		out[m[1]] = m[1]
		if m[2] != "" {
			out[m[2]] = m[1]
		}
	}
	return out
}

// No page, feed, background task or command scans a large table either, except
// those that process a whole blog.
func TestPlansOfPagesAndCommands(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, seed seeded) {
		seed.statements = &statements{}
		pages := seed.copy(t)
		base := pages.serve(t, map[string]string{"who_may_comment": "anybody"})
		for _, path := range []string{
			"/", "/?paged=2", "/?paged=500", "/?p=1", "/?p=2", "/?page_id=6", "/?attachment_id=8", "/?cat=2", "/?cat=3", "/?tag=alpha", "/?author=1", "/?m=202401", "/?m=20240102", "/?s=the", "/?s=hello", "/?s=xylophone",
			"/?s=ab", "/?feed=rss2", "/?feed=atom", "/?feed=rss2&cat=2", "/?feed=rss2&author=1", "/?feed=rss2&s=hello", "/?feed=comments-rss2", "/?feed=rss2&p=1", "/feed/", "/comments/feed/", "/category/news/", "/tag/alpha/",
			"/author/admin/", "/2024/", "/2024/01/02/", "/hello-world/", "/an-old-address-of-something/", "/wp-sitemap.xml", "/wp-sitemap.xml?page=1", "/robots.txt", "/xmlrpc.php?rsd", "/wlwmanifest.xml", "/?name=hello-world", "/?pagename=about",
		} {
			resp, err := http.Get(base + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		form := url.Values{"comment_post_ID": {"1"}, "comment": {"I agree"}, "author": {"Reader"}, "email": {"reader@example.org"}}
		resp, err := http.PostForm(base+"/wp-comments-post.php", form)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for user, password := range map[string]string{seedUser: seedPassword, "author1": "author1-pass-1234"} {
			pages.desk(t, base, user, password)
		}
		seed.copy(t).background(t)
		seed.statements.check(t, seed, 100, wholeBlog)
	})
}

// desk opens the pages for users who are signed in.
func (s seeded) desk(t *testing.T, base, user, password string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(base+"/signin", url.Values{"login": {user}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, path := range []string{
		"/profile", "/admin", "/admin/posts", "/admin/posts?status=draft", "/admin/posts?status=trash", "/admin/posts?search=hello", "/admin/posts?page=100", "/admin/posts/1", "/admin/pages", "/admin/pages?search=about&page=2",
		"/admin/pages/6", "/admin/media", "/admin/media?search=picture", "/admin/media/8", "/admin/comments", "/admin/comments?status=spam", "/admin/comments?search=hello", "/admin/comments?page=100", "/admin/comments?post=1", "/admin/comments/1",
	} {
		resp, err := client.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode >= 500 || strings.Contains(resp.Request.URL.Path, "signin") {
			t.Errorf("%s opens %s for %s: %s", path, resp.Request.URL.Path, user, resp.Status)
		}
	}
}

// background performs the background work of a server and of commands.
func (s seeded) background(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	now := databasetest.NewClock(time.Now())
	blog, err := server.OpenBlog(ctx, server.BlogConfig{Folder: s.folder, Database: s.database, BaseURL: "http://localhost", Hash: authtest.CheapHash, Clock: now.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := blog.Close(); err != nil {
			t.Error(err)
		}
	}()
	blog.DB.Trace(s.statements.add)
	users, err := blog.Users.List(ctx, auth.Filter{})
	if err != nil || len(users) == 0 {
		t.Fatal(err)
	}
	who := auth.Identity{User: users[0], Via: auth.ViaPassword}
	due := &site.PostDate{Time: now.Now().Add(time.Hour)}
	tags := make([]string, 250) // the number of shifts that are added up
	for i := range tags {
		tags[i] = fmt.Sprint("tag ", i)
	}
	for range 2 {
		if _, err := blog.Site.CreatePost(ctx, who, site.PostEdit{Title: new("due"), Status: new("publish"), Date: due, Tags: &tags}); err != nil {
			t.Fatal(err)
		}
	}
	now.Add(2 * time.Hour)
	if n, err := blog.Site.PublishDue(ctx); err != nil || n < 2 {
		t.Fatal(n, err)
	}
	for n := 1; n > 0; {
		if n, err = blog.Site.IndexSearches(ctx); err != nil {
			t.Fatal(err)
		}
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		blog.Site.Run(running)
	}()
	for left := 1; left > 0; { // until the counts of terms are added up, which is the last of its first tasks
		if err := blog.DB.Get(ctx, &left, `SELECT COUNT(*) FROM term_shifts`); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	<-done
	commands := transfer.New(blog.Site)
	var bundle bytes.Buffer
	for name, run := range map[string]func() error{
		"export":      func() error { return commands.Export(ctx, &bundle, transfer.ExportOptions{}) },
		"export wxr":  func() error { return commands.ExportWXR(ctx, io.Discard, "quillgate") },
		"media sweep": func() error { _, err := blog.Media.Sweep(ctx, time.Hour); return err },
	} {
		if err := run(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if _, err := commands.Import(ctx, &bundle); err != nil {
		t.Fatal(err)
	}
}
