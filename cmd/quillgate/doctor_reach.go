package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// reach finds out whether the endpoint answers at all, and what the way there is like.
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
		d.find("endpoint", problem, "The server takes calls over https only. Give this address with https://.")
		return false
	case !r.isCall:
		d.find("endpoint", problem, "%s", d.noXMLRPC(r))
		return false
	case !r.hello():
		d.find("endpoint", warning, "%s answers XML-RPC, and demo.sayHello with %s. It may not be a Quillgate.", d.endpoint, r.said())
	default:
		d.find("endpoint", fine, "%s answers XML-RPC over %s.", d.endpoint, r.Proto)
	}
	if r.padded || bytes.HasPrefix(r.body, []byte("\ufeff")) {
		d.find("answers", problem, "Something on the way puts characters in front of the answer, and strict programs then cannot read it. Look for a proxy or filter that changes pages.")
	} else if r.coding != "" {
		d.find("answers", problem, "Answers come compressed (%s) although they were not asked for so. Switch the compression off for %s.", xmlrpc.Shown(r.coding), site.EndpointPath)
	} else {
		d.find("answers", fine, "Answers come as the server writes them.")
	}
	d.compression(ctx)
	return true
}

// unreachable says why the endpoint does not answer at all.
func (d *doctor) unreachable(err error) {
	check := "endpoint"
	if isTLS(err) || errors.Is(err, http.ErrSchemeMismatch) {
		check = "tls"
	}
	d.find(check, problem, "%s does not answer. %s", d.endpoint, d.why(err))
}

// isTLS tells what the handshake of TLS has ended with.
func isTLS(err error) bool {
	var broken *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &broken) || errors.As(err, &record) || errors.As(err, &alert)
}

