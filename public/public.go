// Package public is what anybody may read in a browser: the home page, a plain page for each public post, page and
// upload, and the discovery documents that publishing clients start from (Really Simple Discovery 1.0, the manifest of
// Windows Live Writer).
//
// It shows what package site calls public and nothing else, runs no script, and forbids the browser to run any: the
// content of a post passes through an HTML policy and a Content-Security-Policy.
package public

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/microcosm-cc/bluemonday"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
)

// Config holds the parts that the pages are made of; all are required.
type Config struct {
	Site   *site.Site
	Logger *slog.Logger
}

// Pages serves the public pages. It is safe for concurrent use.
type Pages struct {
	site     *site.Site
	logger   *slog.Logger
	policy   *bluemonday.Policy
	rsd      []byte
	manifest document
	style    document
}

//go:embed templates assets
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/layout.html"))

// generator is the content of the generator tag. Publishing clients look for WordPress and its version there, and choose
// by it what they ask for.
const generator = "WordPress 6.1.9"

// perPage is how many posts the home page shows.
const perPage = 10

// contentPolicy is the Content-Security-Policy of the pages: pictures and media from anywhere, our style sheet, no script.
const contentPolicy = "default-src 'none'; img-src * data:; media-src *; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// New prepares the pages.
func New(cfg Config) (*Pages, error) {
	p := &Pages{site: cfg.Site, logger: cfg.Logger, policy: contentRules()}
	var err error
	if p.rsd, err = makeRSD(cfg.Site.BaseURL()); err != nil {
		return nil, err
	}
	if p.manifest, err = newDocument("templates/wlwmanifest.xml", "application/wlwmanifest+xml; charset=utf-8"); err != nil {
		return nil, err
	}
	p.style, err = newDocument("assets/simple.min.css", "text/css; charset=utf-8")
	return p, err
}

// contentRules is what stays of a post's HTML on the way to a browser.
func contentRules() *bluemonday.Policy {
	rules := bluemonday.UGCPolicy()
	rules.AllowAttrs("class").Globally()
	rules.AllowElements("figure", "figcaption", "audio", "video", "source")
	rules.AllowAttrs("src", "controls", "preload", "width", "height", "type").OnElements("audio", "video", "source")
	return rules
}

// Home serves the newest posts, and every post at the address that its link member names, plain or pretty. So it
// belongs at "/" and at everything that no other route takes.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		// Not 405: a publishing program that has the address wrong should not take this for an endpoint.
		http.Error(w, "There is nothing here for this method.", http.StatusNotFound)
		return
	}
	query := r.URL.Query()
	plain := query.Has("p") || query.Has("page_id") || query.Has("attachment_id")
	if path := strings.Trim(r.URL.Path, "/"); !plain && (path == "" || path == "index.php") {
		p.home(w, r, query.Get("paged"))
		return
	}
	// The address as the visitor has it: a proxy may have taken off the path of the base URL.
	address := p.site.BaseURL() + r.URL.EscapedPath() + "?" + r.URL.RawQuery
	post, err := p.site.FindPost(r.Context(), auth.Identity{}, address, 0)
	p.post(w, r, post, err)
}

func (p *Pages) home(w http.ResponseWriter, r *http.Request, paged string) {
	number := 1
	if n, err := strconv.Atoi(paged); err == nil && n > 1 && n < 1_000_000 {
		number = n
	}
	posts, err := p.site.PublishedPosts(r.Context(), perPage+1, (number-1)*perPage, 0)
	if err != nil {
		p.broken(w, r, fmt.Errorf("list the posts of the home page: %w", err))
		return
	}
	v := p.view(r, "")
	if number > 1 {
		v.Newer = p.homeLink(number - 1)
	}
	if len(posts) > perPage {
		posts, v.Older = posts[:perPage], p.homeLink(number+1)
	}
	for i := range posts {
		v.Posts = append(v.Posts, p.shown(&posts[i]))
	}
	v.Endpoint = true
	p.render(w, r, http.StatusOK, "home", v)
}

