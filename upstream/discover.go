package upstream

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/fetch"
)

// ErrNoEndpoint means that no XML-RPC endpoint was found.
var ErrNoEndpoint = errors.New("no XML-RPC endpoint was found")

// A Place is the location of a blog.
type Place struct {
	Endpoint string // the address of its XML-RPC endpoint
	Home     string // the address of its home page, with a slash at the end
}

// The largest pages and RSD documents that are read, and the number of
// redirects that are followed. Only discovery follows redirects, and never with
// a credential.
const (
	mostPage      = 1 << 20
	mostRedirects = 5
)

// Discover finds the endpoint of a blog. The address is that of the endpoint or
// of the home page. The home page names the endpoint in its RSD document;
// without one, Discover tries the usual path. It follows redirects, since it
// sends nothing secret. Errors: [ErrNoEndpoint], [*Trouble].
func Discover(ctx context.Context, rt http.RoundTripper, address string) (Place, error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return Place{}, fmt.Errorf("%w: %q is not an address such as https://blog.example", ErrNoEndpoint, address)
	}
	u.RawQuery, u.Fragment = "", ""
	d := &discoverer{rt: rt}
	if strings.HasSuffix(u.Path, ".php") {
		return d.endpoint(ctx, u)
	}
	page, final, err := d.get(ctx, u)
	if err != nil {
		return Place{}, err
	}
	if link := editURI(page, final); link != nil {
		if p, err := d.rsd(ctx, link, final); err == nil {
			return p, nil
		}
	}
	guess := *final
	guess.RawQuery, guess.Fragment = "", ""
	if !strings.HasSuffix(guess.Path, "/") {
		guess.Path += "/"
	}
	home := guess.String()
	guess.Path += "xmlrpc.php"
	p, err := d.endpoint(ctx, &guess)
	if err == nil && p.Home == "" {
		p.Home = home
	}
	return p, err
}

type discoverer struct{ rt http.RoundTripper }

// endpoint tries whether an address is an endpoint, and follows it where it has
// moved.
func (d *discoverer) endpoint(ctx context.Context, u *url.URL) (Place, error) {
	ask := *u
	ask.RawQuery = "rsd"
	text, final, err := d.get(ctx, &ask)
	if err != nil {
		return Place{}, err
	}
	at := *final
	at.RawQuery = ""
	home := at
	home.Path = strings.TrimSuffix(home.Path, "xmlrpc.php")
	if i := strings.LastIndex(home.Path, "/"); i >= 0 {
		home.Path = home.Path[:i+1]
	}
	if named, ok := parseRSD(text); ok {
		// The document may name an address that works only inside the network,
		// so the address that has just answered is used. The home page is taken
		// from the document.
		if h, err := url.Parse(named.home); err == nil && h.Host == at.Host {
			home = *h
		}
		return Place{at.String(), slash(home.String())}, nil
	}
	if bytes.Contains(text, []byte("XML-RPC")) {
		return Place{at.String(), slash(home.String())}, nil // how a server without RSD answers a GET
	}
	return Place{}, fmt.Errorf("%w at %s", ErrNoEndpoint, place(&at))
}

// rsd reads the document that a home page names.
func (d *discoverer) rsd(ctx context.Context, link, home *url.URL) (Place, error) {
	text, final, err := d.get(ctx, link)
	if err != nil {
		return Place{}, err
	}
	named, ok := parseRSD(text)
	if !ok {
		return Place{}, ErrNoEndpoint
	}
	api, err := final.Parse(named.api)
	if err != nil || api.Scheme != "http" && api.Scheme != "https" || api.Host == "" {
		return Place{}, ErrNoEndpoint
	}
	if api.Hostname() == home.Hostname() && home.Scheme == "https" {
		api.Scheme = "https" // many blogs still give an http address for themselves
	}
	at := *home
	at.RawQuery, at.Fragment = "", ""
	return Place{api.String(), slash(at.String())}, nil
}

func slash(address string) string { return strings.TrimRight(address, "/") + "/" }

type named struct{ api, home string }

// parseRSD reads Really Simple Discovery (RSD 1.0). It prefers the WordPress
// interface, then the preferred one, then the first XML-RPC interface.
func parseRSD(text []byte) (named, bool) {
	var doc struct {
		Service struct {
			Home string `xml:"homePageLink"`
			APIs []struct {
				Name      string `xml:"name,attr"`
				Preferred string `xml:"preferred,attr"`
				Link      string `xml:"apiLink,attr"`
			} `xml:"apis>api"`
		} `xml:"service"`
	}
	if i := bytes.Index(text, []byte("<rsd")); i > 0 {
		text = text[i:] // notices of PHP may precede it
	}
	if xml.Unmarshal(text, &doc) != nil {
		return named{}, false
	}
	best, rank := "", 0
	for _, api := range doc.Service.APIs {
		r := 1
		switch {
		case api.Name == "WP-API" || api.Link == "":
			continue
		case api.Name == "WordPress":
			r = 3
		case strings.EqualFold(api.Preferred, "true"):
			r = 2
		}
		if r > rank {
			best, rank = api.Link, r
		}
	}
	return named{strings.TrimSpace(best), strings.TrimSpace(doc.Service.Home)}, best != ""
}

// editURI finds the link from a home page to its RSD document.
func editURI(page []byte, base *url.URL) *url.URL {
	for rel, href := range fetch.Links(string(page)) {
		if !strings.EqualFold(rel, "EditURI") {
			continue
		}
		if u, err := base.Parse(href); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
			if u.Hostname() == base.Hostname() && base.Scheme == "https" {
				u.Scheme = "https"
			}
			return u
		}
	}
	return nil
}

// get reads a document and follows redirects.
func (d *discoverer) get(ctx context.Context, u *url.URL) ([]byte, *url.URL, error) {
	for range mostRedirects + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, nil, fmt.Errorf("ask %s: %w", place(u), err)
		}
		req.Header.Set("User-Agent", "quillgate")
		resp, err := Send(d.rt, req)
		if err != nil {
			return nil, nil, err
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, mostPage))
		resp.Body.Close()
		if err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", place(u), err)
		}
		if resp.StatusCode < 300 || resp.StatusCode >= 400 {
			return text, u, nil
		}
		next, err := resp.Location()
		if err != nil || next.Scheme != "http" && next.Scheme != "https" || next.User != nil {
			return nil, nil, fmt.Errorf("%w: %s redirects to nowhere", ErrNoEndpoint, place(u))
		}
		if u.Scheme == "https" && next.Scheme == "http" {
			return nil, nil, fmt.Errorf("%w: %s redirects to an address without TLS", ErrNoEndpoint, place(u))
		}
		u = next
	}
	return nil, nil, fmt.Errorf("%w: %s redirects too often", ErrNoEndpoint, place(u))
}
