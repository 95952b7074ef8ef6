package apps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
)

// epoch is the epoch of the tables apps and upstream_credentials.
const epoch database.Epoch = "keys"

const (
	// maxLookups limits the memory of the cache.
	maxLookups = 8192
	// sealedLife is how long a key that cannot be opened is not tried again:
	// the keyset file may be restored.
	sealedLife = time.Second
	// unusedLife is how long a key stays refused as unused. Another process may
	// record a use just in time, which moves no epoch.
	unusedLife = time.Second
)

// Lookup returns the key with a name, and its secret, to verify a signature.
// For a key that does not exist, is revoked, expired or unused for too long, or
// whose secret cannot be opened, the error is ErrNotFound, ErrRevoked,
// ErrExpired, ErrUnused or ErrSealed, and there is no secret. Any other error
// means that the database did not answer. The result is as current as
// database.Cache promises: a change by this process is visible at once, one by
// another process within a second. A key with a verification key has no secret.
// Callers share the App and must not change it; it is nil with an error. Its
// Uses and LastUse may be out of date.
func (s *Store) Lookup(ctx context.Context, public string) (Secret, *App, error) {
	found, err := s.lookups.Get(ctx, s.named(public))
	if err != nil {
		return Secret{}, nil, fmt.Errorf("look up an application: %w", err)
	}
	return found.secret, found.app, found.err
}

// lookup is a cached result of Lookup.
type lookup struct {
	app    *App // nil with an error
	secret Secret
	err    error
}

// readLookup reads a key from the database. Refusals are cached too: otherwise
// the time of the second answer would reveal whether a key exists.
func (s *Store) readLookup(ctx context.Context, key named) (lookup, time.Time, error) {
	asked := s.clock()
	secret, app, err := s.Of(key.site).find(ctx, key.public)
	switch {
	case err != nil && !isRefusal(err):
		return lookup{}, time.Time{}, err
	case errors.Is(err, ErrSealed):
		return lookup{err: err}, asked.Add(sealedLife), nil
	case errors.Is(err, ErrUnused):
		return lookup{err: err}, asked.Add(unusedLife), nil
	case err != nil:
		return lookup{err: err}, time.Time{}, nil
	}
	return lookup{app: app, secret: secret}, s.worksUntil(*app), nil
}

// worksUntil returns when a valid key becomes invalid without further action,
// or the zero time.
func (s *Store) worksUntil(a App) time.Time {
	until := a.Expires
	if s.unusedAfter > 0 {
		if unused := a.wanted().Add(s.unusedAfter); until.IsZero() || unused.Before(until) {
			until = unused
		}
	}
	return until
}

// isRefusal reports whether an error is a refusal of the key, not an error of
// the database.
func isRefusal(err error) bool {
	for _, refusal := range []error{ErrNotFound, ErrRevoked, ErrExpired, ErrUnused, ErrSealed} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

func (s *Store) find(ctx context.Context, public string) (Secret, *App, error) {
	r, err := get(ctx, s.db, public)
	if err != nil {
		return Secret{}, nil, err
	}
	app, err := r.app()
	if err != nil {
		s.logger.ErrorContext(ctx, "refusing a damaged application", "public", public, "error", err)
		return Secret{}, nil, ErrSealed
	}
	switch s.State(app) {
	case Revoked:
		return Secret{}, nil, ErrRevoked
	case Expired:
		return Secret{}, nil, ErrExpired
	case Unused:
		return Secret{}, nil, ErrUnused
	}
	// A key of the wrong type for its algorithm, or without one, is unusable.
	if asymmetric := len(app.VerificationKey) > 0; asymmetric == (app.Algorithm == hmacSHA256) {
		s.logger.ErrorContext(ctx, "refusing an application that has no key for its algorithm", "public", public)
		return Secret{}, nil, ErrSealed
	} else if asymmetric {
		return Secret{}, &app, nil
	}
	secret, err := s.open(&r)
	if err != nil {
		return Secret{}, nil, err
	}
	return secret, &app, nil
}

// Owner returns the user who has the key with a public part, or the token or
// application password with an ID, whether or not it still works. Error:
// ErrNotFound.
func Owner(ctx context.Context, tx *database.Tx, id string) (userID int64, err error) {
	err = tx.Get(ctx, &userID, `SELECT user_id FROM apps WHERE site_id = $site AND public = $1
		UNION ALL SELECT user_id FROM application_passwords WHERE site_id = $site AND uuid = $1 LIMIT 1`, database.CleanText(id))
	if errors.Is(err, database.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("get the owner of a key: %w", err)
	}
	return userID, nil
}
