package site_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

func TestPermalinks(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		date := &site.PostDate{Time: time.Date(2024, 3, 9, 8, 5, 2, 0, time.UTC), Local: true}
		post := n.create(t, n.admin, site.PostEdit{Title: new("Übung"), Status: new("publish"), Date: date})
		script := n.create(t, n.admin, site.PostEdit{Title: new("日本"), Status: new("publish"), Date: date})
		draft := n.create(t, n.admin, site.PostEdit{Title: new("Draft"), Name: new("draft")})
		ahead := n.create(t, n.admin, site.PostEdit{Title: new("Ahead"), Status: new("publish"), Date: in(n, time.Hour)})
		hidden := n.create(t, n.editor, site.PostEdit{Title: new("Hidden"), Status: new("private"), Date: date})
		page := n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("About"), Status: new("publish")})
		child := n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: new("Team"), Status: new("publish"), Parent: &page})
		upload := addAttachment(t, n, "image/png")
		plain := func(parameter string, id int64) string {
			return fmt.Sprintf("https://blog.example/?%s=%d", parameter, id)
		}

		tests := []struct {
			structure string
			links     map[int64]string
		}{
			{"", map[int64]string{post: plain("p", post), page: plain("page_id", page), child: plain("page_id", child), upload: plain("attachment_id", upload)}},
			{"/%year%/%monthnum%/%day%/%postname%/", map[int64]string{
				post: "https://blog.example/2024/03/09/ubung/", script: "https://blog.example/2024/03/09/%e6%97%a5%e6%9c%ac/",
				hidden: "https://blog.example/2024/03/09/hidden/", draft: plain("p", draft), ahead: plain("p", ahead),
				page: "https://blog.example/about/", child: "https://blog.example/about/team/", upload: plain("attachment_id", upload),
			}},
			{"/%postname%", map[int64]string{post: "https://blog.example/ubung", child: "https://blog.example/about/team"}},
			{"/archives/%post_id%", map[int64]string{post: fmt.Sprintf("https://blog.example/archives/%d", post), page: "https://blog.example/about"}},
			{"/%hour%-%minute%-%second%/%postname%.html", map[int64]string{post: "https://blog.example/08-05-02/ubung.html"}},
			{"/%author%/%postname%/", map[int64]string{post: "https://blog.example/" + n.admin.User.Nicename + "/ubung/", child: "https://blog.example/about/team/"}},
			{"/%category%/%postname%/", map[int64]string{post: "https://blog.example/uncategorized/ubung/", child: "https://blog.example/about/team/", page: "https://blog.example/about/"}},
		}
		for _, test := range tests {
			if err := n.Options().Set(t.Context(), "permalink_structure", test.structure); err != nil {
				t.Fatal(err)
			}
			for id, want := range test.links {
				p := n.get(t, id)
				if p.Link != want {
					t.Errorf("%q: post %d (%s %s) is at %s, want %s", test.structure, id, p.Type, p.Name, p.Link, want)
				}
				single, err := n.Permalink(t.Context(), &p.Post)
				if err != nil || single != want {
					t.Errorf("%q: Permalink of post %d: %s, %v, want %s", test.structure, id, single, err, want)
				}
				found, err := n.FindPost(t.Context(), n.admin, want, 0)
				if err != nil || found.ID != id {
					t.Errorf("%q: at %s is %v, %v, want post %d", test.structure, want, found, err, id)
				}
			}
		}
	})
}

