package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// doctor examines one server.
type doctor struct {
	cmd            *doctorCmd
	secret         string
	roots          *x509.CertPool
	transport      *http.Transport
	home, endpoint *url.URL
	findings       []finding
	limit          int64 // bytes that the server says it takes; 0: it has not said
}

func (d *doctor) find(check, state, format string, args ...any) {
	d.findings = append(d.findings, finding{check, state, fmt.Sprintf(format, args...)})
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	body           []byte // unpacked
	coding         string
	before, after  time.Time
	value          xmlrpc.Value
	fault          *xmlrpc.Fault
	isCall, padded bool // an answer of XML-RPC; something stands before it
}

func (r *reply) hello() bool { return r.isCall && r.fault == nil && r.value.Text() == "Hello!" }

// said is what an answer that was not expected looks like, in a few words.
func (r *reply) said() string {
	if r.fault != nil {
		return fmt.Sprintf("fault %d (%s)", r.fault.Code, xmlrpc.Shown(r.fault.Message))
	}
	return r.Status
}

// fields are header fields of a request.
type fields map[string]string

// send makes one request. Redirects are not followed.
func (d *doctor) send(ctx context.Context, r *http.Request, base http.RoundTripper) (*reply, error) {
	client := &http.Client{Transport: base, Timeout: d.cmd.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.Header.Set("User-Agent", "quillgate-doctor")
	out := &reply{before: time.Now()}
	resp, err := client.Do(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out.after, out.Response = time.Now(), resp
	if out.body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if out.coding = resp.Header.Get("Content-Encoding"); strings.EqualFold(out.coding, "gzip") {
		if unpacked, err := gzip.NewReader(bytes.NewReader(out.body)); err == nil {
			if plain, err := io.ReadAll(io.LimitReader(unpacked, 1<<20)); err == nil {
				out.body = plain
			}
		}
	}
	trimmed := bytes.TrimLeft(out.body, " \t\r\n")
	out.padded = len(trimmed) < len(out.body)
	v, err := xmlrpc.DecodeResponse(bytes.TrimPrefix(trimmed, []byte("\ufeff")), xmlrpc.Limits{})
	fault, isFault := errors.AsType[*xmlrpc.Fault](err)
	out.value, out.fault, out.isCall = v, fault, err == nil || isFault
	return out, nil
}

// post sends a call to the endpoint.
func (d *doctor) post(ctx context.Context, body []byte, header fields) (*reply, error) {
	r, err := http.NewRequest(http.MethodPost, d.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "text/xml")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return d.send(ctx, r, d.transport)
}

func hello() []byte { return xmlrpc.AppendCall(nil, "demo.sayHello") }

// examine runs the checks, those that others build on first.
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
		d.find("endpoint", problem, "%s answers %s, which is no XML-RPC. Look at the address; a firewall for web applications may also block %s.", d.endpoint, r.said(), endpointName)
		return false
	case !r.hello():
		d.find("endpoint", warning, "%s answers XML-RPC, and demo.sayHello with %s. It may not be a Quillgate.", d.endpoint, r.said())
	default:
		d.find("endpoint", fine, "%s answers XML-RPC over %s.", d.endpoint, r.Proto)
	}
	if r.padded || bytes.HasPrefix(r.body, []byte("\ufeff")) {
		d.find("answers", problem, "Something on the way puts characters in front of the answer, and strict programs then cannot read it. Look for a proxy or filter that changes pages.")
	} else if r.coding != "" {
		d.find("answers", problem, "Answers come compressed (%s) although they were not asked for so. Switch the compression off for %s.", xmlrpc.Shown(r.coding), endpointName)
	} else {
		d.find("answers", fine, "Answers come as the server writes them.")
	}
	d.compression(ctx)
	return true
}

