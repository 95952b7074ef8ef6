package site_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func TestListPosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		// Created in another order than that of their dates.
		for _, p := range []struct {
			who                  auth.Identity
			title, status, words string
			month                time.Month
		}{
			{n.admin, "june", "publish", "The home TEAM won. 100% sure", 6},
			{n.author, "May", "publish", "home alone", 5},
			{n.admin, "april", "draft", "Ünïcödé", 4},
			{n.contributor, "March", "pending", "a_b", 3},
			{n.admin, "february", "private", "axb", 2},
			{n.author, "January", "publish", "team home", 1},
		} {
			n.create(t, p.who, site.PostEdit{
				Title: &p.title, Content: &p.words, Status: &p.status,
				Date: &site.PostDate{Time: time.Date(2025, p.month, 1, 0, 0, 0, 0, time.UTC)},
			})
		}
		trashed := n.create(t, n.author, site.PostEdit{Title: new("gone"), Status: new("publish"), Date: &site.PostDate{Time: time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)}})
		if err := n.DeletePost(t.Context(), n.admin, trashed); err != nil {
			t.Fatal(err)
		}
		n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("a page"), Status: new("publish")})
		n.create(t, n.admin, site.PostEdit{Title: new("ahead"), Status: new("publish"), Date: in(n, time.Hour)})

		const all = "ahead june May april March february January"
		tests := []struct {
			name string
			who  auth.Identity
			f    site.PostFilter
			want string
		}{
			{"default", n.admin, site.PostFilter{}, all},
			{"two", n.admin, site.PostFilter{Limit: 2}, "ahead june"},
			{"next two", n.admin, site.PostFilter{Limit: 2, Offset: 2}, "May april"},
			{"past the end", n.admin, site.PostFilter{Offset: 100}, ""},
			{"editor", n.editor, site.PostFilter{}, all},
			{"author", n.author, site.PostFilter{}, "May January"},
			{"those of others take no place", n.author, site.PostFilter{Limit: 2}, "May January"},
			{"contributor", n.contributor, site.PostFilter{}, "March"},
			{"one status", n.admin, site.PostFilter{Statuses: []string{"publish"}}, "june May January"},
			{"scheduled", n.admin, site.PostFilter{Statuses: []string{"future"}}, "ahead"},
			{"two statuses", n.admin, site.PostFilter{Statuses: []string{"draft", "private"}}, "april february"},
			{"two statuses, second page", n.admin, site.PostFilter{Statuses: []string{"draft", "private"}, Limit: 1, Offset: 1}, "february"},
			{"trash", n.admin, site.PostFilter{Statuses: []string{"trash"}}, "gone"},
			{"own trash", n.author, site.PostFilter{Statuses: []string{"trash"}}, "gone"},
			{"others' trash", n.contributor, site.PostFilter{Statuses: []string{"trash"}}, ""},
			{"any", n.admin, site.PostFilter{Statuses: []string{"any"}}, all},
			{"any and trash", n.admin, site.PostFilter{Statuses: []string{"any", "trash"}, Limit: 2}, "ahead gone"},
			{"small words", n.admin, site.PostFilter{Search: "the team that is home"}, "june January"},
			{"small words alone", n.admin, site.PostFilter{Search: "the home"}, "june May January"},
			{"nothing but a small word", n.admin, site.PostFilter{Search: "the"}, "june"},
			{"not this word", n.admin, site.PostFilter{Search: "home -team"}, "May"},
			{"by id in small letters is by date", n.admin, site.PostFilter{OrderBy: "id", Ascending: true, Limit: 2}, "January february"},
			{"unknown status", n.admin, site.PostFilter{Statuses: []string{"nonsense"}}, "ahead gone june May april March february January"},
			{"known beside unknown", n.admin, site.PostFilter{Statuses: []string{"nonsense", "draft"}}, "april"},
			{"pages", n.admin, site.PostFilter{Type: "page"}, "a page"},
			{"by title", n.admin, site.PostFilter{OrderBy: "title", Ascending: true}, "ahead april february January june March May"},
			{"by title, down", n.admin, site.PostFilter{OrderBy: "title", Limit: 2}, "May March"},
			{"by id", n.admin, site.PostFilter{OrderBy: "ID", Ascending: true, Limit: 2}, "june May"},
			{"by date, up", n.admin, site.PostFilter{OrderBy: "date", Ascending: true, Limit: 2}, "January february"},
			{"by two", n.admin, site.PostFilter{OrderBy: "nonsense author title", Ascending: true, Statuses: []string{"publish"}}, "june January May"},
			{"by nothing known", n.admin, site.PostFilter{OrderBy: "1; DROP TABLE posts", Limit: 1}, "ahead"},
			{"of one author", n.admin, site.PostFilter{Author: n.author.User.ID}, "May January"},
			{"words", n.admin, site.PostFilter{Search: "home team"}, "june January"},
			{"quoted words", n.admin, site.PostFilter{Search: `"home team"`}, "june"},
			{"title", n.admin, site.PostFilter{Search: "JANUARY"}, "January"},
			{"percent", n.admin, site.PostFilter{Search: "100%"}, "june"},
			{"a percent sign is no wildcard", n.admin, site.PostFilter{Search: "h%e"}, ""},
			{"underscore", n.admin, site.PostFilter{Search: "a_b"}, "March"},
			{"other script", n.admin, site.PostFilter{Search: "Ünïcödé"}, "april"},
			{"found nowhere", n.admin, site.PostFilter{Search: "zzzz"}, ""},
		}
		for _, test := range tests {
			list, err := whole(n.ListPosts(t.Context(), test.who, test.f, 0))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			var titles []string
			for _, p := range list {
				titles = append(titles, p.Title)
			}
			if got := strings.Join(titles, " "); got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		}
		if _, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Type: "nonsense"}, 0)); kind(err) != "invalid" {
			t.Errorf("an unknown type: %v, want invalid", err)
		}
		for _, test := range []struct {
			who  auth.Identity
			kind string
		}{{n.subscriber, "post"}, {n.author, "page"}, {auth.Identity{}, "post"}} {
			if _, err := whole(n.ListPosts(t.Context(), test.who, site.PostFilter{Type: test.kind}, 0)); kind(err) != "denied" {
				t.Errorf("%q lists %ss: %v, want denied", test.who.User.Role, test.kind, err)
			}
		}
	})
}

