package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quillgate/quillgate/database"
)

var (
	errReplayed   = errors.New("the nonce was used before")
	errManyNonces = errors.New("too many nonces of one key")
)

// sweepEvery is how often nonces are removed whose time is over, and
// sweepBatch how many in one transaction, so that no request waits long.
const (
	sweepEvery = 30 * time.Second
	sweepBatch = 1000
)

// nonces lets each nonce of a key pass once. What decides is the primary key
// of the table, so that one pass is one pass in all processes together.
type nonces struct {
	db *database.DB

	mu     sync.Mutex
	counts map[string]nonceCount
}

// nonceCount is how many nonces of a key are in the table: counted at most a
// second ago, and those of this process since. Counting costs more than the
// insertion does.
type nonceCount struct {
	at time.Time
	n  int
}

// use notes a nonce. Errors: errReplayed, errManyNonces; every other says that
// the database did not answer.
func (s *nonces) use(ctx context.Context, public, nonce string, now time.Time) error {
	n, err := s.count(ctx, public, now)
	if err != nil {
		return fmt.Errorf("count nonces: %w", err)
	}
	if n >= maxNonces {
		return errManyNonces
	}
	result, err := s.db.Exec(ctx, `INSERT INTO nonces (public, nonce, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		public, nonce, now.Add(nonceLife).UTC().Truncate(time.Microsecond))
	if err != nil {
		return fmt.Errorf("note a nonce: %w", err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("note a nonce: %w", err)
	}
	if rows == 0 {
		return errReplayed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[public]
	c.n++
	s.counts[public] = c
	return nil
}

// count tells how many nonces of a key are kept.
func (s *nonces) count(ctx context.Context, public string, now time.Time) (int, error) {
	s.mu.Lock()
	c, known := s.counts[public]
	s.mu.Unlock()
	if age := now.Sub(c.at); known && age < time.Second && age >= 0 {
		return c.n, nil
	}
	c = nonceCount{at: now}
	err := s.db.Get(ctx, &c.n, `SELECT COUNT(*) FROM (SELECT 1 FROM nonces WHERE public = $1 LIMIT $2) AS kept`, public, maxNonces)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil || len(s.counts) >= 10_000 {
		// They are soon counted again.
		s.counts = make(map[string]nonceCount)
	}
	s.counts[public] = c
	return c.n, nil
}

// sweep removes what need not be kept any longer.
func (s *nonces) sweep(ctx context.Context, now time.Time) error {
	for {
		result, err := s.db.Exec(ctx, `DELETE FROM nonces WHERE (public, nonce) IN
			(SELECT public, nonce FROM nonces WHERE expires < $1 LIMIT $2)`, now.UTC(), sweepBatch)
		if err != nil {
			return fmt.Errorf("remove old nonces: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n < sweepBatch {
			return err
		}
	}
}

// Run keeps house until ctx ends: nonces whose time is over are removed.
func (v *Verifier) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := v.nonces.sweep(ctx, v.cfg.Clock()); err != nil && ctx.Err() == nil {
			v.cfg.Logger.WarnContext(ctx, "old nonces stay", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
