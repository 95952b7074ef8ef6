package transfer_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/transfer"
	"github.com/quillgate/quillgate/wxr"
)

// remembered returns the old addresses of a post.
func (b blog) remembered(t *testing.T, id int64) (list []string) {
	t.Helper()
	if err := b.db.Select(t.Context(), &list, `SELECT address FROM old_addresses WHERE post_id = $1`, id); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// An import stores the addresses of the source itself that visitors could see,
// a few for each post. If two posts have the same one, the first keeps it.
func TestOldAddressesAreRemembered(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		item := func(id int64, kind, status, link string, meta ...wxr.Meta) wxr.Post {
			return wxr.Post{ID: id, Type: kind, Status: status, Title: fmt.Sprint("Post ", id), Link: link, Meta: meta, GUID: fmt.Sprint("http://there.example/blog/?p=", id), Date: time.Date(2020, 1, 2, 3, 4, int(id), 0, time.UTC)}
		}
		many := []wxr.Meta{}
		for i := range 20 {
			many = append(many, wxr.Meta{Key: "_old_address", Value: fmt.Sprint("/many/", i)})
		}
		posts := []wxr.Post{
			item(10, "post", "publish", "http://www.There.example/Blog/2020/01/a.html"),
			item(11, "page", "publish", "/about-us", wxr.Meta{Key: "blogger_permalink", Value: "/p/about-us.html"}),
			item(12, "post", "private", "http://elsewhere.example/x"),
			item(13, "post", "draft", "http://there.example/blog/?p=13"),
			item(14, "nav_menu_item", "publish", "http://there.example/blog/menu"),
			item(15, "post", "publish", "http://there.example/blog/2020/01/a.html", many...),
			item(16, "post", "publish", "http://there.example/blog/", wxr.Meta{Key: "_old_address", Value: "no path"}),
		}
		cfg := config("one")
		cfg.Addresses = []string{"http://there.example/blog"}
		b.take(t, cfg, transfer.IntakeBatch{Posts: posts}, false)
		b.take(t, cfg, transfer.IntakeBatch{Posts: posts}, true) // again
		for id, want := range map[int64][]string{
			10: {"/2020/01/a.html", "/blog/2020/01/a.html"},
			11: {"/about-us", "/p/about-us.html"},
			15: {"/many/0", "/many/1", "/many/2", "/many/3", "/many/4", "/many/5", "/many/6", "/many/7"},
		} {
			if diff := cmp.Diff(want, b.remembered(t, id)); diff != "" {
				t.Errorf("of post %d (-want +got):\n%s", id, diff)
			}
		}
		for _, id := range []int64{12, 13, 14, 16} {
			if list := b.remembered(t, id); len(list) > 0 {
				t.Errorf("of post %d %q is remembered", id, list)
			}
		}

		// A post of another blog that gets another id here is also found at its
		// old plain address.
		other := config("two")
		other.Source, other.Addresses = "http://other.example", []string{"http://other.example"}
		stranger := item(10, "post", "publish", "http://other.example/stranger/")
		stranger.Title, stranger.GUID = "Stranger", "http://other.example/?p=10"
		b.take(t, other, transfer.IntakeBatch{Posts: []wxr.Post{stranger}}, false)
		var id int64
		if err := db.Get(t.Context(), &id, `SELECT id FROM posts WHERE title = 'Stranger'`); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"/?p=10", "/stranger/"}, b.remembered(t, id)); diff != "" {
			t.Errorf("of a post with another number (-want +got):\n%s", diff)
		}
	})
}

// Old addresses move again with a blog, in a WordPress export and in a bundle.
// A bundle takes them from posts that have them already.
func TestOldAddressesMoveOn(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		first := openBlog(t, db, nil)
		first.mustImport(t, readBundle(t))
		want := first.remembered(t, 3)
		if len(want) != 3 {
			t.Fatalf("the bundle brought %q", want)
		}
		var file bytes.Buffer
		if err := first.ExportWXR(t.Context(), &file, "test"); err != nil {
			t.Fatal(err)
		}
		second := openBlog(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
		second.importFile(t, "site.xml", file.Bytes())
		if got := second.remembered(t, 3); !slices.Equal(got, want) {
			t.Errorf("after an export of WordPress %q are remembered, want %q", got, want)
		}
		var fields int
		if err := second.db.Get(t.Context(), &fields, `SELECT COUNT(*) FROM post_meta WHERE key = '_old_address'`); err != nil || fields != 0 {
			t.Errorf("%d custom fields hold old addresses, %v", fields, err)
		}

		report := first.mustImport(t, `{"posts": [{"id": 5, "type": "post", "status": "draft", "title": "Unfinished", "name": "", "author": 2, "content": "Later", "excerpt": "",
			"comment_status": "closed", "ping_status": "open", "date": "2023-05-03 08:00:00", "terms": [], "old_addresses": ["/blog/high-water/", "/new"]}]}`)
		if got := first.remembered(t, 5); report.Posts.Changed != 1 || !slices.Equal(got, []string{"/blog/high-water/", "/new"}) {
			t.Errorf("after a bundle that takes an address over %q, %+v", got, report.Posts)
		}
		if got := first.remembered(t, 3); len(got) != 2 {
			t.Errorf("two posts have an address: %q", got)
		}
		if _, err := first.Import(t.Context(), bytes.NewReader([]byte(`{"posts": [{"id": 5, "type": "post", "status": "draft", "date": "2023-05-03 08:00:00", "old_addresses": ["/x"]},
			{"id": 9, "type": "post", "status": "draft", "date": "2023-05-03 08:00:00", "old_addresses": ["/x"]}]}`))); err == nil {
			t.Error("a bundle in which two posts have an address is taken")
		}
	})
}
