package apps

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"
	"strings"
)

// A token is drawn as
//
//	qgs_ RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR CCCCCC
//
// with a prefix that says what it is, R a number of 256 random bits in 43 digits of base 62 (0-9A-Za-z), and C the
// CRC-32 (IEEE) of the 43 digits in 6 of them. The prefix and the checksum are for programs that look for leaked
// secrets: TokenPattern finds candidates, ValidToken drops what only looks alike.
const (
	SecretPrefix = "qgs_" // of the secrets of applications
	TokenPrefix  = "qgt_" // of the tokens that are sent as they are, over HTTP Basic

	randomDigits = 43
	crcDigits    = 6
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// TokenPattern is the regular expression of everything that NewToken makes with the prefixes above, and SecretPattern
// that of the secrets of applications alone.
const (
	TokenPattern  = `qg[st]_[0-9A-Za-z]{49}`
	SecretPattern = `qgs_[0-9A-Za-z]{49}`
)

// NewToken draws a token of 256 random bits. crypto/rand ends the program when the system has no randomness to give.
func NewToken(prefix string) Secret {
	var b [32]byte
	rand.Read(b[:])
	digits := inBase62(new(big.Int).SetBytes(b[:]), randomDigits)
	return NewSecret(prefix + digits + checksum(digits))
}

// ValidToken tells whether text has the form that NewToken gives to tokens with this prefix, and the right checksum.
// It says nothing of whether there is such a token.
func ValidToken(prefix, text string) bool {
	digits, ok := strings.CutPrefix(text, prefix)
	if !ok || len(digits) != randomDigits+crcDigits {
		return false
	}
	return checksum(digits[:randomDigits]) == digits[randomDigits:]
}

// ValidSecret tells whether text is the secret of an application as they are made here. Imported secrets need not be.
func ValidSecret(text string) bool { return ValidToken(SecretPrefix, text) }

func checksum(digits string) string {
	return inBase62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(digits)))), crcDigits)
}

func inBase62(n *big.Int, width int) string {
	digits := make([]byte, width)
	rest, digit, base := new(big.Int).Set(n), new(big.Int), big.NewInt(int64(len(base62)))
	for i := width - 1; i >= 0; i-- {
		rest.DivMod(rest, base, digit)
		digits[i] = base62[digit.Int64()]
	}
	return string(digits)
}
