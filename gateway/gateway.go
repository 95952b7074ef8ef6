// Package gateway stands in front of an unmodified WordPress and protects it.
// From clients it accepts what the server accepts: signed calls, tokens and, if
// the operator allows them, passwords. It calls the WordPress with the user's
// own credential, in calls that it writes itself.
//
// WordPress still decides who someone is and what they may do. The gateway
// decides what a key may do, based on exactly the call that it sends.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/applications"
	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Config describes a Gateway.
type Config struct {
	DB    *database.DB
	Apps  *apps.Store
	Users *auth.Users
	// Endpoint is the address of the WordPress's xmlrpc.php.
	Endpoint *url.URL
	// Host is sent to the WordPress in place of the host of Endpoint, if it is
	// set.
	Host string
	// BaseURL is the public address of the blog. The default is the address
	// of Endpoint.
	BaseURL *url.URL
	// Transport sends calls to the WordPress; see NewTransport.
	Transport http.RoundTripper
	SpoolDir  string
	MaxAnswer int64         // size of an answer in bytes; default 256 MiB
	Timeout   time.Duration // for an answer of the WordPress; default 60 s
	Calls     int           // concurrent calls to the WordPress; default 16, others wait
	Waiting   int           // the most calls that wait; default 16 times Calls
	Wait      time.Duration // the longest wait for a slot; default 10 s
	// Counts counts the calls. It is passed in so that the numbers outlive the
	// Gateway.
	Counts *Counts
	// Allow holds methods of plugins that are relayed, with the position of the
	// user name, or methods.NoLogin. It is used by Methods.
	Allow map[string]int
	// Jetpack lets requests of Jetpack through unchanged. If it is nil, they
	// are refused.
	Jetpack *Pass
	Clock   func() time.Time
	Logger  *slog.Logger
}

// A Gateway relays calls to one WordPress. It is safe for concurrent use.
type Gateway struct {
	cfg     Config
	turns   chan struct{}
	waiting chan struct{}
	passing chan struct{} // slots for requests of Jetpack
	breaker breaker
	text    sync.Map // of the fault for refused logins; see refusedLogin
	said    known    // the WordPress's description of itself

	applications *applications.Calls
}

// New returns a gateway. It makes no request yet.
func New(cfg Config) (*Gateway, error) {
	if cfg.Endpoint == nil || cfg.Endpoint.Host == "" || cfg.Endpoint.Scheme != "http" && cfg.Endpoint.Scheme != "https" || cfg.Endpoint.User != nil {
		return nil, errors.New("upstream: give the address of the WordPress's xmlrpc.php, such as http://127.0.0.1:8081/xmlrpc.php")
	}
	if cfg.BaseURL == nil {
		cfg.BaseURL = cfg.Endpoint.JoinPath("..")
	}
	if cfg.MaxAnswer == 0 {
		cfg.MaxAnswer = 256 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Calls == 0 {
		cfg.Calls = 16
	}
	if cfg.Waiting == 0 {
		cfg.Waiting = 16 * cfg.Calls
	}
	if cfg.Wait == 0 {
		cfg.Wait = 10 * time.Second
	}
	if cfg.Counts == nil {
		cfg.Counts = new(Counts)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{cfg: cfg, turns: make(chan struct{}, cfg.Calls), waiting: make(chan struct{}, cfg.Waiting)}
	g.passing = make(chan struct{}, passCalls)
	g.breaker.clock = cfg.Clock
	g.applications = applications.New(applications.Config{Apps: cfg.Apps, Clock: cfg.Clock, Blogs: g.blogs})
	return g, nil
}

// deprecation is the value of X-Deprecated on answers to calls with a user name
// and password.
const deprecation = "Signing in with a user name and password is deprecated over XML-RPC; make an application key and sign the request instead."

// Methods returns the methods that are relayed, in the form that xmlrpc.New
// takes: those of the table that have a login, and methods of plugins with the
// position of theirs. Pingbacks and other methods are not among them; the
// handler itself answers system.* and demo.*. A call is relayed by the gateway
// in its context, see In, so that many gateways can share one table.
func Methods(allow map[string]int) []xmlrpc.Method[*auth.Request] {
	var out []xmlrpc.Method[*auth.Request]
	for _, m := range methods.All() {
		if m.Protocol || m.Login == methods.NoLogin && !strings.HasPrefix(m.Name, "mt.supported") || strings.HasPrefix(m.Name, applications.Prefix) {
			continue
		}
		for _, name := range m.Names() {
			out = append(out, relayed(m, name))
		}
	}
	for name, at := range allow {
		if methods.Lookup(name) == nil {
			out = append(out, relayed(pluginMethod(name, at), name))
		}
	}
	return append(out, ownMethods()...)
}

type gatewayKey struct{}

// In returns a context for a request to this gateway.
func (g *Gateway) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, gatewayKey{}, g)
}

