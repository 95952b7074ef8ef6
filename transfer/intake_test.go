package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/transfer"
	"github.com/quillgate/quillgate/wxr"
)

// carried is everything that a walk through a blog passes on.
func (b blog) carried(t *testing.T) transfer.IntakeBatch {
	t.Helper()
	var all transfer.IntakeBatch
	err := b.Walk(t.Context(), transfer.Visitor{
		Author: func(a *wxr.Author) error { all.Authors = append(all.Authors, *a); return nil },
		Term:   func(term *wxr.Term) error { all.Terms = append(all.Terms, *term); return nil },
		Post:   func(p *wxr.Post) error { all.Posts = append(all.Posts, *p); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// take imports content, each object in its own batch if single is set, and
// returns the reported problems.
func (b blog) take(t *testing.T, cfg transfer.IntakeConfig, all transfer.IntakeBatch, single bool) (transfer.IntakeReport, []transfer.Problem) {
	t.Helper()
	in, err := b.OpenIntake(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	batches := []transfer.IntakeBatch{all}
	if single {
		batches = nil
		for _, a := range all.Authors {
			batches = append(batches, transfer.IntakeBatch{Authors: []wxr.Author{a}})
		}
		for _, term := range all.Terms {
			batches = append(batches, transfer.IntakeBatch{Terms: []wxr.Term{term}})
		}
		for _, p := range all.Posts {
			batches = append(batches, transfer.IntakeBatch{Posts: []wxr.Post{p}})
		}
	}
	for i, batch := range batches {
		batch.Position = int64(i + 1)
		if err := in.Add(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		b.checkCounts(t)
	}
	if err := in.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var problems []transfer.Problem
	if err := in.Problems(t.Context(), func(p transfer.Problem) error { problems = append(problems, p); return nil }); err != nil {
		t.Fatal(err)
	}
	return in.Report(), problems
}

// checkCounts compares the stored counts with the actual numbers.
func (b blog) checkCounts(t *testing.T) {
	t.Helper()
	var wrong []int64
	err := b.db.Select(t.Context(), &wrong, `SELECT id FROM posts WHERE comment_count <> (SELECT COUNT(*) FROM comments c WHERE c.post_id = posts.id AND c.status = 'approve')
		UNION ALL SELECT -id FROM terms WHERE count + COALESCE((SELECT SUM(s.n) FROM term_shifts s WHERE s.term_id = terms.id), 0) <> (SELECT COUNT(*) FROM post_terms pt JOIN posts p ON p.id = pt.post_id
			WHERE pt.term_id = terms.id AND p.type IN ('post', 'nav_menu_item') AND p.status = 'publish')`)
	if err != nil || len(wrong) > 0 {
		t.Errorf("counts of posts and (below 0) terms %v are wrong, %v", wrong, err)
	}
}

// comparable returns an export without the parts that are not imported: users
// who wrote nothing, their profiles, options, revisions, and the ids of custom
// fields.
func (b blog) comparable(t *testing.T) map[string]any {
	t.Helper()
	all := parse(t, b.export(t, transfer.ExportOptions{}))
	for _, name := range []string{"options", "theme", "next_ids", "users"} {
		delete(all, name)
	}
	strip := func(objects any) {
		for _, o := range objects.([]any) {
			meta, _ := o.(map[string]any)["meta"].([]any)
			for _, m := range meta {
				delete(m.(map[string]any), "id")
			}
		}
	}
	for _, p := range all["posts"].([]any) {
		delete(p.(map[string]any), "old_addresses") // it gets one more where it moves
	}
	all["posts"] = slices.DeleteFunc(all["posts"].([]any), func(p any) bool { return p.(map[string]any)["type"] == "revision" })
	for _, list := range []string{"terms", "posts", "comments"} {
		strip(all[list])
	}
	return all
}

func config(name string) transfer.IntakeConfig {
	return transfer.IntakeConfig{Source: "https://there.example", File: name}
}

// Files opens the uploads of another blog.
func (b blog) open(ctx context.Context, name, _ string) (io.ReadCloser, error) {
	f, _, err := b.files.Open(ctx, name)
	return f, err
}

// A blog that imports everything that another one exports is equal to it, in
// one batch or many. A second import changes nothing.
func TestIntake(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		first := openBlog(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
		first.mustImport(t, readBundle(t))
		all, want := first.carried(t), first.comparable(t)
		second := openBlog(t, db, nil)
		second.mustImport(t, `{"options": {"gmt_offset": -3.5}}`)
		if _, err := db.Exec(t.Context(), `DELETE FROM terms`); err != nil {
			t.Fatal(err)
		}
		cfg := config("first")
		cfg.Open = first.open
		report, problems := second.take(t, cfg, all, true)
		if len(problems) > 0 {
			t.Errorf("problems: %v", problems)
		}
		if report.Posts.Added != len(all.Posts) || report.Terms.Added != len(all.Terms) || report.Users.Added != len(all.Authors) || report.Files != 2 {
			t.Errorf("report %+v for %d posts, %d terms, %d authors", report, len(all.Posts), len(all.Terms), len(all.Authors))
		}
		if diff := cmp.Diff(want, second.comparable(t)); diff != "" {
			t.Errorf("the other blog (-there +here):\n%s", diff)
		}
		if diff := cmp.Diff(first.uploads(t), second.uploads(t)); diff != "" {
			t.Errorf("uploads (-there +here):\n%s", diff)
		}
		before := second.dump(t, tables)
		for name, cfg := range map[string]transfer.IntakeConfig{"the same file": cfg, "a newer file": config("later"), "another name of the blog": {Source: "https://alias.example", File: "x"}} {
			report, problems := second.take(t, cfg, all, false)
			if !report.Unchanged() || len(problems) > 0 {
				t.Errorf("%s again: %+v, %v", name, report, problems)
			}
		}
		if diff := cmp.Diff(before, second.dump(t, tables)); diff != "" {
			t.Errorf("a second import has changed something:\n%s", diff)
		}
	})
}

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// at returns a published post with the given hour.
func at(id int64, kind, title string) wxr.Post {
	when := noon.Add(time.Duration(id) * time.Hour)
	return wxr.Post{ID: id, Type: kind, Status: "publish", Title: title, Name: strings.ToLower(title), Date: when, DateGMT: when, Modified: when, ModifiedGMT: when}
}

// meta returns custom fields from alternating keys and values.
func meta(pairs ...string) (list []wxr.Meta) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, wxr.Meta{Key: pairs[i], Value: pairs[i+1]})
	}
	return list
}

func ref(taxonomy, slug, name string) wxr.PostTerm {
	return wxr.PostTerm{Taxonomy: taxonomy, Slug: slug, Name: name}
}

// A blog with its own ids, slugs, logins and files keeps them. References
// follow to the new ids, including those to objects that come later.
func TestIntakeIntoAnotherBlog(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		b.mustImport(t, readBundle(t))
		child, menu, post := at(3, "page", "Child"), at(5, "nav_menu_item", ""), at(6, "post", "Harbour")
		child.Parent, child.Creator = 7, "INES"
		menu.Meta = meta("_menu_item_type", "taxonomy", "_menu_item_object_id", "4", "_menu_item_menu_item_parent", "0")
		post.Creator, post.Meta = "grace", meta("_thumbnail_id", "8", "_edit_last", "2", "_edit_lock", "1:2", "note", "x")
		post.Terms = []wxr.PostTerm{ref("category", "wind", "Wind"), ref("post_tag", "new", "New & old"), ref("mood", "glad", "Glad")}
		post.Comments = []wxr.Comment{
			{ID: 4, Parent: 3, Approved: "approve", Author: "A", Content: "answer", DateGMT: noon.Add(time.Minute), UserID: 2},
			{ID: 3, Approved: "approve", Author: "B", Content: "question", DateGMT: noon, Meta: meta("rating", "5")},
			{ID: 60, Parent: 99, Approved: "odd", Author: "C", Content: "lost"},
		}
		parent, picture, stray := at(7, "page", "Parent"), at(8, "attachment", "pier"), at(70, "page", "Stray")
		picture.Meta, picture.Status = meta("_wp_attached_file", "2023/05/pier.png"), "inherit"
		stray.Parent, stray.Date, stray.DateGMT = 999, time.Time{}, time.Time{}
		ring := []wxr.Post{at(80, "page", "One"), at(81, "page", "Two")}
		ring[0].Parent, ring[1].Parent = 81, 80
		all := transfer.IntakeBatch{
			Authors: []wxr.Author{{ID: 2, Login: "grace", Email: "INES@harbour.example", DisplayName: "Grace"}, {ID: 4, Login: "old boss"}},
			Terms: []wxr.Term{
				{ID: 4, Taxonomy: "category", Slug: "wind", Name: "Wind", Parent: "weather"},
				{ID: 40, Taxonomy: "category", Slug: "weather", Name: "Weather"},
				{ID: 41, Taxonomy: "category", Slug: "log", Name: "Log of theirs"},
				{ID: 42, Taxonomy: "mood", Slug: "glad", Name: "Glad"},
			},
			Posts: append([]wxr.Post{child, menu, post, parent, picture, stray, at(90, "poem", "Ode")}, ring...),
		}
		cfg := config("other")
		cfg.Authors = map[string]string{"old boss": "admin"}
		before := b.dump(t, tables)
		report, problems := b.take(t, cfg, all, true)

		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%s: %s", p.Object, p.Reason))
		}
		want := []string{
			`author "grace": another user has the e-mail address: it was left out`,
			`mood "Glad": unknown taxonomy "mood"`,
			`attachment 8: another post has its slug: it got a number`,
			`post 80: it would be its own ancestor`,
			`post 6: a term of taxonomy "mood" was left out`,
			`comment 60 on post 6: unknown status "odd": it awaits moderation`,
			`comment 60 on post 6: the comment that it replies to does not exist`,
			`attachment 8: its file was not found`,
			`poem 90: unknown post type "poem"`,
			`post 70: its parent is not in the file`,
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
		if report.Posts.Added != 8 || report.Comments.Added != 3 || report.Users != (transfer.Tally{Added: 1, Same: 1}) {
			t.Errorf("report %+v", report)
		}
		// The earlier content has not changed.
		after := b.dump(t, tables)
		for table, rows := range before {
			for _, row := range rows {
				if !slices.Contains(after[table], row) && !strings.Contains(row, "log|0|") { // its count may have grown
					t.Errorf("%s lost %s", table, row)
				}
			}
		}
		b.checkOther(t)
		if report, _ := b.take(t, cfg, all, false); !report.Unchanged() {
			t.Errorf("again: %+v", report)
		}
	})
}

