package signer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/signature"
)

// Scheme is a way of signing requests.
type Scheme int

// The schemes. docs/SIGNING.md describes both.
const (
	// HeaderScheme is Authorization: PUBLIC||HASH, which binds the body.
	HeaderScheme Scheme = iota
	// MessageSignatures is RFC 9421 in the profile of the server: method,
	// address, type and body are bound, and the request passes once.
	MessageSignatures
)

// The names in the signature fields.
const (
	label = "sig"
	tag   = "quillgate"
)

// components are what a message signature covers.
func components() []string {
	return []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`}
}

// messageKey is the key of message signatures.
func (t Transport) messageKey() signature.Key {
	if !t.Private.IsZero() {
		return t.Private
	}
	return signature.HMACKey([]byte(t.Secret))
}

// strictly tells whether requests get message signatures.
func (t Transport) strictly() bool { return t.Scheme == MessageSignatures || !t.Private.IsZero() }

// signMessage puts the signature on a request whose body has this SHA-256.
func (t Transport) signMessage(out *http.Request, digest hash.Hash) error {
	for _, name := range []string{"Signature", "Signature-Input", "Content-Digest"} {
		if len(out.Header.Values(name)) > 0 {
			return ErrCredential
		}
	}
	if out.Header.Get("Content-Type") == "" {
		out.Header.Set("Content-Type", "text/xml")
	}
	out.Header.Set("Content-Digest", signature.FormatContentDigest([sha256.Size]byte(digest.Sum(nil))))
	key := t.messageKey()
	input, value, err := signature.SignMessage(key, label, signature.RequestMessage(out), components(), signature.Params{
		Created: t.now().Unix(), KeyID: t.Public, Alg: key.Algorithm(), Nonce: rand.Text(), Tag: tag,
	})
	if err != nil {
		return err
	}
	out.Header.Set("Signature-Input", input)
	out.Header.Set("Signature", value)
	return nil
}

// now is the time of the server, as far as it is known.
func (t Transport) now() time.Time {
	if t.Skew == nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(t.Skew.Load()) * time.Second)
}

// serverTime finds the time of the server in the fault by which it refuses a
// signature that was not made just now.
var serverTime = regexp.MustCompile(`<int>403</int>.*By the clock of the server it is ([0-9]{1,12}) \(`)

// maxFault is how much of an answer is looked at for that fault.
const maxFault = 2 << 10

// corrected is a request that was sent, signed with the server's time, if the answer
// asks for that; nil if not. The answer can be read from its start all the
// same.
//
// Nobody else than the server may set the clock: who can make a client sign
// for tomorrow has a request that passes tomorrow. So it is believed over TLS,
// and on this machine.
func (t Transport) corrected(r, sent *http.Request, answer *http.Response) (*http.Request, error) {
	if r.URL.Scheme != "https" && !onThisMachine(r.URL.Hostname()) || answer.ContentLength > maxFault {
		return nil, nil
	}
	start, err := io.ReadAll(io.LimitReader(answer.Body, maxFault))
	answer.Body = &replayed{io.MultiReader(bytes.NewReader(start), &failed{err, answer.Body}), answer.Body}
	if err != nil {
		return nil, nil
	}
	found := serverTime.FindSubmatch(bytes.ReplaceAll(start, []byte("\n"), nil))
	if found == nil {
		return nil, nil
	}
	seconds, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return nil, nil
	}
	ahead := seconds - time.Now().Unix()
	if t.Skew != nil {
		t.Skew.Store(ahead)
	}
	again := r.Clone(r.Context())
	if r.GetBody == nil {
		// Of a body that was read into the spool.
		again.GetBody, again.ContentLength = sent.GetBody, sent.ContentLength
	}
	if sent.Body != http.NoBody && again.GetBody == nil {
		return nil, nil // it cannot be sent again
	}
	t.Skew = new(atomic.Int64)
	t.Skew.Store(ahead)
	again, _, err = t.sign(again) // a body that can be had twice is not spooled
	return again, err
}

// replayed is a body of which a part was read before.
type replayed struct {
	io.Reader
	io.Closer
}

// failed returns an error that came before, and then goes on reading.
type failed struct {
	err  error
	rest io.Reader
}

func (f *failed) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.rest.Read(p)
}

func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
