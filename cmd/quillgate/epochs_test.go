package main_test

import (
	"context"
	"database/sql"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database/databasetest"
)

// epochs lists for each table which epochs it moves. A new table must be
// entered here. If a table moves none, the entry explains why no cache depends
// on it.
var epochs = map[string]struct {
	moves []string
	but   []string // columns whose writing moves none, with the reason in why
	why   string
}{
	"apps":                 {moves: []string{"keys"}, but: []string{"last_address", "last_agent", "last_method", "last_used", "uses"}, why: "last uses are written all the time, and read for their pages"},
	"upstream_credentials": {moves: []string{"keys"}},
	"users":                {moves: []string{"people", "visitors"}},
	"account_policy":       {moves: []string{"people"}},
	"options":              {moves: []string{"options", "visitors"}},
	"posts":                {moves: []string{"visitors"}},
	"post_meta":            {moves: []string{"visitors"}},
	"post_terms":           {moves: []string{"visitors"}},
	"terms":                {moves: []string{"visitors"}},
	"term_meta":            {moves: []string{"visitors"}},
	"comments":             {moves: []string{"visitors"}},
	"comment_meta":         {moves: []string{"visitors"}},
	"attachments":          {moves: []string{"visitors"}},
	"old_addresses":        {moves: []string{"visitors"}},

	"epochs":           {why: "holds the counters"},
	"goose_db_version": {why: "is read when the program starts"},
	"sqlite_sequence":  {why: "belongs to SQLite"},
	"migration_sums":   {why: "is read when the program starts"},
	"term_shifts":      {why: "changes with post_terms and posts, which move what visitors see"},
	"list_counts":      {why: "changes with posts and comments, which move what visitors see"},
	"list_shifts":      {why: "changes with posts and comments, which move what visitors see"},
	"list_fences":      {why: "separates counts of what moves what visitors see"},
	"pulse":            {why: "is only written, to see whether it can be"},

	"application_passwords": {why: "is read for each request"},
	"second_factors":        {why: "is read for each sign-in"},
	"recovery_codes":        {why: "is read for each sign-in"},
	"passkeys":              {why: "is read for each sign-in"},
	"one_time_codes":        {why: "is read for each use"},
	"sessions":              {why: "is read for each request"},
	"password_clients":      {why: "is read for its page"},
	"nonces":                {why: "is written for each signed request; what is remembered of it is a count, of at most a second"},
	"throttle":              {why: "is written for each guess"},
	"refusals":              {why: "is read for its page"},
	"last_refusals":         {why: "is read for its pages"},
	"relayed":               {why: "is read for each call that creates"},
	"creations":             {why: "is read for each call that creates"},
	"audit":                 {why: "is read for its page"},
	"audit_head":            {why: "is read where the trail is written"},
	"keyset_check":          {why: "is read when the program starts"},
	"sealed_keys":           {why: "is written once for each name"},
	"certificates":          {why: "is looked at from time to time"},
	"certificate_locks":     {why: "is read for each renewal"},
	"visitor_key":           {why: "is read for each post with a password; such pages are not kept"},
	"sites":                 {why: "is read by the gateway from time to time"},
	"served_at":             {why: "is read when the program starts"},
	"media_files":           {why: "is read for each file that is served"},
	"media_places":          {why: "is read when the program starts"},
	"post_search":           {why: "leads to candidates, of which the texts decide"},
	"post_search_data":      {why: "belongs to post_search"},
	"post_search_idx":       {why: "belongs to post_search"},
	"post_search_docsize":   {why: "belongs to post_search"},
	"post_search_config":    {why: "belongs to post_search"},
	"search_pending":        {why: "leads to candidates, of which the texts decide"},
	"outbox":                {why: "is a queue, which visitors do not see"},
	"notices_told":          {why: "is read with what it bounds"},
	"former_emails":         {why: "is read for each mail"},
	"pings":                 {why: "is a queue, which visitors do not see"},
	"import_state":          {why: "is read while something is imported"},
	"import_ids":            {why: "is read while something is imported"},
	"import_links":          {why: "is read while something is imported"},
	"import_files":          {why: "is read while something is imported"},
	"import_problems":       {why: "is read while something is imported"},
}

