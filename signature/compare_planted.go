//go:build plantedflaw

package signature

import "encoding/hex"

// equal is wrong on purpose: it stops at the first digit that differs, so that
// its time reveals how much of a digest is right. The timing check must detect
// it in a build with this tag; otherwise the check proves nothing.
func equal(a, b []byte) bool {
	x, y := hex.EncodeToString(a), hex.EncodeToString(b)
	if len(x) != len(y) {
		return false
	}
	for i := range len(x) {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}
