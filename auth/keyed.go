package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
)

// keyName is the name of the sealed key of all keyed hashes here.
const keyName = "auth"

// keyed computes keyed hashes: HMAC-SHA-256 under a key that the database
// holds sealed only. Who has a copy of the database can not even try out
// whether a guess is right.
type keyed struct{ key []byte }

// keyed returns the key. It can be called inside no transaction, since the
// first call of all makes it.
func (u *Users) keyed(ctx context.Context) (keyed, error) {
	key, err := u.apps.NamedKey(ctx, keyName)
	if err != nil {
		return keyed{}, fmt.Errorf("hash with the site's key: %w", err)
	}
	return keyed{key}, nil
}

// sum hashes the parts, each after its length, so that no two lists of parts
// are one text. The first part says what the hash is for.
func (k keyed) sum(parts ...string) []byte {
	mac := hmac.New(sha256.New, k.key)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return mac.Sum(nil)
}

// keyedPrefix begins the hash of a token or application password in the
// table: HMAC-SHA-256 over what it is for, its user, its id and the text, in
// base64 without padding. So a hash that is moved to another row matches
// nothing.
const keyedPrefix = "$keyed$"

func (k keyed) token(userID int64, id, text string) string {
	return keyedPrefix + base64.RawStdEncoding.EncodeToString(k.sum("token", fmt.Sprint(userID), id, text))
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
