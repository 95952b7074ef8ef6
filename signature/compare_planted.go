//go:build plantedflaw

package signature

import "encoding/hex"

// equal is wrong on purpose: it stops at the first digit that differs, so that
// its time tells how much of a digest is right. The measurement of the
// verification must find it in a build with this tag, or it would find nothing
// at all.
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