// The cost of a call does not depend on the number of posts in it or in the
// blog.
func TestStatements(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		tags := &[]string{"a", "b", "c"}
		fields := []site.FieldEdit{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "c", Value: "3"}}
		post := site.PostEdit{Title: new("T"), Content: new("x"), Status: new("publish"), Tags: tags, CustomFields: fields, FirstRevision: true}
		var id int64
		for range 30 {
			id = n.create(t, n.author, post)
		}
		everything := site.LoadTerms | site.LoadFields
		tests := []struct {
			name string
			most int64
			do   func() error
		}{
			{"get", 3, func() error { return second(n.GetPost(t.Context(), n.author, id, everything)) }},
			{"list 10", 3, func() error { return second(whole(n.ListPosts(t.Context(), n.author, site.PostFilter{}, everything))) }},
			{"list 30", 3, func() error {
				return second(whole(n.ListPosts(t.Context(), n.author, site.PostFilter{Limit: 30}, everything)))
			}},
			{"create", 14, func() error { return second(n.CreatePost(t.Context(), n.author, post)) }},
			{"create the least", 6, func() error { return second(n.CreatePost(t.Context(), n.author, site.PostEdit{Title: new("T")})) }},
			{"edit", 6, func() error { return n.EditPost(t.Context(), n.author, id, site.PostEdit{Content: new("y")}) }},
			{"trash", 12, func() error { return n.DeletePost(t.Context(), n.author, id) }},
			{"delete", 6, func() error { return n.DeletePost(t.Context(), n.author, id) }},
			{"publish due", 1, func() error { return second(n.PublishDue(t.Context())) }},
		}
		all := n.get(t, id).CustomFields
		var unchanged []site.FieldEdit
		for _, f := range all {
			unchanged = append(unchanged, site.FieldEdit{ID: f.ID, HasID: true, Key: f.Key, HasKey: true, Value: f.Value})
		}
		tests = append(tests[:6:6], append([]struct {
			name string
			most int64
			do   func() error
		}{{"edit that sends all fields back", 7, func() error { return n.EditPost(t.Context(), n.author, id, site.PostEdit{CustomFields: unchanged}) }}}, tests[6:]...)...)
		if _, err := n.Options().Current(t.Context()); err != nil { // read once, then cached
			t.Fatal(err)
		}
		for _, test := range tests {
			before := db.Statements()
			if err := test.do(); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if used := db.Statements() - before; used > test.most {
				t.Errorf("%s: %d statements, want at most %d", test.name, used, test.most)
			}
		}
	})
}

