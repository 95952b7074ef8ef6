package apps

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// A token, which stands alone where a program can send HTTP Basic but cannot
// sign, is drawn as
//
//	qgt_ SSSSSSSSSSSS RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR CCCCCC
//
// with S a selector of 64 random bits in 12 digits of base 62, which names the
// token and is not secret, R a number of 256 random bits in 43 digits, and C
// the CRC-32 (IEEE) of these 55 digits in 6 of them.
const (
	tokenPrefix    = "qgt_"
	selectorDigits = 12
)

// TokenPattern is the regular expression of the tokens made here.
const TokenPattern = `qgt_[0-9A-Za-z]{61}`

// NewToken draws a token and returns it with its selector. crypto/rand ends
// the program when the system has no randomness to give.
func NewToken() (token Secret, selector string) {
	var b [8 + 32]byte
	rand.Read(b[:])
	selector = inBase62(new(big.Int).SetBytes(b[:8]), selectorDigits)
	digits := selector + inBase62(new(big.Int).SetBytes(b[8:]), randomDigits)
	return NewSecret(tokenPrefix + digits + checksum(digits)), selector
}

// ParseToken returns the selector of a text that is a token of the form made
// here, with the right checksum; ok reports whether it is.
func ParseToken(text string) (selector string, ok bool) {
	digits, ok := strings.CutPrefix(text, tokenPrefix)
	const body = selectorDigits + randomDigits
	if !ok || len(digits) != body+crcDigits || strings.Trim(digits, base62) != "" || checksum(digits[:body]) != digits[body:] {
		return "", false
	}
	return digits[:selectorDigits], true
}
