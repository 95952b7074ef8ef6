package public_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// Every write is visible to the next visitor, on all pages that it affects,
// although all of them were cached just before.
func TestWritesAreSeenAtOnce(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "permalink_structure", "/%postname%/")
		ctx := t.Context()
		id := f.post(t, "First", "text", named("post_tag", "red"))
		edit := func(e site.PostEdit) func() error {
			return func() error { return f.EditPost(ctx, f.admin, id, e) }
		}
		comment := int64(0)
		lists := []string{"/", "/feed/", "/feed/atom/", "/tag/red/", "/author/ada/"}
		for _, step := range []struct {
			name      string
			do        func() error
			targets   []string
			want, not string
		}{
			{"a new post", func() error { f.post(t, "Second", "text", named("post_tag", "red")); return nil }, append(lists, "/wp-sitemap.xml"), "econd", ""},
			{"another title", edit(site.PostEdit{Title: new("Renamed")}), append(lists, "/first/"), "Renamed", "First"},
			{"another text", edit(site.PostEdit{Content: new("changed text")}), []string{"/", "/feed/", "/first/"}, "changed text", ""},
			{"no tag", edit(site.PostEdit{Terms: []site.TermChoice{{Taxonomy: "post_tag", IDs: []int64{}}}}), []string{"/tag/red/"}, "Second", "Renamed"},
			{"the title of the blog", func() error { return f.Options().Set(ctx, "blog_title", "Other title") }, []string{"/", "/feed/", "/first/", "/nothing/"}, "Other title", ""},
			{"the format of dates", func() error { return f.Options().Set(ctx, "date_format", `\o\n Y`) }, []string{"/", "/first/"}, "on 2026", ""},
			{"a comment", func() (err error) {
				comment, err = f.CreateComment(ctx, f.admin, site.NewComment{Post: id, Content: "a remark"})
				return err
			}, []string{"/first/", "/comments/feed/", "/first/feed/"}, "a remark", ""},
			{"an edited comment", func() error {
				return f.EditComment(ctx, f.admin, comment, site.CommentEdit{Content: new("a better one")})
			}, []string{"/first/", "/comments/feed/"}, "a better one", "a remark"},
			{"a comment less", func() error { return f.DeleteComment(ctx, f.admin, comment) }, []string{"/first/", "/comments/feed/"}, "", "a better one"},
			{"another name of the author", func() error {
				_, err := f.users.UpdateProfile(ctx, f.admin.Actor(), f.admin.User.ID, auth.Profile{DisplayName: new("Lady Ada")})
				return err
			}, []string{"/", "/feed/", "/first/", "/author/ada/"}, "Lady Ada", ""},
			{"a page", func() error { f.post(t, "In the menu", "text", ofType("page")); return nil }, []string{"/", "/first/"}, "In the menu", ""},
			{"a draft of it", edit(site.PostEdit{Status: new("draft")}), append(lists, "/first/", "/wp-sitemap.xml"), "", "enamed"},
			{"the post again", edit(site.PostEdit{Status: new("publish")}), []string{"/", "/feed/", "/first/"}, "Renamed", ""},
			{"a post less", func() error { return f.DeletePost(ctx, f.admin, id) }, append(lists, "/first/", "/wp-sitemap.xml"), "", "enamed"},
			{"another structure of addresses", func() error { return f.Options().Set(ctx, "permalink_structure", "/p/%postname%/") }, []string{"/", "/feed/"}, "/p/second/", ""},
		} {
			for _, target := range step.targets {
				f.get(t, target)
			}
			if err := step.do(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			for _, target := range step.targets {
				w := f.get(t, target)
				if !strings.Contains(w.Body.String(), step.want) {
					t.Errorf("%s: %s has no %q\n%s", step.name, target, step.want, w.Body)
				}
				if step.not != "" && strings.Contains(w.Body.String(), step.not) {
					t.Errorf("%s: %s still has %q", step.name, target, step.not)
				}
			}
		}
	})
}

// A scheduled post appears at its time, and not before.
func TestScheduledPostAppears(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.post(t, "Tomorrow", "text", dated("2026-11-06 12:00:00"))
		lacks(t, "today", f.get(t, "/"), "Tomorrow")
		f.clock.Add(25 * time.Hour)
		if _, err := f.PublishDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, "tomorrow", f.get(t, "/"), 200, "Tomorrow")
	})
}