// checkOther checks what TestIntakeIntoAnotherBlog has imported.
func (b blog) checkOther(t *testing.T) {
	t.Helper()
	text := func(query string, args ...any) string {
		var out string
		if err := b.db.Get(t.Context(), &out, query, args...); err != nil {
			t.Errorf("%s: %v", query, err)
		}
		return out
	}
	meta := `SELECT value FROM post_meta m JOIN posts p ON p.id = m.post_id WHERE p.title = $1 AND p.type = $2 AND m.key = $3`
	menu, _ := strconv.ParseInt(text(`SELECT CAST(id AS TEXT) FROM posts WHERE type = 'nav_menu_item'`), 10, 64)
	if _, err := b.FindPost(t.Context(), auth.Identity{}, fmt.Sprintf("/?p=%d", menu), 0); !errors.Is(err, site.ErrNotFound) {
		t.Errorf("the entry of a menu as a page: %v, want ErrNotFound", err)
	}
	for _, test := range []struct{ what, got, want string }{
		{"parent of a child that came first", text(`SELECT u.title FROM posts p JOIN posts u ON u.id = p.parent WHERE p.title = 'Child'`), "Parent"},
		{"author by another spelling", text(`SELECT u.login FROM posts p JOIN users u ON u.id = p.author WHERE p.title = 'Child'`), "ines"},
		{"new author", text(`SELECT u.login || u.role || u.password FROM posts p JOIN users u ON u.id = p.author WHERE p.title = 'Harbour' AND p.type = 'post'`), "graceauthor"},
		{"thumbnail", text(`SELECT title FROM posts WHERE CAST(id AS TEXT) = (`+meta+`)`, "Harbour", "post", "_thumbnail_id"), "pier"},
		{"last editor", text(`SELECT login FROM users WHERE CAST(id AS TEXT) = (`+meta+`)`, "Harbour", "post", "_edit_last"), "grace"},
		{"term of a menu", text(`SELECT slug FROM terms WHERE CAST(id AS TEXT) = (`+meta+`)`, "", "nav_menu_item", "_menu_item_object_id"), "wind"},
		{"parent of a term", text(`SELECT u.slug FROM terms t JOIN terms u ON u.id = t.parent WHERE t.slug = 'wind'`), "weather"},
		{"name of a term", text(`SELECT name FROM terms WHERE slug = 'new'`), "New &amp; old"},
		{"answer", text(`SELECT u.content FROM comments c JOIN comments u ON u.id = c.parent WHERE c.content = 'answer'`), "question"},
		{"writer of the answer", text(`SELECT u.login FROM comments c JOIN users u ON u.id = c.user_id WHERE c.content = 'answer'`), "grace"},
		{"slug of a page of another name", text(`SELECT name FROM posts WHERE title = 'Parent'`), "parent"},
		{"file", text(`SELECT file FROM attachments a JOIN posts p ON p.id = a.post_id WHERE p.title = 'pier' AND p.id <> 8`), "2023/05/pier-1.png"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.what, test.got, test.want)
		}
	}
}

