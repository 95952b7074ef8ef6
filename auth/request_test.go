package auth_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// addr is where the requests of most tests come from.
const addr = "192.0.2.1"

// A5: a password that is too long is refused before it is hashed.
func TestPasswords(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "Ada", auth.Author)
		tests := []struct {
			name, login, password string
			want                  auth.Reason
		}{
			{"right", "Ada", "Ada-password", ""},
			{"by address", "Ada@example.org", "Ada-password", ""},
			{"login in other case", "aDA", "Ada-password", ""},
			{"address in other case", "ADA@EXAMPLE.ORG", "Ada-password", ""},
			{"white space around", " Ada ", "\tAda-password\n", ""},
			{"wrong", "Ada", "ada-password", auth.WrongPassword},
			{"unknown", "eve", "Ada-password", auth.UnknownUser},
			{"unknown address", "eve@example.org", "Ada-password", auth.UnknownUser},
			{"no password", "Ada", "", auth.EmptyPassword},
			{"no login", "", "Ada-password", auth.EmptyPassword},
			{"nothing", "", "", auth.EmptyPassword},
			{"full-width letters", "Ａda", "Ada-password", auth.UnknownUser},
			{"SQL", "' OR '1'='1", "x", auth.UnknownUser},
			{"NUL", "Ada\x00", "Ada-password", auth.UnknownUser},
			{"not UTF-8", "Ada\xff", "Ada-password", auth.UnknownUser},
			{"A5 longest", "Ada", strings.Repeat("x", auth.MaxPassword), auth.WrongPassword},
			{"A5 too long", "Ada", strings.Repeat("x", auth.MaxPassword+1), auth.LongPassword},
			{"A5 long login", strings.Repeat("x", 1<<20), "x", auth.LongPassword},
		}
		for _, test := range tests {
			h.reasons()
			who, err := h.from(t, "127.0.0.1").Login(t.Context(), test.login, test.password)
			if test.want == "" && (err != nil || who.User.ID != ada.ID || who.Via != auth.ViaPassword) {
				t.Errorf("%s: %d via %v, %v; want %d", test.name, who.User.ID, who.Via, err, ada.ID)
			}
			if test.want != "" && (err != auth.ErrDenied || who.LoggedIn()) {
				t.Errorf("%s: %d, %v; want exactly ErrDenied", test.name, who.User.ID, err)
			}
			if diff := cmp.Diff([]auth.Reason{test.want}, h.reasons()); diff != "" {
				t.Errorf("%s: reasons (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// A client that sends its password with every call costs one hash, until the
// password changes.
func TestRememberedPassword(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		login := func(password string) (int64, error) {
			before := h.db.Statements()
			_, err := h.from(t, addr).Login(t.Context(), "ada", password)
			return h.db.Statements() - before, err
		}
		h.warm(t)
		// The account; before a hash also the application passwords, the
		// failures and three counts; then two counts are taken off again, in
		// one statement, and the network is known.
		for i, want := range []int64{8, 1, 1} {
			if got, err := login("ada-password"); err != nil || got != want {
				t.Errorf("login %d: %d statements, %v; want %d", i+1, got, err, want)
			}
		}
		h.clock.Add(5 * time.Minute)
		h.warm(t)
		if got, err := login("ada-password"); err != nil || got != 6 {
			t.Errorf("after five minutes: %d statements, %v; want 6", got, err)
		}
		if err := h.users.SetPassword(t.Context(), audit.Operator, ada.ID, "something else", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := login("ada-password"); err != auth.ErrDenied {
			t.Errorf("the old password: %v, want ErrDenied", err)
		}
		if _, err := login("something else"); err != nil {
			t.Errorf("the new password: %v", err)
		}
	})
}

// The use of an application password is written at most once a minute.
func TestApplicationPasswordStatements(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		err := h.db.Update(t.Context(), func(tx *database.Tx) error {
			return h.users.ImportUsers(t.Context(), tx, []auth.ImportUser{{
				ID: ada.ID, Login: "ada", Email: "ada@example.org", Role: auth.Author,
				ApplicationPasswords: []auth.ImportPassword{{UUID: "u", Name: "n", Password: "abcd EFGH 1234"}},
			}})
		})
		if err != nil {
			t.Fatal(err)
		}
		h.warm(t)
		for i, want := range []int64{3, 2, 2} { // the first renews the hash that came with the import
			before := h.db.Statements()
			if _, err := h.from(t, addr).Login(t.Context(), "ada", "abcdEFGH1234"); err != nil {
				t.Fatal(err)
			}
			if got := h.db.Statements() - before; got != want {
				t.Errorf("login %d: %d statements, want %d", i+1, got, want)
			}
		}
		h.clock.Add(time.Minute)
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "abcdEFGH1234"); err != nil {
			t.Fatal(err)
		}
		h.apps.Close() // writes what waits
		var used time.Time
		if err := h.db.Get(t.Context(), &used, `SELECT last_used FROM application_passwords WHERE uuid = $1`, "u"); err != nil || !used.Equal(h.clock.Now()) {
			t.Errorf("last used %v, %v; want %v", used, err, h.clock.Now())
		}
	})
}

