package apps_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// sameApp compares keys; addresses contain unexported fields.
var sameApp = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

// lookup returns the error of Lookup, and checks that an error comes without a
// secret.
func lookup(t *testing.T, s *apps.Store, public string) error {
	t.Helper()
	secret, _, err := s.Lookup(t.Context(), public)
	if err != nil && !secret.IsEmpty() {
		t.Errorf("Lookup of %s: a secret together with %v", public, err)
	}
	return err
}

// K7: a key that one process revokes is refused by all others within a second,
// whatever they have cached.
func TestK7RevokedEverywhere(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c, file := newClock(), keyset(t)
		var stores []*apps.Store
		for i := range 3 {
			db := databasetest.Open(t, url)
			stores = append(stores, open(t, db, file, c))
			if i == 0 {
				addUsers(t, db)
			}
		}
		ends := map[string]func(public string) error{
			"Revoke":    func(public string) error { return stores[0].Revoke(t.Context(), audit.Operator, 1, public) },
			"RevokeAll": func(string) error { _, err := stores[0].RevokeAll(t.Context(), audit.Operator, 1); return err },
			"Rotate with no overlap": func(public string) error {
				_, _, err := stores[0].Rotate(t.Context(), audit.Operator, 1, public, 0)
				return err
			},
		}
		for name, end := range ends {
			app, _ := create(t, stores[0], 1)
			for i, s := range stores {
				if err := lookup(t, s, app.Public); err != nil {
					t.Fatalf("store %d: %v", i, err)
				}
			}
			if err := end(app.Public); err != nil {
				t.Fatal(err)
			}
			if err := lookup(t, stores[0], app.Public); !errors.Is(err, apps.ErrRevoked) {
				t.Errorf("%s: where it was done: %v, want ErrRevoked at once", name, err)
			}
			for i, s := range stores {
				databasetest.WithinASecond(t, func() error {
					if err := lookup(t, s, app.Public); !errors.Is(err, apps.ErrRevoked) {
						return fmt.Errorf("%s: store %d: %v, want ErrRevoked", name, i, err)
					}
					return nil
				})
			}
		}
	})
}

// A successor whose secret never arrived can be replaced, only by the key that
// it succeeds, and only if it was never used.
func TestRotateAgain(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		again := func(public, lost string) (apps.App, error) {
			app, _, err := s.RotateAgain(t.Context(), audit.Operator, 1, public, 48*time.Hour, lost)
			return app, err
		}
		app, _ := create(t, s, 1)
		lost, err := again(app.Public, "") // the first call did not arrive either
		if err != nil {
			t.Fatal(err)
		}
		other, _ := create(t, s, 1)
		var rotated *apps.Rotated
		for _, wrong := range []string{"", other.Public, "0"} {
			if _, err := again(app.Public, wrong); !errors.As(err, &rotated) || rotated.Successor != lost.Public {
				t.Errorf("in the place of %q: %v, want *Rotated", wrong, err)
			}
		}
		c.Add(47 * time.Hour)
		next, err := again(app.Public, lost.Public)
		if err != nil {
			t.Fatal(err)
		}
		if err := lookup(t, s, lost.Public); !errors.Is(err, apps.ErrRevoked) {
			t.Errorf("the successor that is lost: %v, want ErrRevoked", err)
		}
		if err := lookup(t, s, other.Public); err != nil {
			t.Errorf("another key of the user: %v", err)
		}
		if old, err := s.Get(t.Context(), app.Public); err != nil || old.Successor != next.Public {
			t.Errorf("the successor is %q, %v; want %q", old.Successor, err, next.Public)
		}
		s.Used(next.Public, apps.Use{Method: "wp.getPost"})
		s.FlushUsage()
		if _, err := again(app.Public, next.Public); !errors.As(err, &rotated) {
			t.Errorf("in the place of a successor that was used: %v, want *Rotated", err)
		}
		if err := lookup(t, s, next.Public); err != nil {
			t.Errorf("the successor that was used: %v", err)
		}
		c.Add(time.Hour)
		if err := lookup(t, s, app.Public); !errors.Is(err, apps.ErrExpired) {
			t.Errorf("the second rotation prolongs the old key: %v, want ErrExpired", err)
		}
		if _, err := again(app.Public, next.Public); err == nil {
			t.Error("an expired key is rotated again")
		}
	})
}

