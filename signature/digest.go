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

// ErrContentDigest means that a Content-Digest field is malformed, or has no
// digest by a supported algorithm.
var ErrContentDigest = errors.New("no usable Content-Digest")

// ContentDigest compares a body with the Content-Digest field of its message
// (RFC 9530). The body is written to it in pieces. It is not safe for
// concurrent use.
type ContentDigest struct {
	claims []claim
}

// claim is a digest from the field, together with the computed one.
type claim struct {
	want []byte
	hash hash.Hash
}

// NewContentDigest parses the values of the field, which may have several
// lines. It supports sha-256 and sha-512, and ignores other algorithms as RFC
// 9530 section 2 demands, but at least one supported digest is required. Error:
// ErrContentDigest.
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

// Matches reports whether every supported digest is that of the bytes written.
func (c *ContentDigest) Matches() bool {
	same := 1
	for _, claim := range c.claims {
		same &= subtle.ConstantTimeCompare(claim.hash.Sum(nil), claim.want)
	}
	return same == 1 && len(c.claims) > 0
}

// FormatContentDigest returns the value of the Content-Digest field for a body
// with this SHA-256.
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
