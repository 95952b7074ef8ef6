package apps

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A secret has the form
//
//	qgs_ RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR CCCCCC
//
// where R is a 256-bit random number in 43 digits of base 62 (0-9A-Za-z), and C
// is the CRC-32 (IEEE) of these digits in 6 digits. Prefix and checksum are for
// tools that look for leaked secrets: SecretPattern finds candidates, and
// ValidSecret rejects false ones.
const (
	secretPrefix = "qgs_"
	randomDigits = 43
	crcDigits    = 6
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// SecretPattern is a regular expression for the secrets created here.
const SecretPattern = `qgs_[0-9A-Za-z]{49}`

// ValidSecret reports whether text has the form of a secret created here, with
// the right checksum. Imported secrets may have other forms.
func ValidSecret(text string) bool {
	digits, ok := strings.CutPrefix(text, secretPrefix)
	if !ok || len(digits) != randomDigits+crcDigits {
		return false
	}
	return checksum(digits[:randomDigits]) == digits[randomDigits:]
}

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

// newPublic draws a public key: 128 random bits in 32 hexadecimal digits.
// crypto/rand ends the program if the system has no randomness.
func newPublic() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func newSecret() Secret {
	var b [32]byte
	rand.Read(b[:])
	digits := inBase62(new(big.Int).SetBytes(b[:]), randomDigits)
	return NewSecret(secretPrefix + digits + checksum(digits))
}

// Secret is a text that hides itself: printed, logged or marshalled it is
// "[redacted]". The zero value is empty. An empty secret verifies nothing.
type Secret struct {
	_    [0]func() // no ==, whose time reveals how much is equal
	text string
}

// NewSecret wraps a text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// IsEmpty reports whether there is no text.
func (s Secret) IsEmpty() bool { return s.text == "" }

// String, GoString, LogValue and MarshalJSON hide the text.
func (Secret) String() string                { return "[redacted]" }
func (Secret) GoString() string              { return "[redacted]" }
func (Secret) LogValue() slog.Value          { return slog.StringValue("[redacted]") }
func (Secret) MarshalJSON() ([]byte, error)  { return json.Marshal("[redacted]") }
func (Secret) Format(f fmt.State, verb rune) { fmt.Fprint(f, "[redacted]") }

func (s Secret) equal(other Secret) bool { return equal(s.text, other.text) }

// equal compares two texts in a time that reveals only their length.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// hint returns the part of a secret that may be shown later: the last four
// characters of the checksum. It is empty for a secret that was created
// elsewhere.
func (s Secret) hint() string {
	if !ValidSecret(s.text) {
		return ""
	}
	return s.text[len(s.text)-4:]
}

// CleanName trims a name and refuses what could not be displayed. A name has 1
// to 100 printable characters. Error: *Invalid.
func CleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", &Invalid{"name", "it is missing"}
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", &Invalid{"name", "the name contains unprintable characters"}
	case utf8.RuneCountInString(name) > 100:
		return "", &Invalid{"name", "the name is longer than 100 characters"}
	}
	return name, nil
}

func formatCursor(id int64) string { return strconv.FormatInt(id, 36) }

func parseCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(cursor, 36, 64)
	if err != nil {
		return 0, &Invalid{"after", "this is not a valid list cursor"}
	}
	return id, nil
}
