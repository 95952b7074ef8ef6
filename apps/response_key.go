package apps

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
)

// ResponseKey is the server's Ed25519 key, which signs answers to applications
// without a secret.
type ResponseKey struct {
	ID      string // the keyid in signatures; derived from the key
	Private ed25519.PrivateKey
}

// Public returns the public half.
func (k ResponseKey) Public() ed25519.PublicKey { return k.Private.Public().(ed25519.PublicKey) }

// String and GoString omit the key.
func (k ResponseKey) String() string   { return "apps.ResponseKey(" + k.ID + ")" }
func (k ResponseKey) GoString() string { return k.String() }

// responseKeyName is the name under which the key is stored.
const responseKeyName = "answers"

// ResponseKey returns the server's key. Errors: those of NamedKey.
func (s *Store) ResponseKey(ctx context.Context) (ResponseKey, error) {
	seed, err := s.NamedKey(ctx, responseKeyName)
	if err != nil {
		return ResponseKey{}, err
	}
	k := ResponseKey{Private: ed25519.NewKeyFromSeed(seed)}
	sum := sha256.Sum256(k.Public())
	k.ID = "server-" + hex.EncodeToString(sum[:8])
	return k, nil
}
