package transfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/transfer"
)

func readBundle(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/bundle.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b blog) mustImport(t *testing.T, bundle string) transfer.Report {
	t.Helper()
	report, err := b.Import(t.Context(), strings.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// tables returns all tables of the blog with their columns, except for values
// that differ between imports: hashes, sealed secrets, and the times at which
// keys were created.
var tables = map[string]string{
	"options":               "name value",
	"users":                 "id login login_key email email_key nicename display_name first_name last_name nickname url bio role registered",
	"application_passwords": "user_id uuid name",
	"apps":                  "public user_id name hint scope legacy_signatures revoked",
	"posts": "id type status title name author content excerpt password parent menu_order comment_status ping_status mime_type guid sticky " +
		"comment_count date date_gmt modified modified_gmt",
	"post_meta":    "id post_id key value",
	"terms":        "id taxonomy name slug parent description term_group count",
	"term_meta":    "id term_id key value",
	"post_terms":   "post_id term_id",
	"comments":     "id post_id parent user_id status type author email url ip agent content date date_gmt",
	"comment_meta": "id comment_id key value",
	"attachments":  "post_id file original size width height sizes image_meta",
}

// secrets are the columns that a second import must not change either.
var secrets = map[string]string{"users": "id password", "application_passwords": "id hash created", "apps": "id created"}

func (b blog) dump(t *testing.T, which map[string]string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for table, columns := range which {
		var texts []string
		for _, c := range strings.Fields(columns) {
			texts = append(texts, "COALESCE(CAST("+c+" AS TEXT), 'NULL')")
		}
		var rows []string
		query := "SELECT " + strings.Join(texts, " || '|' || ") + " AS line FROM " + table + " ORDER BY line"
		if err := b.db.Select(t.Context(), &rows, query); err != nil {
			t.Fatalf("dump %s: %v", table, err)
		}
		out[table] = rows
	}
	return out
}

// uploads returns the stored files with their sizes.
func (b blog) uploads(t *testing.T) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	err := filepath.WalkDir(b.dir, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(b.dir, name)
		if err != nil || d.IsDir() || strings.HasPrefix(rel, ".") {
			return err
		}
		info, err := d.Info()
		files[filepath.ToSlash(rel)] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (b blog) next(t *testing.T) map[string]int64 {
	t.Helper()
	next := map[string]int64{}
	err := b.db.View(t.Context(), func(tx *database.Tx) (err error) {
		for _, table := range []string{"users", "terms", "posts", "comments", "post_meta", "term_meta"} {
			if next[table], err = database.NextID(t.Context(), tx, table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestImport(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		report := b.mustImport(t, readBundle(t))
		want := transfer.Report{
			Users: transfer.Tally{Added: 3}, Terms: transfer.Tally{Added: 3, Changed: 1}, Posts: transfer.Tally{Added: 8},
			Comments: transfer.Tally{Added: 4}, Options: transfer.Tally{Added: 13, Same: 1},
		}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		var counts []int64
		if err := db.Select(t.Context(), &counts, `SELECT count + COALESCE((SELECT SUM(n) FROM term_shifts s WHERE s.term_id = terms.id), 0) FROM terms ORDER BY id`); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{0, 1, 1, 1}, counts); diff != "" {
			t.Errorf("counts of terms 1, 4, 6, 7 (-want +got):\n%s", diff)
		}
		if err := db.Select(t.Context(), &counts, `SELECT comment_count FROM posts WHERE id IN (3, 6) ORDER BY id`); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{2, 0}, counts); diff != "" {
			t.Errorf("counts of comments (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int64{"users": 20, "terms": 30, "posts": 50, "comments": 40, "post_meta": 60, "term_meta": 70}, b.next(t)); diff != "" {
			t.Errorf("next ids (-want +got):\n%s", diff)
		}
		var names []string
		for name := range b.uploads(t) {
			names = append(names, name)
		}
		slices.Sort(names)
		if diff := cmp.Diff([]string{"2023/05/pier-150x150.png", "2023/05/pier-300x225.png", "2023/05/pier.png", "2023/05/tides.txt"}, names); diff != "" {
			t.Errorf("uploads (-want +got):\n%s", diff)
		}
		if _, app, err := b.apps.Lookup(t.Context(), "00112233445566778899aabbccddeeff"); err != nil || app.UserID != 1 {
			t.Errorf("the imported key: user %d, %v", app.UserID, err)
		}
	})
}

func TestImportTwice(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		b.mustImport(t, readBundle(t))
		before, hashes, next, files := b.dump(t, tables), b.dump(t, secrets), b.next(t), b.uploads(t)
		if report := b.mustImport(t, readBundle(t)); !report.Unchanged() {
			t.Errorf("a second import reports changes: %+v", report)
		}
		if diff := cmp.Diff(before, b.dump(t, tables)); diff != "" {
			t.Errorf("a second import changes the tables:\n%s", diff)
		}
		if diff := cmp.Diff(hashes, b.dump(t, secrets)); diff != "" {
			t.Errorf("a second import changes hashes or keys:\n%s", diff)
		}
		if diff := cmp.Diff(next, b.next(t)); diff != "" {
			t.Errorf("a second import moves the ids:\n%s", diff)
		}
		if diff := cmp.Diff(files, b.uploads(t)); diff != "" {
			t.Errorf("a second import changes the files:\n%s", diff)
		}
	})
}

// A bundle makes the same blog in a new folder and in one whose server has run.
// In the latter, the first administrator, whose password was random, gets the
// password in the bundle.
func TestImportAfterFirstStart(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		fresh := openBlog(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
		fresh.mustImport(t, readBundle(t))

		served := openBlog(t, databasetest.Open(t, url), nil)
		admin, err := served.users.Create(t.Context(), audit.Operator, auth.NewUser{Login: "admin", Password: "drawn at the first start", Role: auth.Administrator})
		if err != nil || admin.ID != 1 {
			t.Fatalf("the first administrator: id %d, %v", admin.ID, err)
		}
		served.mustImport(t, readBundle(t))
		if url[0] != '/' { // the texts of times and flags differ between the databases
			if report := served.mustImport(t, readBundle(t)); !report.Unchanged() {
				t.Errorf("the second import changes something: %+v", report)
			}
			return
		}
		if diff := cmp.Diff(fresh.dump(t, tables), served.dump(t, tables)); diff != "" {
			t.Errorf("new folder (-) and served one (+):\n%s", diff)
		}
		if diff := cmp.Diff(fresh.next(t), served.next(t)); diff != "" {
			t.Errorf("next ids, new folder (-) and served one (+):\n%s", diff)
		}
	})
}

func TestImportReplacesObjects(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		b.mustImport(t, readBundle(t))
		want := b.dump(t, tables)
		for _, q := range []string{
			`UPDATE posts SET title = 'changed', sticky = FALSE, date_gmt = NULL WHERE id = 3`,
			`DELETE FROM post_terms WHERE post_id = 3 AND term_id = 6`,
			`INSERT INTO post_terms (post_id, term_id) VALUES (5, 4)`,
			`INSERT INTO post_meta (post_id, key, value) VALUES (3, 'new', 'x')`,
			`UPDATE post_meta SET value = '9' WHERE id = 11`,
			`DELETE FROM term_meta WHERE id = 5`,
			`UPDATE terms SET slug = 'x', count = 17 WHERE id = 4`,
			`UPDATE terms SET slug = 'storms' WHERE id = 1`,
			`DELETE FROM comments WHERE id = 3`,
			`UPDATE options SET value = 'other' WHERE name = 'blog_title'`,
			`UPDATE users SET bio = 'other' WHERE id = 2`,
		} {
			if r, err := db.Exec(t.Context(), q); err != nil {
				t.Fatalf("%s: %v", q, err)
			} else if n, _ := r.RowsAffected(); n == 0 {
				t.Fatalf("%s: touched nothing", q)
			}
		}
		report := b.mustImport(t, readBundle(t))
		if report.Posts.Changed != 2 || report.Terms.Changed != 2 || report.Comments.Added != 1 || report.Users.Changed != 1 || report.Options.Changed != 1 {
			t.Errorf("report: %+v", report)
		}
		if diff := cmp.Diff(want, b.dump(t, tables)); diff != "" {
			t.Errorf("after the second import (-want +got):\n%s", diff)
		}
	})
}

