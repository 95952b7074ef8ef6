package site

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/places"
)

// Scheduled posts are rows with status future. Only the database knows them, so
// a restart loses none. Each is published in a transaction that first checks
// that it is still scheduled, so that only one of several replicas does it.

// scheduleBatch is the largest number of posts that one transaction publishes.
const scheduleBatch = 100

// scheduleCheck is how often the database is asked for posts that another
// process has scheduled.
const scheduleCheck = 20 * time.Second

// scheduler notifies the loop of Run that this process has scheduled a post.
type scheduler struct{ news chan struct{} }

func newScheduler() scheduler { return scheduler{news: make(chan struct{}, 1)} }

// wake never waits: one pending notification is enough.
func (s scheduler) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// PublishDue publishes the scheduled posts that are due, and returns how many.
func (s *Site) PublishDue(ctx context.Context) (int, error) {
	total := 0
	for {
		n, err := s.publishBatch(ctx)
		if err != nil {
			return total, fmt.Errorf("publish scheduled posts: %w", err)
		}
		total += n
		if n < scheduleBatch {
			return total, nil
		}
	}
}

func (s *Site) publishBatch(ctx context.Context) (int, error) {
	var due []int64
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		due = nil
		err := tx.Select(ctx, &due, `SELECT id FROM posts WHERE status = 'future' AND date_gmt <= $1 ORDER BY date_gmt LIMIT $2`, s.now(), scheduleBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		if err := database.ExecIn(ctx, tx, `UPDATE posts SET status = 'publish' WHERE id IN (?)`, due); err != nil {
			return err
		}
		if err := markPublished(ctx, tx, due); err != nil {
			return err
		}
		return countPublished(ctx, tx, due)
	})
	return len(due), err
}

// countPublished adds newly published posts to the counts of their terms.
func countPublished(ctx context.Context, tx *database.Tx, ids []int64) error {
	query, args, err := database.In(`INSERT INTO term_shifts (term_id, n) SELECT pt.term_id, COUNT(*) FROM post_terms pt JOIN posts p ON p.id = pt.post_id
		WHERE p.type IN ('post', 'nav_menu_item') AND p.id IN (?) GROUP BY pt.term_id`, ids)
	if err == nil {
		_, err = tx.Exec(ctx, query, args...)
	}
	return err
}

// cleanEvery is how often Run deletes outdated data.
const cleanEvery = time.Hour

// Run publishes scheduled posts when they are due, adds new posts to the
// full-text index, and occasionally deletes old automatic drafts. It logs
// errors and tries again. It returns when ctx is done; run one in each process.
func (s *Site) Run(ctx context.Context) {
	var indexing sync.WaitGroup
	indexing.Go(func() { s.indexSearches(ctx) })
	defer indexing.Wait()
	var cleaned time.Time
	for {
		if now := s.clock(); now.Sub(cleaned) >= cleanEvery {
			cleaned = now
			if err := s.dropAutoDrafts(ctx); err != nil && ctx.Err() == nil {
				s.logger.ErrorContext(ctx, "automatic drafts", "error", err)
			}
		}
		for _, fold := range []func(context.Context) (bool, error){s.foldTermCounts, s.foldPlaces, s.SplitLists} {
			for more := true; more; {
				var err error
				if more, err = fold(ctx); err != nil && ctx.Err() == nil {
					s.logger.ErrorContext(ctx, "counts of terms and lists", "error", err)
				}
			}
		}
		if _, err := s.PublishDue(ctx); err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "scheduled posts", "error", err)
		}
		timer := time.NewTimer(s.nextCheck(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.scheduler.news:
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (s *Site) foldPlaces(ctx context.Context) (more bool, err error) { return places.Fold(ctx, s.db) }

// nextCheck returns the time until the next scheduled post, at most
// scheduleCheck and at least a moment, so that a database in trouble is not
// asked continuously.
func (s *Site) nextCheck(ctx context.Context) time.Duration {
	var next time.Time
	err := s.db.Get(ctx, &next, `SELECT date_gmt FROM posts WHERE status = 'future' AND date_gmt IS NOT NULL ORDER BY date_gmt LIMIT 1`)
	if err != nil {
		if !errors.Is(err, database.ErrNoRows) && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "scheduled posts", "error", err)
		}
		return scheduleCheck
	}
	return min(max(next.Sub(s.clock()), 50*time.Millisecond), scheduleCheck)
}