// K7: where processes notify one another, the others refuse a revoked key at
// once.
func TestK7RevokedWhereItIsHeard(t *testing.T) {
	address, c, file := databasetest.Postgres(t), newClock(), keyset(t)
	here := open(t, databasetest.Open(t, address), file, c)
	thereDB := databasetest.Open(t, address)
	there := open(t, thereDB, file, c)
	addUsers(t, thereDB)
	ctx, stop := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	listening.Go(func() { thereDB.Listen(ctx, func(err error) { t.Error(err) }) })
	defer listening.Wait()
	defer stop()
	const tries = 5 // the first ones may come before the listening connection exists
	for try := 1; ; try++ {
		app, _ := create(t, here, 1)
		if err := lookup(t, there, app.Public); err != nil {
			t.Fatal(err)
		}
		if err := here.Revoke(t.Context(), audit.Operator, 1, app.Public); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for !errors.Is(lookup(t, there, app.Public), apps.ErrRevoked) {
			time.Sleep(time.Millisecond)
		}
		switch took := time.Since(began); {
		case took > time.Second:
			t.Fatalf("the other process refuses it after %v", took)
		case try == tries && took > 200*time.Millisecond:
			t.Fatalf("the other process, which listens, refuses it after %v", took)
		case try == tries:
			t.Logf("refused after %v", took)
			return
		}
	}
}

func TestK7RevokeAll(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		var mine []apps.App
		for range 3 {
			app, _ := create(t, s, 1)
			mine = append(mine, app)
		}
		theirs, _ := create(t, s, 2)
		code, _, err := s.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: 1}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.RevokeAll(t.Context(), audit.Operator, 1); n != 3 || err != nil {
			t.Errorf("RevokeAll: %d, %v; want 3", n, err)
		}
		for _, app := range mine {
			if err := lookup(t, s, app.Public); !errors.Is(err, apps.ErrRevoked) {
				t.Errorf("%v, want ErrRevoked", err)
			}
		}
		if err := lookup(t, s, theirs.Public); err != nil {
			t.Errorf("the key of another user: %v", err)
		}
		if _, err := s.EnrolByCode(t.Context(), audit.Operator, code.Reveal(), "x", edKey(t)); !errors.Is(err, apps.ErrNoEnrolment) {
			t.Errorf("the enrolment stayed open: %v", err)
		}
	})
}

// K8: for another user's key the error is ErrNotFound, and nothing changes.
func TestK8OthersKeys(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		app, _ := create(t, s, 1)
		name := "mine now"
		_, errUpdate := s.Update(t.Context(), audit.Operator, 2, app.Public, apps.Change{Name: &name})
		_, _, errRotate := s.Rotate(t.Context(), audit.Operator, 2, app.Public, time.Hour)
		_, errRotateKey := s.RotateKey(t.Context(), audit.Operator, 2, app.Public, time.Hour, edKey(t))
		for what, err := range map[string]error{"Update": errUpdate, "Rotate": errRotate, "RotateKey": errRotateKey} {
			if !errors.Is(err, apps.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", what, err)
			}
		}
		if got, err := s.Get(t.Context(), app.Public); err != nil || cmp.Diff(app, got, sameApp) != "" {
			t.Errorf("the key has changed: %v\n%s", err, cmp.Diff(app, got, sameApp))
		}
	})
}

