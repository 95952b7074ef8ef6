// Package signer is the client side of signed requests: an http.RoundTripper
// that signs whatever goes through it, so that a program that speaks XML-RPC
// over net/http signs by changing one argument. It keeps no state and talks to
// no one but the server.
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

// inMemory is how much of a body is held in memory while it is signed; more
// goes to a temporary file.
const inMemory = 1 << 20

var (
	// ErrRedirect refuses to sign for another server than the one that the
	// request was first sent to, or for a redirect that has lost the body.
	ErrRedirect = errors.New("the server redirects signed requests")
	// ErrCredential refuses a request that carries another credential, in its
	// header or its URL: a server refuses two.
	ErrCredential = errors.New("the request carries another credential")
	// ErrKey means that the keys cannot be keys.
	ErrKey = errors.New("the public key or the secret is not a key")
	// ErrAnswer means that an answer is not signed, or not as the server signs.
	ErrAnswer = errors.New("the answer is not proven to be the server's")
)

// Transport signs requests with an application key and sends them. It may be
// used by several goroutines at once, and changes neither itself nor the
// requests. Printed, it does not show the secret.
//
// A body that can be had twice (http.NewRequest knows how, for strings and
// byte slices) is read once for the digest and once for sending. Any other is
// read to its end first, in memory up to 1 MiB and then in a temporary file
// of mode 0600.
type Transport struct {
	Public string // the public key
	Secret string // the secret; empty when there is Private

	// Scheme is how requests are signed. Private and Answers go with both.
	Scheme Scheme
	// Private is the private key of an application that has no secret, with
	// its algorithm; see signature.ParsePrivateKey. With it, requests get
	// message signatures whatever Scheme says.
	Private signature.Key

	// Skew, when not nil, remembers by how many seconds the server's clock is
	// ahead, for message signatures. A server that refuses one for its time
	// says what time it is, and the request is sent once more; with Skew only
	// the first one is. Several Transports for one server may share it.
	Skew *atomic.Int64

	// Answers asks for signed answers, and refuses others: an answer that is
	// not signed is the error ErrAnswer, and one whose body is another than the
	// signed one ends with ErrAnswer in place of io.EOF. Nothing of it should
	// be believed before its end.
	Answers bool
	// AnswerKey checks the answers to an application without a secret; see
	// AnswerKey.
	AnswerKey signature.Key

	// Base sends the signed request; http.DefaultTransport when nil.
	Base http.RoundTripper
}

// String and GoString leave the secret out.
func (t Transport) String() string {
	return "signer.Transport{Public: " + strconv.Quote(t.Public) + "}"
}
func (t Transport) GoString() string { return t.String() }

// RoundTrip implements http.RoundTripper. Errors of its own: ErrRedirect,
// ErrCredential, ErrKey, and those of reading the body.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	signed, release, err := t.sign(r)
	defer release()
	if r.Body != nil {
		// The contract of RoundTrip: the body is closed, whatever happens.
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

// send sends a signed request, and once more if the server says that the time
// of the signature is wrong. It returns the request that is answered.
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

// sign returns the request as it is to be sent. Its body can be had again until
// release is called, which is never nil.
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

// spool reads the body to its end and puts a copy in its place, whose length
// is known and which can be had again until release is called.
func spool(hash io.Writer, out *http.Request) (release func(), err error) {
	b := &spooled{spool: xmlrpc.NewSpool("", inMemory)}
	b.holders.Store(1)
	if _, err := xmlrpc.Copy(io.MultiWriter(hash, b.spool), out.Body); err != nil {
		return b.release, fmt.Errorf("read the body: %w", err)
	}
	if out.ContentLength = b.spool.Size(); out.ContentLength == 0 {
		// Length 0 next to a body means a length that is not known.
		out.Body = http.NoBody
		return b.release, nil
	}
	out.GetBody = b.open
	out.Body, err = b.open()
	return b.release, err
}

// spooled is a body in a spool, which goes when the last holder has let go: the
// server may have answered before the body was read, and may be reading still.
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
		_ = b.spool.Close() // nothing is lost with it
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

// checkRedirect follows the redirects that have led to this request back to the
// first one. A signature is good for its body wherever that is sent, so no
// other server is to see one; nor anyone on the way of a connection that has
// lost its TLS.
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

// sameServer compares host and port, and allows the way from http to https on
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
