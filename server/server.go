// Package server is the assembled HTTP server: the table of routes, the middleware, the limits, the access log, the
// metrics, the health checks, start and stop. It holds no handler bodies: those are in the entrances wordpress and public.
//
// What it promises: every answer carries a request id under which the log knows it; no secret, no header and no query
// is ever logged; what one address can take is bounded; and a stop waits for the requests that are running.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Config describes a server. Only Blog is required.
type Config struct {
	Blog *Blog
	// MaxBody is the largest request body in bytes, 64 MiB when 0.
	MaxBody int64
	// Calls is how many calls are worked on at one time, 256 when 0; more wait, and then are told 503.
	Calls int
	// AuthorizationFallback takes credentials out of the field auth.FallbackField where Authorization is not there.
	AuthorizationFallback bool
	// FaultStatus has refusals answered with 401, 403, 429 and 503 beside the fault, in place of 200. Several old clients
	// show nothing of a fault that comes with another status.
	FaultStatus bool
	// TrustedProxies are the networks whose X-Forwarded-For, X-Forwarded-Proto and Forwarded are believed.
	TrustedProxies []netip.Prefix
	// TLS is nil when nothing is served over it.
	TLS *TLS
	// HSTS is how long browsers are told to come over TLS only, on answers that go over it; 0 tells them nothing.
	HSTS time.Duration
	// ThrottleExempt are the networks that are not slowed down after wrong credentials, and whose connections are not
	// counted.
	ThrottleExempt []netip.Prefix
	// PasswordMode is what becomes of the passwords of accounts in calls; see auth.Config.
	PasswordMode auth.Mode
	// Introspection adds system.methodSignature and system.methodHelp, which WordPress does not have.
	Introspection bool
	// EndpointOnly serves no blog to visitors, only what publishing clients need.
	EndpointOnly bool
	// Theme is a folder with templates of the blog's pages; see package public.
	Theme  string
	Logger *slog.Logger // discards when nil
	Clock  func() time.Time
}

// Server answers requests for one blog. It is safe for concurrent use.
type Server struct {
	blog     *Blog
	proxies  proxies
	exempt   proxies
	logger   *slog.Logger
	metrics  *metrics
	api      *wordpress.API
	calls    *xmlrpc.Handler[*auth.Request]
	pages    *public.Pages
	profiles *profiles.Pages
	verifier *auth.Verifier
	refusals *auth.Refusals
	uploads  http.HandlerFunc
	handler  http.Handler
	plain    http.Handler // of the listener beside that of TLS
	tls      *TLS
	files    *certificateFiles // nil: by ACME
	keeper   *keeper           // set by Run before anything is served
	hsts     string
	draining atomic.Bool
	unlisted sync.Once // to warn of a proxy that is not trusted

	// fronted says that calls from this machine are taken for those of strangers: the blog is public over https, nothing
	// here does TLS and no proxy is trusted, so a proxy that sends no forwarding fields would make everybody local.
	fronted bool

	faultStatus bool
	secureHost  string // of the blog, over TLS
}

// stopTime is how long running requests have to end when the server stops.
const stopTime = 30 * time.Second

// New assembles the server.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	s := &Server{blog: cfg.Blog, proxies: cfg.TrustedProxies, exempt: cfg.ThrottleExempt, logger: cfg.Logger, metrics: newMetrics(),
		tls: cfg.TLS, faultStatus: cfg.FaultStatus}
	if cfg.HSTS > 0 {
		s.hsts = "max-age=" + strconv.Itoa(int(cfg.HSTS.Seconds()))
	}
	home, err := url.Parse(cfg.Blog.Site.BaseURL())
	if err != nil {
		return nil, fmt.Errorf("read the address of the home page: %w", err)
	}
	s.fronted = home.Scheme == "https" && !onThisMachine(home.Host) && s.tls == nil && len(s.proxies) == 0
	if s.tls != nil {
		if err := checkTLS(s.tls); err != nil {
			return nil, err
		}
		if s.files, err = newFiles(s.tls, cfg.Clock, s.logger); err != nil {
			return nil, err
		}
	}
	if s.calls, err = s.newEndpoint(cfg); err != nil {
		return nil, err
	}
	s.pages, err = public.New(public.Config{
		Site: cfg.Blog.Site, Logger: cfg.Logger, Off: cfg.EndpointOnly, Theme: cfg.Theme,
		ClientAddr: func(r *http.Request) netip.Addr { return recordOf(r.Context()).client.addr },
	})
	if err != nil {
		return nil, err
	}
	if s.profiles, err = s.newProfiles(cfg); err != nil {
		return nil, err
	}
	s.uploads = media.Handler(cfg.Blog.Media, site.UploadsPath).ServeHTTP
	routes := s.router()
	s.handler, s.plain = s.wrap(s.tidied(routes)), s.wrap(s.tidied(s.inClear(routes)))
	return s, nil
}