// K9: the limits of a key can be changed, which takes effect in another process
// within a second.
func TestK9ScopeOfAKey(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c, file := newClock(), keyset(t)
		db := databasetest.Open(t, url)
		here, there := open(t, db, file, c), open(t, databasetest.Open(t, url), file, c)
		addUsers(t, db)
		networks, err := apps.ParseNetworks("192.0.2.7/24, 2001:db8::1 ::ffff:198.51.100.0/120")
		if err != nil {
			t.Fatal(err)
		}
		app, _, err := here.Create(t.Context(), audit.Operator, apps.New{
			UserID: 1, Name: "x", Networks: networks, Strict: true,
			Scope: apps.Scope{Rights: []apps.Right{apps.Read, apps.Draft, apps.Read}, Methods: []string{"wp.getPost"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := there.Lookup(t.Context(), app.Public)
		want := apps.Scope{Rights: []apps.Right{apps.Read, apps.Draft}, Methods: []string{"wp.getPost"}}
		if diff := cmp.Diff(want, got.Scope); err != nil || diff != "" || !got.Strict {
			t.Errorf("Lookup: %v, %s", err, diff)
		}
		var texts []string
		for _, n := range got.Networks {
			texts = append(texts, n.String())
		}
		if diff := cmp.Diff([]string{"192.0.2.0/24", "2001:db8::1/128", "198.51.100.0/24"}, texts); diff != "" {
			t.Errorf("networks: %s", diff)
		}
		narrow, none, loose := apps.Scope{Rights: []apps.Right{apps.Media}}, []netip.Prefix{}, false
		if _, err := here.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Scope: &narrow, Networks: &none, Strict: &loose}); err != nil {
			t.Fatal(err)
		}
		databasetest.WithinASecond(t, func() error {
			if _, got, err = there.Lookup(t.Context(), app.Public); err != nil || cmp.Diff(narrow, got.Scope) != "" || got.Networks != nil || got.Strict || got.Name != "x" {
				return fmt.Errorf("after the change: %+v, %v", got, err)
			}
			return nil
		})
		for name, bad := range map[string]apps.Scope{
			"unknown right":      {Rights: []apps.Right{"root"}},
			"no right":           {Rights: []apps.Right{""}},
			"method of two":      {Methods: []string{"wp.getPost wp.newPost"}},
			"method of nothing":  {Methods: []string{""}},
			"too many methods":   {Methods: strings.Fields(manyMethods())},
			"method with a line": {Methods: []string{"wp.getPost\n"}},
		} {
			var invalid *apps.Invalid
			if _, err := here.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Scope: &bad}); !errors.As(err, &invalid) {
				t.Errorf("%s: %v, want *Invalid", name, err)
			}
		}
		// A damaged row gives no rights.
		if _, err := db.Exec(t.Context(), `UPDATE apps SET scope = 'reed' WHERE public = $1`, app.Public); err != nil {
			t.Fatal(err)
		}
		databasetest.WithinASecond(t, func() error {
			if err := lookup(t, there, app.Public); !errors.Is(err, apps.ErrSealed) {
				return fmt.Errorf("a scope that does not read: %v, want ErrSealed", err)
			}
			return nil
		})
	})
}

func manyMethods() string {
	var b strings.Builder
	for i := range 201 {
		b.WriteString("m" + strings.Repeat("x", i%90) + "." + string(rune('a'+i/90)) + " ")
	}
	return b.String()
}

