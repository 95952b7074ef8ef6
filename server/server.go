// Package server is the shell around the parts that Quillgate serves:
// listeners, TLS, middleware, limits, access log, metrics, health checks, start
// and stop. The parts come in as entrances, each with a table of routes and
// background work. New puts the entrances of a blog into the shell.
//
// Its promises: every answer carries a request id, which the log uses too; no
// secret, header or query is ever logged; the resources of each address are
// limited; and a stop waits for running requests.
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

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/mail"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Config configures a Server. New requires Blog; NewShell requires Keys and
// usually BaseURL. All other fields have defaults.
type Config struct {
	Blog *Blog
	// Keys holds the credentials, and BaseURL is the address of the home page,
	// without a slash at its end. New takes both from Blog. The sites of a
	// gateway have their own addresses, and BaseURL is empty.
	Keys    *Keys
	BaseURL string
	// MaxBody is the largest request body in bytes. The default is 64 MiB.
	MaxBody int64
	// Calls is the number of calls that are processed at the same time. The
	// default is 256; more wait, and get 503 after a while.
	Calls int
	// AuthorizationFallback reads credentials from the field auth.FallbackField
	// if Authorization is missing.
	AuthorizationFallback bool
	// FaultStatus sends refusals with status 401, 403, 429 or 503 in addition
	// to the fault, in place of 200. Several old clients show nothing of a
	// fault with another status.
	FaultStatus bool
	// TrustedProxies are the networks whose X-Forwarded-For, X-Forwarded-Proto
	// and Forwarded are trusted.
	TrustedProxies []netip.Prefix
	// TLS configures TLS. If it is nil, nothing is served over TLS.
	TLS *TLS
	// HSTS is how long browsers must use TLS only, according to answers over
	// TLS. With 0, answers do not mention it.
	HSTS time.Duration
	// ThrottleExempt are networks that are not slowed down after wrong
	// credentials, and whose connections are not counted.
	ThrottleExempt []netip.Prefix
	// PasswordMode is how account passwords in calls are treated; see
	// auth.Config.
	PasswordMode auth.Mode
	// Introspection adds system.methodSignature and system.methodHelp, which
	// WordPress does not have.
	Introspection bool
	// NoSiteMetrics turns off the metrics of each site of a gateway.
	NoSiteMetrics bool
	// EndpointOnly serves no pages to visitors, only what publishing clients
	// need.
	EndpointOnly bool
	// Mail sends mail through the SMTP server. It is nil if no mail is sent.
	Mail *mail.Mailer
	// Theme is a folder with templates for the blog's pages; see package
	// public.
	Theme  string
	Logger *slog.Logger // default: discards
	Clock  func() time.Time
}

// Server is a shell with its entrances. It is safe for concurrent use.
type Server struct {
	cfg       Config
	proxies   proxies
	exempt    proxies
	logger    *slog.Logger
	metrics   *metrics
	site      *served                        // the only one, or the first
	calls     *xmlrpc.Handler[*auth.Request] // the first endpoint, whose limits the others share
	gateways  *gateways                      // nil without a gateway
	spool     string                         // folder
	entrances []Entrance
	handler   http.Handler
	plain     http.Handler // of the listener next to the one with TLS
	tls       *TLS
	files     *certificateFiles // nil with ACME
	keeper    *keeper           // set by Run before anything is served
	hsts      string
	draining  atomic.Bool
	unlisted  sync.Once // for the warning about a proxy that is not trusted
	foreign   sync.Once // for the warning about a proxy with a password of its own

	// fronted means that calls from this machine count as remote: the blog is
	// public over https, this server does not do TLS, and no proxy is trusted,
	// so all calls through a proxy without forwarding fields would count as
	// local.
	fronted bool

	secureHost string // of the blog, over TLS
}

const (
	// stopTime is how long running requests may take when the server stops.
	stopTime = 25 * time.Second
	// cutTime is when the stop no longer waits for the database. The rest of 30
	// s is for the process to exit.
	cutTime = 28 * time.Second
)

// New returns the server of a blog.
func New(cfg Config) (*Server, error) {
	cfg.Keys, cfg.BaseURL = cfg.Blog.Keys, cfg.Blog.Site.BaseURL()
	return NewShell(cfg, openBlogEntrance)
}

// NewShell returns a server of entrances, which are opened in this order.
func NewShell(cfg Config, entrances ...Opener) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	s := &Server{
		cfg: cfg, proxies: cfg.TrustedProxies, exempt: cfg.ThrottleExempt, logger: cfg.Logger, metrics: newMetrics(), tls: cfg.TLS,
		spool: filepath.Join(cfg.Keys.Folder, spoolFolder),
	}
	if cfg.HSTS > 0 {
		s.hsts = "max-age=" + strconv.Itoa(int(cfg.HSTS.Seconds()))
	}
	home, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("read the address of the home page: %w", err)
	}
	s.fronted = (cfg.BaseURL == "" || home.Scheme == "https" && !onThisMachine(home.Host)) && s.tls == nil && len(s.proxies) == 0
	if s.tls != nil {
		if err := checkTLS(s.tls); err != nil {
			return nil, err
		}
		if s.files, err = newFiles(s.tls, cfg.Clock, s.logger); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(s.spool, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for large requests: %w", err)
	}
	s.site = s.newServed(home)
	for _, open := range entrances {
		e, err := open(s)
		if err != nil {
			return nil, err
		}
		s.entrances = append(s.entrances, e)
	}
	routes := s.router()
	s.handler, s.plain = s.wrap(s.tidied(routes)), s.wrap(s.tidied(s.inClear(routes)))
	return s, nil
}

