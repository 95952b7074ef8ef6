package auth

import "strings"

// Repeat identifies a call in a request that could be sent a second time: its
// scheme has no nonce, so anyone who sees the request can repeat it. The zero
// Repeat belongs to a request that cannot be repeated, or that is not signed.
type Repeat struct {
	Public string // the key of the signature
	Digest string // of the signed body
	Call   int    // position of the call in a multicall, from 1
}

// repeatOf returns the Repeat of a request with a value of the header scheme.
func repeatOf(value string) Repeat {
	public, digest, _ := strings.Cut(value, "||")
	return Repeat{Public: public, Digest: digest}
}
