package public_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// remark returns the form of a comment as a visitor fills it in, with changes.
func remark(post int64, text string, changes ...string) url.Values {
	form := url.Values{"comment_post_ID": {itoa(post)}, "comment_parent": {"0"}, "comment": {text}, "author": {"Vic"}, "email": {"vic@mail.example"}, "url": {"https://vic.example/"}, "homepage": {""}}
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func TestCommentForm(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{ClientAddr: from("192.0.2.7")})
		open := f.post(t, "Open", "text")
		closed := f.post(t, "Closed", "text", func(e *site.PostEdit) { e.CommentStatus = new("closed") })
		locked := f.post(t, "Locked", "text", password("sesame"))
		draft := f.post(t, "Draft", "text", status("draft"))
		pass := func() { f.clock.Add(time.Minute) }
		count := func() (n int64) {
			t.Helper()
			if err := db.Get(t.Context(), &n, `SELECT COUNT(*) FROM comments`); err != nil {
				t.Fatal(err)
			}
			return n
		}

		// A new blog accepts no comments of visitors, and shows no
		// form.
		lacks(t, "a blog without comments of visitors", f.get(t, link(open)), "wp-comments-post.php")
		expect(t, "a comment there", f.send(t, "/wp-comments-post.php", remark(open, "Hello")), 422, "signed-in users")
		f.set(t, "anonymous_comments", "1")
		expect(t, "the form", f.get(t, link(open)), 200, `action="/wp-comments-post.php"`, `name="comment_post_ID" value="`+itoa(open)+`"`)
		lacks(t, "a closed post", f.get(t, link(closed)), "wp-comments-post.php")

		for _, refused := range []struct {
			name   string
			form   url.Values
			status int
			want   string
		}{
			{"a closed post", remark(closed, "Hello"), 422, "does not accept comments"},
			{"a post with a password", remark(locked, "Hello"), 422, "does not accept comments"},
			{"a draft", remark(draft, "Hello"), 404, ""},
			{"no post", remark(4711, "Hello"), 404, ""},
			{"no text", remark(open, "  "), 422, "Please write a comment."},
			{"no name", remark(open, "Hello", "author", ""), 422, "your name"},
			{"no address", remark(open, "Hello", "email", "nobody"), 422, "enter a valid e-mail address"},
			{"a long text", remark(open, strings.Repeat("x", 65526)), 422, "too long"},
			{"a long form", remark(open, strings.Repeat("x", 300<<10)), 413, ""},
		} {
			w := f.send(t, "/wp-comments-post.php", refused.form)
			expect(t, refused.name, w, refused.status, refused.want)
			if w.Code == 422 && w.Header().Get("Cache-Control") != "private, no-store" {
				t.Errorf("%s: kept by %q", refused.name, w.Header().Get("Cache-Control"))
			}
		}
		expect(t, "what was refused comes back", f.send(t, "/wp-comments-post.php", remark(open, "Hello <there>", "email", "nobody")), 422, "Hello &lt;there&gt;</textarea>", `value="Vic"`)
		if n := count(); n != 0 {
			t.Fatalf("%d comments were written, want none", n)
		}

		// The visitor is unknown, so the comment is held, and the page
		// says so.
		w := f.send(t, "/wp-comments-post.php", remark(open, "First remark"))
		expect(t, "an unknown visitor", w, 303)
		held, _, _ := strings.Cut(w.Header().Get("Location"), "#")
		own := f.get(t, held)
		expect(t, "where it leads", own, 200, "Your comment is awaiting moderation", "First remark", "Only you see it")
		if got := own.Header().Get("Cache-Control"); got != "private, no-store" {
			t.Errorf("the page with a comment that waits is kept by %q", got)
		}
		lacks(t, "a token of another comment", f.get(t, strings.Replace(held, "unapproved=1", "unapproved=2", 1)), "First remark")
		lacks(t, "no token", f.get(t, link(open)+"&unapproved=1"), "First remark")
		lacks(t, "the page", f.get(t, link(open)), "First remark", "Your comment is awaiting moderation")

		expect(t, "the same again", f.send(t, "/wp-comments-post.php", remark(open, "First remark")), 422, "already posted this comment")
		expect(t, "another at once", f.send(t, "/wp-comments-post.php", remark(open, "Second remark")), 429, "commenting too quickly")

		// After one comment was approved, the next ones appear at once,
		// in threads.
		var first int64
		if err := db.Get(t.Context(), &first, `SELECT id FROM comments`); err != nil {
			t.Fatal(err)
		}
		if err := f.EditComment(t.Context(), f.admin, first, site.CommentEdit{Status: new("approve")}); err != nil {
			t.Fatal(err)
		}
		lacks(t, "an approved comment", f.get(t, held), "Only you see it")
		pass()
		expect(t, "the form for an answer", f.get(t, link(open)+"&replytocom="+itoa(first)), 200, "Reply to Vic", `name="comment_parent" value="`+itoa(first)+`"`, "noindex")
		w = f.send(t, "/wp-comments-post.php", remark(open, "Second remark", "comment_parent", itoa(first)))
		expect(t, "a known visitor", w, 303)
		if got := w.Header().Get("Location"); got != "/?p="+itoa(open)+"#comment-"+itoa(first+1) {
			t.Errorf("leads to %s", got)
		}
		page := f.get(t, link(open))
		expect(t, "the page", page, 200, "2 comments", `<a href="https://vic.example/" rel="nofollow ugc">Vic</a>`, "First remark", "Second remark")
		_, below, _ := strings.Cut(page.Body.String(), `id="comment-`+itoa(first)+`"`)
		if answers, _, _ := strings.Cut(below, "</ol>"); !strings.Contains(answers, "<ol>") || !strings.Contains(answers, "Second remark") {
			t.Errorf("the answer does not stand below what it answers:\n%s", page.Body)
		}
		var ip string
		if err := db.Get(t.Context(), &ip, `SELECT ip FROM comments WHERE id = $1`, first); err != nil || ip != "192.0.2.7" {
			t.Errorf("the comment comes from %q, %v", ip, err)
		}

		// Only a program fills in the hidden field.
		pass()
		before := count()
		expect(t, "a program", f.send(t, "/wp-comments-post.php", remark(open, "Buy", "homepage", "https://spam.example/")), 303)
		if n := count(); n != before {
			t.Errorf("the comment of a program was written")
		}
	})
}

