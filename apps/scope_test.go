package apps_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// K9: a list of methods may contain only existing names, wherever it is given,
// and the error suggests the right one.
func TestK9UnknownMethods(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		path, c := keyset(t), newClock()
		addUsers(t, db)
		all := open(t, db, path, c)
		s, err := apps.Open(t.Context(), apps.Config{
			DB: db, KeysetFile: path, Clock: c.Now,
			Methods: []string{"wp.newPost", "wp.getPost", "metaWeblog.newPost", "blogger.deletePost", "mt.publishPost"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for name, near := range map[string]string{
			"wp.newPosst": "wp.newPost", "WP.NEWPOST": "wp.newPost", "metaWeblog.newpost": "metaWeblog.newPost", "publishPost": "mt.publishPost",
			"wp.gtPost": "wp.getPost", "newPost": "wp.newPost", "system": "", "demo.frobnicate": "", "x": "",
		} {
			scope := apps.Scope{Methods: []string{"wp.getPost", name}}
			_, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x", Scope: scope})
			var invalid *apps.Invalid
			if !errors.As(err, &invalid) || invalid.Field != "methods" || !strings.Contains(invalid.Why, name) ||
				strings.Contains(invalid.Why, "did you mean") != (near != "") || !strings.Contains(invalid.Why, near) {
				t.Errorf("%s: %v, want *Invalid that names %q", name, err, near)
			}
			if _, _, err := s.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: 1, Scope: scope}, 0); !errors.As(err, &invalid) {
				t.Errorf("enrolment for %s: %v, want *Invalid", name, err)
			}
		}
		app, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x", Scope: apps.Scope{Methods: []string{"wp.getPost", "system.multicall"}}})
		if err != nil {
			t.Fatal(err)
		}
		wrong := apps.Scope{Methods: []string{"wp.getPots"}}
		if _, err := s.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Scope: &wrong}); !errors.As(err, new(*apps.Invalid)) {
			t.Errorf("a change to a method that does not exist: %v, want *Invalid", err)
		}
		// A name that was valid when it was stored does not prevent other
		// changes.
		old, _, err := all.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x", Scope: apps.Scope{Methods: []string{"wp.gone"}}})
		if err != nil {
			t.Fatal(err)
		}
		more := apps.Scope{Methods: []string{"wp.gone", "wp.newPost"}}
		if _, err := s.Update(t.Context(), audit.Operator, 1, old.Public, apps.Change{Scope: &more}); err != nil {
			t.Errorf("a method that the scope already had: %v", err)
		}
	})
}

// K13: repeated rotations create no more valid keys than twice as many as a
// user may have.
func TestK13RotationsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		app, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		rotate := func(overlap time.Duration) error {
			next, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, overlap)
			if err == nil {
				app = next
			}
			return err
		}
		for i := range apps.MaxPerUser {
			if err := rotate(time.Hour); err != nil {
				t.Fatalf("rotation %d: %v", i+1, err)
			}
		}
		if err := rotate(time.Hour); !errors.Is(err, apps.ErrTooMany) {
			t.Errorf("one more: %v, want ErrTooMany", err)
		}
		if err := rotate(0); err != nil {
			t.Errorf("at once: %v", err)
		}
		c.Add(time.Hour)
		if err := rotate(time.Hour); err != nil {
			t.Errorf("when the others have ended: %v", err)
		}
	})
}