// A write of another process to the same database is visible after a second,
// even one to options.
func TestWritesOfAnotherProcess(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, address string) {
		here := openFace(t, databasetest.Open(t, address), public.Config{})
		other := databasetest.Open(t, address)
		there, err := site.Open(t.Context(), site.Config{DB: other, Users: auth.NewUsers(auth.UsersConfig{DB: other, Hash: authtest.CheapHash}), BaseURL: base, Clock: here.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		write := func(fn func(context.Context) error) {
			t.Helper()
			here.get(t, "/")
			if err := fn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		seen := func(text string) {
			t.Helper()
			databasetest.WithinASecond(t, func() error {
				if !strings.Contains(here.get(t, "/").Body.String(), text) {
					return fmt.Errorf("%q is not seen", text)
				}
				return nil
			})
		}
		write(func(ctx context.Context) error {
			title, status := "From afar", "publish"
			_, err := there.CreatePost(ctx, here.admin, site.PostEdit{Title: &title, Status: &status})
			return err
		})
		seen("From afar")
		write(func(ctx context.Context) error { return there.Options().Set(ctx, "blog_title", "Far blog") })
		seen("Far blog")
	})
}

func TestConditionalRequests(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "pingback", "1")
		id := f.post(t, "First", "text")
		for _, target := range []string{"/", link(id), "/?feed=rss2", "/?feed=atom", "/wp-sitemap.xml", "/robots.txt"} {
			w := f.get(t, target)
			h := w.Header()
			tag, modified := h.Get("ETag"), h.Get("Last-Modified")
			if tag == "" || modified == "" || h.Get("Cache-Control") != "no-cache" {
				t.Fatalf("%s: headers %v", target, h)
			}
			for _, headers := range [][]string{{"If-None-Match", tag}, {"If-None-Match", `"other", W/` + tag}, {"If-Modified-Since", modified}} {
				if w := f.get(t, target, headers...); w.Code != http.StatusNotModified || w.Body.Len() > 0 || w.Header().Get("ETag") != tag {
					t.Errorf("%s, %v: %d", target, headers, w.Code)
				}
			}
			if w := f.get(t, target, "If-None-Match", `"other"`, "If-Modified-Since", modified); w.Code != 200 {
				t.Errorf("%s with another tag: %d", target, w.Code)
			}
			r := httptest.NewRecorder()
			f.ServeHTTP(r, httptest.NewRequest(http.MethodHead, target, nil))
			if r.Code != 200 || r.Body.Len() > 0 || r.Header().Get("ETag") != tag || r.Header().Get("Content-Length") != h.Get("Content-Length") {
				t.Errorf("%s, HEAD: %d, %v", target, r.Code, r.Header())
			}
		}
		// Both validators reveal a change, however quickly it comes.
		for range 3 {
			before := f.get(t, "/")
			f.post(t, "Another", "text")
			for _, header := range []string{"ETag", "Last-Modified"} {
				condition := map[string]string{"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[header]
				if w := f.get(t, "/", condition, before.Header().Get(header)); w.Code != 200 {
					t.Errorf("%s after a change: %d", condition, w.Code)
				}
			}
		}
		// A write that changes nothing on a page does not change its
		// validators.
		before := f.get(t, "/")
		f.post(t, "Unseen", "text", status("draft"))
		if w := f.get(t, "/", "If-None-Match", before.Header().Get("ETag")); w.Code != http.StatusNotModified {
			t.Errorf("after a draft was written: %d", w.Code)
		}
		if w := f.get(t, "/", "If-Modified-Since", before.Header().Get("Last-Modified")); w.Code != http.StatusNotModified {
			t.Errorf("after a draft was written, by date: %d", w.Code)
		}
	})
}

// The number of statements does not depend on the number of posts, and a cached
// page needs none.
func TestStatements(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := library(t, db, "/%postname%/")
		for range 12 {
			id := f.post(t, "One of many", "text <img src=\""+f.UploadURL("")+"a.png\">", named("category", "Apples"), named("post_tag", "Red Sky", "second"))
			if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "said " + itoa(id)}); err != nil {
				t.Fatal(err)
			}
		}
		for target, most := range map[string]int64{
			"/": 15, "/page/2/": 13, "/one-of-many/": 16, "/colophon/": 14, "/category/fruit/": 16, "/tag/red-sky/": 13, "/author/ada/": 13, "/2026/": 12, "/?s=text": 12,
			"/feed/": 8, "/feed/atom/": 8, "/comments/feed/": 6, "/one-of-many/feed/": 10, "/wp-sitemap.xml": 5, "/nothing-here/": 10,
		} {
			f.set(t, "blog_tagline", target) // nothing is cached
			before := db.Statements()
			f.get(t, target)
			if n := db.Statements() - before; n > most {
				t.Errorf("%s: %d statements, want at most %d", target, n, most)
			}
			before = db.Statements()
			f.get(t, target)
			if n := db.Statements() - before; n > 0 && target != "/nothing-here/" {
				t.Errorf("%s again: %d statements, want none", target, n)
			}
		}
	})
}
