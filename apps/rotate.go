package apps

import (
	"context"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// How long a key remains valid after it was rotated.
const (
	DefaultOverlap = 24 * time.Hour
	MaxOverlap     = 720 * time.Hour
)

// ErrRotated means that a key already has a successor; it is wrapped in
// *Rotated, which names it.
var ErrRotated = fmt.Errorf("the application has already been rotated")

// Rotated is ErrRotated with the successor. A key is rotated once; its
// successor can be rotated again.
type Rotated struct{ Successor string } // public key

func (e *Rotated) Error() string { return ErrRotated.Error() + ": its successor is " + e.Successor }

// Is makes errors.Is(err, ErrRotated) true.
func (e *Rotated) Is(target error) bool { return target == ErrRotated }

// Rotate creates the successor of a key of the user: a new public key and a new
// secret, with the name, scope, networks, strictness and expiry of the old one,
// so that a rotation prolongs nothing. The old pair works until overlap has
// passed or it expires; with an overlap of 0 it is revoked at once. Old pairs
// do not count towards MaxPerUser, but at most MaxPerUser of them may be valid.
//
// Errors: ErrTooMany if there are that many; *Invalid for an overlap below 0 or
// above MaxOverlap, and for a key without a secret; *Rotated; ErrNotFound, also
// for a key of another user and for one that is revoked or expired.
func (s *Store) Rotate(ctx context.Context, by audit.Actor, userID int64, public string, overlap time.Duration) (App, Secret, error) {
	secret := newSecret()
	app, err := s.succeed(ctx, by, userID, public, overlap, successor{secret: secret})
	if err != nil {
		return App{}, Secret{}, err
	}
	return app, secret, nil
}

// RotateAgain is Rotate for a key whose successor is lost: the answer with its
// secret never arrived, so nobody has it. lost is the public key of that
// successor, which is revoked. The old pair remains valid as long as after the
// first rotation, or less. A lost that never was a successor, because the first
// rotation did not arrive either, is ignored.
//
// Errors: those of Rotate; *Rotated also for a successor that was used, as far
// as is recorded, or revoked, or that has a successor.
func (s *Store) RotateAgain(ctx context.Context, by audit.Actor, userID int64, public string, overlap time.Duration, lost string) (App, Secret, error) {
	secret := newSecret()
	app, err := s.succeed(ctx, by, userID, public, overlap, successor{secret: secret, lost: lost})
	if err != nil {
		return App{}, Secret{}, err
	}
	return app, secret, nil
}

// RotateKey is Rotate for a key without a secret: key is the verification key
// of the successor.
func (s *Store) RotateKey(ctx context.Context, by audit.Actor, userID int64, public string, overlap time.Duration, key VerificationKey) (App, error) {
	if key.der == nil {
		return App{}, fmt.Errorf("rotate an application: %w", errNoKey)
	}
	return s.succeed(ctx, by, userID, public, overlap, successor{key: key})
}

// successor holds the fields in which the new pair differs from the old one.
type successor struct {
	secret Secret
	key    VerificationKey
	lost   string // an earlier successor that it replaces
}

func (s *Store) succeed(ctx context.Context, by audit.Actor, userID int64, public string, overlap time.Duration, with successor) (App, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return App{}, fmt.Errorf("rotate an application: %w", &Invalid{"overlap", fmt.Sprintf("it must be between 0 and %d hours", int(MaxOverlap.Hours()))})
	}
	now := s.now()
	var next App
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		old, err := s.rotatable(ctx, tx, userID, public, with)
		if err != nil {
			return err
		}
		if old.Successor != "" {
			if err := s.dropLost(ctx, tx, by, old.Successor); err != nil {
				return err
			}
		}
		next = App{
			Terms: old.Terms, Public: newPublic(), UserID: userID, Strict: old.Strict, Algorithm: hmacSHA256, Created: now,
		}
		if with.key.der != nil {
			next.Algorithm, next.VerificationKey = with.key.algorithm, with.key.der
		}
		end := now.Add(overlap)
		if !old.Expires.IsZero() && old.Expires.Before(end) {
			end = old.Expires
		}
		_, err = tx.Exec(ctx, `UPDATE apps SET successor = $2, rotated = $3, expires = $4, revoked = $5 WHERE site_id = $site AND public = $1`,
			public, next.Public, now, end, optionalTime(revokedAt(now, overlap)))
		if err != nil {
			return err
		}
		if err := s.insert(ctx, tx, &next, with.secret); err != nil {
			return err
		}
		if err := s.fewSuperseded(ctx, tx, userID, overlap); err != nil {
			return err
		}
		e := event(AppRotated, by, old, now)
		e.Detail["successor"], e.Detail["overlap"] = next.Public, overlap.String()
		return audit.Append(ctx, tx, e)
	})
	if err != nil {
		return App{}, fmt.Errorf("rotate an application: %w", err)
	}
	return next, nil
}

// fewSuperseded limits the valid pairs of a user that have a successor:
// otherwise the owner of one key could create any number, by rotating each new
// one. With an overlap of 0 a rotation is always possible.
func (s *Store) fewSuperseded(ctx context.Context, tx *database.Tx, userID int64, overlap time.Duration) error {
	if overlap == 0 {
		return nil
	}
	var have int
	err := tx.Get(ctx, &have, `SELECT COUNT(*) FROM apps WHERE site_id = $site AND user_id = $1 AND revoked IS NULL AND successor <> '' AND expires > $2`, userID, s.now())
	if err == nil && have > MaxPerUser {
		err = ErrTooMany
	}
	return err
}

// revokedAt returns when the old pair is finally revoked: now, if there is no
// overlap.
func revokedAt(now time.Time, overlap time.Duration) time.Time {
	if overlap == 0 {
		return now
	}
	return time.Time{}
}

// dropLost revokes a successor that nobody has used.
func (s *Store) dropLost(ctx context.Context, tx *database.Tx, by audit.Actor, public string) error {
	r, err := get(ctx, tx, public)
	if err != nil {
		return err
	}
	if r.LastUsed.Valid || r.Revoked.Valid || r.Next != "" {
		return &Rotated{public}
	}
	return s.revoke(ctx, tx, by, r)
}

// rotatable reads a key, and checks that it can have that successor.
func (s *Store) rotatable(ctx context.Context, tx *database.Tx, userID int64, public string, with successor) (App, error) {
	asymmetric := with.key.der != nil
	r, err := get(ctx, tx, public)
	if err != nil {
		return App{}, err
	}
	app, err := r.app()
	switch {
	case r.UserID != userID:
		return App{}, ErrNotFound
	case err != nil:
		return App{}, err
	case app.Successor != "" && app.Successor != with.lost:
		return App{}, &Rotated{app.Successor}
	case !app.Revoked.IsZero(), app.ExpiresWithin(0, s.now()):
		return App{}, ErrNotFound
	case asymmetric && app.VerificationKey == nil:
		return App{}, &Invalid{"verification key", "the application has a secret, so its successor needs one too"}
	case !asymmetric && app.VerificationKey != nil:
		return App{}, &Invalid{"verification key", "the application has a verification key, and its successor needs one too"}
	}
	return app, nil
}
