// Package fetch makes the requests that the server makes on its own account to addresses that strangers name: the
// pages that pingbacks tell of, and the files that an import brings.
//
// Such a request must not become a way into the network that the server stands in (server-side request forgery). So it
// speaks http and https only, to the ports 80 and 443, and connects to public addresses only: what is checked is the
// address that the connection goes to, after the name was looked up and on every hop, so that a name which changes its
// answer between a check and the connection gains nothing. The IANA registries of special-purpose addresses say what is not public.
// Networks that the operator has listed can be reached besides.
//
// Time and size are bounded. A host that may not be reached and a host that cannot be reached fail with the same error,
// after the same time. No cookie, no credential and no proxy is used.
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
	// MaxURL is the length of the longest address that is fetched, in bytes.
	MaxURL = 2048
	// MaxRedirects is how many redirects are followed at most.
	MaxRedirects = 3

	defaultTimeout = 5 * time.Second
	defaultReach   = 2 * time.Second
	defaultBytes   = 1 << 20
	maxHeaderBytes = 64 << 10
)

var (
	// ErrURL means that an address is none that is fetched, whatever there may be: its scheme, its port or its form
	// is refused. It is found out without any traffic, and so at once.
	ErrURL = errors.New("not an address that may be fetched")
	// ErrUnreachable means that nothing answered, or that the host must not be asked; it does not tell which.
	ErrUnreachable = errors.New("not reached")
)

// cloudNetworks are addresses that the registries hold for public, and where a cloud answers its own machines:
// 168.63.129.16 is the platform of Azure, with DNS, DHCP and the agent's secrets.
var cloudNetworks = []netip.Prefix{netip.MustParsePrefix("168.63.129.16/32")}

// Config describes a Client. The zero value of each member but UserAgent stands for the default.
type Config struct {
	// UserAgent is what the requests say they come from.
	UserAgent string
	// Timeout bounds a request with its redirects and its body; 5 s.
	Timeout time.Duration
	// Reach is how long one hop must get a connection, and the time after
	// which a failed one is reported; 2 s.
	Reach time.Duration
	// MaxBytes is how much of a body is read; 1 MiB.
	MaxBytes int64
	// Resolver looks names up; that of the system.
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

// Request says what is asked of whom.
type Request struct {
	URL string
	// Body makes a POST of the request, with ContentType; without it the request is a GET.
	Body        []byte
	ContentType string
	// Redirects is how many are followed, at most MaxRedirects. The answer to one too many is the redirect itself. Those
	// of a POST are never followed.
	Redirects int
	// Networks may be reached next to public addresses.
	Networks []network.Destination
}

// Response is what was answered, whatever the status.
type Response struct {
	URL    string // of the page, after the redirects
	Status int
	Header http.Header
	Body   []byte
	// Truncated means that there was more than Config.MaxBytes, which Body does not hold.
	Truncated bool
}

// Do makes a request. Errors: ErrURL, ErrUnreachable, or that of ctx.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	if err := Check(r.URL, r.Networks); err != nil {
		return nil, err
	}
	// The deadline bounds the wait after a failure too.
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

// failed waits until a hop that begins now would have been given up, so that the time says nothing about why it failed.
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

// transport makes connections of its own for every request: one that stands was allowed by other rules, perhaps.
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

// Check reports whether an address has the form of one that is fetched, without
// any traffic. Error: ErrURL.
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

// Text is the body as UTF-8, by the character encoding that the answer or the page itself declares.
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
