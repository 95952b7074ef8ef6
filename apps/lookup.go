package apps

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// cacheLife bounds how long a revoked key goes on working in a process
	// that did not revoke it.
	cacheLife = time.Second
	// cacheSize bounds the memory that the cache takes.
	cacheSize = 4096
)

// Lookup returns the key of that name and its secret, for checking a
// signature. A key that is not there, that is revoked, expired or unused for too
// long, or whose secret does not open gives ErrNotFound, ErrRevoked, ErrExpired,
// ErrUnused or ErrSealed, and no secret; every other error says that the
// database did not answer. What it returns is not older than a second. A key
// with a verification key comes without a secret. The App is shared by all who
// look the key up, and is not to be changed; it is nil with an error.
func (s *Store) Lookup(ctx context.Context, public string) (Secret, *App, error) {
	// The age counts from before the question: what is read may change while
	// the answer is on its way.
	asked := s.clock()
	if e, ok := s.cache.get(s.named(public), asked); ok {
		return e.secret, e.app, e.err
	}
	generation := s.cache.generation()
	secret, app, err := s.find(ctx, public)
	if err != nil && !isRefusal(err) {
		return Secret{}, nil, fmt.Errorf("look up an application: %w", err)
	}
	// What does not work is kept too: if it were not, the time of the second
	// answer would tell a key that exists from one that does not.
	until := asked.Add(cacheLife)
	if err == nil && !app.Expires.IsZero() && app.Expires.Before(until) {
		until = app.Expires
	}
	s.cache.put(s.named(public), entry{app, secret, err, until}, generation)
	return secret, app, err
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
		s.logger.ErrorContext(ctx, "a damaged application is refused", "public", public, "error", err)
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
	// A key of the wrong kind for its algorithm, or none, is nobody's.
	if asymmetric := len(app.VerificationKey) > 0; asymmetric == (app.Algorithm == hmacSHA256) {
		s.logger.ErrorContext(ctx, "an application without a key for its algorithm is refused", "public", public)
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

type entry struct {
	app    *App // nil with an error
	secret Secret
	err    error
	until  time.Time
}

// cache holds the answers of the last second.
type cache struct {
	mu      sync.RWMutex
	entries map[named]entry
	drops   uint64
}

func (c *cache) get(key named, now time.Time) (entry, bool) {
	c.mu.RLock()
	e, ok := c.entries[key]
	c.mu.RUnlock()
	return e, ok && now.Before(e.until)
}

// generation changes with every drop. Something read from the database before
// a drop is not put into the cache after it.
func (c *cache) generation() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.drops
}

func (c *cache) put(key named, e entry, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.drops {
		return
	}
	if c.entries == nil || len(c.entries) >= cacheSize {
		// All of it lives a second anyway.
		c.entries = make(map[named]entry)
	}
	c.entries[key] = e
}

// clear drops all.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	c.entries = nil
}

func (c *cache) drop(key named) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops++
	delete(c.entries, key)
}