func (d *doctor) unreachable(err error) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		d.find("tls", problem, "The certificate is vouched for by nobody that this machine trusts. Serve the whole chain, or get a certificate with --tls-domain.")
	case errors.As(err, &name):
		d.find("tls", problem, "The certificate is for another name than %s. Get one for it, or use the name that it has.", d.home.Hostname())
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		d.find("tls", problem, "The certificate is not valid today; renew it, or set the clock of this machine.")
	default:
		d.find("endpoint", problem, "%s does not answer: %v.", d.endpoint, errors.Unwrap(err))
	}
}

// redirected goes on at the place that a POST was redirected to, when it is on the same host.
func (d *doctor) redirected(ctx context.Context, r *reply) *reply {
	to, err := r.Location()
	if err != nil {
		d.find("redirect", problem, "The endpoint redirects to nowhere.")
		return nil
	}
	d.find("redirect", problem, "The endpoint redirects calls to %s, and most programs then lose what they send. Use that address everywhere, and have the proxy not redirect %s.", to, endpointName)
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
		d.find("tls", warning, "%s, but the certificate ends in %d days. See that it is renewed.", version, days)
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
		d.find("compression", problem, "Asked for a compressed answer, the server gives none: %v.", errors.Unwrap(err))
	case r.coding != "":
		d.find("compression", warning, "A proxy compresses answers (%s). Programs that say they understand it do; signed answers may not be verified any more. Switch it off for %s.",
			xmlrpc.Shown(r.coding), endpointName)
	default:
		d.find("compression", fine, "Nothing on the way compresses answers.")
	}
}

// unknownKey is a header that is in the right form, of a key that nobody has.
func unknownKey() string {
	var public [16]byte
	var digest [32]byte
	rand.Read(public[:])
	rand.Read(digest[:])
	return hex.EncodeToString(public[:]) + "||" + hex.EncodeToString(digest[:])
}

// authorization finds out whether the field arrives, or the one that stands for it: the server must refuse a key that it
// does not know.
func (d *doctor) authorization(ctx context.Context) {
	refused := func(r *reply, err error) bool {
		return err == nil && r.fault != nil && r.fault.Code == http.StatusForbidden
	}
	r, err := d.post(ctx, hello(), fields{"Authorization": unknownKey()})
	other := refused(d.post(ctx, hello(), fields{auth.FallbackField: unknownKey()}))
	switch {
	case err != nil:
		d.find("authorization", problem, "A request with an Authorization field is not answered: %v.", errors.Unwrap(err))
	case refused(r, nil):
		d.find("authorization", fine, "The Authorization field arrives.")
	case !r.hello():
		d.find("authorization", problem, "A request with an Authorization field is answered with %s, not by Quillgate: perhaps the proxy wants a password of its own. Switch that off for %s.", r.said(), endpointName)
	case other:
		d.find("authorization", warning, "The Authorization field does not arrive: something on the way takes it off. Sign with %s, or let the proxy pass the other on.", auth.FallbackField)
	default:
		d.find("authorization", problem, "The Authorization field does not arrive: something on the way takes it off, so no signed call can work. Let the proxy pass it on, "+
			"as docs/OPERATING.md shows for each, or start the server with --authorization-fallback.")
	}
	switch {
	case other:
		d.find("fallback", fine, "%s arrives, and is taken for Authorization.", auth.FallbackField)
	case err == nil && refused(r, nil):
		d.find("fallback", fine, "%s is not taken, and not needed.", auth.FallbackField)
	default:
		d.find("fallback", warning, "%s is not taken: the server is started without --authorization-fallback, or that field does not arrive either.", auth.FallbackField)
	}
}

var (
	linkTag  = regexp.MustCompile(`(?i)<link\b[^>]*\brel=["']EditURI["'][^>]*>`)
	hrefAttr = regexp.MustCompile(`(?i)\bhref=["']([^"']*)["']`)
	apiLink  = regexp.MustCompile(`(?i)<api\b[^>]*\bname="WordPress"[^>]*\bapiLink="([^"]*)"`)
)

