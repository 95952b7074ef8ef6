// Package signature implements the schemes for signed requests. It has no
// store, no clock and no policy: given a key, it signs and verifies. Callers
// decide who the key belongs to and what it may do.
//
// There are two schemes. The first is the header scheme of the Secure XML-RPC
// plugin:
//
//	Authorization: PUBLIC||DIGEST
//
//	DIGEST = hex(sha256(SECRET + hex(sha256(SECRET + BODY))))
//
// hex is in lower case, + joins bytes, and BODY is the request body as it is
// transferred, after the transfer coding is removed and before any other
// processing. The outer hash makes the scheme sound: anyone who sees a bare
// sha256(SECRET + BODY) can compute that of BODY + padding + suffix without the
// secret.
//
// The scheme does not cover the time, the address or the method of the request,
// and does not protect the answer.
//
// The second scheme is HTTP Message Signatures (RFC 9421), with the body
// covered through Content-Digest (RFC 9530): Signatures, SignMessage,
// NewContentDigest.
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

// ErrMalformed means that a header value has no form that this package knows.
// The text does not repeat the value.
var ErrMalformed = errors.New("malformed signature header")

const (
	maxPublic    = 64
	digestLen    = 2 * sha256.Size
	legacyLen    = 88 // base64 of the 64 digits, two of them padding
	maxHeaderLen = maxPublic + len("||") + legacyLen
)

// Header is a parsed value of the Authorization header. The zero value matches
// nothing.
type Header struct {
	public string
	claim  [sha256.Size]byte
	legacy bool
}

// Public returns the public key that the sender names.
func (h Header) Public() string { return h.public }

// Legacy reports whether the header has the older form, which only some keys
// may use:
//
//	Authorization: PUBLIC||base64(hex(sha256(SECRET + BODY)))
//
// It is sent by clients that were written for a variant of the plugin between
// its first and its second form. A single hash can be extended by padding and
// more bytes. This is of no use here because the XML-RPC decoder refuses
// everything except white space, comments and processing instructions after the
// root element, and the padding starts with 0x80 and NUL bytes. A more tolerant
// decoder would break this form.
func (h Header) Legacy() bool { return h.legacy }

// Parse parses a value of the Authorization header. It accepts exactly
//
//	^[0-9A-Za-z_-]{1,64}\|\|[0-9a-f]{64}$
//
// and the legacy form, whose second part is base64 of 64 such digits. Letters
// and digits of other scripts, in UTF-8, count as letters too: public keys that
// were made elsewhere may contain them. The caller must remove white space
// around the value, which belongs to HTTP.
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
		// Strict: the bits after the last character must be zero, or one digest
		// would have several spellings.
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

// Hash computes the digest of a body that is written to it in pieces. It is not
// safe for concurrent use.
type Hash struct {
	inner hash.Hash
	// text is the secret, with room after it for the digits of the inner
	// digest. A secret of usual length is stored in space, which saves an
	// allocation.
	text  []byte
	space [2 * digestLen]byte
}

// NewHash starts the digest of a body under a secret. It buffers at most one
// block of the body.
func NewHash(secret string) *Hash {
	h := &Hash{inner: sha256.New()}
	h.text = append(h.space[:0], secret...)
	h.inner.Write(h.text)
	return h
}

// Write adds the next bytes of the body. It never fails.
func (h *Hash) Write(p []byte) (int, error) { return h.inner.Write(p) }

// sums returns the digest in its legacy and in its current form.
func (h *Hash) sums() (inner, outer [sha256.Size]byte) {
	// Sum into memory that is on the heap already: arguments of a hash.Hash
	// escape.
	digits := h.inner.Sum(h.text)[len(h.text):]
	copy(inner[:], digits)
	return inner, sha256.Sum256(hex.AppendEncode(h.text, inner[:]))
}

// Matches reports whether header carries the digest of the bytes written. It
// takes the same time wherever the digests differ. An empty secret matches
// nothing.
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

// Authorization returns the header value that signs the bytes written, for a
// public key.
func (h *Hash) Authorization(public string) string {
	_, outer := h.sums()
	return public + "||" + hex.EncodeToString(outer[:])
}

// Sign returns the header value that signs body.
func Sign(public, secret string, body []byte) string {
	h := NewHash(secret)
	h.Write(body)
	return h.Authorization(public)
}