// The hash of a WordPress site works once and is then replaced.
func TestRehash(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		for _, hash := range []string{
			"$P$BabcdEFGHrlj.9hLmDaPv58OkJhegR/",
			"$wp$2y$05$abcdefghijklmnopqrstuuSWhiHJHydaBXVMWmjx2HNPUDSd0M7h2",
		} {
			if _, err := h.db.Exec(t.Context(), `UPDATE users SET password = $2 WHERE id = $1`, ada.ID, hash); err != nil {
				t.Fatal(err)
			}
			if _, err := h.from(t, addr).Login(t.Context(), "ada", "correct horse batterx"); err != auth.ErrDenied {
				t.Errorf("%.10s: a wrong password: %v", hash, err)
			}
			stored := func() (s string) {
				t.Helper()
				if err := h.db.Get(t.Context(), &s, `SELECT password FROM users WHERE id = $1`, ada.ID); err != nil {
					t.Fatal(err)
				}
				return s
			}
			if stored() != hash {
				t.Errorf("%.10s: a wrong password has changed the hash", hash)
			}
			var before int64
			for i := range 3 { // the first one changes the account, and the second reads the policy of all accounts again
				before = h.db.Statements()
				if _, err := h.from(t, addr).Login(t.Context(), "ada", "correct horse battery"); err != nil {
					t.Errorf("%.10s: login %d: %v", hash, i+1, err)
				}
			}
			if got := h.db.Statements() - before; got != 1 {
				t.Errorf("%.10s: the last login was %d statements, want 1: the new hash is not remembered", hash, got)
			}
			if !strings.HasPrefix(stored(), "$argon2id$v=19$m=8,t=1,p=1$") {
				t.Errorf("%.10s: the hash is now %s", hash, stored())
			}
		}
	})
}

// A2: the client learns how long to wait, the password is not checked
// meanwhile, and the wait ends.
func TestA2Throttled(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		for i := range 5 {
			if _, err := h.from(t, addr).Login(t.Context(), "ada", fmt.Sprint("wrong ", i)); err != auth.ErrDenied {
				t.Fatal(err)
			}
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); !errors.Is(err, auth.ErrDenied) {
			t.Fatal(err)
		}
		before := h.db.Statements()
		_, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password")
		var throttled *auth.Throttled
		if !errors.As(err, &throttled) || throttled.RetryAfter != time.Second || !errors.Is(err, auth.ErrDenied) {
			t.Errorf("the sixth: %v, want *Throttled with 1s", err)
		}
		if got := h.db.Statements() - before; got != 0 {
			t.Errorf("a throttled password cost %d statements, once that is known", got)
		}
		if _, err := h.from(t, "198.51.100.7").Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Errorf("the owner elsewhere: %v", err)
		}
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != nil {
			t.Errorf("a signature from the throttled address: %v", err)
		}
		for range 30 {
			h.verify(post(addr, body, sign(app, secret, "x")), body)
		}
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != nil {
			t.Errorf("after thirty wrong signatures the key does not work: %v", err)
		}
		h.clock.Add(time.Second)
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

// A2: after twenty failures an address waits, whatever names it tries; an
// exempt network never does.
func TestA2ThrottledAddress(t *testing.T) {
	each(t, exempt("203.0.113.0/24"), func(t *testing.T, h *house) {
		h.user(t, "ada", auth.Author)
		for _, from := range []string{addr, "203.0.113.9"} {
			for i := range 20 {
				if _, err := h.from(t, from).Login(t.Context(), fmt.Sprint("name", i), "x"); err != auth.ErrDenied {
					t.Fatalf("%s, failure %d: %v", from, i+1, err)
				}
			}
			_, err := h.from(t, from).Login(t.Context(), "ada", "ada-password")
			if want := from == addr; errors.Is(err, auth.ErrDenied) != want {
				t.Errorf("%s after 20 failures: %v, throttled %v", from, err, want)
			}
		}
	})
}

