package public

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/site"
)

// target is what an address leads to.
type target struct {
	kind    string // as Page.Kind, or comments for the feed of all comments
	link    string // the canonical address, of a list that of its first page
	moved   string // where the post is that was here
	heading string
	intro   string
	search  string
	filter  site.VisitorFilter
	post    *site.FullPost
	page    int // of the post
	// needsPosts means that the list exists only if it has posts, such as that
	// of a year.
	needsPosts bool
	// blog means that it is the list of all posts, whatever its address.
	blog bool
}

// find returns the target of an address: the object with that address,
// otherwise the post that had the address on another blog, otherwise the most
// likely post. The error is site.ErrNotFound if there is none.
func (p *Pages) find(ctx context.Context, q *ask) (*target, error) {
	opts, err := p.site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	t, err := p.findHere(ctx, q)
	switch {
	case errors.Is(err, site.ErrNotFound):
	case err == nil && t.kind == "home" && q.feed == "":
		return p.front(ctx, q, t, opts)
	case err == nil && t.post != nil && t.kind == site.TypePage && t.post.ID == opts.PostsPage():
		return &target{kind: "archive", link: t.link, heading: titleOf(t.post), filter: site.VisitorFilter{NotSticky: true}, blog: true}, nil
	default:
		return t, err
	}
	if t, err = p.findOld(ctx, q); !errors.Is(err, site.ErrNotFound) {
		return t, err
	}
	if t, err = p.findNumber(ctx, q); !errors.Is(err, site.ErrNotFound) {
		return t, err
	}
	return p.guess(ctx, q)
}

// front returns the page that is the home page, or home if there is none.
func (p *Pages) front(ctx context.Context, q *ask, home *target, opts *options.Values) (*target, error) {
	id := opts.FrontPage()
	if id == 0 {
		return home, nil
	}
	t, err := p.findPost(ctx, home.link+"?page_id="+itoa(id))
	if errors.Is(err, site.ErrNotFound) || err == nil && t.kind != site.TypePage {
		return home, nil // it was deleted, or is not public any more
	}
	return t.atPart(q), err
}

// findNumber finds the post whose id is in an address of one of the usual
// structures, because the blog may have used that structure before. The error
// is site.ErrNotFound if there is none.
func (p *Pages) findNumber(ctx context.Context, q *ask) (*target, error) {
	for _, shape := range permalink.Shapes {
		tags, values, ok := permalink.Match(shape.Structure, strings.Join(q.path, "/"))
		if !ok || len(q.path) == 0 || !slices.Equal(tags, []string{"%post_id%"}) {
			continue
		}
		t, err := p.findPost(ctx, p.site.BaseURL()+"/?p="+values[0])
		if err == nil && t.kind != site.TypePost {
			err = site.ErrNotFound // pages and files never had such an address
		}
		if err != nil {
			return nil, err
		}
		return &target{moved: t.link}, nil
	}
	return nil, site.ErrNotFound
}

// findOld finds the post that had the address on another blog, ignoring unknown
// parameters (see elsewhere). The error is site.ErrNotFound if there is none.
func (p *Pages) findOld(ctx context.Context, q *ask) (*target, error) {
	queries := []string{permalink.OldQuery(q.query.Encode()), ""}
	if queries[0] == "" {
		queries = queries[:1]
	}
	link, err := p.site.OldAddress(ctx, p.oldPaths(q), queries)
	if err == nil && q.canonical(link, p.basePath) {
		err = site.ErrNotFound // the result is an empty list
	}
	return &target{moved: link}, err
}

// oldPaths returns the requested path, both with the path of the blog in front
// and below it.
func (p *Pages) oldPaths(q *ask) []string {
	if p.basePath == "" {
		return []string{q.given}
	}
	return []string{p.basePath + q.given, q.given}
}

// elsewhere handles addresses with unknown parameters to which nothing else
// leads: the parameters may have distinguished the pages of another blog. The
// result is for this request only, because cached answers do not depend on
// these parameters.
func (p *Pages) elsewhere(ctx context.Context, q *ask, a *answer) (*answer, error) {
	if q.rest == "" || p.off || !a.missing {
		return a, nil
	}
	link, err := p.site.OldAddress(ctx, p.oldPaths(q), []string{q.rest})
	if errors.Is(err, site.ErrNotFound) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	return redirect(link), nil
}

// guess finds the post that an address most likely means. The error is
// site.ErrNotFound if there is none.
func (p *Pages) guess(ctx context.Context, q *ask) (*target, error) {
	address := strings.Join(q.path, "/")
	if address == "" {
		address = (&url.URL{Path: cmp.Or(q.query.Get("name"), q.query.Get("pagename"))}).EscapedPath()
	}
	if address == "" || q.asksForID() {
		return nil, site.ErrNotFound
	}
	post, err := p.site.MovedPost(ctx, address)
	part := 1
	if last := len(q.path) - 1; errors.Is(err, site.ErrNotFound) && last > 0 {
		// The name of a post may be followed by the number of one of its pages.
		if n, ok := number(q.path[last]); ok {
			part = n
			post, err = p.site.MovedPost(ctx, strings.Join(q.path[:last], "/"))
		}
	}
	if err != nil {
		return nil, err
	}
	return &target{moved: postPageLink(post.Link, part)}, nil
}