// K10: a key works until its expiry and not from then on, in spite of the
// cache.
func TestK10Expiry(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		var invalid *apps.Invalid
		if _, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x", Expires: c.Now()}); !errors.As(err, &invalid) {
			t.Errorf("a key that ends now: %v, want *Invalid", err)
		}
		app, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x", Expires: c.Now().Add(15 * 24 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			before time.Duration
			soon   bool
			urgent bool
			want   error
			state  apps.State
		}{
			{15 * 24 * time.Hour, false, false, nil, apps.InUse},
			{14*24*time.Hour + time.Second, false, false, nil, apps.InUse},
			{14 * 24 * time.Hour, true, false, nil, apps.InUse},
			{3*24*time.Hour + time.Second, true, false, nil, apps.InUse},
			{3 * 24 * time.Hour, true, true, nil, apps.InUse},
			{time.Millisecond, true, true, nil, apps.InUse},
			{0, true, true, apps.ErrExpired, apps.Expired},
			{-time.Hour, true, true, apps.ErrExpired, apps.Expired},
		}
		for _, step := range steps {
			c.Add(app.Expires.Add(-step.before).Sub(c.Now()))
			if err := lookup(t, s, app.Public); !errors.Is(err, step.want) {
				t.Errorf("%v before: %v, want %v", step.before, err, step.want)
			}
			now := c.Now()
			if app.ExpiresWithin(apps.ExpirySoon, now) != step.soon || app.ExpiresWithin(apps.ExpiryUrgent, now) != step.urgent || s.State(app) != step.state {
				t.Errorf("%v before: soon %v, urgent %v, %s", step.before, app.ExpiresWithin(apps.ExpirySoon, now), app.ExpiresWithin(apps.ExpiryUrgent, now), s.State(app))
			}
		}
		later := c.Now().Add(time.Hour)
		if _, err := s.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Expires: &later}); err != nil {
			t.Fatal(err)
		}
		if err := lookup(t, s, app.Public); err != nil {
			t.Errorf("after its owner has prolonged it: %v", err)
		}
		never := time.Time{}
		if _, err := s.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Expires: &never}); err != nil {
			t.Fatal(err)
		}
		c.Add(1000 * 24 * time.Hour)
		if err := lookup(t, s, app.Public); err != nil {
			t.Errorf("a key without expiry: %v", err)
		}
	})
}

// K10: if the site is configured so, unused keys are refused until their owners
// renew them.
func TestK10Unused(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const limit = 180 * 24 * time.Hour
		c := newClock()
		s, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: keyset(t), Clock: c.Now, UnusedAfter: limit})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		addUsers(t, db)
		app, _ := create(t, s, 1)
		c.Add(limit - time.Second)
		if err := lookup(t, s, app.Public); err != nil {
			t.Errorf("a second before: %v", err)
		}
		c.Add(time.Second)
		if err := lookup(t, s, app.Public); !errors.Is(err, apps.ErrUnused) {
			t.Errorf("after 180 days: %v, want ErrUnused", err)
		}
		if _, err := s.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{}); err != nil {
			t.Fatal(err)
		}
		c.Add(limit - time.Second)
		if err := lookup(t, s, app.Public); err != nil {
			t.Errorf("after its owner has renewed it: %v", err)
		}
		s.Used(app.Public, apps.Use{Method: "wp.getPost"})
		s.FlushUsage()
		c.Add(limit - time.Second)
		if err := lookup(t, s, app.Public); err != nil {
			t.Errorf("179 days after its last use: %v", err)
		}
		c.Add(time.Second)
		if err := lookup(t, s, app.Public); !errors.Is(err, apps.ErrUnused) {
			t.Errorf("180 days after its last use: %v, want ErrUnused", err)
		}
	})
}

// A key that one server has refused as unused works there again a second after
// another has recorded its use.
func TestK10UsedElsewhere(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		const limit = time.Hour
		c, file := newClock(), keyset(t)
		var servers []*apps.Store
		for range 2 {
			s, err := apps.Open(t.Context(), apps.Config{DB: databasetest.Open(t, url), KeysetFile: file, Clock: c.Now, UnusedAfter: limit})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			servers = append(servers, s)
		}
		here, there := servers[0], servers[1]
		addUsers(t, databasetest.Open(t, url))
		app, _ := create(t, here, 1)
		c.Add(limit - time.Second)
		here.Used(app.Public, apps.Use{Method: "wp.getPost"})
		c.Add(time.Second)
		if err := lookup(t, there, app.Public); !errors.Is(err, apps.ErrUnused) {
			t.Errorf("before the use is written: %v, want ErrUnused", err)
		}
		here.FlushUsage()
		c.Add(time.Second)
		if err := lookup(t, there, app.Public); err != nil {
			t.Errorf("a second after it is written: %v", err)
		}
	})
}

