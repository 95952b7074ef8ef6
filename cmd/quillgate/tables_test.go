package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
)

// bulkRoom is the package that moves whole blogs. It may read and write the
// tables of the content, which belong to contentRoom, many rows at a time. It
// owns the tables about earlier imports.
const bulkRoom, contentRoom = "transfer", "site"

// Each table has one owner: only one package knows what a row means and what
// depends on it. Other packages call that package.
func TestHouseTablesHaveOneOwner(t *testing.T) {
	created := regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)
	tables, owners := map[string]bool{}, map[string]map[string]string{}
	err := filepath.WalkDir("../../migrations", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".sql") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range created.FindAllSubmatch(text, -1) {
			tables[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	eachStatement(t, func(path, _ string, used []string) {
		room, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range used {
			if owners[table] == nil {
				owners[table] = map[string]string{}
			}
			owners[table][room] = filepath.Base(path)
		}
	})
	if len(tables) < 25 {
		t.Fatalf("%d tables are found in the migrations", len(tables))
	}
	for table := range tables {
		if _, ofContent := owners[table][contentRoom]; ofContent {
			delete(owners[table], bulkRoom)
		}
		var rooms []string
		for room, file := range owners[table] {
			rooms = append(rooms, room+" ("+file+")")
		}
		slices.Sort(rooms)
		if len(rooms) > 1 {
			t.Errorf("the table %s has several owners: %s", table, strings.Join(rooms, ", "))
		}
	}
}

// eachStatement calls fn for every text of the program that names tables in the
// form of a statement. Tests and migrations do not count.
func eachStatement(t *testing.T, fn func(path, sql string, tables []string)) {
	t.Helper()
	used := regexp.MustCompile(`\b(?:FROM|UPDATE|INTO|JOIN)\s+([a-z_]+)`)
	eachText(t, func(path, text string) {
		var tables []string
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			tables = append(tables, m[1])
		}
		if len(tables) > 0 {
			fn(path, text, tables)
		}
	})
}

// eachText calls fn for every text of the program.
func eachText(t *testing.T, fn func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				value, _ := strconv.Unquote(text.Value)
				fn(path, value)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// everySite are the statements about the rows of all sites, with the reason why
// none of them shows one site to another.
var everySite = map[string]string{
	`DELETE FROM sessions WHERE expires <= $1`:                                  "what has expired is nobody's any more",
	`DELETE FROM refusals WHERE day < $1`:                                       "what is too old to be shown",
	`DELETE FROM last_refusals WHERE at < $1`:                                   "what is too old to be shown",
	`DELETE FROM throttle WHERE last <= $1 AND key NOT LIKE 'k%' OR last <= $2`: "what is too old to count",
	`UPDATE audit_head SET mac = $1`:                                            "the operator has lost the master key, which is that of all sites",
	`SELECT site_id FROM audit_head ORDER BY site_id`:                           "a new master key begins in the trail of each site",
	`SELECT site_id FROM apps WHERE public = $1`:                                "the operator gives up what the master key does not open any more",
	`DELETE FROM upstream_credentials WHERE user_id = $1`:                       "the operator gives up what the master key does not open any more",
}

// notOfASite are the tables without a site, with the reason.
var notOfASite = map[string]string{
	"nonces":    "a public key is that of one site, and a challenge of a passkey is random",
	"creations": "a public key is that of one site",
	"relayed":   "a public key is that of one site",

	"pulse":             "one row that every server writes to see whether it can",
	"migration_sums":    "the schema, which all sites share",
	"epochs":            "counters of changes; they tell nothing of what has changed",
	"sites":             "the list of the sites itself; only the gateway reads it",
	"keyset_check":      "one master key seals for all sites",
	"sealed_keys":       "the keys of sites are made of them",
	"certificates":      "of the process",
	"certificate_locks": "of the process",
	"visitor_key":       "of a blog",
	"outbox":            "of a blog",
	"notices_told":      "of a blog",
	"pings":             "of a blog",
	"served_at":         "of a blog",
	"media_files":       "of a blog",
	"media_places":      "of a blog",

	"list_counts":         "of a blog",
	"list_shifts":         "of a blog",
	"list_fences":         "of a blog",
	"post_search":         "of a blog",
	"post_search_data":    "of a blog",
	"post_search_idx":     "of a blog",
	"post_search_docsize": "of a blog",
	"post_search_config":  "of a blog",
	"search_pending":      "of a blog",
	"options":             "of a blog",
}

// Sites share nothing: a statement on a table with data of sites names the
// site, which comes from the handle of the database. Every table either holds
// such data, or is in a list with the reason why not, or holds the content of a
// blog, which a gateway does not have.
func TestHouseSitesAreInEveryStatement(t *testing.T) {
	ctx := t.Context()
	db, err := database.Open(ctx, database.Config{URL: filepath.Join(t.TempDir(), "a.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables []string
	if err := db.Select(ctx, &tables, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'goose_db_version'`); err != nil {
		t.Fatal(err)
	}
	sited, content := map[string]bool{}, map[string]bool{}
	for _, table := range tables {
		var has int
		if err := db.Get(ctx, &has, `SELECT COUNT(*) FROM pragma_table_info('`+table+`') WHERE name = 'site_id'`); err != nil {
			t.Fatal(err)
		}
		sited[table] = has > 0
		if has > 0 && notOfASite[table] != "" {
			t.Errorf("the table %s has a site: take it out of the list", table)
		}
	}
	met := map[string]bool{}
	eachStatement(t, func(path, sql string, tables []string) {
		for _, table := range tables {
			switch {
			case !sited[table] && slices.Contains([]string{contentRoom, bulkRoom}, filepath.Base(filepath.Dir(path))):
				content[table] = true
			case !sited[table] || strings.Contains(sql, "$site") || strings.Contains(sql, "INTO "+table+" (site_id"):
			case everySite[sql] != "":
				met[sql] = true
			default:
				t.Errorf("%s: a statement on %s does not name the site: %s", path, table, sql)
			}
		}
	})
	for sql := range everySite {
		if !met[sql] {
			t.Errorf("no statement is %s: take it out of the list", sql)
		}
	}
	for _, table := range tables {
		if !sited[table] && !content[table] && notOfASite[table] == "" {
			t.Errorf("the table %s has no column site_id: what belongs to a site has one, and a table without is in the list, with the reason", table)
		}
	}
	if n := len(sited); n < 30 || !sited["users"] || !sited["apps"] || !sited["audit"] || !sited["sessions"] {
		t.Errorf("of %d tables, those of sites are not found: %v", n, sited)
	}
}

// TestTablesNameTests checks that each test and script that the page on old
// clients names for a promise exists.
func TestTablesNameTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/OLD-CLIENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, folder := range []string{"../../signer/local", "../../upstream", "../../interop"} {
		files, err := filepath.Glob(folder + "/*_test.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(text)
		}
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+|script/[a-z]+\\.txtar)`").FindAllSubmatch(page, -1)
	if len(named) < 20 {
		t.Fatalf("the page names %d tests", len(named))
	}
	for _, m := range named {
		name := string(m[1])
		if script, ok := strings.CutPrefix(name, "script/"); ok {
			if _, err := os.Stat("testdata/script/" + script); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(tests.String(), "func "+name+"(t ") {
			t.Errorf("there is no %s", name)
		}
	}
}
