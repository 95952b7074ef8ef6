package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// reach checks whether the endpoint answers, and over what connection.
func (d *doctor) reach(ctx context.Context) bool {
	r, err := d.post(ctx, hello(), nil)
	if err != nil {
		d.unreachable(err)
		return false
	}
	if r.StatusCode >= 300 && r.StatusCode < 400 {
		if r = d.redirected(ctx, r); r == nil {
			return false
		}
	}
	d.tls(ctx, r)
	d.clock(r)
	switch {
	case r.isCall && r.fault != nil && strings.Contains(r.fault.Message, "https only"):
		d.find("endpoint", problem, "The server accepts calls over https only. Use this address with https://.")
		return false
	case !r.isCall:
		d.find("endpoint", problem, "%s", d.noXMLRPC(r))
		return false
	case !r.hello():
		d.find("endpoint", warning, "%s answers XML-RPC, but demo.sayHello with %s. It may not be a Quillgate server.", d.endpoint, r.said())
	default:
		d.find("endpoint", fine, "%s answers XML-RPC over %s.", d.endpoint, r.Proto)
	}
	if r.padded || bytes.HasPrefix(r.body, []byte("\ufeff")) {
		d.find("answers", problem, "Something on the way puts characters in front of the answer, so strict clients cannot read it. Look for a proxy or a filter that changes pages.")
	} else if r.coding != "" {
		d.find("answers", problem, "Answers arrive compressed (%s), although that was not requested. Turn off compression for %s.", xmlrpc.Shown(r.coding), site.EndpointPath)
	} else {
		d.find("answers", fine, "Answers arrive as the server wrote them.")
	}
	d.compression(ctx)
	return true
}

// unreachable explains why the endpoint does not answer.
func (d *doctor) unreachable(err error) {
	check := "endpoint"
	switch network.FailureOf(err) {
	case network.NotTrusted, network.OtherName, network.Expired, network.BadCertificate, network.NoTLS, network.TLSRefused:
		check = "tls"
	}
	d.find(check, problem, "%s does not answer. %s", d.endpoint, d.why(err))
}

// why explains in a sentence or two why a request got no answer, and what to
// do.
func (d *doctor) why(err error) string {
	switch network.FailureOf(err) {
	case network.NotTrusted:
		if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok && unknown.Cert != nil && bytes.Equal(unknown.Cert.RawIssuer, unknown.Cert.RawSubject) {
			return "The certificate is self-signed, and most clients refuse that. Get a certificate with --tls-domain, or one for the proxy. To run the other checks anyway, give this one with --roots."
		}
		return "The certificate is not signed by an authority that this machine trusts. Serve the whole chain, or get a certificate with --tls-domain. For a private authority, use --roots."
	case network.OtherName:
		name, _ := errors.AsType[x509.HostnameError](err)
		return fmt.Sprintf("The certificate is not for %s but for %s. Get one for this name, or use the name in the certificate.", d.home.Hostname(), namesIn(name.Certificate))
	case network.Expired:
		return "The certificate is not valid today. Renew it, or set the clock of this machine."
	case network.NoTLS:
		return "The server at this port does not speak TLS. Use http:// or another port, or set up TLS there."
	case network.NameUnknown:
		return fmt.Sprintf("The host name %s is unknown. Check its spelling, and that DNS has an address (A or AAAA) for it.", d.endpoint.Hostname())
	case network.NameNotFound:
		return "DNS does not answer on this machine. Check its network."
	case network.Refused:
		return "Nothing listens at this address and port. Check that the server, and any proxy in front of it, is running and listens there."
	case network.NoRoute:
		return "This machine has no route to that address. Check its network, and that DNS names the right address."
	case network.TimedOut:
		return fmt.Sprintf("There was no answer within %v. A firewall may be in the way, or the proxy cannot reach the server.", d.cmd.Timeout)
	case network.Closed:
		return "The connection was closed without an answer. Check the logs of the server and the proxy. Too many connections from one address are also refused this way."
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without the address, which the finding already names
	}
	return fmt.Sprintf("The cause: %v.", err)
}

// namesIn lists the first few host names of a certificate.
func namesIn(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "it has no host"
	}
	if len(names) > 3 {
		names = append(names[:3], "and others")
	}
	return visibleText(strings.Join(names, ", "))
}

// noXMLRPC explains the likely cause of an answer that is not XML-RPC.
func (d *doctor) noXMLRPC(r *reply) string {
	text := fmt.Sprintf("%s answers %s, which is not XML-RPC. ", d.endpoint, r.said())
	switch {
	case r.StatusCode == http.StatusBadRequest && d.endpoint.Scheme == "http" && bytes.Contains(bytes.ToUpper(r.body), []byte("HTTPS")):
		return text + "This port speaks TLS: use the address with https://."
	case r.StatusCode == http.StatusBadGateway || r.StatusCode == http.StatusGatewayTimeout || r.StatusCode == http.StatusServiceUnavailable:
		return text + "The proxy cannot reach the server. Check that the server is running, and that the proxy forwards to the address it listens on."
	case r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusProxyAuthRequired:
		return text + fmt.Sprintf("Something in front of the server asks for its own password. Turn that off for %s.", site.EndpointPath)
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusMethodNotAllowed || r.StatusCode == http.StatusNotAcceptable:
		return text + fmt.Sprintf("A proxy rule or a web application firewall seems to block calls. Allow POST to %s.", site.EndpointPath)
	case r.StatusCode == http.StatusNotFound:
		return text + "Check the address: the blog may be on another host or below another path."
	}
	return text + fmt.Sprintf("Check the address. A web application firewall may also block %s.", site.EndpointPath)
}

