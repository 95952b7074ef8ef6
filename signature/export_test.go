package signature

// Matches is the bare operation of the key's algorithm.
func Matches(k Key, base []byte, s Signed) bool { return k.matches(base, s.value) }
