package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// MarkField is the header field that distinguishes answers of a gateway's
// endpoint from those of the WordPress.
const MarkField = "X-Quillgate"

// Mark is the value of MarkField.
const Mark = "gateway"

// A WayState is the result of trying a way to the blog.
type WayState string

// The states of a way.
const (
	Closed  WayState = "closed"  // no XML-RPC server answers there, or the gateway does
	Around  WayState = "around"  // the WordPress answers
	Unclear WayState = "unclear" // unknown
)

// A Way is an address that could lead around the gateway.
type Way struct {
	Address string   `json:"address"`
	State   WayState `json:"state"`
	Seen    string   `json:"seen"`
}

// A Report is the result of Check.
type Report struct {
	Ways  []Way    `json:"ways"`
	Notes []string `json:"notes"` // problems that do not bypass the gateway
}

// State returns the worst state of all ways.
func (r Report) State() WayState {
	state := Closed
	for _, w := range r.Ways {
		if w.State == Around {
			return Around
		}
		if w.State == Unclear {
			state = Unclear
		}
	}
	return state
}

// Check looks for ways to the WordPress that bypass the gateway, as seen from
// this machine, and for faulty settings of the WordPress. It does not sign in
// anywhere.
func (g *Gateway) Check(ctx context.Context) Report {
	r := Report{Notes: []string{}}
	base := g.cfg.BaseURL
	try := func(u *url.URL, own bool) { r.Ways = append(r.Ways, tryWay(ctx, u, own)) }
	try(base.JoinPath(methods.EndpointPath), true)
	for _, path := range []string{"/xmlrpc.php/", "/xmlrpc.php/x", "/two/xmlrpc.php"} {
		u := *base
		u.Path = strings.TrimRight(u.Path, "/") + path
		try(&u, false)
	}
	front := base.JoinPath("/")
	front.RawQuery = "for=jetpack" // the entrance of Jetpack, which rules about xmlrpc.php miss
	try(front, false)
	if base.Scheme == "https" {
		plain := base.JoinPath(methods.EndpointPath)
		plain.Scheme, plain.Host = "http", base.Hostname()
		try(plain, false)
	}
	for _, u := range byAddress(ctx, base) {
		try(u, false)
	}
	r.Notes = append(r.Notes, g.notes(ctx)...)
	return r
}

// byAddress returns the address of the endpoint once for each IP address of its
// host.
func byAddress(ctx context.Context, base *url.URL) []*url.URL {
	if _, err := netip.ParseAddr(base.Hostname()); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", base.Hostname())
	if err != nil {
		return nil // the first way has reported it
	}
	var out []*url.URL
	for _, addr := range found[:min(len(found), 4)] {
		u := base.JoinPath(methods.EndpointPath)
		port := base.Port()
		if u.Host = addr.Unmap().String(); port != "" {
			u.Host = net.JoinHostPort(u.Host, port)
		} else if addr.Unmap().Is6() {
			u.Host = "[" + u.Host + "]"
		}
		out = append(out, u)
	}
	return out
}

// tryWay calls a harmless method at an address. own means that the address is
// the gateway's own.
func tryWay(ctx context.Context, u *url.URL, own bool) Way {
	w := Way{Address: u.String(), State: Closed}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body := xmlrpc.AppendCall(nil, "system.listMethods")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.Address, bytes.NewReader(body))
	if err != nil {
		w.State, w.Seen = Unclear, "this is not an address"
		return w
	}
	req.Header.Set("Content-Type", "text/xml")
	// The certificate does not matter here: the request holds nothing secret.
	rt := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} //nolint:gosec
	resp, err := rt.RoundTrip(req)
	if err != nil {
		w.State, w.Seen = unanswered(err, own)
		return w
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case resp.Header.Get(MarkField) == Mark:
		w.Seen = "the gateway answers"
	case bytes.Contains(text, []byte("<methodResponse")):
		w.State, w.Seen = Around, "a server that is not this gateway answers XML-RPC"
	case own:
		w.State, w.Seen = Unclear, fmt.Sprintf("the gateway does not answer here (HTTP status %d): is it running, and does the web server forward this address to it?", resp.StatusCode)
	default:
		w.Seen = fmt.Sprintf("no XML-RPC (HTTP status %d)", resp.StatusCode)
	}
	return w
}

func unanswered(err error, own bool) (WayState, string) {
	switch network.FailureOf(err) {
	case network.NameUnknown, network.NameNotFound:
		return Unclear, "the host name is unknown"
	case network.Refused:
		if own {
			return Unclear, "nothing answers at this address"
		}
		return Closed, "no connection"
	case network.TLSRefused: // the server selects a site by its name only
		if !own {
			return Closed, "the server has no certificate for this address"
		}
	case network.TimedOut:
		return Unclear, "no answer in 10 seconds"
	case network.NoRoute:
		return Closed, "not reachable from here"
	}
	return Unclear, "the connection broke"
}

