package apps

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/quillgate/quillgate/database"
)

const (
	usageEvery = 20 * time.Second // how often last uses are written
	usageStep  = time.Minute      // how far apart two of one key are
)

// usage collects when keys were used, off the request path.
type usage struct {
	mu      sync.Mutex
	pending map[string]Use
	written map[string]time.Time
}

// Used notes that a key has signed a request; the time is now when it is zero. It is written down within 20 seconds, and
// for one key at most once a minute.
func (s *Store) Used(public string, use Use) {
	if use.At.IsZero() {
		use.At = s.now()
	}
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	if s.usage.pending == nil {
		s.usage.pending, s.usage.written = make(map[string]Use), make(map[string]time.Time)
	}
	s.usage.pending[public] = use
}

// due takes out what is to be written now; all of it at the end.
func (u *usage) due(all bool) map[string]Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	due := make(map[string]Use)
	for public, use := range u.pending {
		if all || use.At.Sub(u.written[public]) >= usageStep {
			due[public], u.written[public] = use, use.At
			delete(u.pending, public)
		}
	}
	if len(u.written) > cacheSize {
		clear(u.written)
	}
	return due
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
	due := s.usage.due(all)
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), usageEvery)
	defer cancel()
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		for public, use := range due {
			var address string
			if use.Addr.IsValid() {
				address = use.Addr.String()
			}
			_, err := tx.Exec(ctx, `UPDATE apps SET last_used = $2, last_address = $3, last_agent = $4, last_method = $5
				WHERE public = $1 AND (last_used IS NULL OR last_used < $2)`, public, use.At, address, use.Agent, use.Method)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.logger.Warn("the last uses of applications were not written", slog.Any("error", err), slog.Int("applications", len(due)))
	}
}