// discovery follows the way of programs that are told the address of the blog alone.
func (d *doctor) discovery(ctx context.Context) {
	page, err := d.get(ctx, d.home.String())
	if err != nil {
		d.find("discovery", problem, "The home page %s does not answer: %v.", d.home, err)
		return
	}
	href := hrefAttr.FindSubmatch(linkTag.Find(page.body))
	if href == nil {
		d.find("discovery", problem, "The home page %s does not name the discovery document (link rel=EditURI). Programs have to be given the address of the endpoint. Perhaps another site stands in front.", d.home)
		return
	}
	address, err := page.Request.URL.Parse(html.UnescapeString(string(href[1])))
	if err != nil {
		d.find("discovery", problem, "The home page names a discovery document at no address.")
		return
	}
	rsd, err := d.get(ctx, address.String())
	if err != nil || rsd.StatusCode != http.StatusOK {
		d.find("discovery", problem, "The discovery document %s does not answer. Set --base-url to the address that visitors use.", address)
		return
	}
	link := apiLink.FindSubmatch(rsd.body)
	if link == nil {
		d.find("discovery", problem, "The discovery document %s names no endpoint of the kind WordPress.", address)
		return
	}
	switch named, err := url.Parse(html.UnescapeString(string(link[1]))); {
	case err != nil || *named == *d.endpoint:
		d.find("discovery", fine, "The home page leads to the endpoint.")
	case named.Scheme == "http" && d.endpoint.Scheme == "https":
		d.find("discovery", problem, "The discovery document names %s, without TLS. Set --base-url to the https address.", named)
	default:
		d.find("discovery", warning, "The discovery document names %s, not %s. Set --base-url to the address that visitors use.", named, d.endpoint)
	}
}

// get follows redirects, as programs do for pages.
func (d *doctor) get(ctx context.Context, address string) (*reply, error) {
	for range 5 {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		out, err := d.send(ctx, r, d.transport)
		if err != nil {
			return nil, errors.Unwrap(err)
		}
		to, err := out.Location()
		if err != nil {
			return out, nil
		}
		address = to.String()
	}
	return nil, errors.New("it redirects in a circle")
}

// forwardedProto finds out whether the server knows that the connection was safe: only then it looks at a password.
func (d *doctor) forwardedProto(ctx context.Context) {
	if d.endpoint.Scheme != "https" {
		return
	}
	r, err := d.post(ctx, xmlrpc.AppendCall(nil, "wp.getUsersBlogs", xmlrpc.String("doctor-"+rand.Text()), xmlrpc.String(rand.Text())), nil)
	switch {
	case err == nil && r.fault != nil && strings.Contains(r.fault.Message, "https only"):
		d.find("forwarded", problem, "The server does not know that you come over TLS, and refuses passwords. Have the proxy set X-Forwarded-Proto and X-Forwarded-For, and list its address with --trusted-proxies.")
	case err == nil && r.fault != nil && r.fault.Code == http.StatusForbidden:
		d.find("forwarded", fine, "The server knows that you come over TLS.")
	default:
		d.find("forwarded", warning, "A sign-in with an invented name is not answered as expected, so it is not known whether the server sees that you come over TLS.")
	}
}

// signed proves that bodies arrive as they are sent.
func (d *doctor) signed(ctx context.Context) {
	base := signer.Transport{Public: d.cmd.Public, Secret: d.secret, Base: d.transport}
	call := func(body string) (*reply, error) {
		r, err := http.NewRequest(http.MethodPost, d.endpoint.String(), strings.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "text/xml")
		return d.send(ctx, r, base)
	}
	r, err := call(string(hello()))
	if err != nil || !r.hello() {
		d.find("signature", problem, "A call signed with your key is refused. Is the key revoked or expired, the secret whole, this network allowed? The server's log says which under \"refusal\".")
		return
	}
	d.find("signature", fine, "A call signed with your key is accepted.")
	// Line breaks of all kinds, tabs, characters of several bytes, a part that compresses well, and blanks at the end.
	odd := string(xmlrpc.AppendCall(nil, "demo.sayHello", xmlrpc.String("\r\n\n\t é ✍ "+strings.Repeat("=", 4096)))) + "\r\n \n"
	if r, err = call(odd); err != nil || !r.hello() {
		d.find("bytes", problem, "A signed call with line breaks and characters of several bytes is refused: something on the way changes bodies. Switch off every filter of requests for %s.", endpointName)
		return
	}
	d.find("bytes", fine, "Bodies arrive byte for byte.")
}

