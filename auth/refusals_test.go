package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// The counts of several processes add up, by day; a process writes its counts
// when it ends, and old ones are removed.
func TestRefusalsAddUp(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		clock := databasetest.NewClock(time.Date(2026, 5, 31, 23, 30, 0, 0, time.UTC))
		one, two := auth.NewRefusals(db, clock.Now, nil), auth.NewRefusals(db, clock.Now, nil)
		for range 3 {
			one.Count(auth.WrongPassword)
		}
		two.Count(auth.WrongPassword)
		two.Count(auth.UnknownKey)
		ended, end := context.WithCancel(ctx)
		end()
		two.Run(ended) // writes once more
		compare := func(since time.Time, want map[auth.Reason]int64) {
			t.Helper()
			got, err := one.ByReason(ctx, since)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("since %s (-want +got):\n%s", since, d)
			}
		}
		compare(clock.Now(), map[auth.Reason]int64{auth.WrongPassword: 4, auth.UnknownKey: 1})
		before := clock.Now()
		clock.Add(time.Hour)
		one.Count(auth.WrongPassword)
		compare(clock.Now(), map[auth.Reason]int64{auth.WrongPassword: 1})
		compare(before, map[auth.Reason]int64{auth.WrongPassword: 5, auth.UnknownKey: 1})
		clock.Add(100 * 24 * time.Hour)
		one.Count(auth.Replayed)
		compare(before, map[auth.Reason]int64{auth.Replayed: 1})
	})
}