// An attachment without its file gets it from a later import, and a file that
// is already among the uploads is adopted.
func TestIntakeFilesLater(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		picture, err := media.Blank("red.png", 600, 400)
		if err != nil {
			t.Fatal(err)
		}
		lies := at(6, "attachment", "Lies")
		lies.Meta = meta("_wp_attached_file", "here/lies.png")
		b.putByHand(t, "here/lies.png", picture)
		comes := at(5, "attachment", "Comes")
		comes.Meta = meta("_wp_attached_file", "2024/05/red.png")
		all := transfer.IntakeBatch{Posts: []wxr.Post{comes, lies}, Position: 1}
		if report, problems := b.take(t, config("x"), all, false); report.Files != 1 || len(problems) != 1 {
			t.Errorf("without the file: %+v, %v", report, problems)
		}
		cfg := config("x")
		cfg.Open = func(_ context.Context, name, _ string) (io.ReadCloser, error) {
			if name != "2024/05/red.png" {
				return nil, fmt.Errorf("asked for: %w", fs.ErrNotExist)
			}
			return io.NopCloser(bytes.NewReader(picture)), nil
		}
		if report, problems := b.take(t, cfg, all, false); report.Files != 1 || report.Posts != (transfer.Tally{Changed: 1, Same: 1}) || len(problems) != 0 {
			t.Errorf("with the file: %+v, %v", report, problems)
		}
		want := []string{"5|2024/05/red.png|600|400", "6|here/lies.png|600|400"}
		if diff := cmp.Diff(want, b.dump(t, map[string]string{"attachments": "post_id file width height"})["attachments"]); diff != "" {
			t.Errorf("attachments (-want +got):\n%s", diff)
		}
		if got := len(b.uploads(t)); got != 6 {
			t.Errorf("%d files in the store, want two pictures with a medium and a small version each", got)
		}
		broken := errors.New("disk on fire")
		cfg.Open = func(context.Context, string, string) (io.ReadCloser, error) { return nil, broken }
		in, err := b.OpenIntake(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		other := at(7, "attachment", "Other")
		other.Meta = meta("_wp_attached_file", "o.png")
		if err := in.Add(t.Context(), transfer.IntakeBatch{Posts: []wxr.Post{other}, Position: 1}); !errors.Is(err, broken) {
			t.Errorf("a file that cannot be read: %v", err)
		}
	})
}