// why says in a sentence or two what has kept a request from being answered, and what to do.
func (d *doctor) why(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var lookup *net.DNSError
	var waited net.Error
	switch {
	case errors.As(err, &authority) && authority.Cert != nil && bytes.Equal(authority.Cert.RawIssuer, authority.Cert.RawSubject):
		return "The certificate vouches for itself, and most programs refuse that. Get one with --tls-domain or for the proxy; to examine the rest all the same, name this one with --roots."
	case errors.As(err, &authority):
		return "The certificate is vouched for by nobody that this machine trusts. Serve the whole chain, or get a certificate with --tls-domain; --roots is for a private authority."
	case errors.As(err, &name):
		return fmt.Sprintf("The certificate is for another name than %s: %s. Get one for it, or use the name that it has.", d.home.Hostname(), namesIn(name.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "The certificate is not valid today; renew it, or set the clock of this machine."
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "What listens there speaks no TLS. Give the address with http:// or another port, or set up TLS there."
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Sprintf("The name %s is not known: look at its spelling, and whether the name service has an address (A or AAAA) for it.", lookup.Name)
	case errors.As(err, &lookup):
		return "The name service does not answer on this machine: look at its network."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing listens there. See that the server, and the proxy in front of it, runs and listens at this address and port."
	case errors.As(err, &waited) && waited.Timeout():
		return fmt.Sprintf("There was no answer within %v. A firewall may be in the way, or the proxy does not reach the server.", d.cmd.Timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "The connection was ended without an answer. Look into the log of the server and the proxy; too many connections from one address are refused so, too."
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner // without the address, which has been said
	}
	return fmt.Sprintf("The cause: %v.", err)
}

// namesIn are the names that a certificate is for, the first few of them.
func namesIn(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "it names no host"
	}
	if len(names) > 3 {
		names = append(names[:3], "and others")
	}
	return visibleText(strings.Join(names, ", "))
}

// noXMLRPC says of an answer that is none what it may come from.
func (d *doctor) noXMLRPC(r *reply) string {
	text := fmt.Sprintf("%s answers %s, which is no XML-RPC. ", d.endpoint, r.said())
	switch {
	case r.StatusCode == http.StatusBadRequest && d.endpoint.Scheme == "http" && bytes.Contains(bytes.ToUpper(r.body), []byte("HTTPS")):
		return text + "This port speaks TLS: give the address with https://."
	case r.StatusCode == http.StatusBadGateway || r.StatusCode == http.StatusGatewayTimeout || r.StatusCode == http.StatusServiceUnavailable:
		return text + "The proxy does not reach the server: see that it runs, and that the proxy has the address that it listens on."
	case r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusProxyAuthRequired:
		return text + fmt.Sprintf("Something in front wants a password of its own. Switch that off for %s.", site.EndpointPath)
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusMethodNotAllowed || r.StatusCode == http.StatusNotAcceptable:
		return text + fmt.Sprintf("A rule of the proxy or a firewall for web applications seems to block calls. Let POST to %s through.", site.EndpointPath)
	case r.StatusCode == http.StatusNotFound:
		return text + "Look at the address: the blog may be at another host, or below another path."
	}
	return text + fmt.Sprintf("Look at the address; a firewall for web applications may also block %s.", site.EndpointPath)
}

// redirected goes on at the place that a POST was redirected to, when it is on the same host.
func (d *doctor) redirected(ctx context.Context, r *reply) *reply {
	to, err := r.Location()
	if err != nil {
		d.find("redirect", problem, "The endpoint redirects to nowhere.")
		return nil
	}
	d.find("redirect", problem, "The endpoint redirects calls to %s, and most programs then lose what they send. Use that address everywhere, and have the proxy not redirect %s.", to, site.EndpointPath)
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
		d.find("tls", problem, "%s is broken. Let the server or the proxy speak TLS 1.2 and 1.3 only.", version)
	case left < 3*24*time.Hour:
		d.find("tls", warning, "%s, but the certificate ends in %v. See that it is renewed.", version, left.Round(time.Hour))
	default:
		d.find("tls", fine, "%s, a chain that this machine trusts, %d days left.", version, days)
	}
}

// inClear looks whether there is TLS after all.
func (d *doctor) inClear(ctx context.Context) {
	other := *d.home
	other.Scheme = "https"
	if r, err := http.NewRequest(http.MethodHead, other.String(), nil); err == nil && d.home.Port() == "" {
		if _, err := d.send(ctx, r, d.transport); err == nil {
			d.find("tls", warning, "You asked in clear, and %s answers too. Use it: what is sent in clear can be read on the way.", &other)
			return
		}
	}
	if addr, err := netip.ParseAddr(d.home.Hostname()); err == nil && addr.IsLoopback() || d.home.Hostname() == "localhost" {
		d.find("tls", warning, "There is no TLS. On this machine alone that is fine; for others use --tls-domain, or a proxy that does TLS.")
		return
	}
	d.find("tls", problem, "There is no TLS: what is signed can be read on the way, and passwords are refused. Use --tls-domain, or a proxy that does TLS.")
}

// clockTolerance is how old a message signature (RFC 9421) may be; clockAhead how far in the future.
const (
	clockTolerance = 300 * time.Second
	clockAhead     = 60 * time.Second
)

// clock compares the Date of an answer with the clock here, halfway between question and answer.
func (d *doctor) clock(r *reply) {
	there, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		d.find("clock", warning, "The answer has no date, so the clocks cannot be compared.")
		return
	}
	here := r.before.Add(r.after.Sub(r.before) / 2)
	off := there.Add(500 * time.Millisecond).Sub(here).Round(time.Second) // the date is cut to the second
	switch {
	case off > clockTolerance || off < -clockAhead:
		d.find("clock", problem, "The server's clock differs by %v from the one here, more than signatures with a time may be off (%v behind, %v ahead). Set both by NTP.", off, clockTolerance, clockAhead)
	case off.Abs() > 20*time.Second:
		d.find("clock", warning, "The server's clock differs by %v from the one here. Set both by NTP.", off)
	default:
		d.find("clock", fine, "The clocks agree within %v.", max(off.Abs(), time.Second))
	}
}

// compression asks for a compressed answer, as most programs do.
func (d *doctor) compression(ctx context.Context) {
	r, err := d.post(ctx, hello(), fields{"Accept-Encoding": "gzip"})
	switch {
	case err != nil:
		d.find("compression", problem, "A request that takes a compressed answer gets none. %s", d.why(err))
	case r.coding != "":
		d.find("compression", warning, "A proxy compresses answers (%s). Programs that say they understand it do; signed answers may not be verified any more. Switch it off for %s.",
			xmlrpc.Shown(r.coding), site.EndpointPath)
	default:
		d.find("compression", fine, "Nothing on the way compresses answers.")
	}
}
