package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

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
	limit          int64 // maximum body in bytes, as reported by the server; 0: unknown
}

func (d *doctor) find(check, state, format string, args ...any) {
	d.findings = append(d.findings, finding{check, state, fmt.Sprintf(format, args...)})
}

// reply is an answer that was read completely.
type reply struct {
	*http.Response
	body           []byte // unpacked
	coding         string
	before, after  time.Time
	value          xmlrpc.Value
	fault          *xmlrpc.Fault
	isCall, padded bool // an XML-RPC response; with text before it
}

func (r *reply) hello() bool { return r.isCall && r.fault == nil && r.value.Text() == "Hello!" }

// said describes an unexpected answer in a few words.
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

// get follows redirects, as clients do for pages.
func (d *doctor) get(ctx context.Context, address string) (*reply, error) {
	for range 5 {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		out, err := d.send(ctx, r, d.transport)
		if err != nil {
			return nil, err
		}
		to, err := out.Location()
		if err != nil {
			return out, nil
		}
		address = to.String()
	}
	return nil, errors.New("it redirects in a loop")
}

// large sends a call of the given size, or only announces it.
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

// neverRead is a body that is announced but not sent: if the server starts to
// read it, the request fails.
type neverRead struct{}

func (neverRead) Read([]byte) (int, error) { return 0, errors.New("only announced") }