// Two imports of one file exclude each other. An interrupted import continues
// with its counts and problems.
func TestIntakeGoesOn(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		open := func() *transfer.Intake {
			in, err := b.OpenIntake(t.Context(), config("f"))
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		first, second := open(), open()
		batch := transfer.IntakeBatch{Posts: []wxr.Post{at(1, "post", "A"), at(2, "poem", "B")}, Position: 10}
		if err := first.Add(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if err := second.Add(t.Context(), batch); !errors.Is(err, site.ErrConflict) {
			t.Errorf("a second import of the file: %v", err)
		}
		third := open()
		if third.Position() != 10 || third.Report().Posts.Added != 1 {
			t.Errorf("position %d, report %+v", third.Position(), third.Report())
		}
		problems := 0
		if err := third.Problems(t.Context(), func(transfer.Problem) error { problems++; return nil }); err != nil || problems != 1 {
			t.Errorf("%d problems, %v", problems, err)
		}
		if err := third.Rewind(t.Context()); err != nil || third.Position() != 0 {
			t.Errorf("rewound to %d, %v", third.Position(), err)
		}
		if err := third.Add(t.Context(), batch); err != nil || third.Report().Posts != (transfer.Tally{Same: 1}) {
			t.Errorf("after rewinding: %+v, %v", third.Report(), err)
		}
		_, err := b.OpenIntake(t.Context(), transfer.IntakeConfig{Authors: map[string]string{"a": "nobody"}})
		if bad := (*site.Invalid)(nil); !errors.As(err, &bad) {
			t.Errorf("an author who is not there: %v", err)
		}
	})
}

