package apps_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database/databasetest"
)

// The credential for the blog behind a gateway is read and opened once while it
// does not change. A change by this process is visible at once, one by another
// process within a second.
func TestUpstreamIsKept(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		path, c := keyset(t), newClock()
		db := databasetest.Open(t, url)
		here := open(t, db, path, c)
		addUsers(t, db)
		there := open(t, databasetest.Open(t, url), path, c)
		set := func(s *apps.Store, secret string) {
			t.Helper()
			if err := s.SetUpstream(t.Context(), audit.Operator, 1, apps.Upstream{Login: "admin", Secret: apps.NewSecret(secret)}); err != nil {
				t.Fatal(err)
			}
		}
		get := func(s *apps.Store) apps.Upstream {
			t.Helper()
			up, err := s.Upstream(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			return up
		}
		if _, err := here.Upstream(t.Context(), 1); !errors.Is(err, apps.ErrNoUpstream) {
			t.Fatalf("before there is one: %v", err)
		}
		set(here, "first")
		if got := get(here).Secret.Reveal(); got != "first" {
			t.Fatalf("it is %q", got)
		}
		before := db.Statements()
		for range 10 {
			get(here)
		}
		if n := db.Statements() - before; n != 0 {
			t.Errorf("%d statements for one that is known", n)
		}
		if err := here.RefuseUpstream(t.Context(), 1, get(here).Given); err != nil {
			t.Fatal(err)
		}
		if get(here).Refused.IsZero() {
			t.Error("a refusal does not show at once")
		}
		set(there, "second")
		databasetest.WithinASecond(t, func() error {
			if got := get(here).Secret.Reveal(); got != "second" {
				return fmt.Errorf("after a change of another process it is %q", got)
			}
			return nil
		})
		if _, err := db.Exec(t.Context(), `DELETE FROM users WHERE id = 1`); err != nil {
			t.Fatal(err)
		}
		databasetest.WithinASecond(t, func() error {
			if _, err := here.Upstream(t.Context(), 1); !errors.Is(err, apps.ErrNoUpstream) {
				return fmt.Errorf("after the user was deleted: %v", err)
			}
			return nil
		})
	})
}
