package apps

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
)

// ResponseKey is the key of the server that signs answers to applications that
// have no secret. It is an Ed25519 key.
type ResponseKey struct {
	ID      string // what signatures name it; it follows from the key
	Private ed25519.PrivateKey
}

// Public is the half that verifies.
func (k ResponseKey) Public() ed25519.PublicKey { return k.Private.Public().(ed25519.PublicKey) }

// String and GoString leave the key out.
func (k ResponseKey) String() string   { return "apps.ResponseKey(" + k.ID + ")" }
func (k ResponseKey) GoString() string { return k.String() }

// responseKeyName is the name under which it is sealed.
const responseKeyName = "answers"

// ResponseKey returns the server's key; see NamedKey, whose errors it returns.
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