func TestFindPost(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		if err := n.Options().Set(t.Context(), "permalink_structure", "/%year%/%postname%/"); err != nil {
			t.Fatal(err)
		}
		date := &site.PostDate{Time: time.Date(2024, 3, 9, 8, 5, 2, 0, time.UTC)}
		post := n.create(t, n.author, site.PostEdit{Title: new("Post"), Status: new("publish"), Date: date})
		draft := n.create(t, n.author, site.PostEdit{Title: new("Draft")})
		hidden := n.create(t, n.editor, site.PostEdit{Title: new("Hidden"), Status: new("private"), Date: date})
		trashed := n.create(t, n.author, site.PostEdit{Title: new("Trashed"), Status: new("publish"), Date: date})
		if err := n.DeletePost(t.Context(), n.author, trashed); err != nil {
			t.Fatal(err)
		}
		nobody := auth.Identity{}
		tests := []struct {
			who     auth.Identity
			address string
			want    int64 // 0: not found
		}{
			{nobody, "/2024/post/", post},
			{nobody, "/2024/post", post},
			{nobody, "/2024/POST/?utm=1#top", post},
			{nobody, "https://blog.example/2024/post/", post},
			{nobody, "https://elsewhere.example/2024/post/", 0},
			{nobody, "/2023/post/", 0},
			{nobody, "/2024/post/more", 0},
			{nobody, "/", 0},
			{nobody, "", 0},
			{nobody, "%zz", 0},
			{nobody, "/?p=0", 0},
			{nobody, "/?p=9999", 0},
			{nobody, "/?p=abc", 0},
			{nobody, fmt.Sprintf("/?p=%d", post), post},
			{nobody, fmt.Sprintf("/?p=%d", draft), 0},
			{n.author, fmt.Sprintf("/?p=%d", draft), draft},
			{n.contributor, fmt.Sprintf("/?p=%d", draft), 0},
			{n.editor, fmt.Sprintf("/?p=%d", draft), draft},
			{nobody, "/2024/hidden/", 0},
			{n.author, "/2024/hidden/", 0},
			{n.admin, "/2024/hidden/", hidden},
			{nobody, fmt.Sprintf("/?p=%d", trashed), 0},
		}
		for _, test := range tests {
			p, err := n.FindPost(t.Context(), test.who, test.address, 0)
			switch {
			case test.want == 0 && kind(err) != "not found":
				t.Errorf("%q at %q: %v, %v, want not found", test.who.User.Role, test.address, p, err)
			case test.want != 0 && (err != nil || p.ID != test.want):
				t.Errorf("%q at %q: %v, %v, want post %d", test.who.User.Role, test.address, p, err, test.want)
			}
		}
	})
}

// A post without a pretty address hides none that has one.
func TestAddressOfTwo(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		if err := n.Options().Set(t.Context(), "permalink_structure", "/%postname%/"); err != nil {
			t.Fatal(err)
		}
		page := func(name, status string, parent int64) int64 {
			return n.create(t, n.admin, site.PostEdit{Type: new("page"), Title: &name, Name: &name, Status: &status, Parent: &parent})
		}
		post := func(name, status string) int64 {
			return n.create(t, n.admin, site.PostEdit{Title: &name, Name: &name, Status: &status})
		}
		post("one", "draft")
		one := page("one", "publish", 0)
		post("two", "private")
		two := page("two", "publish", 0)
		drafts := []int64{page("draft of three", "draft", 0), post("draft of four", "draft")}
		three := page("three", "publish", 0)
		below := page("below", "publish", three)
		four := post("four", "publish")
		// An import may bring drafts that are older than the posts with
		// their names.
		for i, name := range []string{"three", "four"} {
			if _, err := db.Exec(t.Context(), `UPDATE posts SET name = $2 WHERE id = $1`, drafts[i], name); err != nil {
				t.Fatal(err)
			}
		}
		for address, want := range map[string]int64{"/one/": one, "/two/": two, "/three/": three, "/three/below/": below, "/four/": four} {
			got, err := n.FindPost(t.Context(), auth.Identity{}, address, 0)
			if err != nil || got.ID != want {
				t.Errorf("%s: got %v, %v, want post %d", address, got, err, want)
			}
		}
	})
}

func TestVisiblePosts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := openNewsroom(t, db)
		for _, status := range []string{"publish", "draft", "private", "publish"} {
			n.create(t, n.admin, site.PostEdit{Title: &status, Status: &status})
			n.clock.Add(time.Minute)
		}
		list, err := n.VisiblePosts(t.Context(), site.VisitorFilter{Limit: 10}, site.LoadTerms)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 || list[0].ID < list[1].ID {
			t.Errorf("%d published posts, want the 2, the newest first", len(list))
		}
	})
}