// Triggers move the listed epochs for every kind of write to a table.
func TestHouseEpochsOfTables(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, address string) {
		databasetest.Open(t, address)
		driver, tables, triggers := "sqlite", `SELECT name FROM sqlite_master WHERE type = 'table'`,
			`SELECT tbl_name, name, '' FROM sqlite_master WHERE type = 'trigger'`
		if strings.HasPrefix(address, "postgres") {
			driver, tables = "postgres", `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`
			// The bits of tgtype: of each row 1, before 2, insert 4, delete 8, update 16, truncate 32.
			triggers = `SELECT c.relname, t.tgname, t.tgtype::text || ' ' || p.proname || ' ' || t.tgenabled::text || ' ' ||
					(SELECT COALESCE(string_agg(attname, ' ' ORDER BY attname), '') FROM pg_attribute
						WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND t.tgattr <> '' AND attnum <> ALL (t.tgattr::int2[]))
				FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal`
		}
		db, err := sql.Open(driver, address)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		got := map[string][]string{}
		for _, row := range query(t, db, tables, 1) {
			got[row[0]] = nil
		}
		for _, row := range query(t, db, triggers, 3) {
			if !strings.Contains(row[1], "moves_") {
				continue // the trail has some of its own
			}
			got[row[0]] = append(got[row[0]], strings.TrimSpace(row[1]+" "+row[2]))
		}
		if len(got) < 35 {
			t.Errorf("%d tables are found", len(got))
		}
		for _, table := range slices.Sorted(maps.Keys(got)) {
			said, known := epochs[table]
			if !known || len(said.moves) == 0 && said.why == "" {
				t.Errorf("the table %s: say which epochs it moves, or why none", table)
			}
			var want []string
			for _, e := range said.moves {
				if driver == "postgres" {
					want = append(want, strings.TrimSpace("moves_"+e+" 60 moves_"+e+" O "+strings.Join(said.but, " ")))
					continue
				}
				for _, event := range []string{"insert", "update", "delete"} {
					want = append(want, table+"_"+event+"_moves_"+e)
				}
			}
			slices.Sort(want)
			slices.Sort(got[table])
			if diff := cmp.Diff(want, got[table]); diff != "" {
				t.Errorf("triggers of the table %s (-want +got):\n%s", table, diff)
			}
		}
	})
}

func query(t *testing.T, db *sql.DB, text string, columns int) (list [][]string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		values, places := make([]string, columns), make([]any, columns)
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		list = append(list, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// Every statement that writes names a table that is listed above. Table names
// that are built at run time must be listed too, so they are allowed in few
// places only.
func TestHouseEpochsOfStatements(t *testing.T) {
	writes := regexp.MustCompile(`\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(SET\b|[a-z_]*)`)
	composed := map[string]bool{ // by the file; all get the names of tables from a list of the program's
		"apps/keyset_lost.go": true, "database/bulk.go": true, "database/swap.go": true, "database/words.go": true, "transfer/bundle_meta.go": true, "transfer/intake_links.go": true, "transfer/intake_rows.go": true,
	}
	found := 0
	eachText(t, func(path, text string) {
		file := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		for _, m := range writes.FindAllStringSubmatch(text, -1) {
			if m[1] == "SET" {
				continue // of ON CONFLICT DO UPDATE
			}
			found++
			if _, known := epochs[m[1]]; !known && !composed[file] {
				t.Errorf("%s writes to %q, which is not in the list of tables and their epochs: %.80s", file, m[1], text)
			}
		}
	})
	if found < 100 {
		t.Errorf("%d statements that write are found", found)
	}
}

// Data on the pages of visitors moves their epoch.
func TestHouseEpochOfVisitors(t *testing.T) {
	reads := regexp.MustCompile(`\b(?:FROM|JOIN)\s+([a-z_]+)`)
	private := map[string]string{"visitor_key": "opens single posts, whose pages are not kept"}
	found := 0
	eachText(t, func(path, text string) {
		file := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		folder, name := filepath.Split(file)
		seen := folder == "public/" || folder == "site/" && (strings.HasPrefix(name, "visit") || slices.Contains([]string{
			"option.go", "post.go", "post_list.go", "post_page.go", "post_link.go", "post_link_names.go", "term.go", "term_field.go", "meta.go",
			"comment.go", "attachment.go", "people.go",
		}, name))
		if !seen {
			return
		}
		for _, m := range reads.FindAllStringSubmatch(text, -1) {
			said, table := epochs[m[1]]
			if !table {
				continue // the name of a part of the statement
			}
			found++
			if !slices.Contains(said.moves, "visitors") && private[m[1]] == "" {
				t.Errorf("%s reads the table %s, which does not move the epoch of visitors: %.80s", file, m[1], text)
			}
		}
	})
	if found < 40 {
		t.Errorf("%d tables in statements that read are found", found)
	}
}
