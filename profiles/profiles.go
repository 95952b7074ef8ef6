// Package profiles is the pages on which people look after their account: sign in, the applications that may publish in
// their name ("Remote Publishing Permissions"), second factors, sessions, the audit trail, and for administrators the
// users and the settings of the site.
//
// What it promises: every action works without JavaScript; nothing is loaded from another host; what others have
// written is text, never markup; a secret is in one answer, that of its making, and nowhere else. The rules themselves
// are those of the packages below: a page may do what a remote caller may do, and no more.
//
// A browser is known by a session whose cookie is SameSite=Strict, so no other
// site can make it act or even show itself as someone. A page that is arrived
// at from elsewhere therefore comes in two steps; see arrival.
package profiles

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/network"
)

// Config holds the parts that the pages are made of; those without a remark are required.
type Config struct {
	// BaseURL is the address of the home page, below which the pages lie, without a slash at its end.
	BaseURL string
	// Prefix is the path below BaseURL that all pages are under, such as /quillgate; empty: none. Handlers see requests
	// without it.
	Prefix string
	// Unavailable reports whether an error is an outage, which ends by itself; never when nil.
	Unavailable func(error) bool
	Users       *auth.Users
	Apps        *apps.Store
	Verifier    *auth.Verifier
	Sessions    *auth.SessionStore
	// PasswordMode is what the server was started with; see auth.Config.
	PasswordMode auth.Mode
	// Trail reads the audit trail.
	Trail func(context.Context, audit.Filter) ([]audit.Line, error)
	// ClientAddr tells where a request came from and whether it came by TLS.
	ClientAddr func(*http.Request) (addr netip.Addr, secure bool)
	// Refusals holds the counts of refused credentials, and the last ones.
	Refusals *auth.Refusals
	// Surroundings tells what the pages belong to. It is asked for every page.
	Surroundings func(context.Context) (Surroundings, error)
	// Upstream is the WordPress behind a gateway; nil where the accounts are kept here.
	Upstream *Upstream
	// Settings are on the page of settings, above those of sign-ins; there are none when nil.
	Settings *Settings
	// DeleteUser deletes a user, whose posts another user gets; required but where Upstream is set. See auth.Users.Delete.
	DeleteUser func(ctx context.Context, by audit.Actor, id, heir int64) error
	// Mail sends links; nil where no mail is sent.
	Mail *Mail
	// Section holds the pages of another package; nil: none.
	Section *Section
	Clock   func() time.Time // time.Now when nil
	Logger  *slog.Logger     // discards when nil
}

// Pages serves the pages. It is safe for concurrent use.
type Pages struct {
	cfg       Config
	root      string // path of the home page, without the slash at its end
	templates map[string]*template.Template
	handler   http.Handler
	// Two managers over one store: the cookie of a connection that no one
	// reads has a name that binds it to one.
	secure, plain *scs.SessionManager
	sent          once
	questions     *network.Rate[netip.Prefix] // to passkeys, of strangers
	passkeys      *auth.Passkeys              // nil where the address of the site is none for passkeys
}

//go:embed templates assets
var files embed.FS

// How long a session lasts without use, and at all; and how long ago the password may have been given for what needs
// it again.
const (
	idleTime     = 30 * time.Minute
	sessionTime  = 12 * time.Hour
	passwordTime = 10 * time.Minute
)

// maxForm is the largest form that is read, in bytes, but for pages of a section that say otherwise.
const maxForm = 64 << 10

// New prepares the pages.
func New(cfg Config) (*Pages, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("read the base URL: %w", err)
	}
	p := &Pages{cfg: cfg, questions: newQuestions(), root: strings.TrimSuffix(base.EscapedPath(), "/") + cfg.Prefix}
	if p.templates, err = templates(); err != nil {
		return nil, err
	}
	if cfg.Section != nil {
		p.templates = maps.Clone(p.templates)
		if err := addTemplates(p.templates, cfg.Section.Templates); err != nil {
			return nil, err
		}
	}
	if cfg.Upstream == nil {
		p.passkeys, err = auth.NewPasskeys(cfg.Users, cfg.BaseURL, base.Host)
		if err != nil && !errors.Is(err, auth.ErrPasskeyAddress) {
			return nil, err
		}
	}
	if cfg.Prefix == "" {
		p.secure, p.plain = p.manager("__Host-quillgate", true), p.manager("quillgate", false)
	} else {
		// The cookie is not for what else is on this host.
		p.secure, p.plain = p.manager("__Secure-quillgate", true), p.manager("quillgate", false)
		p.secure.Cookie.Path, p.plain.Cookie.Path = p.root+"/", p.root+"/"
	}
	// A proxy may put its own name in place of the host that the browser sees.
	origins := http.NewCrossOriginProtection()
	if err := origins.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, fmt.Errorf("trust the base URL: %w", err)
	}
	origins.SetDenyHandler(http.HandlerFunc(p.foreign))
	routes, err := p.routes()
	if err != nil {
		return nil, err
	}
	p.handler = p.guarded(origins.Handler(p.in(routes)))
	return p, nil
}