// of returns the gateway that a request is for.
func of(ctx context.Context) *Gateway { return ctx.Value(gatewayKey{}).(*Gateway) }

func relayed(m *methods.Method, name string) xmlrpc.Method[*auth.Request] {
	return xmlrpc.Method[*auth.Request]{
		Name: name, Signatures: m.Signatures(), Help: m.Help,
		Prepare: func(ctx context.Context, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Run, error) {
			g := of(ctx)
			who, out, err := g.check(ctx, m, name, c)
			if err != nil {
				return nil, g.told(ctx, err)
			}
			return func(ctx context.Context) (xmlrpc.Value, error) {
				v, err := g.relay(ctx, who, out, c.Place)
				return v, g.told(ctx, err)
			}, nil
		},
	}
}

// told wraps an error together with the fault that the client sees.
func (g *Gateway) told(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if f := g.Fault(ctx, err); f != nil {
		return fmt.Errorf("%w: %w", f, err)
	}
	return err
}

// pluginMethod returns the row of a plugin's method that the operator lets
// through. It counts as creating, and only keys without limits may call it.
func pluginMethod(name string, at int) *methods.Method {
	m := &methods.Method{Name: name, Login: at, Effect: methods.Creates, Rights: []string{"none"}, Result: "string"}
	if at != methods.NoLogin {
		m.SignIn, m.Min = methods.Required, at+2
	}
	return m
}

// An account is a caller with the credential that the WordPress gets.
type account struct {
	who             auth.Identity
	login, password string
	stored          bool          // the credential is the one stored for the user
	given           time.Time     // when the stored credential was set
	request         *auth.Request // the request that brought the credential, if it is not stored
}

// check authenticates and authorizes one call, and returns the call to send.
func (g *Gateway) check(ctx context.Context, m *methods.Method, name string, c *xmlrpc.Call[*auth.Request]) (account, *canonical, error) {
	args := c.Params
	if len(args) < m.Min || m.Login != methods.NoLogin && len(args) < m.Login+2 {
		return account{}, nil, applications.ErrTooFew
	}
	if m.Login != methods.NoLogin && (c.Param(m.Login).Text() != "" || c.Param(m.Login+1).Text() != "") {
		c.Header.Set("X-Deprecated", deprecation)
	}
	who, err := g.signIn(ctx, m, c)
	if err != nil {
		return account{}, nil, err
	}
	out, err := canonicalise(m, name, args)
	if err != nil {
		return account{}, nil, err
	}
	ask := func(ctx context.Context, id int64) (state, error) { return g.state(ctx, who, id) }
	if err := decide(ctx, who.who.Scope, out, ask); err != nil {
		return account{}, nil, err
	}
	return who, out.everywhere(), nil
}

// signIn finds out who calls, and which credential the WordPress gets.
func (g *Gateway) signIn(ctx context.Context, m *methods.Method, c *xmlrpc.Call[*auth.Request]) (account, error) {
	who, signed := c.Identity.Signed()
	if m.Login == methods.NoLogin {
		return account{who: who}, nil
	}
	if !signed {
		login, password := c.Param(m.Login).Text(), c.Param(m.Login+1).Text()
		if m.SignIn == methods.Optional && login == "" && password == "" {
			return account{}, nil // the WordPress decides whether anonymous callers may
		}
		found, err := c.Identity.Login(ctx, login, password)
		if err != nil || found.Token == nil {
			return account{who: found, login: clean(login), password: clean(password), request: c.Identity}, err
		}
		who = found // by a password of this gateway, which the WordPress does not know
	}
	up, err := g.cfg.Apps.Upstream(ctx, who.User.ID)
	if err != nil {
		return account{}, err
	}
	if !up.Refused.IsZero() {
		// Another attempt would only make plugins there lock out the gateway.
		return account{}, errRefusedInside
	}
	return account{who: who, login: up.Login, password: up.Secret.Reveal(), stored: true, given: up.Given}, nil
}

var errRefusedInside = &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "The blog no longer accepts your stored credential. Sign in once on the blog's Quillgate page, then try again. Nothing was changed."}

// state asks the WordPress for the properties of a post that decide about
// rights.
func (g *Gateway) state(ctx context.Context, who account, id int64) (state, error) {
	row := methods.Lookup("wp.getPost")
	c := &canonical{method: row, name: row.Name, args: []xmlrpc.Value{
		xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Int(id),
		xmlrpc.Array(xmlrpc.String("post_status"), xmlrpc.String("post_type")),
	}}
	v, err := g.read(ctx, who, c)
	if err != nil {
		return state{}, err
	}
	s := state{v.Get("post_status").Text(), v.Get("post_type").Text()}
	if s.Status == "" || s.Type == "" {
		return state{}, forbidden("The blog does not report whether readers can see this post, so your key may not change it.")
	}
	return s, nil
}