// A3: after one wrong password, no other is checked in a request.
func TestA3OneGuess(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		h.user(t, "ada", auth.Author)
		h.user(t, "bob", auth.Author)
		q := h.from(t, addr)
		var one int64 // statements of a wrong guess
		for _, good := range []string{"ada", "bob", "ada"} {
			if who, err := q.Login(t.Context(), good, good+"-password"); err != nil || who.User.Login != good {
				t.Errorf("%s: %q, %v", good, who.User.Login, err)
			}
		}
		if got := len(h.reasons()); got != 2 {
			t.Errorf("%d verifications for two pairs, one of them sent twice", got)
		}
		for i := range 2 { // the first of an address is written into the trail too
			h.reasons()
			before := h.db.Statements()
			h.from(t, addr).Login(t.Context(), "ada", fmt.Sprint("wrong ", i))
			one = h.db.Statements() - before
		}
		h.reasons()
		var group sync.WaitGroup
		before := h.db.Statements()
		for i := range 100 {
			group.Go(func() {
				if _, err := q.Login(t.Context(), "ada", fmt.Sprint("guess ", i)); err != auth.ErrDenied {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := h.db.Statements() - before; got != one {
			t.Errorf("a hundred guesses were %d statements, want the %d of one", got, one)
		}
		count := make(map[auth.Reason]int)
		for _, r := range h.reasons() {
			count[r]++
		}
		if diff := cmp.Diff(map[auth.Reason]int{auth.WrongPassword: 1, auth.EarlierFailure: 99}, count); diff != "" {
			t.Errorf("reasons of a hundred guesses (-want +got):\n%s", diff)
		}
		if _, err := q.Login(t.Context(), "ada", "ada-password"); err != auth.ErrDenied {
			t.Errorf("the right password after a wrong one: %v, want ErrDenied", err)
		}
		if _, err := q.PasswordOnly(t.Context(), "ada", "ada-password"); err != auth.ErrDenied {
			t.Errorf("and for making keys: %v, want ErrDenied", err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Errorf("the next request: %v", err)
		}
	})
}

// A4: an unknown name costs the same statements, and the same hash, which the
// hasher's own test checks.
func TestA4UnknownUserCostsTheSame(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		h.user(t, "ada", auth.Author)
		h.warm(t)
		h.from(t, addr).Login(t.Context(), "mallory", "wrong") // the first of an address is written into the trail too
		var cost [3]int64
		var errs [3]error
		for i, login := range []string{"ada", "eve", "eve@example.org"} {
			before := h.db.Statements()
			_, errs[i] = h.from(t, addr).Login(t.Context(), login, "wrong")
			cost[i] = h.db.Statements() - before
		}
		if cost[0] != cost[1] || cost[0] != cost[2] || errs[0] != errs[1] || errs[0] != errs[2] {
			t.Errorf("a known name costs %d statements (%v), unknown ones %d (%v) and %d (%v)", cost[0], errs[0], cost[1], errs[1], cost[2], errs[2])
		}
	})
}

// A6, K13: where a password may come from, and what it must not be used for.
func TestA6K13Connections(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		each(t, func(c *auth.Config) { c.ClearTextPasswords = allowed }, func(t *testing.T, h *house) {
			h.user(t, "ada", auth.Author)
			tests := []struct {
				from     string
				tls      bool
				login    bool
				makeKeys bool
			}{
				{"192.0.2.1", true, true, true},
				{"192.0.2.1", false, allowed, false},
				{"10.0.0.1", false, allowed, false},
				{"127.0.0.1", false, true, true},
				{"127.8.9.10", false, true, true},
				{"::1", false, true, true},
				{"::ffff:127.0.0.1", false, true, true},
				{"::ffff:192.0.2.1", false, allowed, false},
			}
			for _, test := range tests {
				r := post(test.from, body)
				if !test.tls {
					r.TLS = nil
				}
				r.Header.Set("X-Forwarded-Proto", "https")
				r.Header.Set("X-Forwarded-For", "127.0.0.1")
				q, err := h.verify(r, body)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := q.Login(t.Context(), "ada", "ada-password"); test.login != (err == nil) || err != nil && err != auth.ErrClearText {
					t.Errorf("Login from %s, TLS %v, allowed %v: %v, want ok %v", test.from, test.tls, allowed, err, test.login)
				}
				if _, err := h.from(t, test.from).Login(t.Context(), "ada", "wrong"); err != auth.ErrDenied {
					t.Errorf("Login with a wrong password from %s over TLS: %v, want ErrDenied", test.from, err)
				}
				if _, err := q.PasswordOnly(t.Context(), "ada", "ada-password"); test.makeKeys != (err == nil) || err != nil && err != auth.ErrClearText {
					t.Errorf("PasswordOnly from %s, TLS %v: %v, want ok %v", test.from, test.tls, err, test.makeKeys)
				}
			}
		})
	}
}

