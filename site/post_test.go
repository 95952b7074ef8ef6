package site_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// newsroom is a blog two hours ahead of GMT, with a user for each role and a
// clock.
type newsroom struct {
	blog
	clock                                          *databasetest.Clock
	admin, editor, author, contributor, subscriber auth.Identity
}

func openNewsroom(t testing.TB, db *database.DB) *newsroom {
	t.Helper()
	c := databasetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	n := &newsroom{blog: openBlog(t, db, c.Now), clock: c}
	if err := n.Options().Set(t.Context(), "gmt_offset", "2"); err != nil {
		t.Fatal(err)
	}
	for i, who := range []*auth.Identity{&n.admin, &n.editor, &n.author, &n.contributor, &n.subscriber} {
		role := auth.Roles()[i]
		// Nobody signs in here, so nobody needs a password.
		_, err := db.Exec(t.Context(), `INSERT INTO users (login, login_key, email, email_key, nicename, display_name, role, registered)
			VALUES ($1, $1, '', '', $1, $1, $1, $2)`, string(role), c.Now())
		if err != nil {
			t.Fatal(err)
		}
		user, err := n.users.ByLogin(t.Context(), string(role))
		if err != nil {
			t.Fatal(err)
		}
		*who = auth.Identity{User: user, Via: auth.ViaPassword}
	}
	return n
}

func (n *newsroom) create(t *testing.T, who auth.Identity, e site.PostEdit) int64 {
	t.Helper()
	id, err := n.CreatePost(t.Context(), who, e)
	if err != nil {
		t.Fatalf("create a post: %v", err)
	}
	return id
}

func (n *newsroom) edit(t *testing.T, who auth.Identity, id int64, e site.PostEdit) {
	t.Helper()
	if err := n.EditPost(t.Context(), who, id, e); err != nil {
		t.Fatalf("edit post %d: %v", id, err)
	}
}

func (n *newsroom) get(t *testing.T, id int64) *site.FullPost {
	t.Helper()
	p, err := n.GetPost(t.Context(), n.admin, id, site.LoadTerms|site.LoadFields)
	if err != nil {
		t.Fatalf("get post %d: %v", id, err)
	}
	return p
}

// counts returns the counts of the terms by slug.
func (n *newsroom) counts(t *testing.T) map[string]int64 {
	t.Helper()
	var rows []struct {
		Slug  string `db:"slug"`
		Count int64  `db:"count"`
	}
	if err := n.db.Select(t.Context(), &rows, `SELECT slug, count + COALESCE((SELECT SUM(n) FROM term_shifts s WHERE s.term_id = t.id), 0) AS count FROM terms t`); err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		out[r.Slug] = r.Count
	}
	return out
}

// kind distinguishes errors as callers do.
func kind(err error) string {
	var denied *site.Denied
	var invalid *site.Invalid
	switch {
	case err == nil:
		return ""
	case errors.As(err, &denied):
		return "denied"
	case errors.As(err, &invalid):
		return "invalid"
	case errors.Is(err, site.ErrEmptyPost):
		return "empty"
	case errors.Is(err, site.ErrConflict):
		return "conflict"
	case errors.Is(err, site.ErrNotFound):
		return "not found"
	}
	return err.Error()
}

func slugs(terms []site.Term) string {
	var out []string
	for _, t := range terms {
		out = append(out, t.Slug)
	}
	return strings.Join(out, " ")
}

