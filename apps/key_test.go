package apps

import "testing"

// K1: distinct, and made of all their digits at every place.
func TestManyKeysK1(t *testing.T) {
	const n = 100000
	seen := make(map[string]bool, 2*n)
	var places [randomDigits]map[byte]bool
	for i := range places {
		places[i] = make(map[byte]bool)
	}
	for range n {
		public, secret := newPublic(), newSecret().Reveal()
		if seen[public] || seen[secret] {
			t.Fatal("a key came twice")
		}
		seen[public], seen[secret] = true, true
		for i := range places {
			places[i][secret[len(secretPrefix)+i]] = true
		}
	}
	for i, digits := range places[1:] {
		if len(digits) != len(base62) {
			t.Errorf("place %d has seen %d digits, want %d", i+1, len(digits), len(base62))
		}
	}
}
