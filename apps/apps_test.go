package apps_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
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

func newClock() *databasetest.Clock {
	return databasetest.NewClock(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC))
}

func keyset(t *testing.T) string {
	t.Helper()
	path := filepath.Join(databasetest.Folder(t), "keyset.json")
	if err := apps.CreateKeyset(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, db *database.DB, path string, c *databasetest.Clock) *apps.Store {
	t.Helper()
	s, err := apps.Open(context.Background(), apps.Config{DB: db, KeysetFile: path, Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// each runs fn on a store over each database, with two users: 1 and 2.
func each(t *testing.T, fn func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		c := newClock()
		s := open(t, db, keyset(t), c)
		addUsers(t, db)
		fn(t, s, db, c)
	})
}

func addUsers(t *testing.T, db *database.DB) {
	t.Helper()
	for id := 1; id <= 2; id++ {
		_, err := db.Exec(context.Background(), `INSERT INTO users (id, login, login_key, email, email_key, nicename, display_name, role, registered)
			VALUES ($1, $2, $2, '', '', $2, $2, 'author', $3)`, id, fmt.Sprint("user", id), time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func create(t *testing.T, s *apps.Store, user int64) (apps.App, apps.Secret) {
	t.Helper()
	app, secret, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: user, Name: "MarsEdit"})
	if err != nil {
		t.Fatal(err)
	}
	return app, secret
}

func TestCreateGetLookup(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, c *databasetest.Clock) {
		app, secret := create(t, s, 1)
		text := secret.Reveal()
		want := apps.App{Terms: apps.Terms{Name: "MarsEdit"}, Public: app.Public, UserID: 1, Hint: text[len(text)-4:], Algorithm: "hmac-sha256", Created: c.Now()}
		if diff := cmp.Diff(want, app, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("Create (-want +got):\n%s", diff)
		}
		got, err := s.Get(t.Context(), app.Public)
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); err != nil || diff != "" {
			t.Errorf("Get: %v (-want +got):\n%s", err, diff)
		}
		found, looked, err := s.Lookup(t.Context(), app.Public)
		if diff := cmp.Diff(&want, looked, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); err != nil || diff != "" || found.Reveal() != text {
			t.Errorf("Lookup: %v, the secret is right: %v (-want +got):\n%s", err, found.Reveal() == text, diff)
		}
		if _, _, err := s.Lookup(t.Context(), "nobody"); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("Lookup of an unknown key: %v, want ErrNotFound", err)
		}
	})
}

// K1: 128 and 256 random bits, from the system.
func TestRandomnessK1(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		seen := make(map[string]bool)
		var digits [16]bool
		for range apps.MaxPerUser {
			app, secret := create(t, s, 1)
			if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(app.Public) {
				t.Errorf("the public key %q is not 32 hexadecimal digits", app.Public)
			}
			if seen[app.Public] || seen[secret.Reveal()] {
				t.Error("a key came twice")
			}
			seen[app.Public], seen[secret.Reveal()] = true, true
			for _, d := range app.Public {
				digits[strings.IndexRune("0123456789abcdef", d)] = true
			}
		}
		if digits != [16]bool{true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true} {
			t.Errorf("not all digits were seen: %v", digits)
		}
	})
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"math/`+`rand`)) {
			t.Errorf("%s uses randomness that can be guessed", file)
		}
	}
}

// K2: the published form, and a checksum that detects a changed character.
func TestSecretFormK2(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		_, secret := create(t, s, 1)
		text := secret.Reveal()
		if !regexp.MustCompile(`^`+apps.SecretPattern+`$`).MatchString(text) || !apps.ValidSecret(text) {
			t.Errorf("a new secret does not have the published form")
		}
		for i := range text {
			changed := []byte(text)
			changed[i] = 'x'
			if text[i] == 'x' {
				changed[i] = 'y'
			}
			if apps.ValidSecret(string(changed)) {
				t.Errorf("the checksum does not notice a change of character %d", i)
			}
		}
	})
	// Pinned, so that tools that search for secrets keep finding them.
	const known = "qgs_" + "0123456789012345678901234567890123456789012" + "1IDfut"
	for _, text := range []string{"", "qgs_", known[1:], known + "0", "QGS_" + known[4:]} {
		if apps.ValidSecret(text) {
			t.Errorf("%q is valid", text)
		}
	}
	if !apps.ValidSecret(known) {
		t.Errorf("%q is not valid", known)
	}
}

