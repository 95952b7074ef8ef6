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

// Entrance is a part that a Server serves.
type Entrance struct {
	Routes []Route
	// Run holds the background work of the entrance. Each function runs in its
	// own goroutine until its context ends.
	Run []func(context.Context)
}

// Opener creates an entrance from the parts of the shell: Endpoint, Profiles,
// ClientOf. Nothing is served yet.
type Opener func(*Server) (Entrance, error)

// Route is a row of the route table.
type Route struct {
	Name    string // label in logs and metrics
	Path    string // a path that ends in a slash includes everything below it
	Handler http.Handler
}

func (r Route) below() bool { return r.Path[len(r.Path)-1] == '/' }

// breadth orders the table: a row for a single path before rows for everything
// below a path, a longer path before a shorter one.
func (r Route) breadth() int {
	if r.below() {
		return len(r.Path)
	}
	return math.MaxInt
}

// Client is where a request comes from, as far as that is known.
type Client struct {
	Addr   netip.Addr
	Secure bool // over TLS, here or at a trusted proxy
	Local  bool // from a program on this machine that is not a proxy for others
}

// ClientOf returns where the request of a context comes from.
func ClientOf(ctx context.Context) Client {
	c := recordOf(ctx).client
	return Client{c.addr, c.secure, c.local}
}

// Calls configures an endpoint.
type Calls struct {
	Methods []xmlrpc.Method[*auth.Request]
	// Fault returns the fault for an error of a method; see xmlrpc.Config.
	Fault func(context.Context, error) *xmlrpc.Fault
}

// Endpoint returns an XML-RPC endpoint with the limits of the server. It
// verifies credentials before it reads a call, signs answers on request, and
// counts and logs calls.
func (s *Server) Endpoint(calls Calls) (*xmlrpc.Handler[*auth.Request], error) {
	return s.endpointOf(s.site, calls)
}

// endpointOf is Endpoint for the credentials of a site. All endpoints share the
// limits.
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

// authenticate begins to authenticate the sender of a request.
func (v *served) authenticate(r *http.Request) (xmlrpc.Check[*auth.Request], error) {
	check, err := v.verifier.Begin(r)
	if err != nil {
		return nil, err
	}
	return check, nil
}

// Pages describes the owner of the account pages; see profiles.Config.
type Pages struct {
	Prefix       string
	Surroundings func(context.Context) (profiles.Surroundings, error)
	Settings     *profiles.Settings
	Section      *profiles.Section
	DeleteUser   func(ctx context.Context, by audit.Actor, id, heir int64) error
	Mail         *profiles.Mail
	Upstream     *profiles.Upstream
}

// Profiles returns the pages on which people manage their account, and
// administrators the server, with their routes.
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
			return c.Addr, c.Secure // a secure cookie would not come back over a plain connection from this machine
		},
		Refusals:     v.refusals,
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
