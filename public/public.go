// Package public serves the pages that anyone may read in a browser or a feed
// reader: the blog's home page and lists, posts, pages and uploads with their
// comments, feeds, the sitemap, and the discovery documents that publishing
// clients start from (Really Simple Discovery 1.0, the manifest of Windows Live
// Writer).
//
// It shows only what package site shows to visitors. No script runs on the
// pages: all HTML from outside passes through a policy, and a
// Content-Security-Policy forbids scripts in browsers. Addresses are those of
// WordPress, plain and pretty; requests for a non-canonical address are
// redirected.
//
// Answers are cached in memory, at most 48 MiB, until something in the database
// changes: changes by this process take effect at once, those by another one
// within a second. Pages for visitors who are signed in are made for each
// request and not cached.
package public

import (
	"embed"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/upstream"
)

// Config holds the dependencies and settings of the pages. Only Site is
// required.
type Config struct {
	Site   *site.Site
	Logger *slog.Logger // discards when nil
	// Off serves only what publishing clients need: a home page that names the
	// endpoint, RSD and wlwmanifest.
	Off bool
	// Theme is a folder with templates that replace the embedded ones of the
	// same name; see docs/THEMES.md.
	Theme string
	// Icon is the path, below the address of the blog, of the icon for blogs
	// without one of their own; "" for none.
	Icon string
	// Unavailable reports whether an error is a temporary outage. If it is nil,
	// no error is.
	Unavailable func(error) bool
	// ClientAddr returns the client's address for the rules about comments; by
	// default that of the peer.
	ClientAddr func(*http.Request) netip.Addr
	// Visitor returns the user who is signed in in the browser that sends a
	// request, or the zero Identity; see profiles.Pages.Visitor. If it is nil,
	// nobody can sign in, and pages have no link for that.
	Visitor func(*http.Request) (auth.Identity, error)
}

// Pages serves the public pages. It is safe for concurrent use.
type Pages struct {
	site       *site.Site
	logger     *slog.Logger
	off        bool
	clientAddr func(*http.Request) netip.Addr
	signedIn   func(*http.Request) (auth.Identity, error) // may be nil
	// unavailable may be nil.
	unavailable func(error) bool
	policy      *rules // of what authors write
	remarks     *rules // of what visitors write
	origin      *http.CrossOriginProtection
	basePath    string // of the blog's address, "" or "/sub"
	theme       *theme
	cache       *cache
	texts       kept[*Post] // posts whose texts were made into HTML, for pages that differ in something else
	making      flights
	turns       chan struct{} // a place for each text that may be made into HTML at the same time
	searching   chan struct{} // a place for each search that may run
	guesses     *network.Rate[netip.Prefix]
	icon        string // where the icon is of blogs that have none of their own; may be ""
	rsd         []byte
	manifest    document
}

//go:embed assets theme
var files embed.FS

// generator is the content of the generator tag. Publishing clients look there
// for WordPress and its version, which decides what they request.
const generator = "WordPress 6.1.9"

// cacheSize bounds the memory for cached pages, in bytes.
const cacheSize = 32 << 20

// textsSize bounds the memory for cached texts, in bytes.
const textsSize = 16 << 20

// contentPolicy is the Content-Security-Policy of the pages: pictures and media
// from anywhere, style sheets and fonts from us, forms to us, no scripts.
const contentPolicy = "default-src 'none'; img-src * data:; media-src *; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// New prepares the pages. It returns an error if the theme cannot be read.
func New(cfg Config) (*Pages, error) {
	p := &Pages{
		site: cfg.Site, logger: cfg.Logger, off: cfg.Off, clientAddr: cfg.ClientAddr, signedIn: cfg.Visitor, unavailable: cfg.Unavailable,
		policy: contentRules(), remarks: commentRules(), origin: http.NewCrossOriginProtection(),
		cache: newCache(cacheSize), texts: newKept[*Post](textsSize), turns: make(chan struct{}, atOnce()), searching: make(chan struct{}, 2), guesses: newGuesses(), icon: cfg.Icon,
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	if p.clientAddr == nil {
		p.clientAddr = peer
	}
	base, err := url.Parse(cfg.Site.BaseURL())
	if err != nil {
		return nil, fmt.Errorf("read the base URL: %w", err)
	}
	p.basePath = strings.TrimRight(base.Path, "/")
	if p.rsd, err = upstream.RSD(cfg.Site.BaseURL(), cfg.Site.EndpointURL()); err != nil {
		return nil, err
	}
	p.manifest = newDocument("wlwmanifest.xml", "application/wlwmanifest+xml; charset=utf-8", upstream.Manifest())
	p.theme, err = openTheme(cfg.Theme, p.logger)
	return p, err
}

func peer(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr().Unmap()
}

// Home serves the home page, and every list, post and feed at its address,
// plain or pretty. Route "/" and everything that no other route handles to it.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		// Not 405: a publishing client with a wrong address must not mistake it
		// for an endpoint.
		http.Error(w, "This address does not answer this method.", http.StatusNotFound)
		return
	}
	opts, err := p.site.Options().Current(r.Context())
	if err != nil {
		p.broken(w, r, err)
		return
	}
	q := parseAsk(r.URL, opts)
	if q.feed == "" {
		q.who, err = p.visitor(r)
	}
	if err != nil {
		p.broken(w, r, err)
		return
	}
	a, err := p.answer(r, q)
	if err == nil {
		a, err = p.elsewhere(r.Context(), &q, a)
	}
	if err != nil {
		p.broken(w, r, err)
		return
	}
	p.serve(w, r, a)
}

// answer is a complete answer that can be sent many times.
type answer struct {
	status   int
	kind     string // the media type
	location string // of a redirect
	body     []byte
	tag      string    // the entity tag
	modified time.Time // since when the body is as it is, as far as this process knows
	pingback bool
	// locked is the post whose password the page asks for. Visitors who have
	// entered it get another answer.
	locked *site.Post
	// missing means that nothing is at the address, though it may redirect.
	missing bool
	// private means that the answer is for this visitor only.
	private bool
}

// serve sends an answer, or that the client's copy is current.
func (p *Pages) serve(w http.ResponseWriter, r *http.Request, a *answer) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	if a.pingback {
		h.Set("X-Pingback", p.site.EndpointURL())
	}
	if a.location != "" {
		// Another post may get the address, so redirects must be revalidated.
		h.Set("Cache-Control", "no-cache")
		http.Redirect(w, r, a.location, a.status)
		return
	}
	h.Set("Content-Type", a.kind)
	switch {
	case a.private:
		h.Set("Cache-Control", "private, no-store")
	default:
		h.Set("Cache-Control", "no-cache") // keep it, and ask whether it is still so
	}
	if a.locked != nil {
		h.Set("Vary", "Cookie")
	}
	if a.status == http.StatusOK && !a.private {
		h.Set("ETag", a.tag)
		serveBody(w, r, a)
		return
	}
	writeBody(w, r, a)
}

func (p *Pages) broken(w http.ResponseWriter, r *http.Request, err error) {
	id := w.Header().Get("X-Request-Id")
	p.logger.ErrorContext(r.Context(), "page not shown", "cause", err)
	w.Header().Set("Cache-Control", "no-store")
	if p.unavailable != nil && p.unavailable(err) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "The blog is not available at the moment. Please try again in a few seconds.", http.StatusServiceUnavailable)
		return
	}
	http.Error(w, "Something went wrong on the server. Its log records the cause under request "+id+".", http.StatusInternalServerError)
}
