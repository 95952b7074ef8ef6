package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// beyondPlain are the features of PostgreSQL that other engines with its
// protocol may lack: the pattern that finds each in a statement, its name in
// docs/OPERATING.md, and the files that may use it. Operators of such engines
// rely on that document, so a statement that is not listed fails here and not
// on their servers.
var beyondPlain = []struct {
	means string
	named string
	in    []string
}{
	{`pg_(?:try_)?advisory_xact_lock(?:_shared)?\b`, "pg_advisory_xact_lock", []string{"database", "migrations"}},
	{`\b(?:LISTEN|pg_notify)\b`, "`LISTEN` and `pg_notify`", []string{"database"}},
	{`\bLOCK TABLE\b`, "LOCK TABLE", []string{"database"}},
	{`\bpg_stat_activity\b`, "pg_stat_activity", []string{"database"}},
	{`\bpg_backend_pid\b`, "pg_backend_pid", []string{"database"}},
	{`\bpg_terminate_backend\b`, "pg_terminate_backend", []string{"database"}},
	{`\bidle_in_transaction_session_timeout\b`, "idle_in_transaction_session_timeout", []string{"database"}},
	{`\bVACUUM FULL\b`, "VACUUM FULL", []string{"database"}},
	{`\bCHECKPOINT\b`, "CHECKPOINT", []string{"database"}},
	{`\bpg_get_serial_sequence\b|\b(?:setval|nextval)\b|_id_seq\b`, "sequences", []string{"database", "migrations"}},
	{`\bpg_collation\b`, "pg_collation", []string{"database", "migrations"}},
	{`(?i)\bLANGUAGE plpgsql\b|\bDO \$`, "PL/pgSQL", []string{"migrations"}},
	{`(?i)\btsvector\b|\barray_to_tsvector\b|\bUSING gin\b`, "`tsvector` and `tsquery` with a GIN index", []string{"database", "migrations"}},
	{`::[a-z]+`, "casts by `::`", []string{"database", "migrations"}},
	{`\bpg_(?:trigger|class|table_is_visible)\b`, "`pg_class` and `pg_trigger`", []string{"database"}},
	{`\bSET LOCAL lock_timeout\b`, "lock_timeout", []string{"migrations"}},
	{`\btext_pattern_ops\b|~>=~|~<~`, "text_pattern_ops", []string{"database", "migrations"}},
}

// special finds words in a statement that other engines may not know: names
// that begin with pg_, locks, settings, messages, maintenance.
var special = regexp.MustCompile(`\bpg_[a-z_]+|\b(?:LISTEN|UNLISTEN|NOTIFY|LOCK TABLE|VACUUM|ANALYZE|CHECKPOINT|REINDEX|CLUSTER|FOR (?:NO KEY )?UPDATE|FOR (?:KEY )?SHARE|SKIP LOCKED|SERIALIZABLE|TABLESAMPLE|COPY|LATERAL|UNLOGGED)\b|\bSET (?:LOCAL )?[a-z_]+_timeout|::[a-z]+|~[<>]=?~|\b(?:setval|nextval|currval|txid_[a-z_]+|dblink|xmin|ctid)\b`)

// elsewhere are texts with such words that never reach PostgreSQL, with the
// reason.
var elsewhere = map[string]string{
	"database/dialect.go VACUUM": "a statement of SQLite",
	"database/backup.go VACUUM":  "a statement of SQLite",
	"gateway/check.go LISTEN":    "a state of sockets",
}

// docs/OPERATING.md lists every feature beyond plain PostgreSQL.
func TestHouseNothingBeyondPlainPostgreSQL(t *testing.T) {
	page, err := os.ReadFile("../../docs/OPERATING.md")
	if err != nil {
		t.Fatal(err)
	}
	used := make([]bool, len(beyondPlain))
	look := func(path, text string) {
		path = strings.TrimPrefix(filepath.ToSlash(path), "../../")
		room, _, _ := strings.Cut(path, "/")
		rest := text
		for i, b := range beyondPlain {
			if found := regexp.MustCompile(b.means); slices.Contains(b.in, room) && found.MatchString(rest) {
				used[i] = true
				rest = found.ReplaceAllString(rest, " ")
			}
		}
		for _, word := range special.FindAllString(rest, -1) {
			if elsewhere[path+" "+word] == "" {
				t.Errorf("%s uses %s, which is not in the list of what is used beyond plain PostgreSQL: leave it, or add it here and to docs/OPERATING.md\n\t%.200s", path, word, strings.Join(strings.Fields(text), " "))
			}
		}
	}
	eachText(t, func(path, text string) {
		if statement.MatchString(text) && !strings.Contains(filepath.ToSlash(path), "databasetest/") {
			look(path, text)
		}
	})
	files, err := filepath.Glob("../../migrations/postgres/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		look(path, comment.ReplaceAllString(string(text), ""))
	}
	for i, b := range beyondPlain {
		if !used[i] {
			t.Errorf("nothing uses %s: take it out of the list", b.named)
		}
		if !strings.Contains(string(page), b.named) {
			t.Errorf("docs/OPERATING.md does not name %s", b.named)
		}
	}
}

var (
	statement = regexp.MustCompile(`(?s)\b(?:SELECT|INSERT|UPDATE|DELETE|BEGIN|SET|LOCK|LISTEN|UNLISTEN|NOTIFY|VACUUM|CHECKPOINT|PREPARE|EXPLAIN|FROM|WHERE|AND|VALUES|_id_seq|_shared|tsquery|COLLATE)\b|::|~`)
	comment   = regexp.MustCompile(`(?m)--.*$`)
)
