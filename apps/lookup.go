package apps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
)

// epoch is that of the tables apps and upstream_credentials.
const epoch database.Epoch = "keys"

const (
	// maxLookups bounds the memory that the cache takes.
	maxLookups = 8192
	// sealedLife is for how long a key that does not open is not tried again: the keyset's file may be put back.
	sealedLife = time.Second
	// unusedLife is for how long a key stays refused as unused: another process may write that it was used just in time,
	// which moves no epoch.
	unusedLife = time.Second
)

// Lookup returns the key of that name and its secret, for checking a
// signature. A key that is not there, that is revoked, expired or unused for too
// long, or whose secret does not open gives ErrNotFound, ErrRevoked, ErrExpired,
// ErrUnused or ErrSealed, and no secret; every other error means that the
// database did not answer. What it returns is as new as database.Cache promises: a change made by this process shows at
// once, one of another process within a second. A key
// with a verification key comes without a secret. The App is shared by all who
// look the key up, and is not to be changed; it is nil with an error. Its Uses
// and LastUse may be out of date.
func (s *Store) Lookup(ctx context.Context, public string) (Secret, *App, error) {
	found, err := s.lookups.Get(ctx, s.named(public))
	if err != nil {
		return Secret{}, nil, fmt.Errorf("look up an application: %w", err)
	}
	return found.secret, found.app, found.err
}

// lookup is what Lookup returns.
type lookup struct {
	app    *App // nil with an error
	secret Secret
	err    error
}

// readLookup looks a key up in the database. What does not work is kept too: if it were not, the time of the second answer would
// tell a key that exists from one that does not.
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

// worksUntil is when a key that works stops doing so by itself; zero: never.
func (s *Store) worksUntil(a App) time.Time {
	until := a.Expires
	if s.unusedAfter > 0 {
		if unused := a.wanted().Add(s.unusedAfter); until.IsZero() || unused.Before(until) {
			until = unused
		}
	}
	return until
}

// isRefusal tells what Lookup says of a key from errors of the database.
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
	// A key of the wrong kind for its algorithm, or none, is no one's.
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
