package auth

import "strings"

// Repeat names one call of a request that could come a second time: its scheme
// has no nonce, so anyone who sees such a request can send it again. The zero
// Repeat is of a request that cannot, or that no one has signed.
type Repeat struct {
	Public string // the key that signed
	Digest string // of the body, as it was signed
	Call   int    // place of the call within the request, where that holds several; from 1
}

// repeatOf is that of a request with a value of the header scheme.
func repeatOf(value string) Repeat {
	public, digest, _ := strings.Cut(value, "||")
	return Repeat{Public: public, Digest: digest}
}