// Among many posts, the newest ones are found, and the few with a rare status.
func TestListOfMany(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		insertPosts(t, n, 20_000, func(i int) (string, string, time.Time) {
			status := "publish"
			if i%5000 == 7 {
				status = "draft"
			}
			return status, "post-" + strconv.Itoa(i), n.clock.Now().Add(-time.Duration(i) * time.Hour)
		})
		if _, err := db.Exec(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
		list, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Limit: 3}, 0))
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 3 || list[0].Title != "Title 0" || list[2].Title != "Title 2" {
			t.Errorf("the newest three: %d posts, want Title 0 to Title 2", len(list))
		}
		drafts, err := whole(n.ListPosts(t.Context(), n.admin, site.PostFilter{Statuses: []string{"draft", "pending"}, Limit: 3}, 0))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range drafts {
			got = append(got, p.Title)
		}
		if diff := cmp.Diff([]string{"Title 7", "Title 5007", "Title 10007"}, got); diff != "" {
			t.Errorf("the newest three drafts (-want +got):\n%s", diff)
		}
	})
}

// Case and accents affect neither a search nor the order of titles, on both
// databases.
func TestPostTextsFold(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		for i, title := range []string{"Zebra", "apfel", "\u00c4gypten", "Banane", "A\u0308rger", "e\u0301clair 100%"} {
			n.create(t, n.admin, site.PostEdit{Title: &title, Content: new(strings.Repeat("Caf\u00e9 ", i)), Status: new("publish")})
		}
		titles := func(f site.PostFilter) string {
			list, err := whole(n.ListPosts(t.Context(), n.admin, f, 0))
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, p := range list {
				out = append(out, p.Title)
			}
			return strings.Join(out, ", ")
		}
		for _, test := range []struct {
			name string
			f    site.PostFilter
			want string
		}{
			{"ascending", site.PostFilter{OrderBy: "title", Ascending: true}, "\u00c4gypten, apfel, A\u0308rger, Banane, e\u0301clair 100%, Zebra"},
			{"descending", site.PostFilter{OrderBy: "post_title", Limit: 2}, "Zebra, e\u0301clair 100%"},
			{"without the accent", site.PostFilter{Search: "AGYPTEN"}, "\u00c4gypten"},
			{"with another accent", site.PostFilter{Search: "\u00e0gypten"}, "\u00c4gypten"},
			{"composed for decomposed", site.PostFilter{Search: "\u00e9clair"}, "e\u0301clair 100%"},
			{"a character of patterns", site.PostFilter{Search: "100%"}, "e\u0301clair 100%"},
			{"in the text", site.PostFilter{Search: "cafe -zebra -eclair -arger", OrderBy: "ID", Ascending: true}, "apfel, \u00c4gypten, Banane"},
			{"not there", site.PostFilter{Search: "gypsen"}, ""},
		} {
			if got := titles(test.f); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
	})
}
