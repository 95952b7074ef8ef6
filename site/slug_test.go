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

func TestSlug(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Hello World, again!", "hello-world-again"},
		{"My Slug!", "my-slug"},
		{"under_score - and -- dashes", "under_score-and-dashes"},
		{"  trimmed  ", "trimmed"},
		{"a.b.c", "a-b-c"},
		{"3.5% more", "3-5-more"},
		{"AT&T", "att"},
		{"this & that", "this-that"},
		{"this &amp; that", "this-that"},
		{"a &nbsp; b", "a-b"},
		{"one/two", "one-two"},
		{"a — b – c", "a-b-c"},
		{"it’s “quoted” … ©", "its-quoted"},
		{"3 × 4", "3-x-4"},
		{"soft\u00adhyphen", "softhyphen"},
		{"no\u00a0break", "no-break"},
		{"zero\u200bwidth", "zerowidth"},
		{"<b>bold</b> text", "bold-text"},
		{"a < b", "a-b"},
		{"<!-- note --> text", "text"},
		{`<a title=">">x</a>`, "x"},
		{"Übergröße 日本語", "ubergrose-%e6%97%a5%e6%9c%ac%e8%aa%9e"},
		{"Ünïcödé", "unicode"},
		{"U\u0308ber", "uber"},
		{"Łódź Æther Øre þing Straße œuvre", "lodz-aether-ore-thing-strase-oeuvre"},
		{"Ἀθῆναι", "%e1%bc%80%ce%b8%e1%bf%86%ce%bd%ce%b1%ce%b9"},
		{"ЖУРНАЛ", "%d0%b6%d1%83%d1%80%d0%bd%d0%b0%d0%bb"},
		{"й", "%d0%b9"},
		{"Tiếng Việt", "tieng-viet"},
		{"50€", "50e"},
		{"£5", "5"},
		{"%E6%97%A5", "%e6%97%a5"},
		{"%e2%80%93", ""},
		{"a%E2%80%94b%C2%A0c%c2%ad%C3%97", "a-b-cx"},
		{"%e2%80 %c3%a9 %ff %c2", "%e2%80-%c3%a9-%ff-%c2"},
		{"100%", "100"},
		{"!?", ""},
		{"", ""},
		{"😀", "%f0%9f%98%80"},
		{strings.Repeat("a", 300), strings.Repeat("a", 200)},
		{strings.Repeat("日", 30), strings.Repeat("%e6%97%a5", 22)},
		{"\xff\xfebad", "bad"},
	}
	for _, test := range tests {
		if got := site.Slug(test.in); got != test.want {
			t.Errorf("Slug(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func FuzzSlug(f *testing.F) {
	for _, s := range []string{"Hello", "<b", "&;", "%e6%97", "日本", "--", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		slug := site.Slug(s)
		if len(slug) > 200 {
			t.Errorf("Slug(%q) has %d bytes", s, len(slug))
		}
		for i := range len(slug) {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_%", rune(slug[i])) {
				t.Fatalf("Slug(%q) = %q holds %q", s, slug, slug[i])
			}
		}
		if again := site.Slug(slug); again != slug {
			t.Errorf("Slug(%q) = %q, and the slug of that is %q", s, slug, again)
		}
	})
}

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
			t.Errorf("a draft that asked for a taken slug is published as %q, want same-4", got)
		}
		id = n.create(t, n.contributor, site.PostEdit{Title: new("Mine"), Name: new("mine"), Status: new("pending")})
		if got := n.get(t, id).Name; got != "" {
			t.Errorf("a contributor's pending post has the slug %q, want none", got)
		}
	})
}

// The numbers of a title that is used over and over are found in few statements.
func TestSlugOfMany(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		insertPosts(t, n, 500, func(i int) (status, name string, date time.Time) {
			return "publish", "same-" + strconv.Itoa(i+1), n.clock.now()
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

// insertPosts adds posts of the admin straight to the table, 500 with each statement.
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
