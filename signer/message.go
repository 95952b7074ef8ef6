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
	// HeaderScheme is Authorization: PUBLIC||HASH, which covers the body.
	HeaderScheme Scheme = iota
	// MessageSignatures is RFC 9421 in the profile of the server. It covers
	// method, address, type and body, and the server accepts each request once.
	MessageSignatures
)

// Names in the signature fields.
const (
	label = "sig"
	tag   = "quillgate"
)

// components returns the components that a message signature covers.
func components() []string {
	return []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`}
}

// messageKey returns the key for message signatures.
func (t Transport) messageKey() signature.Key {
	if !t.Private.IsZero() {
		return t.Private
	}
	return signature.HMACKey([]byte(t.Secret))
}

// strictly reports whether requests get message signatures.
func (t Transport) strictly() bool { return t.Scheme == MessageSignatures || !t.Private.IsZero() }

// signMessage signs a request whose body has this SHA-256.
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

// now returns the server's time, as far as it is known.
func (t Transport) now() time.Time {
	if t.Skew == nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(t.Skew.Load()) * time.Second)
}

// timeField is the header field with the server's time, in seconds since 1970.
// A server sends it when it refuses a signature because of its time.
const timeField = "X-Quillgate-Time"

// sentence matches the same time in the text of a fault: servers before version
// 0.2 do not send the field. The next release no longer reads it.
var sentence = regexp.MustCompile(`<int>403</int>.*By the clock of the server it is ([0-9]{1,12}) \(`)

// maxFault is how many bytes of an answer are searched for that fault.
const maxFault = 2 << 10

// serverTime returns the time of the server, in seconds since 1970, if the
// answer refuses a signature because of its time. It leaves the body readable
// from its start.
func serverTime(answer *http.Response) (seconds int64, refused bool) {
	text := answer.Header.Get(timeField)
	// A refusal is not signed.
	if text == "" && answer.ContentLength <= maxFault && len(answer.Header["Signature"]) == 0 {
		start, err := io.ReadAll(io.LimitReader(answer.Body, maxFault))
		answer.Body = &replayed{io.MultiReader(bytes.NewReader(start), &failed{err, answer.Body}), answer.Body}
		if err != nil {
			return 0, false
		}
		if found := sentence.FindSubmatch(bytes.ReplaceAll(start, []byte("\n"), nil)); found != nil {
			text = string(found[1])
		}
	}
	if len(text) > len("999999999999") {
		return 0, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return seconds, err == nil && seconds > 0
}

// corrected returns a request that was sent, signed again with the server's
// time, if the answer asks for that, and nil otherwise.
//
// Only the server may adjust the clock: anyone who could make a client sign
// with tomorrow's date would hold a request that is valid tomorrow. Therefore
// the answer is trusted only over TLS or on this machine.
func (t Transport) corrected(r, sent *http.Request, answer *http.Response) (*http.Request, error) {
	if r.URL.Scheme != "https" && !onThisMachine(r.URL.Hostname()) {
		return nil, nil
	}
	seconds, refused := serverTime(answer)
	if !refused {
		return nil, nil
	}
	ahead := seconds - time.Now().Unix()
	if t.Skew != nil {
		t.Skew.Store(ahead)
	}
	again := r.Clone(r.Context())
	if r.GetBody == nil {
		// The body comes from the spool.
		again.GetBody, again.ContentLength = sent.GetBody, sent.ContentLength
	}
	if sent.Body != http.NoBody && again.GetBody == nil {
		return nil, nil // the body cannot be read again
	}
	t.Skew = new(atomic.Int64)
	t.Skew.Store(ahead)
	again, _, err := t.sign(again) // a body that can be read twice is not spooled
	return again, err
}

// replayed is a body with a part that was already read.
type replayed struct {
	io.Reader
	io.Closer
}

// failed returns an earlier error, and then continues reading.
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