// A batch needs far fewer statements than it has rows.
func TestIntakeStatements(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		batch := func(from, to int64) transfer.IntakeBatch {
			out := transfer.IntakeBatch{Position: to}
			for id := from; id < to; id++ {
				p := at(id, "post", fmt.Sprintf("Post %d", id))
				p.Terms = []wxr.PostTerm{ref("category", "c", "C"), ref("post_tag", fmt.Sprintf("t%d", id%7), "T")}
				p.Meta = meta("k", "v")
				for i := range int64(5) {
					p.Comments = append(p.Comments, wxr.Comment{ID: id*5 + i, Approved: "approve", Author: "A", DateGMT: noon.Add(time.Duration(i))})
				}
				out.Posts = append(out.Posts, p)
			}
			return out
		}
		in, err := b.OpenIntake(t.Context(), config("s"))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{64, 128} {
			before := db.Statements()
			if err := in.Add(t.Context(), batch(n, 2*n)); err != nil {
				t.Fatal(err)
			}
			if spent, most := db.Statements()-before, 40+n*9/64+n/20; spent > most {
				t.Errorf("%d posts with %d comments took %d statements, want at most %d", n, 5*n, spent, most)
			}
		}
	})
}

// Users write while a file is imported: ids do not collide, and the counts of
// terms that both use are correct.
func TestIntakeBesideWriters(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		editor := auth.Identity{User: auth.User{ID: 7, Role: auth.Editor}, Via: auth.ViaPassword}
		in, err := b.OpenIntake(t.Context(), config("busy"))
		if err != nil {
			t.Fatal(err)
		}
		const batches, each, written = 12, 15, 40
		var writers sync.WaitGroup
		for w := range 2 {
			writers.Go(func() {
				for i := range written {
					_, err := b.CreatePost(t.Context(), editor, site.PostEdit{Title: new(fmt.Sprintf("Written %d %d", w, i)), Status: new("publish")})
					if err != nil {
						t.Errorf("write during an import: %v", err)
					}
				}
			})
		}
		for i := range int64(batches) {
			batch := transfer.IntakeBatch{Position: i + 1}
			for j := range int64(each) {
				p := at(1+i*each+j, "post", fmt.Sprintf("Taken %d", i*each+j))
				p.Terms = []wxr.PostTerm{ref("category", "uncategorized", "Uncategorized")}
				p.Comments = []wxr.Comment{{ID: p.ID, Approved: "approve", Author: "A", Date: noon}}
				batch.Posts = append(batch.Posts, p)
			}
			if err := in.Add(t.Context(), batch); err != nil {
				t.Error(err)
			}
		}
		writers.Wait()
		if err := in.Finish(t.Context()); err != nil {
			t.Error(err)
		}
		var posts int
		if err := db.Get(t.Context(), &posts, `SELECT COUNT(DISTINCT title) FROM posts`); err != nil || posts != batches*each+2*written {
			t.Errorf("%d posts, want %d, %v", posts, batches*each+2*written, err)
		}
		b.checkCounts(t)
	})
}
