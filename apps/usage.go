package apps

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/quillgate/quillgate/database"
)

const (
	usageEvery = 20 * time.Second // how often last uses are written
	usageStep  = time.Minute      // how far apart two of one key are
	usageBatch = 100              // how many are in one transaction, for which all other writers may have to wait
)

// usage collects when keys were used, off the request path.
type usage struct {
	mu      sync.Mutex
	pending map[string]*pendingUse
	written map[string]time.Time
}

// pendingUse is the last use of a key that is not written yet, and how many there were.
type pendingUse struct {
	Use
	n int
}

// Used notes that a key has signed a request; the time is now when it is zero. It costs no statement: uses are written
// in batches, within a minute and a half, for one key at most once a minute.
func (s *Store) Used(public string, use Use) {
	if use.At.IsZero() {
		use.At = s.now()
	}
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	if s.usage.pending == nil {
		s.usage.pending, s.usage.written = make(map[string]*pendingUse), make(map[string]time.Time)
	}
	noted := s.usage.pending[public]
	if noted == nil {
		noted = new(pendingUse)
		s.usage.pending[public] = noted
	}
	if use.Method == "" {
		use.Method = noted.Method // until Called says better
	}
	noted.Use = use
	noted.n++
}

// Called adds to the use that was noted last what the program has called, which is known only once the request was
// parsed. The name has to be one of the table.
func (s *Store) Called(public, method string) {
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	if use := s.usage.pending[public]; use != nil {
		use.Method = method
	}
}

// due takes out what is to be written now; all of it at the end. A use whose method is not known yet waits for it, but
// not for ever: not every request calls one.
func (u *usage) due(now time.Time, all bool) map[string]*pendingUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	due := make(map[string]*pendingUse)
	for public, use := range u.pending {
		waits := use.Method == "" && now.Sub(use.At) < usageEvery
		if all || !waits && use.At.Sub(u.written[public]) >= usageStep {
			due[public], u.written[public] = use, use.At
			delete(u.pending, public)
		}
	}
	for public, at := range u.written {
		if now.Sub(at) >= usageStep {
			delete(u.written, public)
		}
	}
	return due
}

// again puts back what could not be written.
func (u *usage) again(due map[string]*pendingUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for public, use := range due {
		delete(u.written, public)
		if later, ok := u.pending[public]; ok {
			later.n += use.n
			use = later
		}
		u.pending[public] = use
	}
}

// writeUsage runs until Close.
func (s *Store) writeUsage() {
	ticker := time.NewTicker(usageEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.flushUsage(false)
		case <-s.done:
			s.flushUsage(true)
			return
		}
	}
}

func (s *Store) flushUsage(all bool) {
	due := s.usage.due(s.now(), all)
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), usageEvery)
	defer cancel()
	// In one order in all processes, or two of them could wait for each other.
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(due)), usageBatch) {
		err := s.db.Update(ctx, func(tx *database.Tx) error {
			for _, public := range batch {
				if err := writeUse(ctx, tx, public, due[public]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			s.usage.again(due)
			s.logger.Warn("the last uses of applications were not written", slog.Any("error", err), slog.Int("applications", len(due)))
			return
		}
		for _, public := range batch {
			delete(due, public)
		}
	}
}

// writeUse counts, and keeps what is newest: other processes write uses of the same key.
func writeUse(ctx context.Context, tx *database.Tx, public string, use *pendingUse) error {
	var address string
	if use.Addr.IsValid() {
		address = use.Addr.String()
	}
	_, err := tx.Exec(ctx, `UPDATE apps SET uses = uses + $2,
			last_address = CASE WHEN last_used >= $3 THEN last_address ELSE $4 END,
			last_agent = CASE WHEN last_used >= $3 THEN last_agent ELSE $5 END,
			last_method = CASE WHEN last_used >= $3 THEN last_method ELSE $6 END,
			last_used = CASE WHEN last_used >= $3 THEN last_used ELSE $3 END
		WHERE public = $1`, public, use.n, use.At, address, cutAgent(use.Agent), use.Method)
	return err
}

// maxAgent bounds what a client can make a row hold, in characters.
const maxAgent = 200

func cutAgent(agent string) string {
	runes := []rune(agent)
	return string(runes[:min(len(runes), maxAgent)])
}
