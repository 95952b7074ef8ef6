// Package signer is the client side of signed requests: an http.RoundTripper
// that signs every request, so that a client that speaks XML-RPC over net/http
// signs after a change to one argument. It keeps no state and talks only to the
// server.
package signer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

// inMemory is how many bytes of a body are held in memory while it is signed;
// the rest goes to a temporary file.
const inMemory = 1 << 20

var (
	// ErrRedirect means that a redirect leads to another server than the first
	// request, or has lost the body. Such a request is not signed.
	ErrRedirect = errors.New("the server redirects signed requests")
	// ErrCredential means that the request already carries a credential, in its
	// header or its URL: a server refuses two.
	ErrCredential = errors.New("the request carries another credential")
	// ErrKey means that the public key or the secret does not have the form of
	// one.
	ErrKey = errors.New("the public key or the secret is not a key")
	// ErrAnswer means that an answer is not signed, or not by the server.
	ErrAnswer = errors.New("the answer is not proven to be the server's")
)

// Transport signs requests with an application key and sends them. It is safe
// for concurrent use, and changes neither itself nor the requests. Printing it
// does not reveal the secret.
//
// A body that can be read twice (http.NewRequest provides for that with strings
// and byte slices) is read once for the digest and once for sending. Any other
// body is first read to its end, into memory up to 1 MiB and then into a
// temporary file of mode 0600.
type Transport struct {
	Public string // the public key
	Secret string // the secret; empty if Private is set

	// Scheme selects how requests are signed. Private and Answers work with
	// both schemes.
	Scheme Scheme
	// Private is the private key of an application without a secret; see
	// signature.ParsePrivateKey. If it is set, requests get message signatures,
	// whatever Scheme is.
	Private signature.Key

	// Skew, if not nil, stores by how many seconds the server's clock is ahead,
	// for message signatures. A server that refuses a signature because of its
	// time sends its own time, and the request is sent again; with Skew, this
	// happens only once. Several Transports for one server may share it.
	Skew *atomic.Int64

	// Answers requests signed answers and refuses others. An unsigned answer is
	// the error ErrAnswer. If a body differs from the signed one, reading it
	// ends with ErrAnswer in place of io.EOF, so callers must not trust any of
	// it before its end.
	Answers bool
	// AnswerKey checks the answers to an application without a secret; see the
	// function AnswerKey.
	AnswerKey signature.Key

	// Base sends the signed request. The default is http.DefaultTransport.
	Base http.RoundTripper
}

// String and GoString omit the secret.
func (t Transport) String() string {
	return "signer.Transport{Public: " + strconv.Quote(t.Public) + "}"
}
func (t Transport) GoString() string { return t.String() }

// RoundTrip implements http.RoundTripper. Its own errors are ErrRedirect,
// ErrCredential, ErrKey, and those of reading the body.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	signed, release, err := t.sign(r)
	defer release()
	if r.Body != nil {
		// The contract of RoundTrip: the body is always closed.
		err = errors.Join(err, r.Body.Close())
	}
	if err != nil {
		if signed != nil {
			signed.Body.Close()
		}
		return nil, fmt.Errorf("sign a request to %s: %w", r.URL.Redacted(), err)
	}
	answer, sent, err := t.send(r, signed)
	if err != nil || !t.Answers {
		return answer, err
	}
	if err := t.checkAnswer(sent, answer); err != nil {
		return nil, fmt.Errorf("check the answer of %s: %w", r.URL.Redacted(), errors.Join(err, answer.Body.Close()))
	}
	return answer, nil
}

// send sends a signed request, and sends it again if the server says that the
// time of the signature is wrong. It returns the answer and the request that it
// answers.
func (t Transport) send(r, signed *http.Request) (*http.Response, *http.Request, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	answer, err := base.RoundTrip(signed)
	if err != nil || !t.strictly() {
		return answer, signed, err
	}
	again, err := t.corrected(r, signed, answer)
	if again == nil && err == nil {
		return answer, signed, nil
	}
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		if again != nil {
			err = errors.Join(err, again.Body.Close())
		}
		return nil, nil, err
	}
	answer, err = base.RoundTrip(again)
	return answer, again, err
}