// newEndpoint joins the method table, the verification of credentials and the protocol server.
func (s *Server) newEndpoint(cfg Config) (*xmlrpc.Handler[*auth.Request], error) {
	blog := cfg.Blog
	spool := filepath.Join(blog.Folder, spoolFolder)
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for large requests: %w", err)
	}
	s.api = wordpress.New(wordpress.Config{Site: blog.Site, Users: blog.Users, Apps: blog.Apps, Clock: cfg.Clock, Logger: cfg.Logger})
	home, err := url.Parse(blog.Site.BaseURL())
	if err != nil {
		return nil, fmt.Errorf("read the address of the home page: %w", err)
	}
	s.refusals = auth.NewRefusals(blog.DB, cfg.Clock, cfg.Logger)
	s.verifier = auth.New(auth.Config{
		Users: blog.Users, Apps: blog.Apps, Clock: cfg.Clock, Logger: cfg.Logger,
		PasswordMode:   cfg.PasswordMode,
		ThrottleExempt: cfg.ThrottleExempt,
		FallbackHeader: cfg.AuthorizationFallback,
		ClientAddr: func(r *http.Request) (netip.Addr, bool) {
			c := recordOf(r.Context()).client
			return c.addr, c.secure || c.local
		},
		Origin:  func(r *http.Request) auth.Origin { return s.proxies.origin(r, home) },
		Observe: s.observeCredential,
	})
	return xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods: s.api.Methods(),
		Authenticate: func(r *http.Request) (xmlrpc.Check[*auth.Request], error) {
			check, err := s.verifier.Begin(r)
			if err != nil {
				return nil, err
			}
			return check, nil
		},
		Complete: func(ctx context.Context, q *auth.Request, a xmlrpc.Answer) error {
			return q.SignResponse(ctx, a.Status, a.Header, a.Body)
		},
		Context: func(ctx context.Context, m *xmlrpc.Memory) context.Context {
			return database.WithMeter(ctx, m)
		},
		Fault:    s.api.Fault,
		SpoolDir: spool,
		Client: func(r *http.Request) (netip.Addr, bool) {
			addr := recordOf(r.Context()).client.addr
			return addr, !s.exempt.contains(addr)
		},
		Refused:       refused(cfg.FaultStatus),
		Calls:         cfg.Calls,
		MaxBody:       cfg.MaxBody,
		Introspection: cfg.Introspection,
		Observe:       s.observeCall,
		Log:           cfg.Logger,
	})
}

// newProfiles makes the pages on which people look after their account.
func (s *Server) newProfiles(cfg Config) (*profiles.Pages, error) {
	blog := cfg.Blog
	return profiles.New(profiles.Config{
		Site: blog.Site, Users: blog.Users, Apps: blog.Apps, Verifier: s.verifier,
		Sessions: auth.NewSessionStore(blog.DB, cfg.Clock), PasswordMode: cfg.PasswordMode,
		Trail: func(ctx context.Context, f audit.Filter) ([]audit.Line, error) {
			return audit.List(ctx, blog.DB, f)
		},
		ClientAddr: func(r *http.Request) (netip.Addr, bool) {
			c := recordOf(r.Context()).client
			return c.addr, c.secure // a cookie for TLS alone would not come back to a plain connection from this machine
		},
		Refusals: s.refusals.ByReason,
		Clock:    cfg.Clock,
		Logger:   cfg.Logger,
	})
}

// observeCredential writes into the record of the request who called, or why nobody was let in.
func (s *Server) observeCredential(ctx context.Context, e auth.Event) {
	rec := recordOf(ctx)
	rec.app = e.Public
	if e.Superseded {
		rec.superseded = true
		s.metrics.superseded.Inc()
	}
	if e.Reason != "" {
		rec.refusal = string(e.Reason)
		return
	}
	rec.user, rec.signed = e.UserID, e.Via == auth.ViaSignature
}