// Comments are only accepted from pages of this blog, and by POST.
func TestCommentOfAnotherSite(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "anonymous_comments", "1")
		open, locked := f.post(t, "Open", "text"), f.post(t, "Locked", "text", password("sesame"))
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
			expect(t, "a comment", f.send(t, "/wp-comments-post.php", remark(open, "Hello"), headers...), 403)
			expect(t, "a password", f.send(t, "/wp-pass.php", url.Values{"post": {itoa(locked)}, "post_password": {"sesame"}}, headers...), 403)
		}
		for _, target := range []string{"/wp-comments-post.php", "/wp-pass.php"} {
			if w := f.get(t, target); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
				t.Errorf("GET %s: %d", target, w.Code)
			}
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")))
		expect(t, "POST to the home page", w, 404)
	})
}

// Each comment is shown once, whatever parent it names.
func TestThreads(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "thread_comments_depth", "3")
		post := f.post(t, "Post", "text")
		other := f.post(t, "Other", "text")
		parent := int64(0)
		var ids []int64
		for i := range 8 {
			f.clock.Add(time.Minute)
			id, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: post, Parent: parent, Content: "remark " + itoa(int64(i))})
			if err != nil {
				t.Fatal(err)
			}
			ids, parent = append(ids, id), id
		}
		stray, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: other, Content: "elsewhere"})
		if err != nil {
			t.Fatal(err)
		}
		// Imports can bring cycles, comments that are their own parent,
		// and parents on other posts.
		for child, parent := range map[int64]int64{ids[0]: ids[7], ids[3]: ids[3], ids[5]: stray} {
			if _, err := db.Exec(t.Context(), `UPDATE comments SET parent = $2 WHERE id = $1`, child, parent); err != nil {
				t.Fatal(err)
			}
		}
		for _, threaded := range []string{"1", "0"} {
			f.set(t, "thread_comments", threaded)
			page := f.get(t, link(post)).Body.String()
			for _, id := range ids {
				if n := strings.Count(page, `<li id="comment-`+itoa(id)+`"`); n != 1 {
					t.Errorf("threads %s: comment %d is shown %d times", threaded, id, n)
				}
			}
			deepest, depth := 0, 0
			for _, part := range strings.Split(page, "<")[1:] {
				switch {
				case strings.HasPrefix(part, "ol"):
					depth++
				case strings.HasPrefix(part, "/ol"):
					depth--
				}
				deepest = max(deepest, depth)
			}
			if want := map[string]int{"1": 3, "0": 1}[threaded]; deepest != want {
				t.Errorf("threads %s: %d levels, want %d", threaded, deepest, want)
			}
		}
	})
}
