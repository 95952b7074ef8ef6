// Package wordpress is the WordPress API: the functions of its methods (package
// methods has their table), their shapes on the wire, and the faults for their
// errors. It translates wire names, dates and loose types into calls of package
// site and back. It has no SQL and no permission rules of its own.
//
// The behavior follows what WordPress answers, not its documentation. Where
// this server intends to do better, the comment on the method says so.
package wordpress

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/quillgate/quillgate/applications"
	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Config holds the parts of the API. All fields except Clock are required.
type Config struct {
	Site   *site.Site
	Users  *auth.Users
	Apps   *apps.Store
	Pings  *pingback.Blog
	Logger *slog.Logger
	Clock  func() time.Time // default time.Now
}

// API answers the methods of the table. It is safe for concurrent use.
type API struct {
	site   *site.Site
	users  *auth.Users
	apps   *apps.Store
	logger *slog.Logger
	clock  func() time.Time

	pingbacks *pingback.Blog

	applications *applications.Calls
}

// New returns the API for a configuration.
func New(cfg Config) *API {
	a := &API{site: cfg.Site, users: cfg.Users, apps: cfg.Apps, logger: cfg.Logger, clock: cfg.Clock, pingbacks: cfg.Pings}
	if a.clock == nil {
		a.clock = time.Now
	}
	a.applications = applications.New(applications.Config{Apps: a.apps, Clock: a.clock, Blogs: a.blogs})
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	return a
}

// WellKnown serves /.well-known/quillgate.
func (a *API) WellKnown(w http.ResponseWriter, r *http.Request) {
	a.applications.WellKnown(a.site.EndpointURL(), a.site.BaseURL()+"/authorize", a.logger)(w, r)
}

// deprecation is the value of the X-Deprecated header of every answer to a
// request with a user name or password.
const deprecation = "Signing in with a user name and password is deprecated over XML-RPC; make an application key and sign the request instead."

// Methods returns the table in the form that xmlrpc.New takes.
func (a *API) Methods() []xmlrpc.Method[*auth.Request] {
	var out []xmlrpc.Method[*auth.Request]
	for _, m := range table() {
		for _, name := range m.Names() {
			out = append(out, xmlrpc.Method[*auth.Request]{
				Name:       name,
				Signatures: m.Signatures(),
				Help:       m.Help,
				Func: func(ctx context.Context, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
					return a.call(ctx, m, c)
				},
			})
		}
	}
	return out
}

// call does what all methods share: it checks the number of arguments, signs
// the caller in, and calls the function.
func (a *API) call(ctx context.Context, m method, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
	p := &call{row: m.Method, in: c}
	if m.Login != methods.NoLogin && (p.text("user") != "" || p.text("password") != "") {
		c.Header.Set("X-Deprecated", deprecation)
	}
	if len(c.Params) < m.Min {
		return xmlrpc.Value{}, errTooFew
	}
	who, err := a.signIn(ctx, m, p)
	if err != nil {
		return xmlrpc.Value{}, a.told(ctx, err)
	}
	who.Repeat.Call = c.Place
	a.tellExpiry(c.Header, who)
	if who, err = m.admit(who); err != nil {
		return xmlrpc.Value{}, err
	}
	v, err := m.do(a, ctx, who, p)
	if err != nil {
		return xmlrpc.Value{}, a.told(ctx, err)
	}
	return v, nil
}

// expiryHeader names the header field with the time when the client's key or
// token expires (RFC 3339), from two weeks before.
const expiryHeader = "X-Quillgate-Key-Expires"

func (a *API) tellExpiry(h http.Header, who auth.Identity) {
	var end time.Time
	switch {
	case who.App != nil:
		end = who.App.Expires
	case who.Token != nil:
		end = who.Token.Expires
	}
	if end.IsZero() {
		return
	}
	if (apps.Terms{Expires: end}).ExpiresWithin(apps.ExpirySoon, a.clock()) {
		h.Set(expiryHeader, end.UTC().Format(time.RFC3339))
	}
}

// signIn authenticates the caller. A valid signature determines the caller
// whatever the arguments are; a user name and a password count only without
// one.
func (a *API) signIn(ctx context.Context, m method, p *call) (auth.Identity, error) {
	c := p.in
	switch {
	case applications.Special(m.Method):
		return applications.SignIn(ctx, m.Method, c)
	case m.Login == methods.NoLogin:
		who, _ := c.Identity.Signed()
		return who, nil
	}
	who, signed := c.Identity.Signed()
	if signed {
		return who, nil
	}
	login, password, err := p.credentials()
	if err != nil {
		return auth.Identity{}, err
	}
	if m.SignIn == methods.Optional && login == "" && password == "" {
		return auth.Identity{}, nil
	}
	return c.Identity.Login(ctx, login, password)
}