// sign returns the signed request. Its body can be read again until release is
// called. release is never nil.
func (t Transport) sign(r *http.Request) (_ *http.Request, release func(), err error) {
	release = func() {}
	if t.messageKey().IsZero() || !signature.ValidPublic(t.Public) {
		return nil, release, ErrKey
	}
	if len(r.Header["Authorization"]) > 0 || r.URL.User != nil {
		return nil, release, ErrCredential
	}
	if err := checkRedirect(r); err != nil {
		return nil, release, err
	}
	var header *signature.Hash
	digest := sha256.New()
	hash := io.Writer(digest)
	if !t.strictly() {
		header = signature.NewHash(t.Secret)
		hash = header
	}
	out := r.Clone(r.Context())
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	if r.Body == nil || r.Body == http.NoBody {
		out.Body = http.NoBody
	} else if r.GetBody != nil {
		if err := hashBody(hash, r); err != nil {
			return nil, release, err
		}
		body, err := r.GetBody()
		if err != nil {
			return nil, release, fmt.Errorf("get the body again: %w", err)
		}
		out.Body = body
	} else if release, err = spool(hash, out); err != nil {
		return nil, release, err
	}
	if t.Answers {
		t.ask(out)
	}
	if header != nil {
		out.Header.Set("Authorization", header.Authorization(t.Public))
		return out, release, nil
	}
	return out, release, t.signMessage(out, digest)
}

func hashBody(hash io.Writer, r *http.Request) error {
	body, err := r.GetBody()
	if err != nil {
		return fmt.Errorf("get the body: %w", err)
	}
	_, err = xmlrpc.Copy(hash, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	return nil
}

// spool reads the body to its end and replaces it by a copy of known length,
// which can be read again until release is called.
func spool(hash io.Writer, out *http.Request) (release func(), err error) {
	b := &spooled{spool: xmlrpc.NewSpool("", inMemory)}
	b.holders.Store(1)
	if _, err := xmlrpc.Copy(io.MultiWriter(hash, b.spool), out.Body); err != nil {
		return b.release, fmt.Errorf("read the body: %w", err)
	}
	if out.ContentLength = b.spool.Size(); out.ContentLength == 0 {
		// Length 0 with a body means that the length is unknown.
		out.Body = http.NoBody
		return b.release, nil
	}
	out.GetBody = b.open
	out.Body, err = b.open()
	return b.release, err
}

// spooled is a body in a spool, which is removed when its last holder has
// released it: the server may answer before it has read the body, and may still
// be reading.
type spooled struct {
	spool   *xmlrpc.Spool
	holders atomic.Int64
}

func (b *spooled) open() (io.ReadCloser, error) {
	b.holders.Add(1)
	return &spooledReader{b.spool.Reader(), sync.OnceFunc(b.release)}, nil
}

func (b *spooled) release() {
	if b.holders.Add(-1) == 0 {
		_ = b.spool.Close() // no data is lost
	}
}

type spooledReader struct {
	io.Reader
	release func()
}

func (r *spooledReader) Close() error {
	r.release()
	return nil
}

// checkRedirect follows the chain of redirects back to the first request. A
// signature is valid for its body wherever it is sent, so no other server may
// see one, and no eavesdropper on a connection that has lost its TLS.
func checkRedirect(r *http.Request) error {
	for from := r; from.Response != nil; {
		from = from.Response.Request
		if from == nil {
			return fmt.Errorf("%w, and it is not known from where", ErrRedirect)
		}
		switch {
		case !sameServer(from.URL, r.URL):
			return fmt.Errorf("%w from %s to %s: if that is right, use the second address", ErrRedirect, from.URL.Redacted(), r.URL.Redacted())
		case from.Method != r.Method:
			return fmt.Errorf("%w from %s to %s in a way that loses the body: use the second address", ErrRedirect, from.URL.Redacted(), r.URL.Redacted())
		}
	}
	return nil
}

// sameServer compares host and port. It allows the step from http to https on
// the usual ports.
func sameServer(from, to *url.URL) bool {
	if from.Hostname() != to.Hostname() {
		return false
	}
	if from.Scheme == to.Scheme {
		return port(from) == port(to)
	}
	return from.Scheme == "http" && to.Scheme == "https" && port(from) == "80" && port(to) == "443"
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