func TestCreatePost(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		image := addAttachment(t, n, "image/png")
		paper := addAttachment(t, n, "application/pdf")
		type want struct {
			Type, Status, Name, Comments, Pings, Terms, Format string
			Author, Thumbnail                                  int64
		}
		plain := want{Type: "post", Status: "draft", Comments: "open", Pings: "open", Terms: "uncategorized", Format: "standard", Author: n.admin.User.ID}
		with := func(change func(w *want)) want {
			w := plain
			change(&w)
			return w
		}
		tests := []struct {
			name string
			edit site.PostEdit
			want want
		}{
			{"defaults", site.PostEdit{Title: new("T")}, plain},
			{
				"published",
				site.PostEdit{Title: new("Hello World, again!"), Status: new("publish")},
				with(func(w *want) { w.Status, w.Name = "publish", "hello-world-again" }),
			},
			{
				"named",
				site.PostEdit{Title: new("T"), Status: new("publish"), Name: new("My Slug!")},
				with(func(w *want) { w.Status, w.Name = "publish", "my-slug" }),
			},
			{"named draft", site.PostEdit{Title: new("T"), Name: new("My Slug!")}, with(func(w *want) { w.Name = "my-slug" })},
			{"unknown status", site.PostEdit{Title: new("T"), Status: new("nonsense")}, plain},
			{"pending", site.PostEdit{Title: new("T"), Status: new("pending")}, with(func(w *want) { w.Status = "pending" })},
			{"private", site.PostEdit{Title: new("Pr"), Status: new("private")}, with(func(w *want) { w.Status, w.Name = "private", "pr" })},
			{"excerpt alone", site.PostEdit{Excerpt: new("x")}, plain},
			{"another author", site.PostEdit{Title: new("T"), Author: new(n.editor.User.ID)}, with(func(w *want) { w.Author = n.editor.User.ID })},
			{"author zero", site.PostEdit{Title: new("T"), Author: new(int64(0))}, plain},
			{"comments closed", site.PostEdit{Title: new("T"), CommentStatus: new("closed"), PingStatus: new("odd")}, with(func(w *want) { w.Comments = "closed" })},
			{
				"page",
				site.PostEdit{Title: new("About us"), Type: new("page"), Status: new("publish")},
				want{Type: "page", Status: "publish", Name: "about-us", Comments: "closed", Pings: "closed", Format: "standard", Author: n.admin.User.ID},
			},
			{"empty page", site.PostEdit{Type: new("page")}, want{Type: "page", Status: "draft", Comments: "closed", Pings: "closed", Format: "standard", Author: n.admin.User.ID}},
			{"format", site.PostEdit{Title: new("T"), Format: new("quote")}, with(func(w *want) { w.Format, w.Terms = "quote", "post-format-quote uncategorized" })},
			{"unknown format", site.PostEdit{Title: new("T"), Format: new("nonsense")}, plain},
			{"picture", site.PostEdit{Title: new("T"), Thumbnail: &image}, with(func(w *want) { w.Thumbnail = image })},
			{"no picture", site.PostEdit{Title: new("T"), Thumbnail: &paper}, plain},
			{"tags", site.PostEdit{Title: new("T"), Tags: &[]string{"one", "Two words"}}, with(func(w *want) { w.Terms = "one two-words uncategorized" })},
			{"no categories", site.PostEdit{Title: new("T"), Categories: &[]int64{}}, plain},
			{"terms by name", site.PostEdit{Title: new("T"), Terms: []site.TermChoice{{Taxonomy: "category", Names: []string{"News"}}}}, with(func(w *want) { w.Terms = "news" })},
			{"no terms by id", site.PostEdit{Title: new("T"), Terms: []site.TermChoice{{Taxonomy: "category", IDs: []int64{}}}}, with(func(w *want) { w.Terms = "" })},
		}
		for _, test := range tests {
			id, err := n.CreatePost(t.Context(), n.admin, test.edit)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			p := n.get(t, id)
			got := want{p.Type, p.Status, p.Name, p.CommentStatus, p.PingStatus, slugs(p.Terms), p.Format, p.Author, p.Thumbnail}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: created (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// addAttachment inserts the row of an upload, with the columns that posts use.
func addAttachment(t *testing.T, n *newsroom, mime string) (id int64) {
	t.Helper()
	err := n.db.Update(t.Context(), func(tx *database.Tx) error {
		return tx.Get(t.Context(), &id, `INSERT INTO posts (type, status, title, author, mime_type, date, date_gmt, modified, modified_gmt)
			VALUES ('attachment', 'inherit', 'A file', $1, $2, $3, $3, $3, $3) RETURNING id`, n.author.User.ID, mime, n.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestCreatePostRefusals(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		tests := []struct {
			name string
			who  auth.Identity
			edit site.PostEdit
			want string
		}{
			{"empty", n.admin, site.PostEdit{Title: new(""), Content: new("")}, "empty"},
			{"white title", n.admin, site.PostEdit{Title: new("  \n ")}, "empty"},
			{"unknown type", n.admin, site.PostEdit{Title: new("x"), Type: new("nonsense")}, "invalid"},
			{"a revision", n.admin, site.PostEdit{Title: new("x"), Type: new("revision")}, "invalid"},
			{"unknown author", n.admin, site.PostEdit{Title: new("x"), Author: new(int64(999))}, "not found"},
			{"unknown picture", n.admin, site.PostEdit{Title: new("x"), Thumbnail: new(int64(999))}, "not found"},
			{"sticky and private", n.admin, site.PostEdit{Title: new("x"), Status: new("private"), Sticky: new(true)}, "denied"},
			{"sticky with a password", n.admin, site.PostEdit{Title: new("x"), Password: new("p"), Sticky: new(true)}, "denied"},
			{"unknown term", n.admin, site.PostEdit{Title: new("x"), Terms: []site.TermChoice{{Taxonomy: "category", IDs: []int64{999}}}}, "invalid"},
			{"unknown taxonomy", n.admin, site.PostEdit{Title: new("x"), Terms: []site.TermChoice{{Taxonomy: "nonsense"}}}, "denied"},
			{"category of a page", n.admin, site.PostEdit{Title: new("x"), Type: new("page"), Terms: []site.TermChoice{{Taxonomy: "category", IDs: []int64{1}}}}, "denied"},
			{"new tag by an author", n.author, site.PostEdit{Title: new("x"), Terms: []site.TermChoice{{Taxonomy: "post_tag", Names: []string{"fresh"}}}}, "denied"},
			{"nobody", auth.Identity{}, site.PostEdit{Title: new("x")}, "denied"},
			{"subscriber", n.subscriber, site.PostEdit{Title: new("x")}, "denied"},
			{"contributor publishes", n.contributor, site.PostEdit{Title: new("x"), Status: new("publish")}, "denied"},
			{"contributor schedules", n.contributor, site.PostEdit{Title: new("x"), Status: new("future")}, "denied"},
			{"contributor hides", n.contributor, site.PostEdit{Title: new("x"), Status: new("private")}, "denied"},
			{"contributor with a password", n.contributor, site.PostEdit{Title: new("x"), Password: new("p")}, "denied"},
			{"author sticks", n.author, site.PostEdit{Title: new("x"), Status: new("publish"), Sticky: new(true)}, "denied"},
			{"author for another", n.author, site.PostEdit{Title: new("x"), Author: new(n.editor.User.ID)}, "denied"},
			{"author writes a page", n.author, site.PostEdit{Title: new("x"), Type: new("page")}, "denied"},
			{"contributor drafts", n.contributor, site.PostEdit{Title: new("x")}, ""},
			{"author publishes", n.author, site.PostEdit{Title: new("x"), Status: new("publish")}, ""},
		}
		before := 0
		for _, test := range tests {
			_, err := n.CreatePost(t.Context(), test.who, test.edit)
			if got := kind(err); got != test.want {
				t.Errorf("%s: %q (%v), want %q", test.name, got, err, test.want)
			}
			if test.want == "" {
				before++
			}
		}
		var posts int
		if err := db.Get(t.Context(), &posts, `SELECT COUNT(*) FROM posts WHERE type <> 'revision'`); err != nil {
			t.Fatal(err)
		}
		if posts != before {
			t.Errorf("%d posts, want %d: a refused call left something behind", posts, before)
		}
	})
}

func TestDates(t *testing.T) {
	at := func(s string) time.Time {
		d, err := time.Parse("2006-01-02 15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	local := func(s string) *site.PostDate { return &site.PostDate{Time: at(s), Local: true} }
	gmt := func(s string) *site.PostDate { return &site.PostDate{Time: at(s)} }
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db) // it is 2026-03-01 12:00 GMT, 14:00 on the blog's clock
		tests := []struct {
			name, status string
			offset       string
			date         *site.PostDate
			want         string // status, local date, GMT date
		}{
			{"none", "publish", "2", nil, "publish 2026-03-01 14:00:00 / 2026-03-01 12:00:00"},
			{"none, draft", "draft", "2", nil, "draft 2026-03-01 14:00:00 / -"},
			{"local", "publish", "2", local("2024-03-10 12:30:00"), "publish 2024-03-10 12:30:00 / 2024-03-10 10:30:00"},
			{"moment", "publish", "2", gmt("2024-03-10 12:30:00"), "publish 2024-03-10 14:30:00 / 2024-03-10 12:30:00"},
			{"dated draft", "draft", "2", local("2024-03-10 12:30:00"), "draft 2024-03-10 12:30:00 / 2024-03-10 10:30:00"},
			{"fraction of an hour", "publish", "5.75", local("2024-03-10 12:30:00"), "publish 2024-03-10 12:30:00 / 2024-03-10 06:45:00"},
			{"behind", "publish", "-3.5", gmt("2024-03-10 01:00:00"), "publish 2024-03-09 21:30:00 / 2024-03-10 01:00:00"},
			{"future", "publish", "2", local("2036-01-01 00:00:00"), "future 2036-01-01 00:00:00 / 2035-12-31 22:00:00"},
			{"nearly now", "publish", "2", gmt("2026-03-01 12:00:59"), "publish 2026-03-01 14:00:59 / 2026-03-01 12:00:59"},
			{"a minute ahead", "publish", "2", gmt("2026-03-01 12:01:00"), "future 2026-03-01 14:01:00 / 2026-03-01 12:01:00"},
			{"future that is past", "future", "2", gmt("2024-03-10 12:30:00"), "publish 2024-03-10 14:30:00 / 2024-03-10 12:30:00"},
			{"private ahead", "private", "2", gmt("2036-01-01 00:00:00"), "private 2036-01-01 02:00:00 / 2036-01-01 00:00:00"},
		}
		for _, test := range tests {
			if err := n.Options().Set(t.Context(), "gmt_offset", test.offset); err != nil {
				t.Fatal(err)
			}
			p := n.get(t, n.create(t, n.admin, site.PostEdit{Title: new("T"), Status: &test.status, Date: test.date}))
			if got := dates(&p.Post); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
		t.Run("summer time", func(t *testing.T) {
			if err := n.Options().Set(t.Context(), "timezone_string", "Europe/Berlin"); err != nil {
				t.Fatal(err)
			}
			p := n.get(t, n.create(t, n.admin, site.PostEdit{Title: new("T"), Status: new("publish"), Date: local("2025-07-01 12:00:00")}))
			if got, want := dates(&p.Post), "publish 2025-07-01 12:00:00 / 2025-07-01 10:00:00"; got != want {
				t.Errorf("in July: %s, want %s", got, want)
			}
		})
	})
}

func dates(p *site.Post) string {
	const layout = "2006-01-02 15:04:05"
	gmt := "-"
	if p.DateGMT != nil {
		gmt = p.DateGMT.Format(layout)
	}
	return fmt.Sprintf("%s %s / %s", p.Status, p.Date.Format(layout), gmt)
}

func TestDraftTakesTheTimeOfItsPublication(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{Title: new("T")})
		n.clock.Add(time.Hour)
		n.edit(t, n.admin, id, site.PostEdit{Content: new("more")})
		if got, want := dates(&n.get(t, id).Post), "draft 2026-03-01 15:00:00 / -"; got != want {
			t.Errorf("edited draft: %s, want %s", got, want)
		}
		n.clock.Add(time.Hour)
		n.edit(t, n.admin, id, site.PostEdit{Status: new("publish")})
		if got, want := dates(&n.get(t, id).Post), "publish 2026-03-01 16:00:00 / 2026-03-01 14:00:00"; got != want {
			t.Errorf("published: %s, want %s", got, want)
		}
		n.clock.Add(time.Hour)
		n.edit(t, n.admin, id, site.PostEdit{Status: new("draft")})
		if got, want := dates(&n.get(t, id).Post), "draft 2026-03-01 16:00:00 / 2026-03-01 14:00:00"; got != want {
			t.Errorf("taken back: %s, want %s", got, want)
		}
	})
}

func TestEditPost(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		first := n.create(t, n.admin, site.PostEdit{Title: new("First post"), Content: new("x"), Status: new("publish")})
		id := n.create(t, n.admin, site.PostEdit{
			Title: new("T"), Content: new("body"), Excerpt: new("ex"), Status: new("publish"), Sticky: new(true),
			Tags: &[]string{"one"},
		})
		steps := []struct {
			name string
			edit site.PostEdit
			err  string
			show func(p *site.FullPost) any
			want any
		}{
			{"nothing", site.PostEdit{}, "", func(p *site.FullPost) any { return p.Title + p.Content + p.Excerpt + slugs(p.Terms) }, "Tbodyexone uncategorized"},
			{"title", site.PostEdit{Title: new("New")}, "", func(p *site.FullPost) any { return p.Title + " " + p.Name }, "New t"},
			{"taken slug", site.PostEdit{Name: new("first-post")}, "", func(p *site.FullPost) any { return p.Name }, "first-post-2"},
			{"own slug again", site.PostEdit{Name: new("first-post-2")}, "", func(p *site.FullPost) any { return p.Name }, "first-post-2"},
			{"no slug", site.PostEdit{Name: new("")}, "", func(p *site.FullPost) any { return p.Name }, "new"},
			{"empty title", site.PostEdit{Title: new("")}, "", func(p *site.FullPost) any { return p.Name }, "new"},
			{"all empty", site.PostEdit{Content: new(""), Excerpt: new("")}, "empty", func(p *site.FullPost) any { return p.Content }, "body"},
			{"type", site.PostEdit{Type: new("page")}, "denied", func(p *site.FullPost) any { return p.Type }, "post"},
			{"hide", site.PostEdit{Status: new("private")}, "", func(p *site.FullPost) any { return p.Sticky }, false},
			{"show", site.PostEdit{Status: new("publish"), Sticky: new(true)}, "", func(p *site.FullPost) any { return p.Sticky }, true},
			{"unstick", site.PostEdit{Sticky: new(false)}, "", func(p *site.FullPost) any { return p.Sticky }, false},
			{"format", site.PostEdit{Format: new("link")}, "", func(p *site.FullPost) any { return p.Format }, "link"},
			{"no format", site.PostEdit{Format: new("")}, "", func(p *site.FullPost) any { return p.Format }, "standard"},
			{"no tags", site.PostEdit{Terms: []site.TermChoice{{Taxonomy: "post_tag", IDs: []int64{}}}}, "", func(p *site.FullPost) any { return slugs(p.Terms) }, "uncategorized"},
			{"template", site.PostEdit{Template: new("wide")}, "", func(p *site.FullPost) any { return p.Template() }, "wide"},
			{"no template", site.PostEdit{Template: new("default")}, "", func(p *site.FullPost) any { return p.Template() }, "default"},
			{"its own child", site.PostEdit{Parent: &id}, "", func(p *site.FullPost) any { return p.Parent }, int64(0)},
			{"child", site.PostEdit{Parent: &first}, "", func(p *site.FullPost) any { return p.Parent }, first},
			{"stale", site.PostEdit{Title: new("no"), IfNotModifiedSince: new(n.clock.Now().Add(-time.Second))}, "conflict", func(p *site.FullPost) any { return p.Title }, ""},
			{"fresh", site.PostEdit{Title: new("yes"), IfNotModifiedSince: new(n.clock.Now())}, "", func(p *site.FullPost) any { return p.Title }, "yes"},
		}
		for _, step := range steps {
			if got := kind(n.EditPost(t.Context(), n.admin, id, step.edit)); got != step.err {
				t.Errorf("%s: error %q, want %q", step.name, got, step.err)
			}
			if diff := cmp.Diff(step.want, step.show(n.get(t, id))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		n.edit(t, n.admin, first, site.PostEdit{Parent: &id})
		if got := n.get(t, first).Parent; got != 0 {
			t.Errorf("a circle of two: parent %d, want none", got)
		}
		for _, id := range []int64{0, -1, 9999} {
			if got := kind(n.EditPost(t.Context(), n.admin, id, site.PostEdit{Title: new("x")})); got != "not found" {
				t.Errorf("edit post %d: %q, want not found", id, got)
			}
		}
	})
}

func TestTermCountsFollowTheStatus(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{Title: new("T"), Tags: &[]string{"a"}})
		steps := []struct {
			name string
			edit site.PostEdit
			want map[string]int64
		}{
			{"draft", site.PostEdit{}, map[string]int64{"uncategorized": 0, "a": 0}},
			{"published", site.PostEdit{Status: new("publish")}, map[string]int64{"uncategorized": 1, "a": 1}},
			{"other tag", site.PostEdit{Tags: &[]string{"b"}}, map[string]int64{"uncategorized": 1, "a": 0, "b": 1}},
			{"other tag and taken back", site.PostEdit{Tags: &[]string{"a"}, Status: new("draft")}, map[string]int64{"uncategorized": 0, "a": 0, "b": 0}},
			{"both tags and published", site.PostEdit{Tags: &[]string{"a", "b"}, Status: new("publish")}, map[string]int64{"uncategorized": 1, "a": 1, "b": 1}},
			{"scheduled", site.PostEdit{Date: &site.PostDate{Time: n.clock.Now().AddDate(1, 0, 0)}}, map[string]int64{"uncategorized": 0, "a": 0, "b": 0}},
		}
		for _, step := range steps {
			n.edit(t, n.admin, id, step.edit)
			if diff := cmp.Diff(step.want, n.counts(t)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
	})
}

func TestPostsAdoptTheUploadsThatTheyShow(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		upload := func(file string) int64 {
			id := addAttachment(t, n, "image/png")
			if _, err := db.Exec(t.Context(), `INSERT INTO attachments (post_id, file) VALUES ($1, $2)`, id, file); err != nil {
				t.Fatal(err)
			}
			return id
		}
		shown, other, elsewhere := upload("2026/03/a.png"), upload("2026/03/b.png"), upload("2026/03/c.png")
		first := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: new(`<img src="https://blog.example/wp-content/uploads/2026/03/a.png">
			<img src="https://blog.example/wp-content/uploads/2026/03/b-300x200.png"> https://elsewhere.example/wp-content/uploads/2026/03/c.png`)})
		second := n.create(t, n.author, site.PostEdit{Title: new("T"), Content: new("https://blog.example/wp-content/uploads/2026/03/a.png")})
		n.edit(t, n.author, second, site.PostEdit{Content: new("https://blog.example/wp-content/uploads/2026/03/b.png")})
		got := []int64{n.get(t, shown).Parent, n.get(t, other).Parent, n.get(t, elsewhere).Parent}
		if want := []int64{first, second, 0}; !cmp.Equal(want, got) {
			t.Errorf("parents of the uploads %v, want %v", got, want)
		}
	})
}

