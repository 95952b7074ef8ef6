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
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/microcosm-cc/bluemonday"

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

// Home serves the newest posts; ?p=, ?page_id= and ?attachment_id= select one post, as WordPress's plain links do.
// Names in the path are the pretty links, so Home belongs at "/" and at everything that no other route takes.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This address answers GET only.", http.StatusMethodNotAllowed)
		return
	}
	if r.URL.Path != "/" || r.URL.RawQuery != "" {
		p.missing(w, r)
		return
	}
	p.render(w, r, http.StatusOK, "home", p.view(r, ""))
}

func (p *Pages) missing(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusNotFound, "missing", p.view(r, "Not found"))
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
}

type shownPost struct {
	ID                       int64
	Title, Link, Date, Stamp string
	Content                  template.HTML
	Protected                bool
	File                     string // address of an upload
	Picture                  bool
}

func (p *Pages) view(r *http.Request, title string) view {
	v := view{Generator: generator, Base: p.site.BaseURL()}
	if options, err := p.site.Options(r.Context()); err == nil {
		v.Blog, v.Tagline = plainText(options.Text("blog_title")), plainText(options.Text("blog_tagline"))
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
	h.Set("X-Pingback", v.Base+"/xmlrpc.php")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		page.WriteTo(w)
	}
}
