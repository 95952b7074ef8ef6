package public

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// make produces the answer to a request.
func (p *Pages) make(ctx context.Context, q ask) (*answer, error) {
	if p.off {
		return p.closed(ctx, q)
	}
	t, err := p.find(ctx, &q)
	if errors.Is(err, site.ErrNotFound) {
		if len(q.path) == 1 && q.path[0] == "login" && p.signedIn != nil { // as in WordPress if no page has this name
			return &answer{status: http.StatusSeeOther, location: p.site.BaseURL() + signInPath}, nil
		}
		return p.missing(ctx, q.who)
	}
	if err != nil {
		return nil, fmt.Errorf("find what is at an address: %w", err)
	}
	opts, err := p.site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case t.moved != "":
		return leads(t.moved), nil
	case q.feed != "":
		return p.feed(ctx, &q, t)
	case t.post != nil:
		if want := postPageLink(t.link, t.page); !q.canonical(want, p.basePath) {
			return redirect(want), nil
		}
		return p.postPage(ctx, &q, t, nil)
	case t.kind == "comments":
		return p.missing(ctx, q.who) // it has a feed but no page
	}
	if want := listLink(t.link, q.page, opts); !q.canonical(want, p.basePath) {
		return redirect(want), nil
	}
	return p.listPage(ctx, &q, t, opts.Count(options.PostsPerPage))
}

func redirect(to string) *answer {
	return &answer{status: http.StatusMovedPermanently, location: to}
}

// leads returns the answer for an address that leads to another address.
func leads(to string) *answer {
	a := redirect(to)
	a.missing = true
	return a
}

// posts reads the posts of a page of a list, at most limit, with the beginnings
// of their texts.
func (p *Pages) posts(ctx context.Context, t *target, limit, offset, beginning int) ([]site.FullPost, error) {
	if t.kind == "search" {
		if t.search == "" {
			return nil, nil
		}
		// Searches read texts, so only a few run at the same time.
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		select {
		case p.searching <- struct{}{}:
			defer func() { <-p.searching }()
		case <-wait.Done():
			return nil, fmt.Errorf("wait for other searches: %w", wait.Err())
		}
	}
	t.filter.Limit, t.filter.Offset, t.filter.Beginning = limit, offset, beginning
	return p.site.VisiblePosts(ctx, t.filter, site.LoadTerms|site.LoadFields)
}