// upstreamRoutes are the same for all sites of a gateway, and made once.
var upstreamRoutes = sync.OnceValues(func() (*http.ServeMux, error) { return routesOf(upstreamRows()) })

func (p *Pages) routes() (*http.ServeMux, error) {
	if p.cfg.Upstream != nil {
		return upstreamRoutes()
	}
	mux, err := routesOf(accountRows())
	if err == nil {
		p.sectionRows(func(row row, limit int64) { mux.Handle(row.pattern, p.serveWithin(row, limit)) })
	}
	return mux, err
}

func routesOf(rows []row) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	for _, row := range append(commonRows(), rows...) {
		mux.Handle(row.pattern, row)
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		return nil, fmt.Errorf("open the embedded assets: %w", err)
	}
	mux.Handle("GET /profile/assets/", http.StripPrefix("/profile/assets/", cached(http.FileServerFS(assets))))
	mux.Handle("/", row{"", anybody, (*visit).nothing})
	return mux, nil
}

// pagesKey is under what a request carries the pages that it is for through the
// routes.
type pagesKey struct{}

func (p *Pages) in(routes http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), pagesKey{}, p)))
	})
}

// ServeHTTP answers with the page of the row.
func (row row) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Context().Value(pagesKey{}).(*Pages).serve(row).ServeHTTP(w, r)
}

// templates are parsed once for all sites of a process.
var templates = sync.OnceValues(parseTemplates)

func parseTemplates() (map[string]*template.Template, error) {
	own, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, fmt.Errorf("read the embedded templates: %w", err)
	}
	all := make(map[string]*template.Template)
	return all, addTemplates(all, own)
}

// addTemplates parses the pages of a folder, each with the layout and the parts of this package.
func addTemplates(all map[string]*template.Template, folder fs.FS) error {
	layout, err := template.ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return fmt.Errorf("read the embedded templates: %w", err)
	}
	names, err := fs.Glob(folder, "*.html")
	if err != nil {
		return fmt.Errorf("read the embedded templates: %w", err)
	}
	for _, file := range names {
		name := strings.TrimSuffix(file, ".html")
		if all[name] != nil {
			return fmt.Errorf("two pages have the template %s", file)
		}
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(folder, file)
		}
		if err != nil {
			return fmt.Errorf("read the embedded templates: %w", err)
		}
		all[name] = t
	}
	return nil
}

func (p *Pages) manager(cookie string, secure bool) *scs.SessionManager {
	// scs.New would start a goroutine for each manager that never ends.
	return &scs.SessionManager{
		Store: p.cfg.Sessions, HashTokenInStore: true, Codec: scs.GobCodec{}, Lifetime: sessionTime, IdleTimeout: idleTime,
		Cookie: scs.SessionCookie{Name: cookie, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode},
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			p.cfg.Logger.ErrorContext(r.Context(), "session not kept", "cause", err)
			http.Error(w, "The session could not be read or written. Please try again.", http.StatusServiceUnavailable)
		},
	}
}

// ServeHTTP answers everything below the paths that Paths lists.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// IconPath is the path of the icon of the pages, below Config.BaseURL.
const IconPath = "/profile/assets/icon.svg"

// Paths lists where the pages want to be served. A path that ends in a slash holds everything below it.
func Paths() []string {
	return []string{
		"/signin", "/signin/", "/signout", "/setup", "/profile", "/profile/", "/authorize",
		"/wp-admin/authorize-application.php", "/admin", "/admin/",
	}
}

// policy is the Content-Security-Policy of the pages. forms is what forms may
// lead to next to this site.
func policy(forms string) string {
	if forms != "" {
		forms = " " + forms
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
		"form-action 'self'" + forms + "; frame-ancestors 'none'"
}

// guarded sets the headers of every answer.
func (p *Pages) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy(""))
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), "+
			"publickey-credentials-create=(self), publickey-credentials-get=(self)")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// sessions is the manager for the connection that a request came by.
func (p *Pages) sessions(r *http.Request) *scs.SessionManager {
	if _, secure := p.cfg.ClientAddr(r); secure {
		return p.secure
	}
	return p.plain
}

// cached lets the browser keep what is part of the program for an hour.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		next.ServeHTTP(w, r)
	})
}
