// Package profiles serves the pages on which people manage their account:
// sign-in, the applications that may publish in their name ("Remote Publishing
// Permissions"), second factors, sessions and the audit trail; for
// administrators also the users and the settings of the site.
//
// It promises that every action works without JavaScript, that nothing is
// loaded from another host, that text written by others is never markup, and
// that a secret appears only in the answer that created it. The rules are those
// of the packages below: a page may do what a remote caller may do, and no
// more.
//
// A browser is recognized by a session whose cookie is SameSite=Strict, so no
// other site can make the browser act as its user, or even show a page as that
// user. Therefore a page that is reached from another site takes two requests;
// see arrival.
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

// Config configures the pages. Fields are required unless their comment says
// otherwise.
type Config struct {
	// BaseURL is the address of the home page, above the pages, without a
	// trailing slash.
	BaseURL string
	// Prefix is the path below BaseURL that all pages share, such as
	// /quillgate; empty: none. Handlers see requests without it.
	Prefix string
	// Unavailable reports whether an error is a temporary outage. If it is
	// nil, no error is.
	Unavailable func(error) bool
	Users       *auth.Users
	Apps        *apps.Store
	Verifier    *auth.Verifier
	Sessions    *auth.SessionStore
	// PasswordMode is the mode in the server's configuration; see
	// auth.Config.
	PasswordMode auth.Mode
	// Trail reads the audit trail.
	Trail func(context.Context, audit.Filter) ([]audit.Line, error)
	// ClientAddr returns the address that a request came from, and reports
	// whether it came over TLS.
	ClientAddr func(*http.Request) (addr netip.Addr, secure bool)
	// Refusals has the counts of refused credentials, and the last
	// refusals.
	Refusals *auth.Refusals
	// Surroundings describes what the pages belong to. It is called for
	// every page.
	Surroundings func(context.Context) (Surroundings, error)
	// Upstream is the WordPress behind a gateway; nil: accounts are in this
	// database.
	Upstream *Upstream
	// Settings are shown on the page of settings, above those for signing
	// in; nil: none.
	Settings *Settings
	// DeleteUser deletes a user, and assigns the user's posts to another.
	// It is required unless Upstream is set. See auth.Users.Delete.
	DeleteUser func(ctx context.Context, by audit.Actor, id, heir int64) error
	// Mail sends links; nil: no mail is sent.
	Mail *Mail
	// Section has the pages of another package; nil: none.
	Section *Section
	Clock   func() time.Time // default time.Now
	Logger  *slog.Logger     // default: discards
}

// Pages serves the pages. It is safe for concurrent use.
type Pages struct {
	cfg       Config
	root      string // the path of the home page, without a trailing slash
	templates map[string]*template.Template
	handler   http.Handler
	// Two managers share one store: the cookie for encrypted connections
	// has another name.
	secure, plain *scs.SessionManager
	sent          once
	questions     *network.Rate[netip.Prefix] // limits passkey challenges to strangers
	passkeys      *auth.Passkeys              // nil if passkeys do not work with the address of the site
}

//go:embed templates assets
var files embed.FS

// The lifetime of a session without use and in total, and the time for which an
// entered password counts for actions that require it.
const (
	idleTime     = 30 * time.Minute
	sessionTime  = 12 * time.Hour
	passwordTime = 10 * time.Minute
)

// maxForm is the size of the largest form that is read, in bytes. Pages of a
// section may set another.
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
		// The cookie is not for other applications on this host.
		p.secure, p.plain = p.manager("__Secure-quillgate", true), p.manager("quillgate", false)
		p.secure.Cookie.Path, p.plain.Cookie.Path = p.root+"/", p.root+"/"
	}
	// A proxy may replace the host name that the browser sees with its own.
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

// upstreamRoutes returns the routes that all sites of a gateway share.
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

// pagesKey is the context key for the pages that a request belongs to.
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

// templates parses the templates once for all sites of a process.
var templates = sync.OnceValues(parseTemplates)

func parseTemplates() (map[string]*template.Template, error) {
	own, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, fmt.Errorf("read the embedded templates: %w", err)
	}
	all := make(map[string]*template.Template)
	return all, addTemplates(all, own)
}

// addTemplates parses the pages in a folder, each with the layout and the parts
// of this package.
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
	// scs.New would start a goroutine for each manager, which never ends.
	return &scs.SessionManager{
		Store: p.cfg.Sessions, HashTokenInStore: true, Codec: scs.GobCodec{}, Lifetime: sessionTime, IdleTimeout: idleTime,
		Cookie: scs.SessionCookie{Name: cookie, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode},
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			p.cfg.Logger.ErrorContext(r.Context(), "session not kept", "cause", err)
			http.Error(w, "The session could not be read or written. Please try again.", http.StatusServiceUnavailable)
		},
	}
}

// ServeHTTP answers requests for the paths that Paths lists, and below them.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// IconPath is the path of the icon of the pages, relative to Config.BaseURL.
const IconPath = "/profile/assets/icon.svg"

// Paths lists the paths that the pages must be served at. A path that ends with
// a slash includes everything below it.
func Paths() []string {
	return []string{
		"/signin", "/signin/", "/signout", "/setup", "/profile", "/profile/", "/authorize",
		"/wp-admin/authorize-application.php", "/admin", "/admin/",
	}
}

// policy returns the Content-Security-Policy of the pages. forms lists
// additional targets of forms.
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

// sessions returns the session manager for the connection of a request.
func (p *Pages) sessions(r *http.Request) *scs.SessionManager {
	if _, secure := p.cfg.ClientAddr(r); secure {
		return p.secure
	}
	return p.plain
}

// cached allows browsers to cache files of the program for an hour.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		next.ServeHTTP(w, r)
	})
}