// listPage shows a page of a list with the given number of posts.
func (p *Pages) listPage(ctx context.Context, q *ask, t *target, perPage int) (*answer, error) {
	list, err := p.posts(ctx, t, perPage+1, (q.page-1)*perPage, listedText+1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && (q.page > 1 || t.needsPosts) {
		old, err := p.findOld(ctx, q)
		switch {
		case err == nil:
			return leads(old.moved), nil
		case errors.Is(err, site.ErrNotFound):
			return p.missing(ctx, q.who)
		}
		return nil, err
	}
	more := len(list) > perPage
	list = list[:min(len(list), perPage)]
	if t.blog && q.page == 1 {
		sticky, err := p.site.StickyPosts(ctx, site.LoadTerms|site.LoadFields, listedText+1)
		if err != nil {
			return nil, err
		}
		list = append(sticky, list...)
	}
	v, opts, err := p.view(ctx, q.who, t.kind, t.heading)
	if err != nil {
		return nil, err
	}
	if v.Posts, err = p.shown(ctx, list); err != nil {
		return nil, err
	}
	for i := range list {
		v.Posts[i].EditLink = p.editLink(q.who, &list[i].Post)
	}
	v.Intro, v.Search = t.intro, t.search
	v.Canonical = listLink(t.link, q.page, opts)
	v.Description = firstOf(v.Intro, v.Blog.Tagline)
	v.NoIndex = v.NoIndex || t.kind == "search"
	v.Endpoint = t.kind == "home"
	if t.kind != "home" {
		v.Feeds = append(v.Feeds, Feed{v.Heading, feedLink(t.link, "rss2", opts), false})
	}
	if q.page > 1 {
		v.Newer = &Link{Text: say("Newer posts"), URL: listLink(t.link, q.page-1, opts)}
		v.Title = say("%s – page %d", v.Title, q.page)
	}
	if more {
		v.Older = &Link{Text: say("Older posts"), URL: listLink(t.link, q.page+1, opts)}
	}
	return p.render("list.html", http.StatusOK, v, opts.Bool("pingback"))
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// remark is a comment that was rejected, shown again with what is wrong with
// it.
type remark struct {
	form    CommentForm
	problem string
}

// postPage shows a post, with its text if the visitor may read it (see ask).
func (p *Pages) postPage(ctx context.Context, q *ask, t *target, failed *remark) (*answer, error) {
	post := t.post
	v, opts, err := p.view(ctx, q.who, post.Type, titleOf(post))
	if err != nil {
		return nil, err
	}
	shown, err := p.post(ctx, post, q, max(t.page, 1))
	if err != nil {
		return nil, err
	}
	v.Post, v.Canonical, v.Image = shown, postPageLink(post.Link, t.page), shown.Picture
	v.Heading = ""
	v.Description = shown.plain
	shown.EditLink = p.editLink(q.who, &post.Post)
	v.SignIn = p.signIn(q.who, post.ID, "")
	pings := opts.Bool("pingback") && p.site.TakesPings(&post.Post)
	v.Endpoint = pings || post.Link == v.Blog.URL
	if !shown.Locked {
		if v.Comments, err = p.comments(ctx, q, post, opts); err != nil {
			return nil, err
		}
		if post.Link != v.Blog.URL && (post.CommentCount > 0 || v.Comments != nil && v.Comments.Open) { // the feed of the home page contains the posts
			v.Feeds = append(v.Feeds, Feed{say("Comments on %s", shown.Title), feedLink(post.Link, "rss2", opts), false})
		}
	}
	if older, newer, err := p.site.Neighbours(ctx, &post.Post); err != nil {
		return nil, err
	} else if post.Password == "" {
		v.Older, v.Newer = neighbour(older), neighbour(newer)
	}
	for i := range v.Menu {
		v.Menu[i].Current = v.Menu[i].URL == post.Link
	}
	v.NoIndex = v.NoIndex || post.Password != "" || q.reply != 0 || q.notice != "" || q.held != 0
	v.Notice = say(notices[q.notice])
	status := http.StatusOK
	if failed != nil {
		v.Notice, v.Problem, status = failed.problem, true, http.StatusUnprocessableEntity
		if v.Comments != nil {
			v.Comments.Form.Author, v.Comments.Form.Email = failed.form.Author, failed.form.Email
			v.Comments.Form.URL, v.Comments.Form.Text = failed.form.URL, failed.form.Text
		}
	}
	a, err := p.render("post.html", status, v, pings)
	if err != nil {
		return nil, err
	}
	if post.Password != "" {
		a.locked, a.private = &post.Post, q.unlocked
	}
	a.private = a.private || failed != nil || q.held != 0 || q.who.LoggedIn()
	return a, nil
}

func neighbour(post *site.FullPost) *Link {
	if post == nil {
		return nil
	}
	return &Link{Text: titleOf(post), URL: post.Link}
}

func (p *Pages) missing(ctx context.Context, who auth.Identity) (*answer, error) {
	v, _, err := p.view(ctx, who, "missing", say("Page not found"))
	if err != nil {
		return nil, err
	}
	v.Title, v.NoIndex = firstOf(say("Not found")+titleEnd(v.Blog.Title), say("Not found")), true
	a, err := p.render("missing.html", http.StatusNotFound, v, false)
	if err != nil {
		return nil, err
	}
	a.missing = true
	return a, nil
}

// closed shows the home page of a server that shows no posts. It tells
// publishing clients where the endpoint is.
func (p *Pages) closed(ctx context.Context, q ask) (*answer, error) {
	if len(q.path) > 0 || len(q.query) > 0 || q.feed != "" {
		return newAnswer(http.StatusNotFound, "text/plain; charset=utf-8", []byte(say("There is nothing at this address.")+"\n")), nil
	}
	v, opts, err := p.view(ctx, q.who, "closed", "")
	if err != nil {
		return nil, err
	}
	v.Endpoint, v.NoIndex, v.Menu, v.Feeds, v.Canonical = true, true, nil, nil, p.site.BaseURL()+"/"
	return p.render("closed.html", http.StatusOK, v, opts.Bool("pingback"))
}

// view returns the parts that all pages have, for one visitor. The heading is
// plain text.
func (p *Pages) view(ctx context.Context, who auth.Identity, kind, heading string) (*Page, *options.Values, error) {
	opts, err := p.site.Options().Current(ctx)
	if err != nil {
		return nil, nil, err
	}
	base := p.site.BaseURL()
	v := &Page{Kind: kind, Heading: heading, NoIndex: !opts.Bool("blog_public")}
	v.Blog = Blog{
		Title: plainText(opts.Text("blog_title")), Tagline: plainText(opts.Text("blog_tagline")), URL: base + "/", Path: p.basePath,
		Endpoint: p.site.EndpointURL(), Generator: generator, Language: opts.Language(),
		Style: p.basePath + "/style.css?v=" + p.theme.current.Load().styleVersion(),
	}
	v.Title = v.Blog.Title
	if v.Heading != "" {
		v.Title = v.Heading + titleEnd(v.Blog.Title)
	}
	if v.Blog.Icon, err = p.siteIcon(ctx, opts); err != nil {
		return nil, nil, err
	}
	if p.off {
		return v, opts, nil
	}
	v.Account, v.SignIn = p.account(who), p.signIn(who, 0, "")
	name := firstOf(v.Blog.Title, say("Posts"))
	v.Feeds = []Feed{
		{name, feedLink(base+"/", "rss2", opts), false},
		{name, feedLink(base+"/", "atom", opts), true},
		{say("Comments on %s", name), commentsFeed(base, opts), false},
	}
	pages, err := p.site.MenuPages(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := range pages {
		v.Menu = append(v.Menu, Link{Text: titleOf(&pages[i]), URL: pages[i].Link})
	}
	return v, opts, nil
}

func titleEnd(blog string) string {
	if blog == "" {
		return ""
	}
	return " – " + blog
}

func commentsFeed(base string, o *options.Values) string {
	if lists := o.Lists(); lists.Pretty {
		return base + "/comments/feed" + lists.Slash
	}
	return base + "/?feed=comments-rss2"
}

// render executes the template of a page.
func (p *Pages) render(shape string, status int, v *Page, pingback bool) (*answer, error) {
	var page bytes.Buffer
	if err := p.theme.current.Load().pages[shape].ExecuteTemplate(&page, frame, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", shape, err)
	}
	a := newAnswer(status, "text/html; charset=UTF-8", page.Bytes())
	a.pingback = pingback && status == http.StatusOK
	return a, nil
}

// local returns an address of this blog without its host. Forms and their
// redirects use it, so that they stay on the host that the visitor has used.
func (p *Pages) local(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return p.basePath + "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, Fragment: u.Fragment}).String()
}

// withParameter adds a parameter and a fragment to an address.
func withParameter(address, name, value, fragment string) string {
	mark := "?"
	if u, err := url.Parse(address); err == nil && u.RawQuery != "" {
		mark = "&"
	}
	return address + mark + name + "=" + url.QueryEscape(value) + "#" + fragment
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