// Cached keys stay when last uses are written, and are dropped when any other
// column changes.
func TestUsesMoveNoEpoch(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, _ *databasetest.Clock) {
		app, _ := create(t, s, 1)
		moved := func(write func()) bool {
			t.Helper()
			before, err := db.Stamp(t.Context(), "keys")
			if err != nil {
				t.Fatal(err)
			}
			write()
			after, err := db.Stamp(t.Context(), "keys")
			if err != nil {
				t.Fatal(err)
			}
			return before != after
		}
		used := func() {
			s.Used(app.Public, apps.Use{Addr: netip.MustParseAddr("192.0.2.1"), Agent: "A/1", Method: "wp.getPost"})
			s.FlushUsage()
		}
		if moved(used) {
			t.Error("a last use that is written moves the epoch")
		}
		if got, err := s.Get(t.Context(), app.Public); err != nil || got.Uses != 1 || got.LastUse.Agent != "A/1" {
			t.Errorf("the use is not there: %+v, %v", got, err)
		}
		var columns []string
		query := `SELECT name FROM pragma_table_info('apps')`
		if strings.HasSuffix(t.Name(), "/postgres") {
			query = `SELECT column_name FROM information_schema.columns WHERE table_name = 'apps'`
		}
		if err := db.Select(t.Context(), &columns, query); err != nil || len(columns) < 25 {
			t.Fatalf("the columns of apps: %v, %v", columns, err)
		}
		for _, column := range columns {
			use := slices.Contains([]string{"last_used", "last_address", "last_agent", "last_method", "uses"}, column)
			if got := moved(func() {
				if _, err := db.Exec(t.Context(), "UPDATE apps SET "+column+" = "+column); err != nil {
					t.Fatal(err)
				}
			}); got == use {
				t.Errorf("the column %s moves the epoch: %t, want %t", column, got, !use)
			}
		}
	})
}

// K11: both pairs work during the overlap, and one afterwards.
func TestK11Rotation(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		networks, _ := apps.ParseNetworks("192.0.2.0/24")
		in := apps.New{UserID: 1, Name: "MarsEdit", Networks: networks, Strict: true, Scope: apps.Scope{Rights: []apps.Right{apps.Read}, Methods: []string{"wp.getPost"}}}
		for _, test := range []struct{ overlap, works time.Duration }{
			{apps.DefaultOverlap, 24 * time.Hour}, {time.Minute, time.Minute}, {apps.MaxOverlap, 720 * time.Hour},
		} {
			old, oldSecret, err := s.Create(t.Context(), audit.Operator, in)
			if err != nil {
				t.Fatal(err)
			}
			c.Add(time.Hour)
			next, secret, err := s.Rotate(t.Context(), audit.Operator, 1, old.Public, test.overlap)
			if err != nil {
				t.Fatal(err)
			}
			want := old
			want.Public, want.Hint, want.Created = next.Public, next.Hint, c.Now()
			if diff := cmp.Diff(want, next, sameApp); diff != "" || next.Public == old.Public || secret.Reveal() == oldSecret.Reveal() {
				t.Errorf("the successor (-want +got):\n%s", diff)
			}
			for _, step := range []struct {
				after time.Duration
				want  error
			}{{0, nil}, {test.works - time.Millisecond, nil}, {test.works, apps.ErrExpired}, {test.works + time.Hour, apps.ErrExpired}} {
				c.Add(next.Created.Add(step.after).Sub(c.Now()))
				found, app, err := s.Lookup(t.Context(), old.Public)
				if !errors.Is(err, step.want) || err == nil && (found.Reveal() != oldSecret.Reveal() || app.Successor != next.Public || s.State(*app) != apps.Superseded) {
					t.Errorf("overlap %v, the old pair %v later: %v (%+v), want %v", test.overlap, step.after, err, app, step.want)
				}
				if found, _, err := s.Lookup(t.Context(), next.Public); err != nil || found.Reveal() != secret.Reveal() {
					t.Errorf("overlap %v, the new pair %v later: %v", test.overlap, step.after, err)
				}
			}
		}
	})
}

