package desk_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// The pages of moderators show how many comments are held, and a comment leaves
// the queue when it has been moderated.
func TestQueueOfComments(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		post := n.post(t, "bob", site.PostEdit{Title: new("On <em>trains</em>"), Status: new("publish")})
		one := n.comment(t, post, "vic", `Look <a href="https://spam.example/x">here</a> & there`)
		two, three := n.comment(t, post, "wim", "The second remark"), n.comment(t, post, "xia", "A third remark, of trains")
		b := n.as(t, "eve")
		says(t, "the profile", b.Get("/profile"), 200, "3 comments are awaiting moderation.", `href="/admin/comments"`)
		says(t, "the queue", b.Get("/admin/comments"), 200, "Look here &amp; there", "https://spam.example/x", "On trains", "vic@example.net", `value="approve `+fmt.Sprint(one)+`"`, `<span class="away"> waiting`,
			"NOT", `<a href="https://spam.example`, `value="delete`)
		says(t, "search", b.Get("/admin/comments?status=hold&search=TRAINS+third"), 200, "A third remark", "NOT", "The second remark")
		says(t, "search by address", b.Get("/admin/comments?search=wim@example.net"), 200, "The second remark", "NOT", "A third remark")
		says(t, "search of nothing", b.Get("/admin/comments?search=%25"), 200, "No comments match the search.")

		says(t, "approve one", b.Post("/admin/comments", "status", "hold", "one", fmt.Sprint("approve ", one), "id", fmt.Sprint(two)), 303)
		says(t, "and then", b.Get("/admin/comments"), 200, "1 comment was approved.", "NOT", "Look here")
		says(t, "two are ticked", b.Post("/admin/comments", "status", "hold", "do", "spam", "id", fmt.Sprint(two), "id", fmt.Sprint(three)), 303)
		says(t, "and then", b.Get("/admin/comments"), 200, "2 comments were marked as spam.", "No comments are awaiting moderation.")
		says(t, "again", b.Post("/admin/comments", "do", "spam", "id", fmt.Sprint(two)), 303)
		says(t, "nothing was left to do", b.Get("/admin/comments?status=spam"), 200, "0 comments were marked as spam.", "The second remark", `value="delete `)
		says(t, "none is ticked", b.Post("/admin/comments", "do", "spam", "status", "hold"), 422, "No comment is selected.")
		says(t, "no such button", b.Post("/admin/comments", "do", "burn", "id", fmt.Sprint(one)), 404)

		b.Post("/admin/comments", "one", fmt.Sprint("trash ", two))
		b.Post("/admin/comments", "one", fmt.Sprint("trash ", one))
		b.Post("/admin/comments", "one", fmt.Sprint("delete ", three))
		if got := n.status(t, one) + " " + n.status(t, two) + " " + n.status(t, three); got != "trash trash " {
			t.Errorf("the comments are %q, want two in the trash and one deleted", got)
		}
		b.Post("/admin/comments", "one", fmt.Sprint("trash ", two)) // trashing twice does not delete
		b.Post("/admin/comments", "one", fmt.Sprint("hold ", one))
		if got := n.status(t, one) + " " + n.status(t, two); got != "hold trash" {
			t.Errorf("the comments are %q, want one that waits again and one in the trash", got)
		}
		says(t, "a comment of nobody", b.Get("/admin/comments/4711"), 404, "There is no such comment.")
	})
}