// K7: at once in the process that revokes, within a second in another, and
// after a restart.
func TestRevokeK7(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c, file := newClock(), keyset(t)
		here := open(t, databasetest.Open(t, url), file, c)
		thereDB := databasetest.Open(t, url)
		there := open(t, thereDB, file, c)
		addUsers(t, thereDB)
		app, _ := create(t, here, 1)
		for _, s := range []*apps.Store{here, there} {
			if _, _, err := s.Lookup(t.Context(), app.Public); err != nil {
				t.Fatal(err)
			}
		}
		if err := here.Revoke(t.Context(), audit.Operator, 1, app.Public); err != nil {
			t.Fatal(err)
		}
		if secret, _, err := here.Lookup(t.Context(), app.Public); !errors.Is(err, apps.ErrRevoked) || !secret.IsEmpty() {
			t.Errorf("right after Revoke: %v, want ErrRevoked", err)
		}
		databasetest.WithinASecond(t, func() error {
			if secret, _, err := there.Lookup(t.Context(), app.Public); !errors.Is(err, apps.ErrRevoked) || !secret.IsEmpty() {
				return fmt.Errorf("in another process: %v, want ErrRevoked", err)
			}
			return nil
		})
		again := open(t, databasetest.Open(t, url), file, c)
		if _, _, err := again.Lookup(t.Context(), app.Public); !errors.Is(err, apps.ErrRevoked) {
			t.Errorf("after a new start: %v, want ErrRevoked", err)
		}
		got, err := again.Get(t.Context(), app.Public)
		if err != nil || got.Revoked.IsZero() {
			t.Errorf("Get of a revoked key: %+v, %v", got, err)
		}
		if err := again.Revoke(t.Context(), audit.Operator, 1, app.Public); err != nil {
			t.Errorf("revoking twice: %v", err)
		}
		if second, _ := again.Get(t.Context(), app.Public); !second.Revoked.Equal(got.Revoked) {
			t.Error("the second revocation moved the time of the first")
		}
	})
}

// K7: lookups that race with the revocation do not bring the key back.
func TestRevokeUnderLoadK7(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		for range 5 {
			app, _ := create(t, s, 1)
			stop := make(chan struct{})
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							s.Lookup(t.Context(), app.Public)
						}
					}
				})
			}
			if err := s.Revoke(t.Context(), audit.Operator, 1, app.Public); err != nil {
				t.Error(err)
			}
			for range 20 {
				if _, _, err := s.Lookup(t.Context(), app.Public); !errors.Is(err, apps.ErrRevoked) {
					t.Errorf("a lookup after the revocation: %v, want ErrRevoked", err)
				}
			}
			close(stop)
			group.Wait()
		}
	})
}

// K8: nothing that a user sends reaches another user's key.
func TestOthersKeysK8(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		app, _ := create(t, s, 1)
		if err := s.Rename(t.Context(), audit.Operator, 2, app.Public, "mine now"); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("Rename of another's key: %v, want ErrNotFound", err)
		}
		if err := s.Revoke(t.Context(), audit.Operator, 2, app.Public); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("Revoke of another's key: %v, want ErrNotFound", err)
		}
		if err := s.Rename(t.Context(), audit.Operator, 1, "0123", "x"); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("Rename of no key: %v, want ErrNotFound", err)
		}
		_, err := s.Import(t.Context(), apps.Imported{UserID: 2, Name: "x", Public: app.Public, Secret: apps.NewSecret("another-secret-of-some-length")})
		if !errors.Is(err, apps.ErrTaken) {
			t.Errorf("Import over another's key: %v, want ErrTaken", err)
		}
		got, err := s.Get(t.Context(), app.Public)
		if diff := cmp.Diff(app, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); err != nil || diff != "" {
			t.Errorf("the key has changed: %v\n%s", err, diff)
		}
		if err := s.Rename(t.Context(), audit.Operator, 1, app.Public, " Mars "); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Get(t.Context(), app.Public); got.Name != "Mars" || got.Public != app.Public {
			t.Errorf("after Rename: %+v", got)
		}
	})
}

// K13: the number of keys and their names.
func TestLimitsK13(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		names := []struct {
			name string
			ok   bool
		}{
			{"x", true},
			{"MarsEdit 5 – für Zuhause 🖋", true},
			{strings.Repeat("ä", 100), true},
			{"  trimmed  ", true},
			{"", false},
			{" \t\n ", false},
			{strings.Repeat("x", 101), false},
			{"a\nb", false},
			{"a\x00b", false},
			{"a\u202eb", false},
			{"\xff", false},
		}
		made := 0
		var last apps.App
		for _, n := range names {
			app, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: n.name})
			var invalid *apps.Invalid
			if n.ok != (err == nil) || err != nil && !errors.As(err, &invalid) {
				t.Errorf("Create(%q): %v, want ok %v", n.name, err, n.ok)
			}
			if err == nil {
				made, last = made+1, app
				if app.Name != strings.TrimSpace(n.name) {
					t.Errorf("the name of %q became %q", n.name, app.Name)
				}
			}
		}
		for ; made < apps.MaxPerUser; made++ {
			create(t, s, 1)
		}
		if _, _, err := s.Create(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "one more"}); !errors.Is(err, apps.ErrTooMany) {
			t.Errorf("key %d: %v, want ErrTooMany", made+1, err)
		}
		create(t, s, 2)
		if err := s.Revoke(t.Context(), audit.Operator, 1, last.Public); err != nil {
			t.Fatal(err)
		}
		create(t, s, 1)
	})
}