func (p *Pages) homeLink(number int) string {
	if number == 1 {
		return p.site.BaseURL() + "/"
	}
	return p.site.BaseURL() + "/?paged=" + strconv.Itoa(number)
}

func (p *Pages) post(w http.ResponseWriter, r *http.Request, post *site.FullPost, err error) {
	switch {
	case errors.Is(err, site.ErrNotFound):
		p.missing(w, r)
	case err != nil:
		p.broken(w, r, fmt.Errorf("read a post: %w", err))
	default:
		v := p.view(r, post.Title)
		v.Canonical, v.Post = post.Link, p.shown(post)
		v.Pings = v.Pings && p.site.TakesPings(&post.Post)
		v.Endpoint = v.Pings
		p.render(w, r, http.StatusOK, "post", v)
	}
}

func (p *Pages) missing(w http.ResponseWriter, r *http.Request) {
	v := p.view(r, "Not found")
	v.Pings = false
	p.render(w, r, http.StatusNotFound, "missing", v)
}

func (p *Pages) broken(w http.ResponseWriter, r *http.Request, err error) {
	id := w.Header().Get("X-Request-Id")
	p.logger.ErrorContext(r.Context(), "page not shown", "cause", err)
	http.Error(w, "Something went wrong inside the server. Its log has the cause under request "+id+".", http.StatusInternalServerError)
}

// view is what the templates see.
type view struct {
	Title, Generator, Base, Blog, Tagline, Canonical string
	Posts                                            []shownPost
	Post                                             shownPost
	Newer, Older                                     string
	// Endpoint says that the page names the endpoint in the relation pingback, by which publishing clients find it too;
	// Pings that it takes pingbacks.
	Endpoint, Pings bool
}

type shownPost struct {
	ID                       int64
	Title, Link, Date, Stamp string
	Content                  template.HTML // made harmless
	Protected                bool
	File                     string // address of an upload
	Picture                  bool
}

func (p *Pages) view(r *http.Request, title string) view {
	v := view{Generator: generator, Base: p.site.BaseURL()}
	if options, err := p.site.Options(r.Context()); err == nil {
		v.Blog, v.Tagline = plainText(options.Text("blog_title")), plainText(options.Text("blog_tagline"))
		v.Pings = options.Bool("pingback")
	} else {
		p.logger.ErrorContext(r.Context(), "page without the blog's title", "cause", err)
	}
	switch {
	case title == "":
		v.Title = v.Blog
	case v.Blog == "":
		v.Title = plainText(title)
	default:
		v.Title = plainText(title) + " – " + v.Blog
	}
	return v
}

// shown prepares a post. Of one with a password only the title is shown.
func (p *Pages) shown(post *site.FullPost) shownPost {
	out := shownPost{ID: post.ID, Title: plainText(post.Title), Link: post.Link, Date: post.Date.Format("2 January 2006, 15:04"),
		Stamp: p.site.Moment(&post.Post).UTC().Format(time.RFC3339), Protected: post.Password != ""}
	if out.Title == "" {
		out.Title = "(no title)"
	}
	if out.Protected {
		return out
	}
	out.Content = template.HTML(p.policy.Sanitize(paragraphs(post.Content)))
	if file := p.site.GUID(&post.Post); post.Type == site.TypeAttachment && strings.HasPrefix(file, p.site.BaseURL()+"/wp-content/uploads/") {
		out.File, out.Picture = file, strings.HasPrefix(post.MimeType, "image/")
	}
	return out
}

func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, name, v); err != nil {
		p.broken(w, r, fmt.Errorf("render %s: %w", name, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cache-Control", "no-cache")
	if v.Pings {
		h.Set("X-Pingback", v.Base+"/xmlrpc.php")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		page.WriteTo(w)
	}
}
