package interop

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/quillgate/quillgate/database"
)

// large are the tables that grow with a blog. No call reads one of them from end to end.
var large = []string{"posts", "post_meta", "terms", "term_meta", "post_terms", "comments", "comment_meta", "attachments", "pings"}

// statements are the texts of statements that servers ran.
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

// placeholders are the parameters of a list, which makes one text of statements that differ in its length only.
var placeholders = regexp.MustCompile(`\$\d+(, ?\$\d+){2,}`)

// check asks the database for the plan of each statement and fails for one that reads a large table from end to end.
func (s *statements) check(t *testing.T, at seeded) {
	t.Helper()
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
		for _, step := range explain(query) {
			t.Errorf("%s\n\t%s", step, shape)
		}
	}
	if looked < 200 {
		t.Errorf("only %d statements were looked at", looked)
	}
	t.Logf("%d statements", looked)
}

// explainSQLite returns what finds the steps of a plan that read a large table from end to end: those that say SCAN.
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

// explainPostgres is explainSQLite on PostgreSQL. Its plans depend on how much the tables hold, so it plans as if reading
// from end to end were dear: what it does all the same has no index.
func explainPostgres(t *testing.T, at seeded) (explain func(query string) []string, done func()) {
	t.Helper()
	db, err := sqlx.Open("postgres", at.database)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	db.MustExec("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
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
	whole := n.Type == "Seq Scan" || n.Index != "" && n.Cond == "" && n.Index != "posts_scheduled" // which holds few posts
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

// nulls are arguments for a statement: a plan does not depend on them.
func nulls(query string) []any {
	most := 0
	for _, m := range parameter.FindAllStringSubmatch(query, -1) {
		var n int
		fmt.Sscan(m[1], &n)
		most = max(most, n)
	}
	return make([]any, most)
}

// aliasesOf returns the table that each name in a statement stands for.
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