// Application passwords without a uuid are also recognized at the next import.
func TestImportApplicationPasswords(t *testing.T) {
	b := openBlog(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
	const bundle = `{"users": [{"id": 3, "login": "c", "role": "author", "application_passwords": [{"name": "a", "password": "aaaa bbbb"}, {"name": "a", "password": "cccc dddd"}]}]}`
	b.mustImport(t, bundle)
	before := b.dump(t, tables)
	if len(before["application_passwords"]) != 2 {
		t.Errorf("application passwords: %q, want 2", before["application_passwords"])
	}
	b.mustImport(t, bundle)
	if diff := cmp.Diff(before, b.dump(t, tables)); diff != "" {
		t.Errorf("a second import changes the tables:\n%s", diff)
	}
}

// A second bundle adds to the first. It removes the category of a new blog if
// it has the same category with another id.
func TestImportSeveral(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		b.mustImport(t, `{"terms": [{"term_id": 70, "taxonomy": "category", "name": "Uncategorized", "slug": "uncategorized"}]}`)
		b.mustImport(t, `{"posts": [{"id": 5, "type": "post", "status": "publish", "title": "Two clocks", "author": 0, "date": "2024-01-01 10:00:00",
			"terms": [70], "meta": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]}]}`)
		got := b.dump(t, map[string]string{"terms": "id slug count", "options": "name value", "post_meta": "post_id key value", "posts": "id title"})
		want := map[string][]string{
			"terms": {"70|uncategorized|1"}, "options": {"default_category|70"}, "post_meta": {"5|a|1", "5|a|1"}, "posts": {"5|Two clocks"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after two bundles (-want +got):\n%s", diff)
		}
	})
}

