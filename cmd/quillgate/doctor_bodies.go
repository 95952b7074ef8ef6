package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// signed checks that bodies arrive unchanged.
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
		d.find("signature", problem, "A call signed with your key is refused. Check that the key is not revoked or expired, that the secret is complete, and that this network is allowed. The server's log records the reason under \"refusal\".")
		return
	}
	d.find("signature", fine, "A call signed with your key is accepted.")
	// Line breaks of all kinds, tabs, characters of several bytes, a part that
	// compresses well, and spaces at the end.
	odd := string(xmlrpc.AppendCall(nil, "demo.sayHello", xmlrpc.String("\r\n\n\t é ✍ "+strings.Repeat("=", 4096)))) + "\r\n \n"
	if r, err = call(odd); err != nil || !r.hello() {
		d.find("bytes", problem, "A signed call with line breaks and multi-byte characters is refused: something on the way changes request bodies. Turn off every request filter for %s.", site.EndpointPath)
		return
	}
	d.find("bytes", fine, "Request bodies arrive unchanged.")
}

// chunked sends a body without announcing its length.
func (d *doctor) chunked(ctx context.Context) {
	r, err := http.NewRequest(http.MethodPost, d.endpoint.String(), io.MultiReader(bytes.NewReader(hello())))
	if err != nil {
		d.find("chunked", problem, "%v", err)
		return
	}
	r.Header.Set("Content-Type", "text/xml")
	switch out, err := d.send(ctx, r, d.transport); {
	case err == nil && out.hello():
		d.find("chunked", fine, "Request bodies without a length arrive.")
	case err == nil:
		d.find("chunked", warning, "A body without a length is answered with %s, so clients that stream uploads fail. Configure the proxy to accept chunked requests.", out.said())
	default:
		d.find("chunked", warning, "A body without a length is not answered. %s", d.why(err))
	}
}

// announceTime is how long the server may take to reject a body that was
// announced but not sent.
const announceTime = 3 * time.Second

var limitWords = regexp.MustCompile(`^The request is too large\. At most ([0-9]+) bytes are accepted\.`)

// told remembers the limit if the server itself rejected a body as too large.
func (d *doctor) told(r *reply) bool {
	m := limitWords.FindSubmatch(r.body)
	if r.StatusCode != http.StatusRequestEntityTooLarge || m == nil {
		return false
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	d.limit = n
	return err == nil
}

// bodies announces a body that is too large for any server, to learn the limit
// from the answer, and then sends some that the server should accept.
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
			d.find("size", problem, "A body of %v is not answered. Check the limit of the proxy. %s", byteSize(size), d.why(err))
			return
		case d.told(r):
			continue
		case r.StatusCode == http.StatusRequestEntityTooLarge:
			d.find("size", problem, "A proxy refuses a body of %v before it reaches the server. Pictures are larger: raise the limit (client_max_body_size in nginx, LimitRequestBody in Apache).", byteSize(size))
			return
		case !r.hello():
			d.find("size", problem, "A body of %v is answered with %s.", byteSize(size), r.said())
			return
		}
		passed = size
	}
	if d.limit > 0 {
		d.find("size", fine, "Bodies of %v pass. The server itself accepts up to %v (--max-body).", byteSize(passed), byteSize(d.limit))
		return
	}
	d.find("size", fine, "Bodies of %v pass.", byteSize(passed))
}