// redirected continues at the target of a redirect if it is on the same host.
func (d *doctor) redirected(ctx context.Context, r *reply) *reply {
	to, err := r.Location()
	if err != nil {
		d.find("redirect", problem, "The endpoint redirects without an address.")
		return nil
	}
	d.find("redirect", problem, "The endpoint redirects calls to %s, and most clients then lose the request body. Use that address everywhere, and configure the proxy not to redirect %s.", to, site.EndpointPath)
	if to.Hostname() != d.endpoint.Hostname() {
		return nil
	}
	d.endpoint = to
	next, err := d.post(ctx, hello(), nil)
	if err != nil {
		d.unreachable(err)
		return nil
	}
	return next
}

func (d *doctor) tls(ctx context.Context, r *reply) {
	if r.TLS == nil {
		d.inClear(ctx)
		return
	}
	left := time.Until(r.TLS.PeerCertificates[0].NotAfter)
	for _, c := range r.TLS.PeerCertificates[1:] {
		left = min(left, time.Until(c.NotAfter))
	}
	version := tls.VersionName(r.TLS.Version)
	switch days := int(left.Hours() / 24); {
	case r.TLS.Version < tls.VersionTLS12:
		d.find("tls", problem, "%s is insecure. Allow only TLS 1.2 and 1.3 at the server or the proxy.", version)
	case left < 3*24*time.Hour:
		d.find("tls", warning, "%s, but the certificate expires in %v. Check that it is renewed.", version, left.Round(time.Hour))
	default:
		d.find("tls", fine, "%s, a chain that this machine trusts, %d days left.", version, days)
	}
}

// inClear checks whether the server also offers TLS.
func (d *doctor) inClear(ctx context.Context) {
	other := *d.home
	other.Scheme = "https"
	if r, err := http.NewRequest(http.MethodHead, other.String(), nil); err == nil && d.home.Port() == "" {
		if _, err := d.send(ctx, r, d.transport); err == nil {
			d.find("tls", warning, "You used plain HTTP, but %s answers too. Use that: plain HTTP can be read in transit.", &other)
			return
		}
	}
	if addr, err := netip.ParseAddr(d.home.Hostname()); err == nil && addr.IsLoopback() || d.home.Hostname() == "localhost" {
		d.find("tls", warning, "There is no TLS. That is fine on this machine only; for access from other machines use --tls-domain, or a proxy that terminates TLS.")
		return
	}
	d.find("tls", problem, "There is no TLS: signed requests can be read in transit, and passwords are refused. Use --tls-domain, or a proxy that terminates TLS.")
}

// clockTolerance is how old a message signature (RFC 9421) may be; clockAhead how far in the future.
const (
	clockTolerance = 300 * time.Second
	clockAhead     = 60 * time.Second
)

// clock compares the Date of an answer with the clock here, at the midpoint
// between request and answer.
func (d *doctor) clock(r *reply) {
	there, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		d.find("clock", warning, "The answer has no date, so the clocks cannot be compared.")
		return
	}
	here := r.before.Add(r.after.Sub(r.before) / 2)
	off := there.Add(500 * time.Millisecond).Sub(here).Round(time.Second) // the Date header has no fractions of a second
	switch {
	case off > clockTolerance || off < -clockAhead:
		d.find("clock", problem, "The server's clock differs from the local one by %v, more than timed signatures allow (%v behind, %v ahead). Synchronise both with NTP.", off, clockTolerance, clockAhead)
	case off.Abs() > 20*time.Second:
		d.find("clock", warning, "The server's clock differs from the local one by %v. Synchronise both with NTP.", off)
	default:
		d.find("clock", fine, "The clocks agree within %v.", max(off.Abs(), time.Second))
	}
}

// compression requests a compressed answer, as most clients do.
func (d *doctor) compression(ctx context.Context) {
	r, err := d.post(ctx, hello(), fields{"Accept-Encoding": "gzip"})
	switch {
	case err != nil:
		d.find("compression", problem, "A request that accepts a compressed answer is not answered. %s", d.why(err))
	case r.coding != "":
		d.find("compression", warning, "A proxy compresses answers (%s). Clients that ask for compression can read them, but signed answers may no longer verify. Turn off compression for %s.",
			xmlrpc.Shown(r.coding), site.EndpointPath)
	default:
		d.find("compression", fine, "Nothing on the way compresses answers.")
	}
}