// idParameters select a post by its id.
var idParameters = []string{"p", "page_id", "attachment_id"}

func (q *ask) asksForID() bool {
	return slices.ContainsFunc(idParameters, func(name string) bool { return q.query.Get(name) != "" })
}

// findHere returns what is at the address. The error is site.ErrNotFound if
// there is nothing.
func (p *Pages) findHere(ctx context.Context, q *ask) (*target, error) {
	home := p.site.BaseURL() + "/"
	if q.comments {
		return &target{kind: "comments", link: home}, nil
	}
	for _, name := range idParameters {
		if v := q.query.Get(name); v != "" {
			t, err := p.findPost(ctx, home+"?"+name+"="+url.QueryEscape(v))
			return t.atPart(q), err
		}
	}
	if len(q.path) > 0 {
		t, err := p.findByPath(ctx, q)
		if !errors.Is(err, site.ErrNotFound) {
			return t, err
		}
		t, err = p.findPost(ctx, home+strings.Join(q.path, "/"))
		if !errors.Is(err, site.ErrNotFound) {
			return t.atPart(q), err
		}
		if t, err = p.findPart(ctx, q); !errors.Is(err, site.ErrNotFound) {
			return t, err
		}
		return p.findPeriod(ctx, q)
	}
	get := q.query.Get
	id := func(name string) int64 {
		n, _ := strconv.ParseInt(get(name), 10, 64)
		return n
	}
	switch {
	case q.query.Has("s"):
		return p.findSearch(get("s")), nil
	case get("cat") != "":
		return p.findTerm(ctx, site.Category, "", id("cat"))
	case get("category_name") != "":
		return p.findCategory(ctx, strings.Split(strings.Trim(get("category_name"), "/"), "/"))
	case get("tag") != "":
		return p.findTerm(ctx, site.PostTag, get("tag"), 0)
	case get("author") != "" || get("author_name") != "":
		return p.findAuthor(ctx, get("author_name"), id("author"))
	case get("m") != "" || get("year") != "":
		return p.findDate(ctx, q.date)
	case get("name") != "" || get("pagename") != "":
		return nil, site.ErrNotFound
	}
	return &target{kind: "home", link: home, filter: site.VisitorFilter{NotSticky: true}, blog: true}, nil
}

func (p *Pages) findPost(ctx context.Context, address string) (*target, error) {
	post, err := p.site.FindPost(ctx, auth.Identity{}, address, site.LoadTerms|site.LoadFields)
	if err != nil {
		return nil, err
	}
	return &target{kind: post.Type, link: post.Link, post: post, page: 1}, nil
}

// atPart returns the page of the post that the query asks for, or the last one
// if there are fewer.
func (t *target) atPart(q *ask) *target {
	if t != nil && q.part > 1 {
		t.page = min(q.part, len(pagesOf(t.post.Content)))
	}
	return t
}

// findPart finds a page of a post that its author has divided; its number
// follows the address of the post. A number beyond the last page gives the last
// one. The error is site.ErrNotFound if there is no such post.
func (p *Pages) findPart(ctx context.Context, q *ask) (*target, error) {
	last := len(q.path) - 1
	part, ok := number(q.path[last])
	if !ok || last == 0 {
		return nil, site.ErrNotFound
	}
	t, err := p.findPost(ctx, p.site.BaseURL()+"/"+strings.Join(q.path[:last], "/"))
	if err != nil {
		return nil, err
	}
	t.page = min(part, len(pagesOf(t.post.Content)))
	return t, nil
}

// findByPath finds a list whose address consists of words.
func (p *Pages) findByPath(ctx context.Context, q *ask) (*target, error) {
	if len(q.path) == 2 && q.path[0] == "search" {
		words, err := url.PathUnescape(q.path[1])
		if err != nil {
			return nil, site.ErrNotFound
		}
		return p.findSearch(words), nil
	}
	if parts := below(q.path, q.front); len(parts) >= 2 {
		switch {
		case parts[0] == "category":
			return p.findCategory(ctx, parts[1:])
		case parts[0] == "tag":
			return p.findTerm(ctx, site.PostTag, strings.Join(parts[1:], "/"), 0)
		case parts[0] == "author" && len(parts) == 2:
			return p.findAuthor(ctx, parts[1], 0)
		}
	}
	if q.dates != q.front && len(below(q.path, q.dates)) == len(q.path) {
		return nil, site.ErrNotFound // the numbers are those of a post, or a former address
	}
	return p.findPeriod(ctx, q)
}

