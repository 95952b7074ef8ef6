package database_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func TestPositional(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`SELECT 1`:                     "",
		`SELECT a FROM b WHERE c = $1`: `SELECT a FROM b WHERE c = +?`,
		`VALUES ($1, $2), ($3, $4)`:    `VALUES (+?, +?), (+?, +?)`,
		`SELECT $1 WHERE $1 = 2`:       `SELECT +$1 WHERE +$1 = 2`, // twice
		`SELECT $2, $1`:                `SELECT +$2, +$1`,
		`SELECT '$1', "$1", $1`:        `SELECT '$1', "$1", +?`,
		`SELECT 'it''s $1', $1`:        `SELECT 'it''s $1', +?`,
		`SELECT $1 -- $2`:              "",
		`SELECT $1 /* $2 */`:           "",
		`SELECT ?, $1`:                 "",
		`SELECT $1a`:                   "",
		`SELECT $01`:                   "",
		`SELECT $`:                     "",
		`SELECT 'open $1`:              "",
		"SELECT `a$1`, $1":             "SELECT `a$1`, +?",
		`SELECT $1||$2`:                `SELECT +?||+?`,
		`SELECT 3-$1+$2`:               `SELECT 3-+?++?`,
		`SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10`: `SELECT +?, +?, +?, +?, +?, +?, +?, +?, +?, +?`,
	} {
		if want == "" {
			want = query
		}
		if got := database.Positional(query); got != want {
			t.Errorf("%s became %s, want %s", query, got, want)
		}
	}
}

func FuzzPositional(f *testing.F) {
	f.Add(`SELECT 'a''$1', $1 FROM b WHERE c IN ($2, $3)`)
	f.Add(`SELECT +$2, '+$1'`)
	f.Add(`SELECT ++$1`)
	f.Fuzz(func(t *testing.T, query string) {
		got := database.Positional(query)
		if got == query || strings.Contains(query, "?") {
			return
		}
		// The text is the same again when the marks are replaced by
		// numbers.
		n := 0
		for strings.Contains(got, "+?") {
			n++
			got = strings.Replace(got, "+?", fmt.Sprint("$", n), 1)
		}
		// So is a text that already had plus signs.
		signs := regexp.MustCompile(`\++(\$[0-9])`)
		if signs.ReplaceAllString(got, "$1") != signs.ReplaceAllString(query, "$1") {
			t.Errorf("%q became %q", query, got)
		}
	})
}

// Values arrive at their places, however placeholders are written.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, query := range []string{
			`SELECT a || b || c FROM (SELECT CAST($1 AS TEXT) AS a, CAST($2 AS TEXT) AS b, CAST($3 AS TEXT) AS c) AS x`,
			`SELECT a || b || c FROM (SELECT CAST($3 AS TEXT) AS c, CAST($1 AS TEXT) AS a, CAST($2 AS TEXT) AS b) AS x`,
			`SELECT a || b || c FROM (SELECT CAST($1 AS TEXT) AS a, CAST($2 AS TEXT) AS b, CAST($3 AS TEXT) AS c, CAST($1 AS TEXT) AS d) AS x`,
		} {
			var got string
			if err := db.Get(t.Context(), &got, query, "x", "y", "z"); err != nil || got != "xyz" {
				t.Errorf("%s: %q, %v", query, got, err)
			}
		}
		ids := make([]int64, 3000)
		for i := range ids {
			ids[i] = int64(i)
		}
		query, args, err := database.In(`SELECT x FROM (SELECT 7 AS x UNION ALL SELECT 2999 UNION ALL SELECT 3000) AS t WHERE x IN (?) ORDER BY x`, ids)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		if err := db.Select(t.Context(), &got, query, args...); err != nil || !slices.Equal(got, []int64{7, 2999}) {
			t.Errorf("of a long list: %v, %v", got, err)
		}
	})
}

// SQLite plans a statement once, even if it could plan better for some values:
// in the condition of a partial index, in a limit, in a pattern.
func TestStatementsArePlannedOnce(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.SQLite(t))
	planned := database.CountPlans(t, db)
	for query, args := range map[string][]any{
		`SELECT COUNT(*) FROM posts WHERE type = $1`:                                               {"post"},
		`SELECT COUNT(*) FROM posts WHERE type = $1 AND (name = $2 OR title = $2)`:                 {"post", "name"},
		`SELECT value FROM post_meta WHERE key = $1 AND post_id IN ($2, $3)`:                       {"_pingme", 1, 2},
		`SELECT id FROM users WHERE login_key = $1 OR (email_key = $1 AND email_key <> '')`:        {"ada"},
		`SELECT COUNT(*) FROM (SELECT 1 FROM posts LIMIT $1 OFFSET $2) AS few`:                     {10, 5},
		`SELECT COUNT(*) FROM attachments WHERE file LIKE $1 ESCAPE '\'`:                           {"2024/%"},
		`UPDATE posts SET title = $3 WHERE type = $1 AND id = $2`:                                  {"post", 1, "title"},
		`INSERT INTO post_meta (post_id, key, value) SELECT id, $1, '' FROM posts WHERE type = $2`: {"key", "page"},
	} {
		run := func() {
			t.Helper()
			if err := db.Update(t.Context(), func(tx *database.Tx) error {
				if !strings.HasPrefix(query, "SELECT") {
					_, err := tx.Exec(t.Context(), query, args...)
					return err
				}
				var list []string
				return tx.Select(t.Context(), &list, query, args...)
			}); err != nil {
				t.Fatal(query, err)
			}
		}
		run()
		if planned() == 0 {
			t.Errorf("%s was never planned", query)
		}
		run()
		if planned() != 0 {
			t.Errorf("%s was planned again", query)
		}
	}
}

// BenchmarkLists runs lists of values as statements that are new to SQLite, and
// lists of twice the length.
func BenchmarkLists(b *testing.B) {
	db := databasetest.Open(b, databasetest.SQLite(b))
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		for i, size := range []int{2000, 4000} {
			ids := make([]int64, size)
			query, args, err := database.In(fmt.Sprintf(`SELECT COUNT(*) + %d FROM options WHERE name IN (?)`, n), ids)
			if err != nil {
				b.Fatal(err)
			}
			n++
			began := time.Now()
			var count int
			if err := db.Get(b.Context(), &count, query, args...); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(began)
		}
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "ratio")
}