// chunked sends a body whose length is not told.
func (d *doctor) chunked(ctx context.Context) {
	r, err := http.NewRequest(http.MethodPost, d.endpoint.String(), io.MultiReader(bytes.NewReader(hello())))
	if err != nil {
		d.find("chunked", problem, "%v", err)
		return
	}
	r.Header.Set("Content-Type", "text/xml")
	switch out, err := d.send(ctx, r, d.transport); {
	case err == nil && out.hello():
		d.find("chunked", fine, "Bodies without a length arrive.")
	case err == nil:
		d.find("chunked", warning, "A body without a length is answered with %s. Programs that stream uploads fail; let the proxy take chunked requests.", out.said())
	default:
		d.find("chunked", warning, "A body without a length is not answered: %v.", errors.Unwrap(err))
	}
}

// announceTime is how long a refusal may take of a body that is only announced.
const announceTime = 3 * time.Second

var limitWords = regexp.MustCompile(`^The request is too large\. At most ([0-9]+) bytes are accepted\.`)

// told remembers the limit when an answer is the server's own refusal of a body.
func (d *doctor) told(r *reply) bool {
	m := limitWords.FindSubmatch(r.body)
	if r.StatusCode != http.StatusRequestEntityTooLarge || m == nil {
		return false
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	d.limit = n
	return err == nil
}

// bodies announces a body that is too large for anybody, to be told the limit, and then sends some that should pass.
func (d *doctor) bodies(ctx context.Context) {
	// Some proxies wait for a body that is never sent.
	soon, cancel := context.WithTimeout(ctx, announceTime)
	if r, err := d.large(soon, 1<<42, true); err == nil {
		d.told(r)
	}
	cancel()
	passed := int64(0)
	for _, size := range []int64{1 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20, 128 << 20} {
		if size > int64(d.cmd.Largest) || d.limit > 0 && size > d.limit {
			break
		}
		r, err := d.large(ctx, size, false)
		switch {
		case err != nil:
			d.find("size", problem, "A body of %v ends the connection: %v. Look at what the proxy allows.", byteSize(size), errors.Unwrap(err))
			return
		case d.told(r):
			continue
		case r.StatusCode == http.StatusRequestEntityTooLarge:
			d.find("size", problem, "A proxy refuses a body of %v, before the server sees it; pictures are larger. Raise its limit (client_max_body_size in nginx, LimitRequestBody in Apache).", byteSize(size))
			return
		case !r.hello():
			d.find("size", problem, "A body of %v is answered with %s.", byteSize(size), r.said())
			return
		}
		passed = size
	}
	if d.limit > 0 {
		d.find("size", fine, "Bodies of %v pass; the server itself takes up to %v (--max-body).", byteSize(passed), byteSize(d.limit))
		return
	}
	d.find("size", fine, "Bodies of %v pass.", byteSize(passed))
}

// large sends a call of a size, or only the announcement of it.
func (d *doctor) large(ctx context.Context, size int64, announced bool) (*reply, error) {
	const around = 200
	var body io.Reader = neverRead{}
	if !announced {
		call := xmlrpc.AppendCall(nil, "demo.sayHello", xmlrpc.Bytes(make([]byte, int(size-around)/4*3)))
		call = append(call, bytes.Repeat([]byte(" "), max(int(size)-len(call), 0))...)
		body = bytes.NewReader(call)
	}
	r, err := http.NewRequest(http.MethodPost, d.endpoint.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "text/xml")
	if announced {
		r.ContentLength = size
		r.Header.Set("Expect", "100-continue")
	}
	return d.send(ctx, r, d.transport)
}

// neverRead is a body that is announced and not sent: when the server wants it, the request ends.
type neverRead struct{}

func (neverRead) Read([]byte) (int, error) { return 0, errors.New("only announced") }
