package apps

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// keyedName is the name of the key for all keyed hashes.
const keyedName = "auth"

// Keyed computes keyed hashes: HMAC-SHA-256 under a key that is sealed in the
// database. Someone with only a copy of the database cannot even check whether
// a guess is right.
type Keyed struct{ key []byte }

// Keyed returns the key for keyed hashes. Do not call it inside a transaction:
// the very first call creates the key.
func (s *Store) Keyed(ctx context.Context) (Keyed, error) {
	key, err := s.NamedKey(ctx, keyedName)
	if err != nil {
		return Keyed{}, fmt.Errorf("hash with the site's key: %w", err)
	}
	return Keyed{key}, nil
}

// Sum hashes the parts, each preceded by its length, so that different lists of
// parts never yield the same text. The first part is the purpose of the hash.
func (k Keyed) Sum(parts ...string) []byte {
	mac := hmac.New(sha256.New, k.key)
	for _, p := range parts {
		fmt.Fprintf(mac, "%d:%s", len(p), p)
	}
	return mac.Sum(nil)
}

// keyedPrefix begins the stored hash of a token or application password:
// HMAC-SHA-256 over its purpose, its user, its id and the text, in base64
// without padding. A hash that is moved to another row matches nothing.
const keyedPrefix = "$keyed$"

func (k Keyed) token(userID int64, id, text string) string {
	return keyedPrefix + base64.RawStdEncoding.EncodeToString(k.Sum("token", fmt.Sprint(userID), id, text))
}
