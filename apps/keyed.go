package apps

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// keyedName is the name of the sealed key of all keyed hashes.
const keyedName = "auth"

// Keyed computes keyed hashes: HMAC-SHA-256 under a key that the database holds
// sealed only. Someone with a copy of the database cannot even find out whether
// a guess is right.
type Keyed struct{ key []byte }

// Keyed returns the key of the keyed hashes. It must not be called inside a
// transaction, since the very first call makes the key.
func (s *Store) Keyed(ctx context.Context) (Keyed, error) {
	key, err := s.NamedKey(ctx, keyedName)
	if err != nil {
		return Keyed{}, fmt.Errorf("hash with the site's key: %w", err)
	}
	return Keyed{key}, nil
}

// Sum hashes the parts, each after its length, so that no two lists of parts
// are one text. The first part says what the hash is for.
func (k Keyed) Sum(parts ...string) []byte {
	mac := hmac.New(sha256.New, k.key)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return mac.Sum(nil)
}

// keyedPrefix begins the hash of a token or application password in the table:
// HMAC-SHA-256 over what it is for, its user, its id and the text, in base64
// without padding. So a hash that is moved to another row matches nothing.
const keyedPrefix = "$keyed$"

func (k Keyed) token(userID int64, id, text string) string {
	return keyedPrefix + base64.RawStdEncoding.EncodeToString(k.Sum("token", fmt.Sprint(userID), id, text))
}