func TestImportRefuses(t *testing.T) {
	post := func(members string) string {
		return `{"posts": [{"id": 90, "type": "post", "status": "publish", "author": 1, "date": "2024-01-01 10:00:00"` + members + `}]}`
	}
	term := func(members string) string {
		return `{"terms": [{"term_id": 90, "taxonomy": "category", "name": "N"` + members + `}]}`
	}
	comment := func(members string) string {
		return `{"comments": [{"id": 90, "post": 3, "status": "approve", "date": "2024-01-01 10:00:00"` + members + `}]}`
	}
	tests := []struct{ name, bundle, object, field string }{
		{"no JSON", `<rss/>`, "file", ""},
		{"a list", `[]`, "file", ""},
		{"cut off", `{"posts": [{"id": 1`, "file", ""},
		{"more after it", `{"posts": []} {}`, "file", ""},
		{"an empty object", `{}`, "file", ""},
		{"an object of something else", `{"name": "left-pad", "version": "1.0.0", "about": "x"}`, "file", ""},
		{"posts no list", `{"posts": {"id": 1}}`, "posts", ""},
		{"wrong type", `{"posts": [{"id": 90, "title": 5}]}`, "post 90", "title"},
		{"no id", `{"posts": [{"type": "post"}]}`, "post number 1", "id"},
		{"id beyond all", `{"posts": [{"id": 9007199254740993, "type": "post"}]}`, "post number 1", "id"},
		{"next id below 0", `{"next_ids": {"posts": -1}}`, "next_ids", "posts"},
		{"next id beyond all", `{"next_ids": {"termmeta": 9223372036854775807}}`, "next_ids", "termmeta"},
		{"id twice", strings.Replace(comment(``), `}]`, `}, {"id": 90, "post": 3, "status": "approve", "date": "2024-01-01 10:00:00"}]`, 1), "comment 90", "id"},
		{"an old address of another form", post(`, "old_addresses": ["blog/a"]`), "post 90", "old_addresses"},
		{"a long old address", post(`, "old_addresses": ["/` + strings.Repeat("a", 1000) + `"]`), "post 90", "old_addresses"},
		{"many old addresses", post(`, "old_addresses": ["/1","/2","/3","/4","/5","/6","/7","/8","/9"]`), "post 90", "old_addresses"},
		{"no date", `{"posts": [{"id": 90, "type": "post", "status": "publish"}]}`, "post 90", "date"},
		{"bad date", post(`, "modified": "yesterday"`), "post 90", ""},
		{"type", strings.Replace(post(``), `"post",`, `"poem",`, 1), "post 90", "type"},
		{"status", strings.Replace(post(``), `"publish"`, `"open"`, 1), "post 90", "status"},
		{"comment status", post(`, "comment_status": "maybe"`), "post 90", "comment_status"},
		{"author", post(`, "author": 77`), "post 90", "author"},
		{"terms", post(`, "terms": [4, 99]`), "post 90", "terms"},
		{"own parent", post(`, "parent": 90`), "post 90", "parent"},
		{"revision of nothing", strings.Replace(post(`, "parent": 777`), `"post",`, `"revision",`, 1), "post 90", "parent"},
		{"NUL", post(`, "title": "a\u0000b"`), "post 90", "title"},
		{"field of another post", post(`, "meta": [{"id": 11, "key": "k", "value": "v"}]`), "posts", "meta"},
		{"field without key", post(`, "meta": [{"id": 81, "value": "v"}]`), "post 90", "meta"},
		{"field twice", post(`, "meta": [{"id": 81, "key": "k"}, {"id": 81, "key": "k"}]`), "post 90", "meta"},
		{"file on a post", post(`, "file": "a.png"`), "post 90", "file"},
		{"attachment without file", strings.Replace(post(``), `"post",`, `"attachment",`, 1), "post 90", "file"},
		{"file of another attachment", strings.Replace(post(`, "file": "2023/05/pier.png"`), `"post",`, `"attachment",`, 1), "post 90", "file"},
		{"file outside", strings.Replace(post(`, "file": "../x.png"`), `"post",`, `"attachment",`, 1), "post 90", "file"},
		{"bytes that are none", strings.Replace(post(`, "file": "x.png", "data_base64": "%%"`), `"post",`, `"attachment",`, 1), "post 90", ""},
		{"file and then a bad comment", `{"posts": [{"id": 91, "type": "attachment", "status": "inherit", "date": "2024-01-01 10:00:00", "file": "n.png", "image": {"width": 400, "height": 400}},
			{"id": 10, "type": "attachment", "status": "inherit", "date": "2024-01-01 10:00:00", "file": "2023/05/tides.txt", "data_base64": "bmV3"}],
			"comments": [{"id": 90, "post": 91, "status": "approve", "date": "2024-01-01 10:00:00", "user_id": 99}]}`, "comment 90", "user_id"},
		{"huge picture", strings.Replace(post(`, "file": "x.png", "image": {"width": 90000, "height": 2}`), `"post",`, `"attachment",`, 1), "post 90", "image"},
		{"taxonomy", `{"terms": [{"term_id": 90, "taxonomy": "mood", "name": "N", "slug": "n"}]}`, "term 90", "taxonomy"},
		{"no slug", term(``), "term 90", "slug"},
		{"slug taken", term(`, "slug": "storms"`), "term 90", "slug"},
		{"parent missing", term(`, "slug": "n", "parent": 99`), "term 90", "parent"},
		{"parent of another taxonomy", term(`, "slug": "n", "parent": 6`), "term 90", "parent"},
		{"ancestors in a ring", `{"terms": [{"term_id": 1, "taxonomy": "category", "name": "Log", "slug": "log", "parent": 4}]}`, "term 1", "parent"},
		{"comment on nothing", comment(`, "post": 99`), "comment 90", "post"},
		{"comment of nobody", comment(`, "user_id": 99`), "comment 90", "user_id"},
		{"comment status", comment(`, "status": "maybe"`), "comment 90", "status"},
		{"login taken", `{"users": [{"id": 30, "login": "INES", "role": "author"}]}`, "user 30", "user name or email"},
		{"administrator of another name", `{"users": [{"id": 1, "login": "root", "role": "administrator"}]}`, "user 1", "id"},
		{"administrator of another id", `{"users": [{"id": 30, "login": "admin", "role": "administrator"}]}`, "user 30", "user name or email"},
		{"id taken", `{"users": [{"id": 2, "login": "somebody", "role": "author"}]}`, "user 2", "id"},
		{"role", `{"users": [{"id": 30, "login": "somebody", "role": "king"}]}`, "user 30", "role"},
		{"no login", `{"users": [{"id": 30, "role": "author"}]}`, "user 30", "login"},
		{"key of another", `{"users": [{"id": 30, "login": "somebody", "role": "author", "secure_xmlrpc_keys":
			[{"key": "00112233445566778899aabbccddeeff", "secret": "0000000000000000000000"}]}]}`, "user 30", "secure_xmlrpc_keys"},
		{"option value", `{"options": {"thumbnail_size_w": "wide"}}`, "options", "thumbnail_size_w"},
		{"option list", `{"options": {"blog_title": ["a"]}}`, "options", "blog_title"},
		{"time zone", `{"options": {"timezone_string": "Mars/Base"}}`, "options", "timezone_string"},
		{"default category", `{"options": {"default_category": 6}}`, "options", "default_category"},
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		b.mustImport(t, readBundle(t))
		before, next, files := b.dump(t, tables), b.next(t), b.uploads(t)
		for _, test := range tests {
			_, err := b.Import(t.Context(), strings.NewReader(test.bundle))
			var bad *transfer.BundleError
			if !errors.As(err, &bad) {
				t.Errorf("%s: error %v, want a *BundleError", test.name, err)
				continue
			}
			if bad.Object != test.object || bad.Field != test.field || bad.Why == "" {
				t.Errorf("%s: %q, %q (%v); want %q, %q", test.name, bad.Object, bad.Field, bad, test.object, test.field)
			}
		}
		if diff := cmp.Diff(before, b.dump(t, tables)); diff != "" {
			t.Errorf("refused bundles have changed something:\n%s", diff)
		}
		if diff := cmp.Diff(next, b.next(t)); diff != "" {
			t.Errorf("refused bundles have moved the ids:\n%s", diff)
		}
		if diff := cmp.Diff(files, b.uploads(t)); diff != "" {
			t.Errorf("refused bundles have changed the files:\n%s", diff)
		}
	})
}