func TestImport(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		in := apps.Imported{UserID: 1, Name: "old client", Public: "b730db0864b0d4453ba6a26ad6613cd4", Secret: apps.NewSecret("7647a19f5bf3e9fd001419900ad48a54"), LegacySignatures: true}
		first, err := s.Import(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		c.Add(time.Hour)
		second, err := s.Import(t.Context(), in)
		if diff := cmp.Diff(first, second, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); err != nil || diff != "" {
			t.Errorf("the second import: %v\n%s", err, diff)
		}
		secret, app, err := s.Lookup(t.Context(), in.Public)
		if err != nil || secret.Reveal() != in.Secret.Reveal() || !app.LegacySignatures {
			t.Errorf("Lookup of an imported key: %+v, %v", app, err)
		}
		bad := []struct {
			name           string
			public, secret string
		}{
			{"empty secret", "k", ""},
			{"short secret", "k", "123456789012345"},
			{"long secret", "k", strings.Repeat("x", 257)},
			{"secret with a newline", "k", "1234567890123456\n"},
			{"empty public", "", "1234567890123456"},
			{"long public", strings.Repeat("k", 65), "1234567890123456"},
			{"bars", "a||b", "1234567890123456"},
			{"colon", "a:b", "1234567890123456"},
		}
		for _, b := range bad {
			var invalid *apps.Invalid
			_, err := s.Import(t.Context(), apps.Imported{UserID: 1, Name: "x", Public: b.public, Secret: apps.NewSecret(b.secret)})
			if !errors.As(err, &invalid) {
				t.Errorf("%s: %v, want *Invalid", b.name, err)
			}
		}
	})
}

func TestListInPages(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, _ *database.DB, _ *databasetest.Clock) {
		var want []string
		for i := range 7 {
			app, _ := create(t, s, 1+int64(i%2))
			if i == 4 {
				if err := s.Revoke(t.Context(), audit.Operator, 1, app.Public); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if i%2 == 0 {
				want = append(want, app.Public)
			}
		}
		var got []string
		for after, pages := "", 0; ; pages++ {
			list, next, err := s.List(t.Context(), apps.Filter{UserID: 1, Limit: 2, After: after})
			if err != nil || len(list) > 2 || pages > 5 {
				t.Fatalf("page %d: %d keys, %v", pages, len(list), err)
			}
			for _, a := range list {
				got = append(got, a.Public)
			}
			if after = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("the keys of user 1 in pages of two (-want +got):\n%s", diff)
		}
		all, next, err := s.List(t.Context(), apps.Filter{Revoked: true})
		if err != nil || len(all) != 7 || next != "" {
			t.Errorf("all keys: %d, next %q, %v; want 7", len(all), next, err)
		}
		if _, _, err := s.List(t.Context(), apps.Filter{After: "not a cursor"}); err == nil {
			t.Error("an invalid cursor was accepted")
		}
	})
}

// K12: uses cost no write of their own, and are stored after Close.
func TestUsed(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		db, c, file := databasetest.Open(t, url), newClock(), keyset(t)
		s := open(t, db, file, c)
		addUsers(t, db)
		app, _ := create(t, s, 1)
		before := db.Statements()
		for range 1000 {
			s.Used(app.Public, apps.Use{})
			c.Add(time.Millisecond)
		}
		if n := db.Statements() - before; n != 0 {
			t.Errorf("1000 uses were %d statements, want none", n)
		}
		last := c.Now().Add(-time.Millisecond)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), app.Public); err != nil || !got.LastUse.At.Equal(last) {
			t.Errorf("last used %v, %v; want %v", got.LastUse.At, err, last)
		}
	})
}

// One statement for a lookup, and none while no key changes.
func TestLookupStatements(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		app, _ := create(t, s, 1)
		for _, public := range []string{app.Public, "unknown"} {
			before := db.Statements()
			for range 10 {
				s.Lookup(t.Context(), public)
			}
			if n := db.Statements() - before; n != 1 {
				t.Errorf("ten lookups of %q were %d statements, want 1", public, n)
			}
		}
		c.Add(time.Hour)
		before := db.Statements()
		s.Lookup(t.Context(), app.Public)
		if n := db.Statements() - before; n != 0 {
			t.Errorf("a lookup an hour later was %d statements, want none", n)
		}
		create(t, s, 2)
		before = db.Statements()
		s.Lookup(t.Context(), app.Public)
		if n := db.Statements() - before; n != 1 {
			t.Errorf("a lookup after a change was %d statements, want 1", n)
		}
	})
}