// rest returns the REST interface of the WordPress, with the gateway's own
// transport and header fields.
func (g *Gateway) rest() *upstream.REST {
	return upstream.NewREST(g.cfg.Endpoint.JoinPath("..").String(), g.cfg.Transport, func(r *http.Request) { g.fields(r, account{}) })
}

// restTime is the time limit for a request to the REST interface.
const restTime = 10 * time.Second

// index requests the public description of the WordPress.
func (g *Gateway) index(ctx context.Context) (upstream.Index, error) {
	ctx, cancel := context.WithTimeout(ctx, restTime)
	defer cancel()
	return g.rest().Index(ctx)
}

const behindHTTPS = `This WordPress does not know that it is behind https, and therefore refuses every application password. Tell PHP: in nginx "fastcgi_param HTTPS on;", in Apache "SetEnv HTTPS on", or at the top of wp-config.php "$_SERVER['HTTPS'] = 'on';".`

// notes returns problems of the WordPress that do not bypass the gateway.
func (g *Gateway) notes(ctx context.Context) []string {
	var notes []string
	if addr, err := netip.ParseAddr(g.cfg.Endpoint.Hostname()); err == nil && !addr.IsLoopback() || err != nil && g.cfg.Endpoint.Hostname() != "localhost" {
		notes = append(notes, "The WordPress is reached at "+g.cfg.Endpoint.Host+", which may be another machine: let its firewall accept connections from this machine only.")
	}
	i, err := g.index(ctx)
	if err != nil {
		return append(notes, "The REST index of the WordPress cannot be read, so it is unknown whether application passwords work and which address it has.")
	}
	if home, err := url.Parse(i.Home); err != nil || !strings.EqualFold(home.Host, g.cfg.BaseURL.Host) || home.Scheme != g.cfg.BaseURL.Scheme {
		notes = append(notes, "The WordPress calls itself "+i.Home+", and people see "+g.cfg.BaseURL.String()+": links in its answers lead to the former. Set its address (WP_HOME), or give the right --base-url and --upstream-host.")
	}
	if i.Authorize == "" {
		notes = append(notes, behindHTTPS+" (Or a plugin has disabled application passwords.)")
	}
	return notes
}

// Explain adds possible reasons to the refusal of a credential.
func (g *Gateway) Explain(ctx context.Context, err error) error {
	if !errors.Is(err, auth.ErrDenied) {
		return err
	}
	i, unread := g.index(ctx)
	switch {
	case unread != nil:
		return errors.New("the WordPress refuses the user name or the password; it is unknown whether application passwords work there, because its index cannot be read")
	case i.Authorize == "":
		return errors.New("the WordPress refuses the credential. " + behindHTTPS + " If it is not an application password, it is wrong")
	}
	return errors.New("the WordPress refuses it: the user name or the password is wrong")
}

var port = regexp.MustCompile(`:[0-9]+$`)

// Closing returns instructions for the front web server that close the ways
// around the gateway. listen is the address of the gateway.
func Closing(listen string) string {
	if !port.MatchString(listen) {
		listen = "127.0.0.1:8080"
	}
	return strings.ReplaceAll(closing, "LISTEN", listen)
}

const closing = `nginx, before the location of PHP (the first regular expression that matches counts):
    location = /xmlrpc.php { proxy_pass http://LISTEN; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host ""; proxy_set_header Forwarded ""; proxy_next_upstream off; proxy_request_buffering off; client_max_body_size 64m; }
    location ^~ /quillgate/ { proxy_pass http://LISTEN; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host ""; proxy_set_header Forwarded ""; }
    location = /quillgate/signin/blog/back { access_log off; proxy_pass http://LISTEN; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host ""; proxy_set_header Forwarded ""; }
    location ~* (^|/)xmlrpc\.php(/|$) { return 403; }
    if ($arg_for = jetpack) { return 403; }

Apache:
    ProxyPass "/xmlrpc.php" "http://LISTEN/xmlrpc.php"
    ProxyPass "/quillgate/" "http://LISTEN/quillgate/"
    SetEnvIf Request_URI "^/quillgate/signin/blog/back$" quillgate_password
    # and in the CustomLog of this site: env=!quillgate_password
    RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}
    <LocationMatch "(?i)(.+/xmlrpc\.php|/xmlrpc\.php/)">
        Require all denied
    </LocationMatch>
    RewriteEngine On
    RewriteCond %{QUERY_STRING} (^|&)for=jetpack
    RewriteRule ^ - [F]

Caddy:
    @gate path /xmlrpc.php /quillgate/*
    log_skip /quillgate/signin/blog/back
    reverse_proxy @gate LISTEN
    @around {
        path_regexp (?i)(^|/)xmlrpc\.php(/|$)
        not path /xmlrpc.php
    }
    respond @around 403
    @jetpack query for=jetpack
    respond @jetpack 403

Start the gateway with --trusted-proxies 127.0.0.1, so that it believes what the web server says of clients.
`
