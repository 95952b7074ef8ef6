package signature

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/dunglas/httpsfv"
)

// ErrContentDigest says that a Content-Digest field is malformed, or holds no
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

// NewContentDigest reads the values of the field, of which there may be
// several lines. Digests by sha-256 and sha-512 are understood; others are
// passed over, as RFC 9530 section 2 wants it, but one that is understood has
// to be there. Errors: ErrContentDigest.
func NewContentDigest(values []string) (*ContentDigest, error) {
	d, _, err := dictionary(values)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrContentDigest, err)
	}
	c := new(ContentDigest)
	for _, algorithm := range d.Names() {
		var h hash.Hash
		switch algorithm {
		case "sha-256":
			h = sha256.New()
		case "sha-512":
			h = sha512.New()
		default:
			continue
		}
		member, _ := d.Get(algorithm)
		item, _ := member.(httpsfv.Item)
		want, ok := item.Value.([]byte)
		if !ok || len(want) != h.Size() {
			return nil, fmt.Errorf("%w: the %s is no digest", ErrContentDigest, algorithm)
		}
		c.claims = append(c.claims, claim{want, h})
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

// Matches tells whether every digest that is understood is the one of what was
// written.
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
	value, _ := httpsfv.Marshal(single("sha-256", httpsfv.NewItem(sum[:])))
	return value
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

// single is a dictionary of one member.
func single(name string, m httpsfv.Member) *httpsfv.Dictionary {
	d := httpsfv.NewDictionary()
	d.Add(name, m)
	return d
}
