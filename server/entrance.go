package server

import (
	"context"
	"math"
	"net/http"
	"net/netip"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Entrance is something that a Server serves.
type Entrance struct {
	Routes []Route
	// Run is what runs next to the requests, each in a goroutine of its
	// own, until its context ends.
	Run []func(context.Context)
}

// Opener makes an entrance of what the shell has: Endpoint, Profiles, ClientOf. Nothing is served yet.
type Opener func(*Server) (Entrance, error)

// Route is one row of the table of routes.
type Route struct {
	Name    string // label of logs and metrics
	Path    string // one that ends in a slash holds everything below it
	Handler http.Handler
}

func (r Route) below() bool { return r.Path[len(r.Path)-1] == '/' }

// breadth orders the table: rows of one path before those that hold what is below, a longer path before a shorter.
func (r Route) breadth() int {
	if r.below() {
		return len(r.Path)
	}
	return math.MaxInt
}

// Client is where a request comes from, as far as it can be known.
type Client struct {
	Addr   netip.Addr
	Secure bool // by TLS, here or at a trusted proxy
	Local  bool // from a program on this machine, which is not a proxy for others
}

// ClientOf returns where the request of a context comes from.
func ClientOf(ctx context.Context) Client {
	c := recordOf(ctx).client
	return Client{c.addr, c.secure, c.local}
}

// Calls is what an endpoint answers.
type Calls struct {
	Methods []xmlrpc.Method[*auth.Request]
	// Fault is the fault that stands for an error of a method; see xmlrpc.Config.
	Fault func(context.Context, error) *xmlrpc.Fault
}

// Endpoint makes an endpoint for XML-RPC with the limits of the server. Credentials are verified before a call is read,
// answers are signed where they are asked to be, and calls are counted and logged.
func (s *Server) Endpoint(calls Calls) (*xmlrpc.Handler[*auth.Request], error) {
	return s.endpointOf(s.site, calls)
}

// endpointOf is Endpoint for the credentials of a site. All endpoints share the limits.
func (s *Server) endpointOf(v *served, calls Calls) (*xmlrpc.Handler[*auth.Request], error) {
	calls.Fault = outages(calls.Fault)
	if s.calls != nil {
		return s.calls.Beside(calls.Methods, v.authenticate, calls.Fault)
	}
	first, err := xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods:      calls.Methods,
		Authenticate: v.authenticate,
		Complete: func(ctx context.Context, q *auth.Request, a xmlrpc.Answer) error {
			return q.SignResponse(ctx, a.Status, a.Header, a.Body)
		},
		Context: func(ctx context.Context, m *xmlrpc.Memory) context.Context {
			return database.WithMeter(ctx, m)
		},
		Fault:    calls.Fault,
		SpoolDir: s.spool,
		Client: func(r *http.Request) (netip.Addr, bool) {
			addr := ClientOf(r.Context()).Addr
			return addr, !s.exempt.contains(addr)
		},
		Refused:       refused(s.cfg.FaultStatus),
		Calls:         s.cfg.Calls,
		MaxBody:       s.cfg.MaxBody,
		Introspection: s.cfg.Introspection,
		Observe:       s.observeCall,
		Log:           s.logger,
	})
	s.calls = first
	return first, err
}

// authenticate begins to find out who sends a request.
func (v *served) authenticate(r *http.Request) (xmlrpc.Check[*auth.Request], error) {
	check, err := v.verifier.Begin(r)
	if err != nil {
		return nil, err
	}
	return check, nil
}

// Pages is what the pages of people belong to; see profiles.Config.
type Pages struct {
	Prefix       string
	Surroundings func(context.Context) (profiles.Surroundings, error)
	Settings     *profiles.Settings
	Section      *profiles.Section
	DeleteUser   func(ctx context.Context, by audit.Actor, id, heir int64) error
	Mail         *profiles.Mail
	Upstream     *profiles.Upstream
}

// Profiles returns the pages on which people look after their account and administrators after the server, and their
// routes.
func (s *Server) Profiles(of Pages) (*profiles.Pages, []Route, error) {
	return s.profilesOf(s.site, of)
}

// profilesOf is Profiles for the accounts of a site.
func (s *Server) profilesOf(v *served, of Pages) (*profiles.Pages, []Route, error) {
	keys := v.keys
	pages, err := profiles.New(profiles.Config{
		Unavailable: database.Outage,
		BaseURL:     v.home.String(), Prefix: of.Prefix, Upstream: of.Upstream, Users: keys.Users, Apps: keys.Apps, Verifier: v.verifier,
		Sessions: auth.NewSessionStore(keys.DB, s.cfg.Clock), PasswordMode: v.mode,
		Trail: func(ctx context.Context, f audit.Filter) ([]audit.Line, error) {
			return audit.List(ctx, keys.DB, f)
		},
		ClientAddr: func(r *http.Request) (netip.Addr, bool) {
			c := ClientOf(r.Context())
			return c.Addr, c.Secure // a cookie for TLS alone would not come back to a plain connection from this machine
		},
		Refusals:     v.refusals.ByReason,
		Surroundings: of.Surroundings,
		Settings:     of.Settings,
		Section:      of.Section,
		DeleteUser:   of.DeleteUser,
		Mail:         of.Mail,
		Clock:        s.cfg.Clock,
		Logger:       s.logger,
	})
	if err != nil {
		return nil, nil, err
	}
	if of.Prefix != "" {
		within := http.StripPrefix(of.Prefix, pages)
		home := http.RedirectHandler(v.home.String()+of.Prefix+"/", http.StatusSeeOther)
		return pages, []Route{{"profiles", of.Prefix, home}, {"profiles", of.Prefix + "/", within}}, nil
	}
	var rows []Route
	for _, path := range profiles.Paths() {
		rows = append(rows, Route{"profiles", path, pages})
	}
	return pages, rows, nil
}