// findPeriod finds the list of a year, month or day whose address consists of
// numbers.
func (p *Pages) findPeriod(ctx context.Context, q *ask) (*target, error) {
	return p.findDate(ctx, func() (period, bool) { return newPeriod(below(q.path, q.dates)) })
}

// below removes a prefix from a path, if the path has it.
func below(path []string, front string) []string {
	start := strings.FieldsFunc(front, func(c rune) bool { return c == '/' })
	if len(path) > len(start) && slices.Equal(path[:len(start)], start) {
		return path[len(start):]
	}
	return path
}

func (p *Pages) findTerm(ctx context.Context, taxonomy, slug string, id int64) (*target, error) {
	if slug == "" && id <= 0 {
		return nil, site.ErrNotFound
	}
	term, err := p.site.FindTerm(ctx, taxonomy, slug, id)
	if err != nil {
		return nil, err
	}
	heading := say("Category: %s", plainText(term.Name))
	if taxonomy == site.PostTag {
		heading = say("Tag: %s", plainText(term.Name))
	}
	return &target{kind: "archive", link: term.Link, heading: heading, intro: plainText(term.Description), filter: site.VisitorFilter{Terms: term.Terms}}, nil
}

// findCategory finds a category after the names of its ancestors, or one to
// whose name another program has added slashes.
func (p *Pages) findCategory(ctx context.Context, names []string) (*target, error) {
	t, err := p.findTerm(ctx, site.Category, names[len(names)-1], 0)
	if len(names) > 1 && errors.Is(err, site.ErrNotFound) {
		return p.findTerm(ctx, site.Category, strings.Join(names, "/"), 0)
	}
	return t, err
}

func (p *Pages) findAuthor(ctx context.Context, nicename string, id int64) (*target, error) {
	author, err := p.site.AuthorOfPosts(ctx, nicename, id)
	if err != nil {
		return nil, err
	}
	return &target{
		kind: "archive", link: author.Link, heading: say("Posts by %s", plainText(author.Name)), intro: plainText(author.Bio),
		filter: site.VisitorFilter{Author: author.ID},
	}, nil
}

func (p *Pages) findDate(ctx context.Context, read func() (period, bool)) (*target, error) {
	d, ok := read()
	if !ok {
		return nil, site.ErrNotFound
	}
	opts, err := p.site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	from, until := d.span()
	t := &target{kind: "archive", filter: site.VisitorFilter{From: from, Until: until}, needsPosts: true}
	path, plain := from.Format("2006/01/02"), from.Format("20060102")
	switch {
	case d.month == 0:
		t.heading, path, plain = from.Format("2006"), path[:4], plain[:4]
	case d.day == 0:
		t.heading, path, plain = from.Format("January 2006"), path[:7], plain[:6]
	default:
		t.heading = phpDate(opts.Text("date_format"), from, opts.Location())
	}
	t.link = p.site.BaseURL() + "/?m=" + plain
	if lists := opts.Lists(); lists.Pretty {
		t.link = p.site.BaseURL() + lists.Dates + path + lists.Slash
	}
	return t, nil
}

// maxSearch bounds the text of a search, in bytes.
const maxSearch = 200

func (p *Pages) findSearch(words string) *target {
	words = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(words, ""), "\x00", ""))
	words = strings.ToValidUTF8(words[:min(len(words), maxSearch)], "")
	return &target{
		kind: "search", link: p.site.BaseURL() + "/?s=" + url.QueryEscape(words), heading: say("Search results for “%s”", words),
		search: words, filter: site.VisitorFilter{Search: words},
	}
}

// listLink returns the address of a page of a list.
func listLink(first string, page int, o *options.Values) string {
	if page <= 1 {
		return first
	}
	number := strconv.Itoa(page)
	if link, ok := prettyLink(first, "page/"+number, o); ok {
		return link
	}
	if strings.Contains(first, "?") {
		return first + "&paged=" + number
	}
	return first + "?paged=" + number
}

// prettyLink returns the address of something below a list, if addresses have no
// parameters; ok reports whether that is so.
func prettyLink(first, below string, o *options.Values) (link string, ok bool) {
	path, query, has := strings.Cut(first, "?")
	lists := o.Lists()
	if !lists.Pretty || has && !strings.HasPrefix(query, "s=") {
		return "", false
	}
	link = strings.TrimRight(path, "/") + "/" + below + lists.Slash
	if has {
		link += "?" + query
	}
	return link, true
}

// feedLink returns the address of the feed of a page.
func feedLink(first, format string, o *options.Values) string {
	name := "feed"
	if format == "atom" {
		name = "feed/atom"
	}
	if link, ok := prettyLink(first, name, o); ok {
		return link
	}
	path, query, has := strings.Cut(first, "?")
	if has {
		return path + "?feed=" + format + "&" + query
	}
	return path + "?feed=" + format
}
