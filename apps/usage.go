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
	pending map[string]time.Time
	written map[string]time.Time
}

// Used notes that a key has signed a request. It is written down within 20
// seconds, and for one key at most once a minute.
func (s *Store) Used(public string) {
	now := s.now()
	s.usage.mu.Lock()
	defer s.usage.mu.Unlock()
	if s.usage.pending == nil {
		s.usage.pending, s.usage.written = make(map[string]time.Time), make(map[string]time.Time)
	}
	s.usage.pending[public] = now
}

// due takes out what is to be written now; all of it at the end.
func (u *usage) due(all bool) map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	due := make(map[string]time.Time)
	for public, at := range u.pending {
		if all || at.Sub(u.written[public]) >= usageStep {
			due[public], u.written[public] = at, at
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
		for public, at := range due {
			_, err := tx.Exec(ctx, `UPDATE apps SET last_used = $2 WHERE public = $1 AND (last_used IS NULL OR last_used < $2)`, public, at)
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
