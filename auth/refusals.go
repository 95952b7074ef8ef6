package auth

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
)

// How often counts of refusals are written, and how long they are kept.
const (
	refusalsEvery = 30 * time.Second
	refusalsLast  = 2 * time.Second // for the last write
	refusalsKept  = 90 * 24 * time.Hour
)

// Refusals counts refused credentials of a site by day and reason, for all
// processes of a database together, and keeps the last ones. In a request, this
// costs only a lock; both are written in batches. It is safe for concurrent use.
type Refusals struct {
	db     *database.DB
	clock  func() time.Time
	logger *slog.Logger

	counts *database.Batch[refusal, int64]
	last   *lastRefusals
}

type refusal struct {
	site   int64
	day    string
	reason Reason
}

// NewRefusals returns the counts in a database. A nil clock means time.Now; a
// nil logger discards.
func NewRefusals(db *database.DB, clock func() time.Time, logger *slog.Logger) *Refusals {
	if clock == nil {
		clock = time.Now
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	counts := database.NewBatch(database.BatchConfig[refusal, int64]{
		DB: db,
		Compare: func(a, b refusal) int {
			return cmp.Or(cmp.Compare(a.site, b.site), strings.Compare(a.day, b.day), cmp.Compare(a.reason, b.reason))
		},
		Merge: func(older, newer int64) int64 { return older + newer },
		Write: func(ctx context.Context, tx *database.Tx, c refusal, n int64) error {
			_, err := tx.Of(c.site).Exec(ctx, `INSERT INTO refusals (site_id, day, reason, n) VALUES ($site, $1, $2, $3)
				ON CONFLICT (site_id, day, reason) DO UPDATE SET n = refusals.n + excluded.n`, c.day, string(c.reason), n)
			return err
		},
	})
	return &Refusals{db: db, clock: clock, logger: logger, counts: counts, last: newLastRefusals(db)}
}

// Of returns the counts of another site of the same database. Run of the first
// Refusals writes them all.
func (r *Refusals) Of(site int64) *Refusals {
	return &Refusals{r.db.Of(site), r.clock, r.logger, r.counts, r.last}
}

func (r *Refusals) day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// Count counts a refusal and keeps it among the last ones; see Last. agent is
// the User-Agent of the client; see Agent. The reasons are those of this
// package, so there are few.
func (r *Refusals) Count(e Event, agent string) {
	now := r.clock()
	r.counts.Add(refusal{r.db.Site(), r.day(now), e.Reason}, 1)
	r.last.add(r.db.Site(), refusedEvent{e, agent, now})
}

// Run writes the counts from time to time, and once more when ctx ends.
func (r *Refusals) Run(ctx context.Context) {
	tick := time.NewTicker(refusalsEvery)
	defer tick.Stop()
	for more := true; more; {
		select {
		case <-ctx.Done():
			more = false
		case <-tick.C:
		}
		limit := refusalsEvery / 3
		if !more {
			limit = min(limit, refusalsLast)
		}
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		if err := r.flush(write); err != nil {
			r.logger.WarnContext(ctx, "counts of refusals are not written yet", "error", err)
		}
		cancel()
	}
}

// flush writes the counts. Those that cannot be written stay counted.
func (r *Refusals) flush(ctx context.Context) error {
	oldest := r.clock().Add(-refusalsKept)
	n, err := r.counts.Flush(ctx, true, r.clock())
	if err == nil && n > 0 {
		_, err = r.db.Exec(ctx, `DELETE FROM refusals WHERE day < $1`, r.day(oldest))
	}
	if err == nil {
		err = r.last.flush(ctx, r.db, r.clock(), oldest)
	}
	if err != nil {
		return fmt.Errorf("write counts of refusals: %w", err)
	}
	return nil
}

// ByReason returns how many credentials were refused since the start of a day
// (in UTC), for each reason: by this process until now, and by others until
// their last write, at most half a minute ago. It reaches back 90 days.
func (r *Refusals) ByReason(ctx context.Context, since time.Time) (map[Reason]int64, error) {
	if err := r.flush(ctx); err != nil {
		return nil, err
	}
	var rows []struct {
		Reason Reason `db:"reason"`
		N      int64  `db:"n"`
	}
	err := r.db.Select(ctx, &rows, `SELECT reason, CAST(SUM(n) AS BIGINT) AS n FROM refusals WHERE site_id = $site AND day >= $1 GROUP BY reason`, r.day(since))
	if err != nil {
		return nil, fmt.Errorf("count refusals: %w", err)
	}
	counts := make(map[Reason]int64, len(rows))
	for _, row := range rows {
		counts[row.Reason] = row.N
	}
	return counts, nil
}
