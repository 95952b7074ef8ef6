//go:build !plantedflaw

package signature

import "crypto/subtle"

// equal compares digests in the same time wherever they differ.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
