package signature

import "testing"

// Matches is the bare operation of the key's algorithm.
func Matches(k Key, base []byte, s Signed) bool { return k.matches(base, s.value) }

// SignedBy reports whether what one key signs matches under another.
func SignedBy(t *testing.T, private, public Key, base []byte) bool {
	t.Helper()
	value, err := private.sign(base)
	if err != nil {
		t.Fatal(err)
	}
	return public.matches(base, value)
}
