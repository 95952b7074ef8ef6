package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/audit"
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
			one.Count(auth.Event{Reason: auth.WrongPassword}, "")
		}
		two.Count(auth.Event{Reason: auth.WrongPassword}, "")
		two.Count(auth.Event{Reason: auth.UnknownKey}, "")
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
		one.Count(auth.Event{Reason: auth.WrongPassword}, "")
		compare(clock.Now(), map[auth.Reason]int64{auth.WrongPassword: 1})
		compare(before, map[auth.Reason]int64{auth.WrongPassword: 5, auth.UnknownKey: 1})
		clock.Add(100 * 24 * time.Hour)
		one.Count(auth.Event{Reason: auth.Replayed}, "")
		compare(before, map[auth.Reason]int64{auth.Replayed: 1})
	})
}

// Strangers fill no disk: the last refusals of a user and of nobody are
// bounded, too old ones go, and those of a user go with them. A name or key
// that nobody has is not stored.
func TestLastRefusalsAreBounded(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := context.Background()
		ada, bob := h.user(t, "ada", auth.Author), h.user(t, "bob", auth.Administrator)
		r := auth.NewRefusals(h.db, h.clock.Now, nil)
		rows := func(want int) {
			t.Helper()
			var n int
			if err := h.db.Get(ctx, &n, `SELECT COUNT(*) FROM last_refusals`); err != nil || n != want {
				t.Errorf("%d rows, %v, want %d", n, err, want)
			}
		}
		for i := range 600 { // more than wait at once
			login := "ada@EXAMPLE.org"
			if i%10 != 0 {
				login = "a-password"
			}
			r.Count(auth.Event{Reason: auth.WrongPassword, Login: login, Public: "a-secret"}, "a\x7fclient")
			h.clock.Add(time.Second)
		}
		if list, err := r.LastOfAll(ctx); err != nil || len(list) != 200 || list[199].At.After(list[0].At) {
			t.Errorf("%d of all, %v", len(list), err)
		}
		list, err := r.Last(ctx, ada.ID)
		if err != nil || len(list) != 20 || list[0].UserID != ada.ID || list[0].Reason != auth.WrongPassword || list[0].KeyLength != 8 || !list[0].Named {
			t.Errorf("of ada: %+v, %v", list, err)
		}
		if list, err := r.Last(ctx, bob.ID); err != nil || len(list) != 0 {
			t.Errorf("of bob: %+v, %v", list, err)
		}
		if counts, err := r.ByReason(ctx, h.clock.Now().AddDate(0, 0, -1)); err != nil || counts[auth.WrongPassword] != 600 {
			t.Errorf("counts are %v, %v", counts, err)
		}
		rows(220)
		var stored int
		if err := h.db.Get(ctx, &stored, `SELECT COUNT(*) FROM last_refusals WHERE public <> '' OR reason <> 'wrong-password' OR address <> '' OR agent <> $1`, "a\x7fclient"); err != nil || stored != 0 {
			t.Errorf("%d rows hold more than they may, %v", stored, err)
		}
		err = h.users.Delete(ctx, audit.Operator, ada.ID, bob.ID, func(context.Context, *database.Tx) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		rows(200)
		r.Count(auth.Event{Reason: auth.WrongPassword, Login: "ada"}, "")
		h.clock.Add(91 * 24 * time.Hour)
		r.Count(auth.Event{Reason: auth.UnknownKey, Public: "x"}, "")
		if list, err := r.LastOfAll(ctx); err != nil || len(list) != 1 || list[0].Reason != auth.UnknownKey {
			t.Errorf("after 90 days: %+v, %v", list, err)
		}
		rows(1)
	})
}
