package auth

import (
	"crypto/fips140"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// In the FIPS 140-3 mode of Go's cryptography (GODEBUG=fips140=on) passwords
// are hashed with an approved function: PBKDF2 (NIST SP 800-132) with
// HMAC-SHA-256, in the form
//
//	$pbkdf2-sha256$i=600000$SALT$TAG
//
// with SALT and TAG in base64 without padding. The number of rounds follows
// OWASP. In that mode, hashes of other forms match nothing. Hashes of this form
// work in every mode; without that mode, the next sign-in replaces them by
// argon2id.
const (
	pbkdf2Prefix = "$pbkdf2-sha256$i="
	pbkdf2Rounds = 600_000
	maxRounds    = 2_000_000 // of a hash from outside
)

// approvedOnly reports whether this process is in FIPS mode.
func approvedOnly() bool { return fips140.Enabled() }

// pbkdf2Hash is a parsed hash of this form.
type pbkdf2Hash struct {
	rounds    int
	salt, tag []byte
}

// parsePBKDF2 parses a hash. It returns false for another form, or if the cost
// is unreasonable.
func parsePBKDF2(text string) (h pbkdf2Hash, ok bool) {
	rest, ok := strings.CutPrefix(text, pbkdf2Prefix)
	parts := strings.Split(rest, "$")
	if !ok || len(parts) != 3 {
		return h, false
	}
	var errs [3]error
	h.rounds, errs[0] = strconv.Atoi(parts[0])
	h.salt, errs[1] = base64.RawStdEncoding.DecodeString(parts[1])
	h.tag, errs[2] = base64.RawStdEncoding.DecodeString(parts[2])
	return h, errs == [3]error{} && h.rounds >= 1000 && h.rounds <= maxRounds && len(h.salt) >= 16 && len(h.tag) == sha256.Size
}

// newPBKDF2 hashes a new password.
func newPBKDF2(password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	tag, err := pbkdf2.Key(sha256.New, password, salt, pbkdf2Rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%d$%s$%s", pbkdf2Prefix, pbkdf2Rounds, base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(tag)), nil
}

func (h pbkdf2Hash) matches(password string) bool {
	tag, err := pbkdf2.Key(sha256.New, password, h.salt, h.rounds, sha256.Size)
	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1
}

// nobodysPBKDF2 is the counterpart of HashCost.nobodys.
func nobodysPBKDF2() pbkdf2Hash {
	return pbkdf2Hash{rounds: pbkdf2Rounds, salt: make([]byte, 16), tag: make([]byte, sha256.Size)}
}

// approvedFastPrefix replaces fastPrefix in that mode: HMAC-SHA-256, keyed with
// the salt.
const approvedFastPrefix = "$hmac-sha256$"

func approvedFastHash(password string, salt []byte) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(password))
	return approvedFastPrefix + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
}

// approvedFastMatches compares an application password with such a hash.
func approvedFastMatches(password, hash string) bool {
	text := strings.TrimPrefix(hash, approvedFastPrefix)
	salt, err := base64.RawStdEncoding.DecodeString(text[:max(0, strings.IndexByte(text, '$'))])
	return err == nil && len(salt) >= 16 && subtle.ConstantTimeCompare([]byte(approvedFastHash(password, salt)), []byte(hash)) == 1
}
