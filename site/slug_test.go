package site_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func TestSlugsAreUnique(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		long := strings.Repeat("a", 200)
		parent := n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("Parent"), Status: new("publish")})
		tests := []struct {
			name string
			edit site.PostEdit
			want string
		}{
			{"first", site.PostEdit{Title: new("Same"), Status: new("publish")}, "same"},
			{"second", site.PostEdit{Title: new("Same"), Status: new("publish")}, "same-2"},
			{"third", site.PostEdit{Title: new("same"), Status: new("private")}, "same-3"},
			{"taken number", site.PostEdit{Title: new("same 2"), Status: new("publish")}, "same-2-2"},
			{"draft", site.PostEdit{Title: new("Same")}, ""},
			{"named draft", site.PostEdit{Title: new("x"), Name: new("same")}, "same"},
			{"page", site.PostEdit{Title: new("Same"), Type: new("page"), Status: new("publish")}, "same"},
			{"second page", site.PostEdit{Title: new("Same"), Type: new("page"), Status: new("publish")}, "same-2"},
			{"page below another", site.PostEdit{Title: new("Same"), Type: new("page"), Status: new("publish"), Parent: &parent}, "same"},
			{"page of a number", site.PostEdit{Title: new("2024"), Type: new("page"), Status: new("publish")}, "2024-2"},
			{"page named like a page of a list", site.PostEdit{Title: new("Page 2"), Name: new("page2"), Type: new("page"), Status: new("publish")}, "page2-2"},
			{"post of a number", site.PostEdit{Title: new("2024"), Status: new("publish")}, "2024"},
			{"feed", site.PostEdit{Title: new("Feed"), Status: new("publish")}, "feed-2"},
			{"embed", site.PostEdit{Title: new("Embed"), Type: new("page"), Status: new("publish")}, "embed-2"},
			{"long", site.PostEdit{Title: &long, Status: new("publish")}, long},
			{"long again", site.PostEdit{Title: &long, Status: new("publish")}, long[:198] + "-2"},
		}
		for _, test := range tests {
			p := n.get(t, n.create(t, n.admin, test.edit))
			if p.Name != test.want {
				t.Errorf("%s: %q, want %q", test.name, p.Name, test.want)
			}
		}
		id := n.create(t, n.admin, site.PostEdit{Title: new("!?"), Status: new("publish")})
		if got, want := n.get(t, id).Name, strconv.FormatInt(id, 10); got != want {
			t.Errorf("a title without letters: slug %q, want the id %q", got, want)
		}
		id = n.create(t, n.admin, site.PostEdit{Title: new("Draft"), Name: new("same")})
		n.edit(t, n.admin, id, site.PostEdit{Status: new("publish")})
		if got := n.get(t, id).Name; got != "same-4" {
			t.Errorf("a draft with a taken slug is published as %q, want same-4", got)
		}
		id = n.create(t, n.contributor, site.PostEdit{Title: new("Mine"), Name: new("mine"), Status: new("pending")})
		if got := n.get(t, id).Name; got != "" {
			t.Errorf("a contributor's pending post has the slug %q, want none", got)
		}
	})
}

// Few statements find a free number for a title that is used again and again.
func TestSlugOfMany(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		insertPosts(t, n, 500, func(i int) (status, name string, date time.Time) {
			return "publish", "same-" + strconv.Itoa(i+1), n.clock.Now()
		})
		n.create(t, n.admin, site.PostEdit{Title: new("Same"), Status: new("publish")})
		before := db.Statements()
		id := n.create(t, n.admin, site.PostEdit{Title: new("Same"), Status: new("publish")})
		if used := db.Statements() - before; used > 12 {
			t.Errorf("%d statements, want at most 12", used)
		}
		if got := n.get(t, id).Name; got != "same-501" {
			t.Errorf("slug %q, want same-501", got)
		}
	})
}

// insertPosts inserts posts of the admin directly into the table, 500 with each
// statement.
func insertPosts(t *testing.T, n *newsroom, count int, row func(i int) (status, name string, date time.Time)) {
	t.Helper()
	for from := 0; from < count; from += 500 {
		var args []any
		var values []string
		for i := from; i < min(from+500, count); i++ {
			status, name, date := row(i)
			at := len(args)
			var marks []string
			for j := range 6 {
				marks = append(marks, "$"+strconv.Itoa(at+j+1))
			}
			values = append(values, "('post', "+strings.Join(marks, ", ")+", $"+strconv.Itoa(at+5)+", $"+strconv.Itoa(at+6)+")")
			args = append(args, status, "Title "+strconv.Itoa(i), name, n.admin.User.ID, date, date)
		}
		err := n.db.Update(context.Background(), func(tx *database.Tx) error {
			_, err := tx.Exec(context.Background(), `INSERT INTO posts (type, status, title, name, author, date, date_gmt, modified, modified_gmt) VALUES `+strings.Join(values, ", "), args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
