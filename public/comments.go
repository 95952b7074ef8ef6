package public

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// Limits of the form, as in package site.
const (
	maxCommentAuthor = 245
	maxCommentEmail  = 100
	maxCommentText   = 65525
	// maxForm bounds the body of a form in bytes: the longest text with every
	// byte encoded, and the other fields.
	maxForm = 256 << 10
)

// honeypot is a field that is invisible to people. Programs that fill in every
// field fill it in too.
const honeypot = "homepage"

// comments prepares the comments of a post and the form. It returns nil if
// there are no comments and none can be added.
func (p *Pages) comments(ctx context.Context, q *ask, post *site.FullPost, opts *options.Values) (*Comments, error) {
	commenters, err := p.site.CommentersOf(ctx, q.who, &post.Post, q.unlocked)
	if err != nil || post.CommentCount == 0 && commenters == options.CommentersNobody && q.held == 0 {
		return nil, err
	}
	open := commenters == options.CommentersAnybody || commenters == options.CommentersUsers && q.who.LoggedIn()
	var rows []site.Comment
	if post.CommentCount > 0 {
		if rows, err = p.site.VisibleComments(ctx, post.ID); err != nil {
			return nil, err
		}
	}
	if q.held != 0 {
		held, err := p.site.HeldComment(ctx, post.ID, q.held, q.token)
		if err == nil {
			rows = append(rows, held)
		} else if !errors.Is(err, site.ErrNoComment) {
			return nil, err
		}
	}
	out := &Comments{Open: open, Heading: say("%d comments", len(rows))}
	if commenters == options.CommentersUsers {
		out.SignIn = p.signIn(q.who, post.ID, "#respond")
	}
	if len(rows) == 0 {
		out.Heading = say("Comments")
	}
	shortenComments(rows)
	list := make([]*Comment, len(rows))
	parents := make([]int64, len(rows))
	for i := range rows {
		if list[i], err = p.comment(ctx, &rows[i], post, opts); err != nil {
			return nil, err
		}
		parents[i] = rows[i].Parent
		if open && rows[i].Type == "comment" && !list[i].Held {
			list[i].ReplyLink = withParameter(post.Link, "replytocom", itoa(rows[i].ID), "respond")
		}
	}
	depth := 1
	if opts.Bool("thread_comments") {
		depth = min(max(int(opts.Int("thread_comments_depth")), 1), 10)
	}
	out.List = threads(list, parents, depth)
	out.Form = CommentForm{
		Action: p.basePath + "/wp-comments-post.php", Post: post.ID, RequireName: opts.Bool("require_name_email"),
		MaxAuthor: maxCommentAuthor, MaxEmail: maxCommentEmail, MaxText: maxCommentText,
	}
	if q.who.LoggedIn() {
		out.Form.As = q.who.User.DisplayName
	}
	for _, c := range list {
		if q.reply != 0 && c.ID == q.reply && c.ReplyLink != "" {
			out.Form.Parent, out.Form.Answering, out.Form.CancelLink = c.ID, c.Author, post.Link+"#respond"
		}
	}
	return out, nil
}

// The size of comments on a page is bounded, in bytes: after the first
// commentTexts bytes, each further comment gets restText.
const (
	commentTexts = 1 << 20
	restText     = 500
)

// shortenComments shortens the last texts if comments are very many or very
// long.
func shortenComments(rows []site.Comment) {
	left := commentTexts
	for i := range rows {
		if left -= len(rows[i].Content); left < 0 {
			rows[i].Content = clip(rows[i].Content, restText)
		}
	}
}

func (p *Pages) comment(ctx context.Context, c *site.Comment, post *site.FullPost, opts *options.Values) (*Comment, error) {
	root, err := p.remark(ctx, c.Content)
	if err != nil {
		return nil, err
	}
	reachable(root)
	content, err := render(root)
	if err != nil {
		return nil, err
	}
	out := &Comment{
		ID: c.ID, Kind: c.Type, Author: firstOf(plainText(c.Author), say("Anonymous")), Link: post.Link + "#comment-" + itoa(c.ID),
		ByAuthor: c.UserID != 0 && c.UserID == post.Author, Held: c.Status == site.CommentHeld,
		Date:    phpDate(opts.Text("date_format"), c.Date, opts.Location()) + ", " + phpDate(opts.Text("time_format"), c.Date, opts.Location()),
		Stamp:   c.DateGMT.UTC().Format(time.RFC3339),
		Content: content,
	}
	if u, err := url.Parse(c.URL); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		out.URL = c.URL
	}
	return out, nil
}

// threads puts replies below the comments that they reply to, down to a maximum
// depth. Deeper replies stand next to each other. Every comment is shown,
// whatever its parent is.
func threads(list []*Comment, parents []int64, depth int) []*Comment {
	index := make(map[int64]int, len(list))
	for i, c := range list {
		index[c.ID] = i
	}
	level := make([]int, len(list))
	var roots []*Comment
	// Comments are in the order of time, and a reply is later than its parent.
	// A comment whose parent comes later or does not exist counts as having
	// none, so there can be no cycle.
	above := make([]int, len(list))
	for i, c := range list {
		at, ok := index[parents[i]]
		if !ok || at >= i || depth <= 1 {
			above[i] = -1
			roots = append(roots, c)
			continue
		}
		if level[at] >= depth-1 {
			at = above[at]
		}
		above[i], level[i] = at, level[at]+1
		list[at].Answers = append(list[at].Answers, c)
	}
	return roots
}