func TestImportNotes(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	b := openBlog(t, db, nil)
	report := b.mustImport(t, `{"colour": "red", "terms": [{"term_id": 5, "term_taxonomy_id": 6, "taxonomy": "post_tag", "name": "n", "slug": "n", "smell": 1}],
		"users": [{"id": 7, "login": "seven", "role": "author", "application_passwords": [{"uuid": "u", "name": "n", "age": 3}]}],
		"options": {"shoe_size": 44}}`)
	want := []string{
		`bundle: member "colour" is unknown and was left out`,
		`term 5: member "smell" is unknown and was left out`,
		`user 7: member "age" is unknown and was left out`,
		`term 5: term_taxonomy_id 6 becomes 5: a term has one id here`,
		`options: this server does not use "shoe_size"; it was stored unchanged`,
	}
	if diff := cmp.Diff(want, report.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// A bundle without bytes uses files that are already in the folder. One with
// other bytes replaces them. If a picture changes, its smaller versions are
// removed.
func TestImportFiles(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		attachment := func(members string) string {
			return `{"posts": [{"id": 90, "type": "attachment", "status": "inherit", "date": "2024-01-01 10:00:00", "file": "a/b.png"` + members + `}]}`
		}
		picture, err := media.Blank("b.png", 320, 100)
		if err != nil {
			t.Fatal(err)
		}
		b.putByHand(t, "a/b.png", picture)
		b.mustImport(t, attachment(``))
		if got, want := b.uploads(t), 3; len(got) != want {
			t.Errorf("uploads after taking a file: %v, want %d", got, want)
		}
		rows := map[string]string{"attachments": "post_id file width height"}
		if diff := cmp.Diff([]string{"90|a/b.png|320|100"}, b.dump(t, rows)["attachments"]); diff != "" {
			t.Errorf("attachment of a file that existed (-want +got):\n%s", diff)
		}
		report := b.mustImport(t, attachment(`, "data_base64": "bm8gcGljdHVyZQ=="`))
		if report.Posts != (transfer.Tally{Changed: 1}) {
			t.Errorf("report of a replaced file: %+v", report)
		}
		if diff := cmp.Diff(map[string]int64{"a/b.png": 10}, b.uploads(t)); diff != "" {
			t.Errorf("uploads after replacing the file (-want +got):\n%s", diff)
		}
		b.mustImport(t, attachment(``)[:len(attachment(``))-3-len(`, "file": "a/b.png"`)]+`, "file": "c.txt", "data_base64": "eA=="}]}`)
		if diff := cmp.Diff(map[string]int64{"c.txt": 1}, b.uploads(t)); diff != "" {
			t.Errorf("uploads after another name (-want +got):\n%s", diff)
		}
		if report := b.mustImport(t, `{"posts": [{"id": 91, "type": "attachment", "status": "inherit", "date": "2024-01-01 10:00:00", "file": "gone.pdf"}]}`); len(report.Notes) != 1 {
			t.Errorf("a file that is nowhere: notes %q", report.Notes)
		}
	})
}

// More objects than fit into one statement or one page.
func TestImportMany(t *testing.T) {
	const n = 1203
	var b strings.Builder
	b.WriteString(`{"posts": [`)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, `{"id": %d, "type": "post", "status": "publish", "title": "Post %d", "date": "2024-01-01 10:00:00", "terms": [1], "meta": [{"id": %d, "key": "k", "value": "%d"}]},`, i, i, i, i)
	}
	bundle := strings.TrimSuffix(b.String(), ",") + `]}`
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		blog := openBlog(t, db, nil)
		if report := blog.mustImport(t, bundle); report.Posts.Added != n {
			t.Errorf("report: %+v, want %d posts", report, n)
		}
		before := db.Statements()
		if report := blog.mustImport(t, bundle); report.Posts.Same != n {
			t.Errorf("second report: %+v, want %d posts the same", report, n)
		}
		if spent := db.Statements() - before; spent > 60 {
			t.Errorf("comparing %d posts took %d statements", n, spent)
		}
		if got := len(parse(t, blog.export(t, transfer.ExportOptions{}))["posts"].([]any)); got != n {
			t.Errorf("the export has %d posts, want %d", got, n)
		}
	})
}