// A page allows what a call allows: moderators see all comments, and authors
// those on their own posts.
func TestWhoModerates(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		mine := n.post(t, "bob", site.PostEdit{Title: new("Mine"), Status: new("publish")})
		other := n.post(t, "ada", site.PostEdit{Title: new("Of the editors"), Status: new("publish")})
		own, foreign := n.comment(t, mine, "vic", "About bob's post"), n.comment(t, other, "wim", "About another's post")
		b := n.as(t, "bob")
		says(t, "the author's queue", b.Get("/admin/comments"), 200, "About bob&#39;s post", "NOT", "About another")
		says(t, "the author's profile", b.Get("/profile"), 200, "1 comment is awaiting moderation.")
		for _, path := range []string{fmt.Sprint("/admin/comments/", foreign)} {
			says(t, path, b.Get(path), 403, "NOT", "About another")
		}
		says(t, "another's comment", b.Post("/admin/comments", "one", fmt.Sprint("approve ", foreign)), 403)
		says(t, "edit it", b.Post(fmt.Sprint("/admin/comments/", foreign), "content", "x"), 403)
		says(t, "answer it", b.Post(fmt.Sprint("/admin/comments/", foreign, "/reply"), "reply", "x"), 403)
		says(t, "one's own", b.Post("/admin/comments", "one", fmt.Sprint("approve ", own)), 303)
		if got := n.status(t, own) + " " + n.status(t, foreign); got != "approve hold" {
			t.Errorf("the comments are %q", got)
		}
		says(t, "a subscriber", n.as(t, "sue").Get("/admin/comments"), 403, "You may not moderate comments.", "NOT", "About")
		says(t, "a subscriber's menu", n.as(t, "sue").Get("/profile"), 200, "NOT", "/admin/comments")
		says(t, "a stranger", n.as(t, "").Get("/admin/comments"), 303)
		b.Header.Set("Sec-Fetch-Site", "cross-site")
		says(t, "a form of another site", b.Post("/admin/comments", "one", fmt.Sprint("trash ", own)), 403, "sent by another site")
		if got := n.status(t, own); got != "approve" {
			t.Errorf("another site has changed the comment to %q", got)
		}
	})
}

// A reply approves its comment, and a comment can be edited. Problems are
// explained at the field.
func TestReplyAndEdit(t *testing.T) {
	each(t, func(t *testing.T, n *newsroom) {
		post := n.post(t, "bob", site.PostEdit{Title: new("A post"), Status: new("publish")})
		id := n.comment(t, post, "vic", "Is this <script>alert(1)</script> right?")
		b := n.as(t, "bob")
		path := fmt.Sprint("/admin/comments/", id)
		says(t, "the comment", b.Get(path), 200, "Comment by vic", "Approve and reply", "192.0.2.", "NOT", "<script>alert")
		says(t, "an empty reply", b.Post(path+"/reply", "reply", " "), 422, `id="reply-wrong"`)
		p := b.Post(path+"/reply", "reply", "It is.")
		says(t, "a reply", p, 303)
		if got := n.status(t, id); got != "approve" {
			t.Errorf("the comment is %q after the reply", got)
		}
		says(t, "the reply", b.Get(p.To()), 200, "The reply was posted.", "Comment by bob", "It is.")
		says(t, "the same reply", b.Post(path+"/reply", "reply", "It is."), 422, "already posted")
		says(t, "on the page", b.Get(fmt.Sprint("/?p=", post)), 200, "It is.", "Is this")
		says(t, "a correction", b.Post(path, "content", "Is this <b>right</b>?", "author", "Victor", "email", "v@example.net", "url", "https://vic.example/"), 303)
		says(t, "and then", b.Get(path), 200, "The comment was saved.", "Comment by Victor", "Is this &lt;b&gt;right&lt;/b&gt;?", "v@example.net", "https://vic.example/")
		says(t, "nothing changed", b.Post(path, "content", "Is this <b>right</b>?", "author", "Victor", "email", "v@example.net", "url", "https://vic.example/"), 303)
		says(t, "a long text", b.Post(path, "content", strings.Repeat("x", 70_000)), 422, `id="content-wrong"`, "too long")
		says(t, "a form that is longer still", b.Post(path, "content", strings.Repeat("x", 300<<10)), http.StatusRequestEntityTooLarge)
		n.set(t, map[string]string{options.WhoMayComment: options.CommentersNobody})
		says(t, "a reply where no one may comment", b.Post(path+"/reply", "reply", "And more"), 422, "does not accept comments")
	})
}
