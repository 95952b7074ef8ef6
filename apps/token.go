package apps

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// A token, for clients that can send HTTP Basic but cannot sign, has the form
//
//	qgt_ SSSSSSSSSSSS RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR CCCCCC
//
// where S is a selector of 64 random bits in 12 digits of base 62, which names
// the token and is not secret, R is a 256-bit random number in 43 digits, and C
// is the CRC-32 (IEEE) of these 55 digits in 6 digits.
const (
	tokenPrefix    = "qgt_"
	selectorDigits = 12
)

// TokenPattern is a regular expression for the tokens created here.
const TokenPattern = `qgt_[0-9A-Za-z]{61}`

// DrawToken draws a token and returns it with its selector. crypto/rand ends
// the program if the system has no randomness.
func DrawToken() (token Secret, selector string) {
	var b [8 + 32]byte
	rand.Read(b[:])
	selector = inBase62(new(big.Int).SetBytes(b[:8]), selectorDigits)
	digits := selector + inBase62(new(big.Int).SetBytes(b[8:]), randomDigits)
	return NewSecret(tokenPrefix + digits + checksum(digits)), selector
}

// ParseToken returns the selector of a token; ok reports whether text has the
// form of a token created here, with the right checksum.
func ParseToken(text string) (selector string, ok bool) {
	digits, ok := strings.CutPrefix(text, tokenPrefix)
	const body = selectorDigits + randomDigits
	if !ok || len(digits) != body+crcDigits || strings.Trim(digits, base62) != "" || checksum(digits[:body]) != digits[body:] {
		return "", false
	}
	return digits[:selectorDigits], true
}

// passwordLen is the length of an application password without its spaces.
const passwordLen = 24

// drawPassword draws an application password: 24 letters and digits, about 142
// bits, in groups of four.
func drawPassword() Secret {
	var text strings.Builder
	for n := 0; n < passwordLen; {
		var b [1]byte
		rand.Read(b[:])
		if int(b[0]) >= 256/len(base62)*len(base62) {
			continue // otherwise some digits would be more likely than others
		}
		if n > 0 && n%4 == 0 {
			text.WriteByte(' ')
		}
		text.WriteByte(base62[int(b[0])%len(base62)])
		n++
	}
	return NewSecret(text.String())
}

// IsPassword reports whether a text has the form of the application passwords
// created here and by WordPress, which cannot be guessed.
func IsPassword(text string) bool { return len(PlainPassword(text)) == passwordLen }

// PlainPassword returns the letters and digits of an application password:
// people and clients put spaces or hyphens between its groups. Case matters.
func PlainPassword(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, text)
}

// plainToken returns the significant part of a text.
func plainToken(kind TokenKind, text string) string {
	if kind.IsAccess() {
		return text
	}
	return PlainPassword(text)
}
