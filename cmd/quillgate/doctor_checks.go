package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// examine runs the checks. Checks that others depend on come first.
func (d *doctor) examine(ctx context.Context) {
	if !d.reach(ctx) {
		return
	}
	d.authorization(ctx)
	d.discovery(ctx)
	d.forwardedProto(ctx)
	d.chunked(ctx)
	d.bodies(ctx)
	if d.secret != "" {
		d.signed(ctx)
	}
}

// unknownKey is a well-formed header with a key that does not exist.
func unknownKey() string {
	var public [16]byte
	var digest [32]byte
	rand.Read(public[:])
	rand.Read(digest[:])
	return hex.EncodeToString(public[:]) + "||" + hex.EncodeToString(digest[:])
}

// authorization checks that the Authorization header, or the header that
// replaces it, arrives: the server must reject a key that it does not know.
func (d *doctor) authorization(ctx context.Context) {
	refused := func(r *reply, err error) bool {
		return err == nil && r.fault != nil && r.fault.Code == http.StatusForbidden
	}
	r, err := d.post(ctx, hello(), fields{"Authorization": unknownKey()})
	other := refused(d.post(ctx, hello(), fields{auth.FallbackField: unknownKey()}))
	switch {
	case err != nil:
		d.find("authorization", problem, "A request with an Authorization header is not answered. %s", d.why(err))
	case refused(r, nil):
		d.find("authorization", fine, "The Authorization header arrives.")
	case !r.hello():
		d.find("authorization", problem, "A request with an Authorization header is answered with %s, and not by Quillgate. The proxy may ask for its own password: turn that off for %s.", r.said(), site.EndpointPath)
	case other:
		d.find("authorization", warning, "The Authorization header does not arrive: something on the way removes it. Sign with %s, or configure the proxy to pass Authorization on.", auth.FallbackField)
	default:
		d.find("authorization", problem, "The Authorization header does not arrive: something on the way removes it, so signed calls cannot work. Configure the proxy to pass it on, "+
			"as docs/OPERATING.md shows, or start the server with --authorization-fallback.")
	}
	switch {
	case other:
		d.find("fallback", fine, "%s arrives, and is accepted in place of Authorization.", auth.FallbackField)
	case err == nil && refused(r, nil):
		d.find("fallback", fine, "%s is not accepted, and not needed.", auth.FallbackField)
	default:
		d.find("fallback", warning, "%s is not accepted: the server was started without --authorization-fallback, or that header does not arrive either.", auth.FallbackField)
	}
}

var (
	linkTag  = regexp.MustCompile(`(?i)<link\b[^>]*\brel=["']EditURI["'][^>]*>`)
	hrefAttr = regexp.MustCompile(`(?i)\bhref=["']([^"']*)["']`)
	apiLink  = regexp.MustCompile(`(?i)<api\b[^>]*\bname="WordPress"[^>]*\bapiLink="([^"]*)"`)
)

// discovery finds the endpoint as clients do that know only the address of the
// blog.
func (d *doctor) discovery(ctx context.Context) {
	page, err := d.get(ctx, d.home.String())
	if err != nil {
		d.find("discovery", problem, "The home page %s does not answer. %s", d.home, d.why(err))
		return
	}
	href := hrefAttr.FindSubmatch(linkTag.Find(page.body))
	if href == nil {
		d.find("discovery", problem, "The home page %s does not link to the discovery document (link rel=EditURI), so clients need the address of the endpoint. Another site may be in front of the blog.", d.home)
		return
	}
	address, err := page.Request.URL.Parse(html.UnescapeString(string(href[1])))
	if err != nil {
		d.find("discovery", problem, "The home page links to a discovery document without an address.")
		return
	}
	rsd, err := d.get(ctx, address.String())
	if err != nil || rsd.StatusCode != http.StatusOK {
		d.find("discovery", problem, "The discovery document %s does not answer. Set --base-url, or the option blog_address, to the address that visitors use.", address)
		return
	}
	link := apiLink.FindSubmatch(rsd.body)
	if link == nil {
		d.find("discovery", problem, "The discovery document %s does not list a WordPress endpoint.", address)
		return
	}
	switch named, err := url.Parse(html.UnescapeString(string(link[1]))); {
	case err != nil || *named == *d.endpoint:
		d.find("discovery", fine, "The home page leads to the endpoint.")
	case named.Scheme == "http" && d.endpoint.Scheme == "https":
		d.find("discovery", problem, "The discovery document gives %s, without TLS. Set --base-url, or the option blog_address, to the https address.", named)
	default:
		d.find("discovery", warning, "The discovery document gives %s, not %s. Set --base-url, or the option blog_address, to the address that visitors use.", named, d.endpoint)
	}
}

// forwardedProto checks that the server knows that the connection is encrypted.
// Otherwise it rejects passwords without checking them.
func (d *doctor) forwardedProto(ctx context.Context) {
	if d.endpoint.Scheme != "https" {
		return
	}
	r, err := d.post(ctx, xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String("doctor-"+rand.Text()), xmlrpc.String(rand.Text())), nil)
	switch {
	case err == nil && r.fault != nil && strings.Contains(r.fault.Message, "https only"):
		d.find("forwarded", problem, "The server does not know that you connect over TLS, so it refuses passwords. Configure the proxy to set X-Forwarded-Proto and X-Forwarded-For, and list its address in --trusted-proxies.")
	case err == nil && r.fault != nil && r.fault.Code == http.StatusForbidden:
		d.find("forwarded", fine, "The server knows that you connect over TLS.")
	default:
		d.find("forwarded", warning, "A sign-in with a made-up name is not answered as expected, so it is unknown whether the server sees that you connect over TLS.")
	}
}