// observeCall counts a call; that of the request itself goes into its record.
func (s *Server) observeCall(ctx context.Context, e xmlrpc.Event) {
	outcome := outcomeOf(e)
	method := e.Method
	if method == "" {
		method = "none"
	}
	s.metrics.calls.WithLabelValues(method, outcome).Inc()
	rec := recordOf(ctx)
	if e.Nested {
		rec.calls++
		return
	}
	rec.method, rec.outcome = e.Method, outcome
	if rec.app != "" && rec.refusal == "" && e.Method != "" {
		if rec.signed {
			s.blog.Apps.Called(rec.app, e.Method)
		} else {
			s.blog.Users.Called(rec.app, e.Method)
		}
	}
	// A fault says it all by its code, and what is inside an incident has a line of its own.
	if fault := (*xmlrpc.Fault)(nil); e.Err != nil && e.Incident == "" && rec.refusal == "" && !errors.As(e.Err, &fault) {
		rec.cause = xmlrpc.Shown(e.Err.Error())
	}
}

// Handler is what the public listener serves, for tests and for programs that bring their own listener.
func (s *Server) Handler() http.Handler { return s.handler }

// Listeners are where the server listens. Plain or Secure may be nil, and so may Metrics. Without Config.TLS there is no
// Secure; with it Plain redirects pages to it and serves no calls but those of this machine.
type Listeners struct{ Plain, Secure, Metrics net.Listener }

// Reload reads the files of the certificate now; they are looked at from time to time anyway.
func (s *Server) Reload() error {
	if s.files == nil {
		return nil
	}
	return s.files.reload()
}

// Run serves, keeps certificates, publishes scheduled posts and sends pingbacks until ctx ends; then it lets the running
// requests end, at most 30 s. All listeners are closed when Run returns; the error is nil after an orderly stop.
func (s *Server) Run(ctx context.Context, on Listeners) error {
	work, rest := context.WithCancel(ctx)
	defer rest()
	var entrances []entrance
	add := func(h http.Handler, l net.Listener) *http.Server {
		entrances = append(entrances, entrance{s.httpServer(h), l})
		return entrances[len(entrances)-1].server
	}
	plain := s.handler
	if on.Secure != nil {
		s.secureHost = on.Secure.Addr().String()
		var err error
		if s.keeper, err = s.keep(work, on.Plain, on.Secure); err != nil {
			return err
		}
		defer s.keeper.stop()
		add(s.handler, s.limited(on.Secure)).TLSConfig = s.keeper.config
		plain = s.plain
	}
	if on.Plain != nil {
		s.warnInClear(on.Plain)
		add(plain, s.limited(on.Plain))
	}
	if on.Metrics != nil {
		add(s.metrics.handler(), on.Metrics)
		s.logger.InfoContext(ctx, "metrics are served", "address", on.Metrics.Addr().String())
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer rest() // before the wait
	background.Go(func() { s.blog.Site.Run(work) })
	background.Go(func() { s.api.Run(work) })
	background.Go(func() { s.verifier.Run(work) })
	background.Go(func() { s.refusals.Run(work) })
	return s.serve(ctx, entrances)
}

// entrance is a listener and what serves it.
type entrance struct {
	server   *http.Server
	listener net.Listener
}

func (e entrance) serve() error {
	if e.server.TLSConfig != nil {
		return e.server.ServeTLS(e.listener, "", "")
	}
	return e.server.Serve(e.listener)
}

// serve serves until ctx or one of the entrances ends, and then lets the requests end that are running.
func (s *Server) serve(ctx context.Context, entrances []entrance) error {
	ended := make(chan error, len(entrances))
	for _, e := range entrances {
		go func() { ended <- e.serve() }()
	}
	var err error
	left := len(entrances)
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	s.draining.Store(true)
	s.logger.InfoContext(ctx, "stopping; running requests may end", "within", stopTime)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	for _, e := range entrances {
		if failure := e.server.Shutdown(stop); failure != nil {
			err = errors.Join(err, fmt.Errorf("stop: requests were still running after %v: %w", stopTime, failure), e.server.Close())
		}
	}
	for range left {
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// limited bounds the connections of a listener.
func (s *Server) limited(l net.Listener) net.Listener {
	return &limitListener{
		Listener: l, total: maxConnections, perAddress: maxPerAddress,
		exempt:  func(a netip.Addr) bool { return s.proxies.contains(a) || s.exempt.contains(a) },
		refused: s.metrics.refused.Inc,
	}
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}
