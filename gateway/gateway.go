// Package gateway is the shield in front of a WordPress that stays as it is.
// Outside it takes what the server takes: signed calls, tokens and, as far as
// the operator allows them, passwords. Inside it calls the WordPress with the
// user's own credential, in calls that it writes again.
//
// WordPress stays the judge of who someone is and what they may do. What a key
// may do is decided here, on exactly what is sent.
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
	// Host is sent to the WordPress in place of the host of Endpoint; empty for
	// that host.
	Host string
	// BaseURL is the address of the blog as people see it; that of Endpoint
	// when nil.
	BaseURL *url.URL
	// Transport sends calls to the WordPress; see NewTransport.
	Transport http.RoundTripper
	SpoolDir  string
	MaxAnswer int64         // bytes of an answer; default 256 MiB
	Timeout   time.Duration // for an answer of the WordPress; default 60 s
	Calls     int           // calls at the WordPress at the same time; default 16, others wait
	Waiting   int           // calls that wait at most; default 16 times Calls
	Wait      time.Duration // for one's turn; default 10 s
	// Counts is where calls are counted, so that the numbers outlive the Gateway.
	Counts *Counts
	// Allow are methods of plugins that are let through, with the position of
	// the user name; methods.NoLogin for those without. They are for Methods.
	Allow map[string]int
	// Jetpack lets requests of Jetpack through unchanged; nil does not.
	Jetpack *Pass
	Clock   func() time.Time
	Logger  *slog.Logger
}

// A Gateway relays calls to one WordPress. It is safe for concurrent use.
type Gateway struct {
	cfg     Config
	turns   chan struct{}
	waiting chan struct{}
	passing chan struct{} // requests of Jetpack
	breaker breaker
	text    sync.Map // of refused logins; see refusedLogin
	said    known    // of itself, by the WordPress

	applications *applications.Calls
}

// New returns a gateway. It talks to no one yet.
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
// or a password.
const deprecation = "Signing in with a user name and password is deprecated over XML-RPC; make an application key and sign the request instead."

// Methods returns the methods that are let through, in the form that xmlrpc.New
// takes: those of the table with a login, and methods of plugins with the
// position of theirs. Pingbacks are not among them, nor are other methods;
// system.* and demo.* are the handler's own. A call is for the gateway that its
// context carries, so that the table is made once for many; see In.
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

// told puts before an error what the client sees of it.
func (g *Gateway) told(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if f := g.Fault(ctx, err); f != nil {
		return fmt.Errorf("%w: %w", f, err)
	}
	return err
}

// pluginMethod is the row of a method that the operator lets through. It counts
// as one that creates something, and only keys without limits may call it.
func pluginMethod(name string, at int) *methods.Method {
	m := &methods.Method{Name: name, Login: at, Effect: methods.Creates, Rights: []string{"none"}, Result: "string"}
	if at != methods.NoLogin {
		m.SignIn, m.Min = methods.Required, at+2
	}
	return m
}

// An account is who calls, and what the WordPress is shown for it.
type account struct {
	who             auth.Identity
	login, password string
	stored          bool          // the credential is the one that is kept for the user
	given           time.Time     // when it was, and is kept since
	request         *auth.Request // that brought the credential, where it is not
}

// check checks one call: who is it, and may they. It returns the call that is
// to be sent.
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

// signIn finds out who calls and with what the WordPress is to be asked.
func (g *Gateway) signIn(ctx context.Context, m *methods.Method, c *xmlrpc.Call[*auth.Request]) (account, error) {
	who, signed := c.Identity.Signed()
	if m.Login == methods.NoLogin {
		return account{who: who}, nil
	}
	if !signed {
		login, password := c.Param(m.Login).Text(), c.Param(m.Login+1).Text()
		if m.SignIn == methods.Optional && login == "" && password == "" {
			return account{}, nil // the WordPress decides whether strangers may
		}
		found, err := c.Identity.Login(ctx, login, password)
		if err != nil || found.Token == nil {
			return account{who: found, login: clean(login), password: clean(password), request: c.Identity}, err
		}
		who = found // by a password of ours, which the WordPress does not know
	}
	up, err := g.cfg.Apps.Upstream(ctx, who.User.ID)
	if err != nil {
		return account{}, err
	}
	if !up.Refused.IsZero() {
		// Asking again would only teach plugins there to shut the gateway out.
		return account{}, errRefusedInside
	}
	return account{who: who, login: up.Login, password: up.Secret.Reveal(), stored: true, given: up.Given}, nil
}

var errRefusedInside = &xmlrpc.Fault{Code: upstream.CodeUnavailable, Message: "The blog no longer accepts your stored credential. Sign in once on the blog's Quillgate page, then try again. Nothing was changed."}

// state asks the WordPress for what decides about a post.
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