// K13: neither a signature nor an application password creates keys.
func TestPasswordOnlyK13(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		app, secret := h.key(t, ada)
		err := h.db.Update(t.Context(), func(tx *database.Tx) error {
			return h.users.ImportUsers(t.Context(), tx, []auth.ImportUser{{
				ID: ada.ID, Login: "ada", Email: "ada@example.org", Role: auth.Author,
				ApplicationPasswords: []auth.ImportPassword{{UUID: "u", Name: "n", Password: "abcd EFGH 1234"}},
			}})
		})
		if err != nil {
			t.Fatal(err)
		}
		q, err := h.verify(post(addr, body, sign(app, secret, body)), body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.PasswordOnly(t.Context(), "ada", "ada-password"); err != auth.ErrDenied {
			t.Errorf("signed, with the right password: %v, want ErrDenied", err)
		}
		if who, err := h.from(t, addr).Login(t.Context(), "ada", "abcdEFGH1234"); err != nil || who.Via != auth.ViaApplicationPassword {
			t.Errorf("Login with an application password: via %v, %v", who.Via, err)
		}
		if _, err := h.from(t, addr).PasswordOnly(t.Context(), "ada", "abcd EFGH 1234"); err != auth.ErrDenied {
			t.Errorf("an application password: %v, want ErrDenied", err)
		}
		if who, err := h.from(t, addr).PasswordOnly(t.Context(), "ada", "ada-password"); err != nil || who.User.ID != ada.ID {
			t.Errorf("the password: %v", err)
		}
		// Signing in with an application password does not allow creating keys.
		q = h.from(t, addr)
		if _, err := q.Login(t.Context(), "ada", "abcdEFGH1234"); err != nil {
			t.Fatal(err)
		}
		if _, err := q.PasswordOnly(t.Context(), "ada", "abcdEFGH1234"); err != auth.ErrDenied {
			t.Errorf("an application password that was right before: %v, want ErrDenied", err)
		}
	})
}

func TestNilRequest(t *testing.T) {
	var q *auth.Request
	if _, ok := q.Signed(); ok {
		t.Error("nobody has signed")
	}
	if _, err := q.Login(t.Context(), "ada", "x"); err != auth.ErrDenied {
		t.Errorf("Login: %v", err)
	}
	if _, err := q.PasswordOnly(t.Context(), "ada", "x"); err != auth.ErrDenied {
		t.Errorf("PasswordOnly: %v", err)
	}
}

// A database that does not answer is not a refusal, and lets nobody in.
func TestBrokenDatabase(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		q := h.from(t, addr)
		for _, table := range []string{"apps", "application_passwords"} {
			if _, err := h.db.Exec(t.Context(), "ALTER TABLE "+table+" RENAME TO away_"+table); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err == nil || errors.Is(err, auth.ErrDenied) {
			t.Errorf("a signature: %v, want an error that is not a refusal", err)
		}
		if _, err := q.Login(t.Context(), "ada", "ada-password"); err == nil || errors.Is(err, auth.ErrDenied) {
			t.Errorf("a password: %v, want an error that is not a refusal", err)
		}
	})
}

// Neither passwords nor secrets get into the log, and names cannot forge its
// lines.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	each(t, func(c *auth.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(t *testing.T, h *house) {
		log.Reset()
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		h.verify(post(addr, body, sign(app, secret, body)), body)
		h.verify(post(addr, body, sign(app, secret, "x")), body)
		h.verify(post(addr, body, "Bearer top-secret-token"), body)
		h.from(t, addr).Login(t.Context(), "ada", "ada-password")
		h.from(t, addr).Login(t.Context(), "eve\nlevel=INFO msg=forged "+strings.Repeat("x", 500), "eve-password")
		got := log.String()
		for _, word := range []string{"ada-password", "eve-password", "top-secret", secret.Reveal(), sign(app, secret, body)[34:], strings.Repeat("x", 101), "\nlevel=INFO msg=forged"} {
			if strings.Contains(got, word) {
				t.Errorf("the log holds %q:\n%s", word, got)
			}
		}
		for _, word := range []string{"wrong-digest", "malformed-header", "unknown-user", app.Public, addr} {
			if !strings.Contains(got, word) {
				t.Errorf("the log does not hold %q:\n%s", word, got)
			}
		}
	})
}
