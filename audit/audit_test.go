package audit_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func TestH11LineComesWithItsChange(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		event := audit.Event{
			Kind: "app.created", UserID: 7, At: at, Detail: map[string]string{"name": "MarsEdit"},
			By: audit.Actor{UserID: 7, Via: "session", Addr: netip.MustParseAddr("192.0.2.7"), Agent: "Mozilla/5.0"},
		}
		undone := errors.New("undone")
		err := db.Update(ctx, func(tx *database.Tx) error {
			if err := audit.Append(ctx, tx, event); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		if err := db.Update(ctx, func(tx *database.Tx) error { return audit.Append(ctx, tx, event) }); err != nil {
			t.Fatal(err)
		}
		got, err := audit.List(ctx, db, audit.Filter{UserID: 7})
		if err != nil {
			t.Fatal(err)
		}
		want := []audit.Line{{ID: 1, Event: event}}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(audit.Line{}, "Hash"), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Error(diff)
		}
	})
}

// Concurrent writers append one line after the other.
func TestH11NumbersWithoutGaps(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := context.Background()
		const writers, each = 4, 10
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for range each {
					err := db.Update(ctx, func(tx *database.Tx) error { return audit.Append(ctx, tx, audit.Event{Kind: "test.done"}) })
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		list, err := audit.List(ctx, db, audit.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != writers*each || list[0].ID != writers*each || list[len(list)-1].ID != 1 {
			t.Errorf("%d lines, want %d, numbered from 1", len(list), writers*each)
		}
	})
}
