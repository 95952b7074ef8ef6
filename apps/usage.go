package apps

import (
	"context"
	"log/slog"
	"time"

	"github.com/quillgate/quillgate/database"
)

const (
	usageEvery = 20 * time.Second // how often last uses are written
	usageStep  = time.Minute      // how far apart two of one key are
)

// pendingUse is the last use of a key that is not written yet, and how many there were.
type pendingUse struct {
	Use
	n int
}

// newUsage collects when keys were used, off the request path.
func (s *Store) newUsage() *database.Batch[named, pendingUse] {
	return database.NewBatch(database.BatchConfig[named, pendingUse]{
		DB: s.db, Compare: named.compare, Step: usageStep, Write: writeUse,
		Merge: func(older, newer pendingUse) pendingUse {
			if newer.Method == "" {
				newer.Method = older.Method // until Called says better
			}
			newer.n += older.n
			return newer
		},
		// A use whose method is not known yet waits for it, but not for ever: not every request calls one.
		Ready: func(use pendingUse, written time.Time) bool {
			waits := use.Method == "" && s.now().Sub(use.At) < usageEvery
			return !waits && use.At.Sub(written) >= usageStep
		},
	})
}

// Used notes that a key has signed a request; the time is now when it is zero. It costs no statement: uses are written
// in batches, within a minute and a half, for one key at most once a minute.
func (s *Store) Used(public string, use Use) {
	if use.At.IsZero() {
		use.At = s.now()
	}
	s.usage.Add(s.named(public), pendingUse{use, 1})
}

// Called adds to the use that was noted last what the program has called, which
// is known only once the request was parsed. The name must be one of the table.
func (s *Store) Called(public, method string) {
	s.usage.Change(s.named(public), func(use pendingUse) pendingUse {
		use.Method = method
		return use
	})
}

// writeUsage runs until Close.
func (s *Store) writeUsage() {
	s.usage.Run(s.done, usageEvery, s.now, func(err error) {
		s.logger.Warn("last uses of applications were not written yet", slog.Any("error", err))
	})
}

// writeUse counts, and keeps what is newest: other processes write uses of the same key.
func writeUse(ctx context.Context, tx *database.Tx, key named, use pendingUse) error {
	var address string
	if use.Addr.IsValid() {
		address = use.Addr.String()
	}
	_, err := tx.Of(key.site).Exec(ctx, `UPDATE apps SET uses = uses + $2,
			last_address = CASE WHEN last_used >= $3 THEN last_address ELSE $4 END,
			last_agent = CASE WHEN last_used >= $3 THEN last_agent ELSE $5 END,
			last_method = CASE WHEN last_used >= $3 THEN last_method ELSE $6 END,
			last_used = CASE WHEN last_used >= $3 THEN last_used ELSE $3 END
		WHERE site_id = $site AND public = $1`, key.public, use.n, use.At, address, cutAgent(use.Agent), use.Method)
	return err
}

// maxAgent bounds what a client can make a row hold, in characters.
const maxAgent = 200

func cutAgent(agent string) string {
	runes := []rune(agent)
	return string(runes[:min(len(runes), maxAgent)])
}