// Comment handles the form below a post. The address and the names of its
// fields are those of WordPress.
func (p *Pages) Comment(w http.ResponseWriter, r *http.Request) {
	form, t, ok := p.postForm(w, r, "comment_post_ID")
	if !ok {
		return
	}
	ctx := r.Context()
	if form.Get(honeypot) != "" {
		p.redirectTo(w, r, withParameter(t.link, "comment", "held", "respond")) // and no one reads it
		return
	}
	parent, _ := number(form.Get("comment_parent"))
	in := site.NewComment{
		Post: t.post.ID, Parent: int64(parent), Content: form.Get("comment"), Author: form.Get("author"), Email: form.Get("email"),
		URL: form.Get("url"), IP: p.clientAddr(r).String(), Agent: r.UserAgent(), Token: passwordCookie(r),
	}
	who, err := p.visitor(r)
	if err != nil {
		p.broken(w, r, err)
		return
	}
	made, err := p.site.CreateComment(ctx, who, in)
	if err != nil {
		p.refuseComment(w, r, t, in, who, err)
		return
	}
	shown, token, err := p.site.CommentShown(ctx, made)
	switch {
	case err != nil:
		p.broken(w, r, err)
	case shown:
		p.redirectTo(w, r, t.link+"#comment-"+itoa(made))
	case token != "": // so its writer sees it, as in WordPress
		own := "&unapproved=" + itoa(made) + "&moderation-hash=" + token + "#comment-" + itoa(made)
		p.redirectTo(w, r, strings.TrimSuffix(withParameter(t.link, "comment", "held", ""), "#")+own)
	default:
		p.redirectTo(w, r, withParameter(t.link, "comment", "held", "respond"))
	}
}

// postForm reads a form about a post, whose id is in a field, and finds that
// post. If ok is false, it has already written the answer.
func (p *Pages) postForm(w http.ResponseWriter, r *http.Request, field string) (form url.Values, t *target, ok bool) {
	form, ok = p.form(w, r)
	if !ok {
		return nil, nil, false
	}
	id, _ := number(form.Get(field))
	t, err := p.findPost(r.Context(), p.site.BaseURL()+"/?p="+itoa(int64(id)))
	if errors.Is(err, site.ErrNotFound) {
		p.sendMissing(w, r)
		return nil, nil, false
	}
	if err != nil {
		p.broken(w, r, err)
		return nil, nil, false
	}
	return form, t, true
}

// form reads a form from one of our pages. It answers all other requests
// itself.
func (p *Pages) form(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if p.off {
		http.NotFound(w, r)
		return nil, false
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, say("This address accepts only forms that are sent with POST."), http.StatusMethodNotAllowed)
		return nil, false
	}
	if err := p.origin.Check(r); err != nil {
		http.Error(w, say("This form was sent by another site."), http.StatusForbidden)
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if too := (*http.MaxBytesError)(nil); errors.As(err, &too) {
		http.Error(w, say("The form is too long."), http.StatusRequestEntityTooLarge)
		return nil, false
	}
	if err != nil {
		http.Error(w, say("The form cannot be read."), http.StatusBadRequest)
		return nil, false
	}
	return r.PostForm, true
}

// redirectTo redirects to a page after a form was accepted.
func (p *Pages) redirectTo(w http.ResponseWriter, r *http.Request, address string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.local(address), http.StatusSeeOther)
}

func (p *Pages) sendMissing(w http.ResponseWriter, r *http.Request) {
	a, err := p.missing(r.Context(), auth.Identity{})
	if err != nil {
		p.broken(w, r, err)
		return
	}
	p.serve(w, r, a)
}

// refuseComment shows the post again, with the visitor's text and what is wrong
// with it.
func (p *Pages) refuseComment(w http.ResponseWriter, r *http.Request, t *target, in site.NewComment, who auth.Identity, err error) {
	problem, known := commentProblem(err)
	if !known {
		p.broken(w, r, err)
		return
	}
	failed := &remark{form: CommentForm{Author: in.Author, Email: in.Email, URL: in.URL, Text: in.Content}, problem: problem}
	open, failure := p.site.OpensPost(r.Context(), &t.post.Post, in.Token)
	if failure != nil {
		p.broken(w, r, failure)
		return
	}
	a, failure := p.postPage(r.Context(), &ask{reply: in.Parent, unlocked: open, who: who}, t, failed)
	if failure != nil {
		p.broken(w, r, failure)
		return
	}
	if errors.Is(err, site.ErrCommentFlood) {
		a.status = http.StatusTooManyRequests
	}
	p.serve(w, r, a)
}

func commentProblem(err error) (string, bool) {
	var invalid *site.Invalid
	var denied *site.Denied
	switch {
	case errors.Is(err, site.ErrSignInToComment):
		return say("Only signed-in users may comment."), true
	case errors.Is(err, site.ErrCommentsClosed), errors.As(err, &denied):
		return say("This post does not accept comments."), true
	case errors.Is(err, site.ErrDuplicateComment):
		return say("You have already posted this comment."), true
	case errors.Is(err, site.ErrCommentFlood):
		return say("You are commenting too quickly. Please wait a moment and send it again."), true
	case errors.As(err, &invalid) && invalid.Field == "author":
		return say("Please enter your name and your e-mail address."), true
	case errors.As(err, &invalid) && invalid.Field == "author_email":
		return say("Please enter a valid e-mail address."), true
	case errors.As(err, &invalid) && invalid.Field == "content":
		return say("Please write a comment."), true
	case errors.Is(err, site.ErrCommentLength):
		return say("One of the fields is too long."), true
	}
	return "", false
}