// observeCredential writes into the record of the request who called, or why
// the credential was refused.
func (s *Server) observeCredential(ctx context.Context, e auth.Event) {
	rec := recordOf(ctx)
	rec.app = e.Public
	if e.Superseded {
		rec.superseded = true
		s.metrics.superseded.Inc()
	}
	if e.Reason != "" {
		rec.refusal, rec.refused = string(e.Reason), e
		if e.Via == auth.ViaApplicationPassword && e.Reason == auth.UnknownUser {
			rec.cause = "HTTP Basic with an unknown user name; a proxy may be passing on its own credentials"
			s.foreign.Do(s.warnForeignBasic)
		}
		return
	}
	rec.user, rec.signed = e.UserID, e.Via == auth.ViaSignature
}

// observeCall counts a call. That of the request itself goes into its record.
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
			rec.site.keys.Apps.Called(rec.app, e.Method)
		} else {
			rec.site.keys.Apps.TokenCalled(rec.app, e.Method)
		}
	}
	// The code of a fault is sufficient, and an internal error has a line of
	// its own.
	if fault := (*xmlrpc.Fault)(nil); e.Err != nil && e.Incident == "" && rec.refusal == "" && !errors.As(e.Err, &fault) {
		rec.cause = xmlrpc.Shown(e.Err.Error())
	}
}

// Handler returns the handler of the public listener, for tests and for
// programs with their own listener.
func (s *Server) Handler() http.Handler { return s.handler }

// Listeners are where the server listens. Each may be nil. Without Config.TLS,
// Secure must be nil; with it, Plain redirects pages to Secure and accepts only
// calls from this machine.
type Listeners struct{ Plain, Secure, Metrics net.Listener }

// listening logs the state of the connection on which other servers announce
// their changes.
func (s *Server) listening(err error) {
	if err != nil {
		s.logger.Warn("changes made by other servers are noticed within a second, not at once", "error", err)
		return
	}
	s.logger.Info("changes made by other servers are noticed at once again")
}

// Reload reads the certificate files now. They are also checked from time to
// time.
func (s *Server) Reload() error {
	if s.files == nil {
		return nil
	}
	return s.files.reload()
}

// Run serves, renews certificates and runs the background work of the entrances
// until ctx ends. Then it waits for running requests, at most 25 s. Closing
// Keys afterwards waits at most 3 s more for a PostgreSQL that does not answer.
// All listeners are closed when Run returns; the error is nil after an orderly
// stop.
func (s *Server) Run(ctx context.Context, on Listeners) error {
	work, rest := context.WithCancel(ctx)
	defer rest()
	var doors []door
	add := func(h http.Handler, l net.Listener) *http.Server {
		doors = append(doors, door{s.httpServer(h), l})
		return doors[len(doors)-1].server
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
		s.logger.InfoContext(ctx, "serving metrics", "address", on.Metrics.Addr().String())
	}
	var background sync.WaitGroup
	defer background.Wait()
	defer rest() // before the wait
	background.Go(func() { s.site.verifier.Run(work) })
	background.Go(func() { s.site.refusals.Run(work) })
	background.Go(func() { s.cfg.Keys.DB.Listen(work, s.listening) })
	for _, e := range s.entrances {
		for _, run := range e.Run {
			background.Go(func() { run(work) })
		}
	}
	return s.serve(ctx, doors)
}

// door is a listener with its server.
type door struct {
	server   *http.Server
	listener net.Listener
}

func (d door) serve() error {
	if d.server.TLSConfig != nil {
		return d.server.ServeTLS(d.listener, "", "")
	}
	return d.server.Serve(d.listener)
}

// serve serves until ctx or one of the doors ends, and then waits for running
// requests.
func (s *Server) serve(ctx context.Context, doors []door) error {
	ended := make(chan error, len(doors))
	for _, d := range doors {
		go func() { ended <- d.serve() }()
	}
	var err error
	left := len(doors)
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	s.draining.Store(true)
	s.cfg.Keys.cutAfter(cutTime)
	s.logger.InfoContext(ctx, "stopping; waiting for running requests", "within", stopTime)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	for _, d := range doors {
		if failure := d.server.Shutdown(stop); failure != nil {
			err = errors.Join(err, fmt.Errorf("stop: requests were still running after %v: %w", stopTime, failure), d.server.Close())
		}
	}
	for range left {
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// limited limits the connections of a listener.
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
