package signature

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
)

// ErrContentDigest means that a Content-Digest field is malformed, or holds no
// digest that is understood.
var ErrContentDigest = errors.New("no usable Content-Digest")

// ContentDigest compares a body, which is written to it in pieces, with the
// Content-Digest field of its message (RFC 9530). It is not safe for
// concurrent use.
type ContentDigest struct {
	claims []claim
}

// claim is one digest that the field holds, and the one that is computed.
type claim struct {
	want []byte
	hash hash.Hash
}

// NewContentDigest reads the values of the field, of which there may be several
// lines. Digests by sha-256 and sha-512 are understood; others are passed over,
// as RFC 9530 section 2 wants it, but one that is understood must be there.
// Errors: ErrContentDigest.
func NewContentDigest(values []string) (*ContentDigest, error) {
	members, err := dictionary(values)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrContentDigest, err)
	}
	c := new(ContentDigest)
	for i := range members {
		m := &members[i]
		var h hash.Hash
		switch m.name {
		case "sha-256":
			h = sha256.New()
		case "sha-512":
			h = sha512.New()
		default:
			continue
		}
		if m.inner || m.kind != binary || len(m.text) != h.Size() {
			return nil, fmt.Errorf("%w: the %s is not a digest", ErrContentDigest, m.name)
		}
		c.claims = append(c.claims, claim{[]byte(m.text), h})
	}
	if len(c.claims) == 0 {
		return nil, fmt.Errorf("%w: neither sha-256 nor sha-512", ErrContentDigest)
	}
	return c, nil
}

// Write adds the next bytes of the body. It never fails.
func (c *ContentDigest) Write(p []byte) (int, error) {
	for _, claim := range c.claims {
		claim.hash.Write(p)
	}
	return len(p), nil
}

// Matches reports whether every digest that is understood is the one of what
// was written.
func (c *ContentDigest) Matches() bool {
	same := 1
	for _, claim := range c.claims {
		same &= subtle.ConstantTimeCompare(claim.hash.Sum(nil), claim.want)
	}
	return same == 1 && len(c.claims) > 0
}

// FormatContentDigest is the value of the Content-Digest field of a body with
// this SHA-256.
func FormatContentDigest(sum [sha256.Size]byte) string {
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// ContentDigestOf reads a body to its end and returns the value of its
// Content-Digest field.
func ContentDigestOf(body io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return "", err
	}
	return FormatContentDigest([sha256.Size]byte(h.Sum(nil))), nil
}