// A post that is refused for its content leaves an automatic draft behind; one
// that is refused because of the caller leaves nothing.
func TestRefusedPostsLeaveAutomaticDrafts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		drafts := func() int {
			t.Helper()
			list, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Statuses: []string{"auto-draft"}}, 0))
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		tests := []struct {
			name string
			who  auth.Identity
			edit site.PostEdit
			want int
		}{
			{"made at once", n.admin, site.PostEdit{}, 0},
			{"not allowed", n.contributor, site.PostEdit{Title: new("x"), Status: new("publish"), FirstRevision: true}, 0},
			{"unknown author", n.admin, site.PostEdit{Title: new("x"), Author: new(int64(99)), FirstRevision: true}, 0},
			{"empty", n.admin, site.PostEdit{FirstRevision: true}, 1},
			{"not to be sticky", n.author, site.PostEdit{Title: new("x"), Sticky: new(true), FirstRevision: true}, 2},
		}
		for _, test := range tests {
			if _, err := n.CreatePost(t.Context(), test.who, test.edit); err == nil {
				t.Errorf("%s: no error", test.name)
			}
			if got := drafts(); got != test.want {
				t.Errorf("%s: %d automatic drafts, want %d", test.name, got, test.want)
			}
		}
		list, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Statuses: []string{"auto-draft"}}, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got := list[0].Title + " " + list[0].CommentStatus + " " + list[0].PingStatus; got != "Auto Draft open open" {
			t.Errorf("an automatic draft is %q, want its own title and the blog's discussion settings", got)
		}
		n.clock.Add(8 * 24 * time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			n.Run(ctx)
			close(ended)
		}()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for drafts() != 0 {
			<-tick.C
		}
		stop()
		<-ended
	})
}

func TestOldAddressesAreRemembered(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		id := n.create(t, n.admin, site.PostEdit{Title: new("One"), Status: new("publish")})
		for _, slug := range []string{"two", "three", "two"} {
			n.edit(t, n.admin, id, site.PostEdit{Name: &slug})
		}
		n.edit(t, n.admin, id, site.PostEdit{Date: &site.PostDate{Time: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}})
		var got []string
		for _, f := range n.get(t, id).CustomFields {
			if strings.HasPrefix(f.Key, "_wp_old") {
				got = append(got, f.Key+"="+f.Value)
			}
		}
		want := []string{"_wp_old_date=2026-03-01", "_wp_old_slug=one", "_wp_old_slug=three"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("old addresses (-want +got):\n%s", diff)
		}
	})
}
