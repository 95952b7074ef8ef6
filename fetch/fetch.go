// Package fetch requests addresses that strangers choose: the pages that
// pingbacks name, and the files that an import brings along.
//
// Such a request must not become a way into the server's own network
// (server-side request forgery). Therefore it uses only http and https on ports
// 80 and 443, and connects only to public addresses. The check applies to the
// address of the connection itself, after the name lookup and on every
// redirect, so a name that changes its answer between the check and the
// connection gains nothing. The IANA registries of special-purpose addresses
// define what is not public. Networks that the operator has listed are allowed
// in addition.
//
// Time and size are bounded. A host that must not be reached and a host that
// cannot be reached fail with the same error after the same time. No request
// carries cookies or credentials, or uses a proxy.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/html/charset"

	"github.com/quillgate/quillgate/network"
)

const (
	// MaxURL is the longest address that is fetched, in bytes.
	MaxURL = 2048
	// MaxRedirects is the largest number of redirects that are followed.
	MaxRedirects = 3

	defaultTimeout = 5 * time.Second
	defaultReach   = 2 * time.Second
	defaultBytes   = 1 << 20
	maxHeaderBytes = 64 << 10
)

var (
	// ErrURL means that an address is never fetched because of its scheme, port
	// or form. It is returned at once, without any traffic.
	ErrURL = errors.New("not an address that may be fetched")
	// ErrUnreachable means that the host did not answer or must not be asked.
	// It does not reveal which.
	ErrUnreachable = errors.New("not reached")
)

// cloudNetworks are addresses that are public in the registries but serve the
// machines of a cloud: 168.63.129.16 is the platform of Azure, with DNS, DHCP
// and the secrets of its agent.
var cloudNetworks = []netip.Prefix{netip.MustParsePrefix("168.63.129.16/32")}

// Config describes a Client. Every field except UserAgent has a default, which
// its zero value selects.
type Config struct {
	// UserAgent is the User-Agent of the requests.
	UserAgent string
	// Timeout bounds a request with its redirects and its body. The default is
	// 5 s.
	Timeout time.Duration
	// Reach is the time that one hop may take to connect, and the time after
	// which a failure is reported. The default is 2 s.
	Reach time.Duration
	// MaxBytes is the number of bytes that are read of a body. The default is 1
	// MiB.
	MaxBytes int64
	// Resolver looks up names. The default is that of the system.
	Resolver *net.Resolver
}

// Client makes requests. It is safe for concurrent use.
type Client struct {
	cfg   Config
	guard *ssrf.Guardian
}

// New returns a client.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Reach == 0 {
		cfg.Reach = defaultReach
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultBytes
	}
	return &Client{cfg: cfg, guard: ssrf.New(ssrf.WithDeniedV4Prefixes(cloudNetworks...))}
}

// Request describes one request.
type Request struct {
	URL string
	// Body makes the request a POST with this body and ContentType. If it is
	// nil, the request is a GET.
	Body        []byte
	ContentType string
	// Redirects is the number of redirects to follow, at most MaxRedirects. If
	// there are more, the response is the redirect itself. A POST never follows
	// redirects.
	Redirects int
	// Networks may be reached in addition to public addresses.
	Networks []network.Destination
}

// Response is the response to a request, whatever its status.
type Response struct {
	URL    string // of the page, after redirects
	Status int
	Header http.Header
	Body   []byte
	// Truncated reports whether the body was longer than Config.MaxBytes, which
	// is all that Body holds then.
	Truncated bool
}

// Do makes a request. The error is ErrURL, ErrUnreachable, or that of ctx.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	if err := Check(r.URL, r.Networks); err != nil {
		return nil, err
	}
	// The deadline also bounds the wait after a failure.
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	hop := time.Now()
	client := &http.Client{
		Transport: c.transport(r.Networks),
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > min(r.Redirects, MaxRedirects) || r.Body != nil {
				return http.ErrUseLastResponse
			}
			hop = time.Now()
			next.Header.Del("Referer")
			return Check(next.URL.String(), r.Networks)
		},
	}
	response, err := c.send(ctx, client, r)
	if err != nil {
		return nil, c.failed(ctx, hop, err)
	}
	defer response.Body.Close()
	out := &Response{URL: response.Request.URL.String(), Status: response.StatusCode, Header: response.Header}
	out.Body, err = io.ReadAll(io.LimitReader(response.Body, c.cfg.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w: %w", ErrUnreachable, err)
	}
	if int64(len(out.Body)) > c.cfg.MaxBytes {
		out.Body, out.Truncated = out.Body[:c.cfg.MaxBytes], true
	}
	return out, nil
}

func (c *Client) send(ctx context.Context, client *http.Client, r Request) (*http.Response, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if r.Body != nil {
		method, body = http.MethodPost, bytes.NewReader(r.Body)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.URL, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.cfg.UserAgent)
	if r.Body != nil {
		request.Header.Set("Content-Type", r.ContentType)
	}
	return client.Do(request)
}

// failed waits until a hop that begins now would have timed out, so that the
// time does not reveal why the request failed.
func (c *Client) failed(ctx context.Context, hop time.Time, err error) error {
	timer := time.NewTimer(time.Until(hop.Add(c.cfg.Reach)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), context.Canceled) {
			return ctx.Err()
		}
	}
	return fmt.Errorf("%w: %v", ErrUnreachable, err) // not wrapped: a hop that was refused is not reached
}

// transport returns a new transport for each request: a kept connection may
// have been allowed by other rules.
func (c *Client) transport(networks []network.Destination) *http.Transport {
	dialer := &net.Dialer{
		Timeout:  c.cfg.Reach,
		Resolver: c.cfg.Resolver,
		Control: func(protocol, address string, conn syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("read the address to connect to: %w", err)
			}
			if slices.ContainsFunc(networks, func(d network.Destination) bool { return d.Contains(at) }) {
				return nil
			}
			return c.guard.Safe(protocol, address, conn)
		},
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		DisableKeepAlives:      true,
		TLSHandshakeTimeout:    c.cfg.Reach,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// Check reports ErrURL if an address does not have a form that is fetched. It
// causes no traffic.
func Check(address string, networks []network.Destination) error {
	if len(address) > MaxURL {
		return fmt.Errorf("%w: it is longer than %d bytes", ErrURL, MaxURL)
	}
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrURL, err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: it begins with neither http nor https", ErrURL)
	case u.User != nil:
		return fmt.Errorf("%w: it holds a user name", ErrURL)
	case u.Hostname() == "" || strings.Contains(u.Hostname(), "%"):
		return fmt.Errorf("%w: it names no host", ErrURL)
	case u.Port() == "":
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || !network.WebPort(uint16(port)) && !slices.ContainsFunc(networks, func(d network.Destination) bool { return d.Port == uint16(port) && port != 0 }) {
		return fmt.Errorf("%w: its port is not one of the Web", ErrURL)
	}
	return nil
}

// Text returns the body as UTF-8. It converts from the character encoding that
// the response or the page declares.
func (r *Response) Text() string {
	reader, err := charset.NewReader(bytes.NewReader(r.Body), r.Header.Get("Content-Type"))
	if err != nil {
		return strings.ToValidUTF8(string(r.Body), "")
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		return strings.ToValidUTF8(string(r.Body), "")
	}
	return strings.ToValidUTF8(string(text), "")
}