// K11: what a rotation refuses, and what it does not prolong.
func TestK11RotationLimits(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		app, _ := create(t, s, 1)
		var invalid *apps.Invalid
		for _, overlap := range []time.Duration{-1, apps.MaxOverlap + 1} {
			if _, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, overlap); !errors.As(err, &invalid) {
				t.Errorf("overlap %v: %v, want *Invalid", overlap, err)
			}
		}
		next, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		var rotated *apps.Rotated
		if _, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, time.Hour); !errors.As(err, &rotated) || rotated.Successor != next.Public || !errors.Is(err, apps.ErrRotated) {
			t.Errorf("a second rotation: %v, want *Rotated with %s", err, next.Public)
		}
		for _, expires := range []time.Time{{}, c.Now().Add(2 * time.Hour)} {
			if _, err := s.Update(t.Context(), audit.Operator, 1, app.Public, apps.Change{Expires: &expires}); !errors.As(err, &invalid) {
				t.Errorf("the old pair prolonged to %v: %v, want *Invalid", expires, err)
			}
		}
		if _, _, err := s.Rotate(t.Context(), audit.Operator, 1, next.Public, 0); err != nil {
			t.Fatal(err)
		}
		if err := lookup(t, s, next.Public); !errors.Is(err, apps.ErrRevoked) {
			t.Errorf("the old pair after an emergency: %v, want ErrRevoked", err)
		}
		// The successor expires when the pair does.
		short, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x", Expires: c.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		after, _, err := s.Rotate(t.Context(), audit.Operator, 1, short.Public, apps.MaxOverlap)
		if err != nil || !after.Expires.Equal(short.Expires) {
			t.Errorf("the successor ends %v, %v; want %v", after.Expires, err, short.Expires)
		}
		c.Add(time.Hour)
		for _, public := range []string{short.Public, after.Public} {
			if err := lookup(t, s, public); !errors.Is(err, apps.ErrExpired) {
				t.Errorf("after the end: %v, want ErrExpired", err)
			}
		}
		if _, _, err := s.Rotate(t.Context(), audit.Operator, 1, after.Public, time.Hour); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("rotation of an expired key: %v, want ErrNotFound", err)
		}
	})
}

// K11: pairs that have a successor do not count; K13: all others do.
func TestK11RotationAtTheLimit(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		var last apps.App
		for range apps.MaxPerUser {
			last, _ = create(t, s, 1)
		}
		next, _, err := s.Rotate(t.Context(), audit.Operator, 1, last.Public, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x"}); !errors.Is(err, apps.ErrTooMany) {
			t.Errorf("one more key: %v, want ErrTooMany", err)
		}
		count := func(revoked bool) (n int) {
			list, _, err := s.List(t.Context(), apps.Filter{UserID: 1, Limit: 1000, Revoked: revoked})
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if n := count(false); n != apps.MaxPerUser+1 {
			t.Errorf("%d keys while the two overlap, want %d", n, apps.MaxPerUser+1)
		}
		c.Add(time.Hour)
		if n, all := count(false), count(true); n != apps.MaxPerUser || all != n+1 {
			t.Errorf("%d keys afterwards, %d with the old ones; want %d, %d", n, all, apps.MaxPerUser, apps.MaxPerUser+1)
		}
		if err := lookup(t, s, next.Public); err != nil {
			t.Error(err)
		}
	})
}

// K11: of many concurrent rotations one creates a successor, and the others
// name it.
func TestK11RotateAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		app, _ := create(t, s, 1)
		var mu sync.Mutex
		var made, named []string
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				next, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, time.Hour)
				mu.Lock()
				defer mu.Unlock()
				var rotated *apps.Rotated
				switch {
				case err == nil:
					made = append(made, next.Public)
				case errors.As(err, &rotated):
					named = append(named, rotated.Successor)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(made) != 1 {
			t.Fatalf("%d successors, want 1", len(made))
		}
		for _, public := range named {
			if public != made[0] {
				t.Errorf("a refusal names %s, want %s", public, made[0])
			}
		}
	})
}

