package interop

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strings"
)

// window is the number of bytes of a needle that are compared first.
const window = 8

// haystack searches text for many secrets at the same time, in all forms that
// text can have.
type haystack struct {
	first   [1 << 16]bool // by a hash of their first bytes
	needles map[[window]byte][]needle
}

type needle struct {
	text []byte
	hit  hit
}

// hit is a secret that was found. Its text omits the secret.
type hit struct{ secret, what, form string }

func (h hit) String() string { return h.what + " " + h.form }

func newHaystack(secrets map[string]string) *haystack {
	h := &haystack{needles: make(map[[window]byte][]needle)}
	for secret, what := range secrets {
		for text, form := range forms(secret) {
			var key [window]byte
			copy(key[:], text)
			h.first[mark(key)] = true
			h.needles[key] = append(h.needles[key], needle{[]byte(text), hit{secret, what, form}})
		}
	}
	return h
}

// forms returns the texts as which a secret can appear.
func forms(secret string) map[string]string {
	out := make(map[string]string)
	add := func(form, text string) {
		if _, known := out[text]; !known && len(text) >= window {
			out[text] = form
		}
	}
	add("as it is", secret)
	add("in capitals", strings.ToUpper(secret))
	add("in small letters", strings.ToLower(secret))
	add("backwards", reversed(secret))
	add("in hexadecimal", hex.EncodeToString([]byte(secret)))
	add("in capital hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(secret))))
	add("as part of a URL", url.QueryEscape(secret))
	add("as part of a path", url.PathEscape(secret))
	add("as HTML", html.EscapeString(secret))
	quoted, _ := json.Marshal(secret)
	add("as JSON", strings.Trim(string(quoted), `"`))
	// In base64 of a longer text, a secret has one of three positions.
	// Characters that depend on its neighbours are left out.
	for skip := range 3 {
		raw := append(bytes.Repeat([]byte{0}, skip), secret...)
		raw = raw[:len(raw)/3*3]
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			text := encoding.EncodeToString(raw)
			if skip > 0 {
				text = text[4:]
			}
			add("in base64", text)
		}
	}
	return out
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func mark(key [window]byte) uint16 {
	var n uint64
	for _, c := range key {
		n = n<<8 | uint64(c)
	}
	return uint16(n * 0x9E3779B97F4A7C15 >> 48)
}

// search returns the secrets in a text, each once.
func (h *haystack) search(text []byte) []hit {
	var out []hit
	seen := make(map[string]bool)
	for i := 0; i+window <= len(text); i++ {
		key := [window]byte(text[i : i+window])
		if !h.first[mark(key)] {
			continue
		}
		for _, n := range h.needles[key] {
			if !seen[n.hit.secret] && bytes.HasPrefix(text[i:], n.text) {
				seen[n.hit.secret] = true
				out = append(out, n.hit)
			}
		}
	}
	return out
}
