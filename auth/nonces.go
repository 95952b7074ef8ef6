package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/database"
)

var (
	errReplayed   = errors.New("the nonce has already been used")
	errManyNonces = errors.New("too many nonces with one key")
)

// sweepEvery is how often expired nonces are removed, and sweepBatch how many
// in one transaction, so that no request waits long.
const (
	sweepEvery = 30 * time.Second
	sweepBatch = 1000
)

// nonces accepts each nonce of a key once. The primary key of the table
// decides, so this holds for all processes together.
//
// A write to disk takes longer than all the rest of a request. Therefore
// requests that arrive during one wait for the next, and share it.
type nonces struct {
	db    *database.DB
	limit int // for each key

	mu      sync.Mutex
	counts  map[string]nonceCount
	waiting []*noted // for the next write
	writing bool
}

// The limits of one write.
const (
	maxBatch  = 64
	writeTime = 30 * time.Second
)

// noted is one nonce that is being written.
type noted struct {
	Public  string `db:"public"`
	Nonce   string `db:"nonce"`
	expires time.Time
	err     error
	done    chan struct{} // closed when err is the result
	lead    chan struct{} // closed when this call must write
}

// nonceCount is the number of nonces of a key in the table: counted at most a
// second ago, plus those of this process since then. Counting costs more than
// inserting.
type nonceCount struct {
	at time.Time
	n  int
}

// use records a nonce for a time. Errors: errReplayed, errManyNonces; any other
// means that the database did not answer.
func (s *nonces) use(ctx context.Context, public, nonce string, now time.Time, life time.Duration) error {
	n, err := s.count(ctx, public, now)
	if err != nil {
		return fmt.Errorf("count nonces: %w", err)
	}
	if n >= s.limit {
		return errManyNonces
	}
	if err := s.insert(ctx, &noted{Public: public, Nonce: nonce, expires: now.Add(life).UTC().Truncate(time.Microsecond)}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts[public]
	c.n++
	s.counts[public] = c
	return nil
}

// insert writes a nonce together with others that have arrived meanwhile. The
// first of those that wait writes for all. None of them gives up: one must
// write, and a write takes no longer than writeTime.
func (s *nonces) insert(ctx context.Context, n *noted) error {
	n.done, n.lead = make(chan struct{}), make(chan struct{})
	s.mu.Lock()
	s.waiting = append(s.waiting, n)
	first := !s.writing
	s.writing = true
	s.mu.Unlock()
	if !first {
		select {
		case <-n.done:
			return n.err
		case <-n.lead:
		}
	}
	s.mu.Lock()
	size := min(len(s.waiting), maxBatch)
	batch := s.waiting[:size:size]
	s.waiting = s.waiting[size:]
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	s.write(ctx, batch)
	s.mu.Lock()
	if s.writing = len(s.waiting) > 0; s.writing {
		close(s.waiting[0].lead)
	}
	s.mu.Unlock()
	for _, other := range batch {
		close(other.done)
	}
	return n.err
}

// write inserts a batch with one statement, and stores the result in each
// nonce.
func (s *nonces) write(ctx context.Context, batch []*noted) {
	// In the same order in all processes, or two writes could wait for each
	// other.
	slices.SortStableFunc(batch, compareNoted)
	var once []*noted
	for i, n := range batch {
		n.err = errReplayed
		if i == 0 || compareNoted(batch[i-1], n) != 0 {
			once = append(once, n)
		}
	}
	var query strings.Builder
	query.WriteString(`INSERT INTO nonces (public, nonce, expires) VALUES `)
	var args []any
	for i, n := range once {
		if i > 0 {
			query.WriteString(", ")
		}
		fmt.Fprintf(&query, "($%d, $%d, $%d)", 3*i+1, 3*i+2, 3*i+3)
		args = append(args, n.Public, n.Nonce, n.expires)
	}
	query.WriteString(` ON CONFLICT DO NOTHING RETURNING public, nonce`)
	var passed []noted
	err := s.db.Write(ctx, nil, func(tx *database.Tx) error { // only the primary key matters
		passed = nil
		return tx.Select(ctx, &passed, query.String(), args...)
	})
	for _, n := range once {
		switch {
		case err != nil:
			n.err = fmt.Errorf("note a nonce: %w", err)
		case slices.ContainsFunc(passed, func(p noted) bool { return compareNoted(&p, n) == 0 }):
			n.err = nil
		}
	}
}

func compareNoted(a, b *noted) int {
	return cmp.Or(strings.Compare(a.Public, b.Public), strings.Compare(a.Nonce, b.Nonce))
}

// count returns how many nonces of a key are stored.
func (s *nonces) count(ctx context.Context, public string, now time.Time) (int, error) {
	s.mu.Lock()
	c, known := s.counts[public]
	s.mu.Unlock()
	if age := now.Sub(c.at); known && age < time.Second && age >= 0 {
		return c.n, nil
	}
	c = nonceCount{at: now}
	err := s.db.Get(ctx, &c.n, `SELECT COUNT(*) FROM (SELECT 1 FROM nonces WHERE public = $1 LIMIT $2) AS kept`, public, s.limit)
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

// sweep removes expired nonces.
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

// Run removes expired nonces until ctx ends.
func (v *Verifier) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := v.nonces.sweep(ctx, v.cfg.Clock()); err != nil && ctx.Err() == nil {
			v.cfg.Logger.WarnContext(ctx, "old nonces were not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