// K11: it is visible that a client still uses the old pair.
func TestK11OldPairStillUsed(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		app, _ := create(t, s, 1)
		use := func() apps.App {
			c.Add(2 * time.Minute)
			s.Used(app.Public, apps.Use{Method: "wp.getPost"})
			s.FlushUsage()
			got, err := s.Get(t.Context(), app.Public)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if use().UsedAfterRotation() {
			t.Error("flagged before the rotation")
		}
		if _, _, err := s.Rotate(t.Context(), audit.Operator, 1, app.Public, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Get(t.Context(), app.Public); got.UsedAfterRotation() {
			t.Error("flagged by the rotation itself")
		}
		if !use().UsedAfterRotation() {
			t.Error("not flagged after a use of the old pair")
		}
	})
}

// H11: every change to a key has its line, and no line a secret.
func TestH11KeysInTheTrail(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, _ *databasetest.Clock) {
		by := audit.Actor{UserID: 1, Via: "session", Addr: netip.MustParseAddr("192.0.2.7")}
		app, secret, err := s.Create(t.Context(), by, apps.New{UserID: 1, Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		name, scope := "y", apps.Scope{Rights: []apps.Right{apps.Read}}
		_, errName := s.Update(t.Context(), by, 1, app.Public, apps.Change{Name: &name})
		_, errScope := s.Update(t.Context(), by, 1, app.Public, apps.Change{Scope: &scope})
		next, nextSecret, errRotate := s.Rotate(t.Context(), by, 1, app.Public, time.Hour)
		code, _, errOpen := s.OpenEnrolment(t.Context(), by, apps.New{UserID: 1}, 0)
		_, errEnrol := s.EnrolByCode(t.Context(), by, code.Reveal(), "z", edKey(t))
		errRevoke := s.Revoke(t.Context(), by, 1, next.Public)
		if err := errors.Join(errName, errScope, errRotate, errOpen, errEnrol, errRevoke); err != nil {
			t.Fatal(err)
		}
		list, err := audit.List(t.Context(), db, audit.Filter{UserID: 1})
		if err != nil {
			t.Fatal(err)
		}
		var kinds []audit.Kind
		for i := len(list) - 1; i >= 0; i-- {
			kinds = append(kinds, list[i].Kind)
			if list[i].By.Addr != by.Addr || list[i].By.UserID != 1 {
				t.Errorf("%s by %+v", list[i].Kind, list[i].By)
			}
			for _, text := range list[i].Detail {
				for _, hidden := range []string{secret.Reveal(), nextSecret.Reveal(), code.Reveal()} {
					if strings.Contains(text, hidden) {
						t.Errorf("%s holds a secret", list[i].Kind)
					}
				}
			}
		}
		want := []audit.Kind{apps.AppCreated, apps.AppRenamed, apps.AppChanged, apps.AppRotated, apps.EnrolmentOpened, apps.AppEnrolled, apps.AppRevoked}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// K12: uses cost no statement in a request, at most one write a minute for a
// key, and are right afterwards.
func TestK12LastUse(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		app, _ := create(t, s, 1)
		other, _ := create(t, s, 1)
		get := func() apps.App {
			t.Helper()
			got, err := s.Written(t.Context(), app.Public)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		addr := netip.MustParseAddr("192.0.2.9")
		before := db.Statements()
		for range 1000 {
			s.Used(app.Public, apps.Use{Addr: addr, Agent: strings.Repeat("ä", 1000)})
			s.Called(app.Public, "wp.newPost")
			c.Add(time.Millisecond)
		}
		if n := db.Statements() - before; n != 0 {
			t.Errorf("1000 uses were %d statements, want none", n)
		}
		last := c.Now().Add(-time.Millisecond)
		if got, err := s.Get(t.Context(), app.Public); err != nil || got.Uses != 1000 || got.LastUse.Method != "wp.newPost" || !got.LastUse.At.Equal(last) {
			t.Errorf("at once there are %d uses, the last %+v, %v", got.Uses, got.LastUse, err)
		}
		if list, _, err := s.List(t.Context(), apps.Filter{}); err != nil || list[0].Uses != 1000 || list[1].Uses != 0 {
			t.Errorf("the list has other uses: %+v, %v", list, err)
		}
		before += 2 // Get and List
		s.FlushUsage()
		wrote := db.Statements() - before
		want := apps.Use{At: last, Addr: addr, Agent: strings.Repeat("ä", 200), Method: "wp.newPost"}
		if got := get(); got.Uses != 1000 || cmp.Diff(want, got.LastUse, sameApp) != "" {
			t.Errorf("%d uses, want 1000; %s", got.Uses, cmp.Diff(want, got.LastUse, sameApp))
		}
		if wrote > 4 { // the beginning and the end of the transaction may count
			t.Errorf("writing them was %d statements", wrote)
		}
		// Within the minute nothing more is written.
		c.Add(30 * time.Second)
		s.Used(app.Public, apps.Use{Addr: addr, Method: "wp.getPost"})
		before = db.Statements()
		s.FlushUsage()
		if n := db.Statements() - before; n != 0 {
			t.Errorf("a second write within the minute: %d statements", n)
		}
		c.Add(31 * time.Second)
		s.Used(app.Public, apps.Use{Addr: addr, Method: "wp.getPost"})
		s.FlushUsage()
		if got := get(); got.Uses != 1002 || got.LastUse.Method != "wp.getPost" || !got.LastUse.At.Equal(c.Now()) {
			t.Errorf("a minute later: %d uses, %+v", got.Uses, got.LastUse)
		}
		// A use whose method is unknown waits for it, but not for ever.
		s.Used(other.Public, apps.Use{Addr: addr})
		s.FlushUsage()
		if got, _ := s.Written(t.Context(), other.Public); !got.LastUse.At.IsZero() {
			t.Error("written before the method was known")
		}
		c.Add(20 * time.Second)
		s.FlushUsage()
		if got, _ := s.Written(t.Context(), other.Public); got.LastUse.At.IsZero() || got.Uses != 1 {
			t.Errorf("not written although no method came: %+v", got.LastUse)
		}
	})
}

// K12: processes that share a database add up their uses, and keep the newest.
func TestK12UsesOfTwoProcesses(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c, file := newClock(), keyset(t)
		db := databasetest.Open(t, url)
		one, two := open(t, db, file, c), open(t, databasetest.Open(t, url), file, c)
		addUsers(t, db)
		app, _ := create(t, one, 1)
		first := c.Now()
		one.Used(app.Public, apps.Use{At: first, Method: "wp.getPost"})
		two.Used(app.Public, apps.Use{At: first.Add(time.Second), Method: "wp.newPost"})
		two.FlushUsage()
		one.FlushUsage()
		got, err := one.Written(t.Context(), app.Public)
		if err != nil || got.Uses != 2 || got.LastUse.Method != "wp.newPost" || !got.LastUse.At.Equal(first.Add(time.Second)) {
			t.Errorf("%d uses, %+v, %v", got.Uses, got.LastUse, err)
		}
	})
}

// K12: the uses of more keys than one transaction writes are all written, once.
func TestK12ManyKeys(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		var list []apps.App
		for user := int64(1); user <= 2; user++ {
			for range apps.MaxPerUser {
				app, _ := create(t, s, user)
				list = append(list, app)
			}
		}
		next, _, err := s.Rotate(t.Context(), audit.Operator, 1, list[0].Public, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, next)
		for _, app := range list {
			s.Used(app.Public, apps.Use{Method: "wp.getPost"})
		}
		before := db.Statements()
		s.FlushUsage()
		s.FlushUsage()
		if n := db.Statements() - before; n != int64(len(list)) {
			t.Errorf("%d statements for %d keys", n, len(list))
		}
		for _, app := range list {
			if got, err := s.Written(t.Context(), app.Public); err != nil || got.Uses != 1 || got.LastUse.Method != "wp.getPost" || !got.LastUse.At.Equal(c.Now()) {
				t.Errorf("%s: %d uses, %+v, %v", app.Public, got.Uses, got.LastUse, err)
			}
		}
	})
}
