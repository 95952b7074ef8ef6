// Package signature is the mathematics of signed requests, without a store, a
// clock or a policy: given a key it signs and checks, and nothing else. Who
// the key belongs to and what it may do is for others to say.
//
// Two schemes exist. The first is the header scheme of the Secure XML-RPC
// plugin:
//
//	Authorization: PUBLIC||DIGEST
//
//	DIGEST = hex(sha256(SECRET + hex(sha256(SECRET + BODY))))
//
// hex is in lower case, + joins bytes, and BODY is the request body exactly as
// it travels, once the transfer coding is taken off and before anything else
// is done to it. The outer hash is what makes the scheme sound: whoever sees a
// bare sha256(SECRET + BODY) can compute the one of BODY + padding + suffix
// without the secret.
//
// The scheme says nothing about when, where and with which method the request
// was sent, and does not protect the answer.
//
// The second are HTTP Message Signatures (RFC 9421) with the body bound by
// Content-Digest (RFC 9530): Signatures, SignMessage, NewContentDigest.
package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrMalformed means that a header value is in no form that this package
// knows. The text does not repeat the value.
var ErrMalformed = errors.New("malformed signature header")

const (
	maxPublic    = 64
	digestLen    = 2 * sha256.Size
	legacyLen    = 88 // base64 of the 64 digits, two of them padding
	maxHeaderLen = maxPublic + len("||") + legacyLen
)

// Header is a parsed value of the Authorization header. The zero value matches
// nothing that Parse has accepted.
type Header struct {
	public string
	claim  [sha256.Size]byte
	legacy bool
}

// Public is the public key that the sender names.
func (h Header) Public() string { return h.public }

// Legacy tells the older form, which only some keys may use:
//
//	Authorization: PUBLIC||base64(hex(sha256(SECRET + BODY)))
//
// It is what programs send that were written for a variant of the plugin
// between its first and its second form. One hash alone can be extended by
// padding and more bytes; what keeps that from being of use is that the
// XML-RPC decoder refuses everything but white space, comments and
// processing instructions after the root element, and the padding, which
// starts with 0x80 and NUL bytes, is none of these. Whoever loosens the
// decoder breaks this form.
func (h Header) Legacy() bool { return h.legacy }

// Parse reads a value of the Authorization header. It accepts exactly
//
//	^[0-9A-Za-z_-]{1,64}\|\|[0-9a-f]{64}$
//
// and the legacy form, whose second part is base64 of 64 such digits. Letters
// and digits of other scripts, in UTF-8, count as letters too: public keys
// that were made elsewhere may hold them. White space around the value belongs
// to HTTP and must be gone already.
func Parse(value string) (Header, error) {
	if len(value) > maxHeaderLen {
		return Header{}, ErrMalformed
	}
	public, rest, found := strings.Cut(value, "||")
	if !found || !ValidPublic(public) {
		return Header{}, ErrMalformed
	}
	h := Header{public: public}
	digits := []byte(rest)
	if len(digits) == legacyLen {
		plain := make([]byte, base64.StdEncoding.DecodedLen(legacyLen))
		// Strict: the bits behind the last character must be zero, or one
		// digest would have several spellings.
		n, err := base64.StdEncoding.Strict().Decode(plain, digits)
		if err != nil {
			return Header{}, ErrMalformed
		}
		digits, h.legacy = plain[:n], true
	}
	if !lowerHex(digits) {
		return Header{}, ErrMalformed
	}
	if _, err := hex.Decode(h.claim[:], digits); err != nil {
		return Header{}, ErrMalformed
	}
	return h, nil
}

// ValidPublic reports whether s can be a public key: 1 to 64 bytes of letters,
// digits, hyphens and underscores.
func ValidPublic(s string) bool {
	if s == "" || len(s) > maxPublic || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

func lowerHex(digits []byte) bool {
	if len(digits) != digestLen {
		return false
	}
	for _, c := range digits {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Hash computes the digest of a body that is written to it in pieces. It is
// not safe for concurrent use.
type Hash struct {
	inner hash.Hash
	// text is the secret, with room behind it for the digits of the inner
	// digest. That of a usual secret lies in space, so that it takes no
	// allocation of its own.
	text  []byte
	space [2 * digestLen]byte
}

// NewHash starts the digest of a body under a secret. It holds no more of the
// body than one block.
func NewHash(secret string) *Hash {
	h := &Hash{inner: sha256.New()}
	h.text = append(h.space[:0], secret...)
	h.inner.Write(h.text)
	return h
}

// Write adds the next bytes of the body. It never fails.
func (h *Hash) Write(p []byte) (int, error) { return h.inner.Write(p) }

// sums returns the digest in its legacy and in its proper form.
func (h *Hash) sums() (inner, outer [sha256.Size]byte) {
	// Sum into what is on the heap already: what a hash.Hash is given escapes.
	digits := h.inner.Sum(h.text)[len(h.text):]
	copy(inner[:], digits)
	return inner, sha256.Sum256(hex.AppendEncode(h.text, inner[:]))
}

// Matches reports whether header carries the digest of what was written. It
// takes the same time whatever the difference is. A secret that is empty
// matches nothing.
func (h *Hash) Matches(header Header) bool {
	inner, outer := h.sums()
	form := 0
	if header.legacy {
		form = 1
	}
	subtle.ConstantTimeCopy(form, outer[:], inner[:])
	same := equal(outer[:], header.claim[:])
	return same && len(h.text) > 0 && header.public != ""
}

// Authorization is the header value that signs what was written, in the name
// of a public key.
func (h *Hash) Authorization(public string) string {
	_, outer := h.sums()
	return public + "||" + hex.EncodeToString(outer[:])
}

// Sign is the header value that signs body.
func Sign(public, secret string, body []byte) string {
	h := NewHash(secret)
	h.Write(body)
	return h.Authorization(public)
}
