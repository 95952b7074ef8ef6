package site

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// This file and its neighbours visit_*.go hold what visitors may see without
// signing in. Everything that they return is published, except attachments,
// which are as public as their parents.

// visitorEpoch is the epoch of all tables that visitors see something of.
const visitorEpoch database.Epoch = "visitors"

// Revision identifies a state of everything that visitors see. Equal revisions
// mean the same state.
type Revision struct{ stamp database.Stamp }

// Revision returns the current revision. It changes before a write of this
// process to anything that visitors see returns, and at most a second after one
// of another process. Whatever is read after Revision has returned is at least
// as new as the revision.
func (s *Site) Revision(ctx context.Context) (Revision, error) {
	stamp, err := s.db.Stamp(ctx, visitorEpoch)
	return Revision{stamp}, err
}

// OpensPost reports whether a visitor has entered the password of a post: token
// is the result of PasswordToken for the same password. A post without a
// password is open.
func (s *Site) OpensPost(ctx context.Context, p *Post, token string) (bool, error) {
	if p.Password == "" {
		return true, nil
	}
	if token == "" {
		return false, nil
	}
	want, err := s.visitorToken(ctx, "post password", p.Password)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(token)) == 1, nil
}

// PasswordToken checks the password of a post, in a time that does not depend
// on how much of it is right. It returns a keyed hash that a browser can keep
// as a proof, or "" if the password is wrong.
func (s *Site) PasswordToken(ctx context.Context, p *Post, password string) (string, error) {
	want, err := s.visitorToken(ctx, "post password", p.Password)
	if err != nil {
		return "", err
	}
	got, err := s.visitorToken(ctx, "post password", password)
	if err != nil {
		return "", err
	}
	if p.Password == "" || subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		return "", nil
	}
	return got, nil
}

// visitorToken returns the token that proves that a visitor knows or has
// created something.
func (s *Site) visitorToken(ctx context.Context, kind, what string) (string, error) {
	key, err := s.visitorKey(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(kind + "\x00" + what))
	return hex.EncodeToString(mac.Sum(nil)), nil
}

// visitorKey returns the key for this blog's tokens, and creates it if
// necessary.
func (s *Site) visitorKey(ctx context.Context) ([]byte, error) {
	var keys [][]byte
	if err := s.db.Select(ctx, &keys, `SELECT key FROM visitor_key`); err != nil {
		return nil, fmt.Errorf("read the key of visitors: %w", err)
	}
	if len(keys) == 1 {
		return keys[0], nil
	}
	fresh := make([]byte, 32)
	rand.Read(fresh) // never fails since Go 1.24
	var key []byte
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO visitor_key (id, key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING`, fresh); err != nil {
			return err
		}
		return tx.Get(ctx, &key, `SELECT key FROM visitor_key WHERE id = 1`)
	})
	if err != nil {
		return nil, fmt.Errorf("make the key of visitors: %w", err)
	}
	return key, nil
}
