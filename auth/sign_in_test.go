package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database/databasetest"
)

// Signing in to the pages accepts only the account's password, whatever the
// password mode, and never unencrypted.
func TestSignIn(t *testing.T) {
	each(t, func(c *auth.Config) { c.PasswordMode = auth.ModeRefuse }, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		for _, test := range []struct {
			login, password string
			want            error
		}{
			{"ada", "ada-password", nil},
			{" ADA@example.org ", " ada-password\n", nil},
			{"ada", "wrong", auth.ErrDenied},
			{"eve", "ada-password", auth.ErrDenied},
			{"", "", auth.ErrDenied},
			{"ada", string(make([]byte, auth.MaxPassword+1)), auth.ErrDenied},
		} {
			user, _, err := h.verifier.SignIn(t.Context(), at(addr), test.login, test.password)
			if err != test.want || (err == nil) != (user.ID == ada.ID) {
				t.Errorf("%.20q, %.20q: %d, %v; want %v", test.login, test.password, user.ID, err, test.want)
			}
		}
		open := at(addr)
		open.Secure = false
		if _, _, err := h.verifier.SignIn(t.Context(), open, "ada", "ada-password"); err != auth.ErrClearText {
			t.Errorf("unencrypted: %v, want ErrClearText", err)
		}
		if err := h.verifier.Confirm(t.Context(), at(addr), ada.ID, "ada-password"); err != nil {
			t.Errorf("A10: the password again: %v", err)
		}
		if err := h.verifier.Confirm(t.Context(), at(addr), ada.ID, "wrong"); err != auth.ErrDenied {
			t.Errorf("A10: a wrong password: %v, want ErrDenied", err)
		}
		want := []audit.Kind{auth.UserCreated, auth.SignedIn, auth.SignedIn, auth.SignInFailed}
		if diff := cmp.Diff(want, h.trail(t, ada.ID)); diff != "" {
			t.Errorf("trail (-want +got):\n%s", diff)
		}
	})
}

// A2: guesses are counted over all processes, and a client that keeps sending
// an old password for one purpose does not affect the other.
func TestA2AcrossProcessesAndEntrances(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		h.user(t, "ada", auth.Author)
		replica := auth.New(auth.Config{Users: auth.NewUsers(auth.UsersConfig{DB: h.db, Apps: h.apps, Clock: h.clock.Now, Hash: authtest.CheapHash}), Apps: h.apps, Clock: h.clock.Now})
		for i := range 6 {
			v := h.verifier
			if i%2 == 1 {
				v = replica
			}
			_, _, err := v.SignIn(t.Context(), at(addr), "ada", fmt.Sprint("wrong ", i))
			var throttled *auth.Throttled
			if i < 5 == errors.As(err, &throttled) {
				t.Errorf("guess %d: %v", i+1, err)
			}
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Errorf("the other entrance: %v", err)
		}
		for i := range 5 {
			h.from(t, addr).Login(t.Context(), "ada", fmt.Sprint("wrong ", i))
		}
		_, password := h.token(t, apps.NewToken{UserID: 1, Kind: apps.ApplicationPassword})
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); !errors.As(err, new(*auth.Throttled)) {
			t.Errorf("after five wrong ones: %v, want *Throttled", err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", password); err != nil {
			t.Errorf("an application password, while account passwords must wait: %v", err)
		}
		lines, err := audit.List(t.Context(), h.db, audit.Filter{UserID: 1})
		if err != nil {
			t.Fatal(err)
		}
		count := make(map[audit.Kind]int)
		for _, l := range lines {
			count[l.Kind]++
		}
		want := map[audit.Kind]int{auth.UserCreated: 1, apps.TokenCreated: 1, auth.SignInFailed: 2, auth.SignInThrottled: 2}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Errorf("eleven failures at two entrances in the trail (-want +got):\n%s", diff)
		}
	})
}

// A2: many guessers together stop at 100 an hour; the owner, who was there
// before, gets in, and so does every key.
func TestA2ManyGuessers(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		app, secret := h.key(t, ada)
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(time.Hour) // long enough that the password is not remembered
		for i := range 100 {
			if _, err := h.from(t, fmt.Sprintf("198.51.100.%d", i)).Login(t.Context(), "ada", "wrong"); err != auth.ErrDenied {
				t.Fatalf("guess %d: %v", i+1, err)
			}
		}
		if _, err := h.from(t, "203.0.113.1").Login(t.Context(), "ada", "ada-password"); !errors.As(err, new(*auth.Throttled)) {
			t.Errorf("the 101st, from a new address: %v, want *Throttled", err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Errorf("the owner: %v", err)
		}
		if _, err := h.verify(post("203.0.113.1", body, sign(app, secret, body)), body); err != nil {
			t.Errorf("a key from the new address: %v", err)
		}
	})
}

// A1: of 200 concurrent logins at most four are computed at a time; the others
// wait or are asked to come again.
func TestA1ParallelLogins(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	h := open(t, db, func(cfg *auth.Config) { cfg.Users = auth.NewUsers(auth.UsersConfig{DB: db, Apps: cfg.Apps}) })
	const users = 200
	h.user(t, "ada", auth.Author)
	var peak, passed, busy atomic.Int64
	stop := auth.WatchHashing(h.users, func(n int) {
		for old := peak.Load(); int64(n) > old && !peak.CompareAndSwap(old, int64(n)); old = peak.Load() {
		}
	})
	var group sync.WaitGroup
	for i := range users {
		group.Go(func() {
			_, err := h.from(t, fmt.Sprintf("10.0.0.%d", i)).Login(context.Background(), "ada", "ada-password")
			switch {
			case err == nil:
				passed.Add(1)
			case errors.Is(err, auth.ErrBusy):
				busy.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	stop()
	if passed.Load() == 0 || passed.Load()+busy.Load() != users {
		t.Errorf("%d passed and %d were told to come again, of %d", passed.Load(), busy.Load(), users)
	}
	if n := peak.Load(); n < 1 || n > 4 {
		t.Errorf("%d hashes at once, want 1 to 4", n)
	}
}

// A7: which clients send the password, how often, and from where; in every
// mode, and bounded.
func TestA7PasswordClients(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		send := func(agent, from, password string) error {
			r := post(from, body)
			r.Header.Set("User-Agent", agent)
			q, err := h.verify(r, body)
			if err != nil {
				t.Fatal(err)
			}
			_, err = q.Login(t.Context(), "ada", password)
			return err
		}
		for i := range 30 {
			if err := send(fmt.Sprint("Old/", i), addr, "ada-password"); err != nil {
				t.Fatal(err)
			}
			h.clock.Add(time.Second)
		}
		for range 2 {
			if err := send("Desk/2.0\x00", "198.51.100.3", "ada-password"); err != nil {
				t.Fatal(err)
			}
		}
		send("Guesser", "203.0.113.1", "wrong")
		h.clock.Add(time.Second)
		if err := h.users.SetPasswordMode(t.Context(), audit.Operator, ada.ID, auth.ModeRefuse); err != nil {
			t.Fatal(err)
		}
		h.reasons()
		if err := send("Desk/2.0", "198.51.100.4", "ada-password"); err != auth.ErrDenied {
			t.Errorf("refused to one user: %v, want exactly ErrDenied, as for a wrong password", err)
		}
		if diff := cmp.Diff([]auth.Reason{auth.PasswordsRefused}, h.reasons()); diff != "" {
			t.Errorf("reasons (-want +got):\n%s", diff)
		}
		h.users.Close()
		list, err := h.users.PasswordClients(t.Context(), ada.ID)
		if err != nil || len(list) != 20 {
			t.Fatalf("%d programs, %v; want 20", len(list), err)
		}
		c := list[0]
		if c.Agent != "Desk/2.0" || c.Taken != 2 || c.Refused != 1 || c.Addr.String() != "198.51.100.4" || !c.Last.Equal(h.clock.Now()) || !c.First.Before(c.Last) {
			t.Errorf("the last one is %+v", c)
		}
		if list[19].Agent != "Old/11" {
			t.Errorf("the oldest that is kept is %+v", list[19])
		}
	})
}

// A7: the strictest of server, site and user applies; a site that refuses
// passwords gives every name the same answer, and compares nothing.
func TestA7Modes(t *testing.T) {
	for _, server := range auth.Modes() {
		each(t, func(c *auth.Config) { c.PasswordMode = server }, func(t *testing.T, h *house) {
			ada := h.user(t, "ada", auth.Author)
			_, password := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword})
			for _, m := range []struct{ site, user auth.Mode }{
				{auth.ModeDefault, auth.ModeDefault},
				{auth.ModeWarn, auth.ModeDefault},
				{auth.ModeDefault, auth.ModeRefuse},
				{auth.ModeRefuse, auth.ModeDefault},
				{auth.ModeAllow, auth.ModeRefuse},
				{auth.ModeRefuse, auth.ModeAllow},
			} {
				site, user := m.site, m.user
				err := h.users.SetPolicy(t.Context(), audit.Operator, auth.Policy{PasswordMode: site, Tokens: true, ApplicationPasswords: true})
				if err = errors.Join(err, h.users.SetPasswordMode(t.Context(), audit.Operator, ada.ID, user)); err != nil {
					t.Fatal(err)
				}
				var want, stranger error = nil, auth.ErrDenied
				switch {
				case server == auth.ModeRefuse || site == auth.ModeRefuse:
					want, stranger = auth.ErrPasswordsRefused, auth.ErrPasswordsRefused
				case user == auth.ModeRefuse:
					want = auth.ErrDenied
				}
				h.clock.Add(time.Hour)
				if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != want {
					t.Errorf("server %q, site %q, user %q: %v, want %v", server, site, user, err, want)
				}
				if _, err := h.from(t, addr).PasswordOnly(t.Context(), "ada", "ada-password"); err != want {
					t.Errorf("server %q, site %q, user %q, to make a key: %v, want %v", server, site, user, err, want)
				}
				if _, err := h.from(t, addr).Login(t.Context(), "eve", "ada-password"); err != stranger {
					t.Errorf("server %q, site %q, a stranger: %v, want %v", server, site, err, stranger)
				}
				if _, err := h.from(t, addr).Login(t.Context(), "ada", password); err != nil {
					t.Errorf("server %q, site %q, user %q: the application password: %v", server, site, user, err)
				}
			}
		})
	}
	h := open(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
	var invalid *auth.Invalid
	if err := h.users.SetPolicy(t.Context(), audit.Operator, auth.Policy{PasswordMode: "never"}); !errors.As(err, &invalid) {
		t.Errorf("an unknown mode of the site: %v", err)
	}
	if err := h.users.SetPasswordMode(t.Context(), audit.Operator, 1, "never"); !errors.As(err, &invalid) {
		t.Errorf("an unknown mode of a user: %v", err)
	}
	if err := h.users.SetPasswordMode(t.Context(), audit.Operator, 99, auth.ModeWarn); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("the mode of nobody: %v", err)
	}
}

// A change of the password ends all sessions except one, and no key.
func TestPasswordEndsSessions(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada, bob := h.user(t, "ada", auth.Author), h.user(t, "bob", auth.Author)
		app, secret := h.key(t, ada)
		for i, user := range []auth.User{ada, ada, ada, bob} {
			_, err := h.db.Exec(t.Context(), `INSERT INTO sessions (token, data, expires, user_id, created, seen) VALUES ($1, $2, $3, $4, $3, $3)`,
				fmt.Sprint("session", i), []byte("x"), h.clock.Now(), user.ID)
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := h.users.SetPassword(t.Context(), audit.Operator, ada.ID, "another-password", "session1"); err != nil {
			t.Fatal(err)
		}
		var left []string
		if err := h.db.Select(t.Context(), &left, `SELECT token FROM sessions ORDER BY token`); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"session1", "session3"}, left); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != nil {
			t.Errorf("the key: %v", err)
		}
	})
}

// H11: changes to accounts are in the trail, with their actor, and without the
// new values.
func TestH11AccountEvents(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		by := audit.Actor{UserID: 77, Via: "session", Agent: "Browser/1.0"}
		name := "Ada"
		_, err := h.users.UpdateProfile(t.Context(), by, ada.ID, auth.Profile{FirstName: &name})
		err = errors.Join(err,
			h.users.SetPassword(t.Context(), by, ada.ID, "another-password", ""),
			h.users.SetRole(t.Context(), by, ada.ID, auth.Editor),
			h.users.SetEmail(t.Context(), by, ada.ID, "secret-address@example.org"),
			h.users.SetPasswordMode(t.Context(), by, ada.ID, auth.ModeWarn),
			h.users.SetNetworks(t.Context(), by, ada.ID, "10.0.0.0/8"),
			h.users.SetPolicy(t.Context(), by, auth.Policy{PasswordMode: auth.ModeWarn}))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := audit.List(t.Context(), h.db, audit.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		type line struct {
			Kind   audit.Kind
			UserID int64
			Detail map[string]string
		}
		var got []line
		for i := range lines[:len(lines)-1] { // without the making of the account
			l := lines[len(lines)-2-i]
			got = append(got, line{l.Kind, l.UserID, l.Detail})
			if l.By.UserID != 77 || l.By.Via != "session" || l.By.Agent != "Browser/1.0" {
				t.Errorf("%s was done by %+v", l.Kind, l.By)
			}
		}
		want := []line{
			{auth.UserChanged, ada.ID, map[string]string{"changed": "profile"}},
			{auth.UserPassword, ada.ID, nil},
			{auth.UserRole, ada.ID, map[string]string{"role": "editor"}},
			{auth.UserChanged, ada.ID, map[string]string{"changed": "email"}},
			{auth.UserMode, ada.ID, map[string]string{"mode": "warn"}},
			{auth.UserNetworks, ada.ID, map[string]string{"networks": "10.0.0.0/8"}},
			{auth.PolicyChanged, 0, map[string]string{"password mode": "warn", "tokens": "false", "application passwords": "false"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("trail (-want +got):\n%s", diff)
		}
	})
}

// The code that sets up the first administrator, or sets someone's password:
// once, and for a day.
func TestSetUpCode(t *testing.T) {
	each(t, exempt("10.0.0.0/8"), func(t *testing.T, h *house) {
		code := func(userID int64) apps.Secret {
			t.Helper()
			c, err := h.users.NewSetUpCode(t.Context(), audit.Operator, userID)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		setUp := func(c apps.Secret, in auth.NewUser) (auth.User, error) {
			return h.verifier.SetUp(t.Context(), at("10.1.1.1"), c.Reveal(), in)
		}
		first := auth.NewUser{Login: "boss", Email: "boss@example.org", Password: "a-long-password", Role: auth.Subscriber}
		old, fresh := code(0), code(0)
		if _, err := setUp(old, first); !errors.Is(err, auth.ErrSetUpCode) {
			t.Errorf("a code that another has followed: %v, want ErrSetUpCode", err)
		}
		if user, err := h.verifier.SetUpUser(t.Context(), at("10.1.1.1"), fresh.Reveal()); err != nil || user.ID != 0 {
			t.Errorf("whom it sets up: %d, %v; want 0", user.ID, err)
		}
		short := first
		short.Password = "short"
		if _, err := setUp(fresh, short); !errors.As(err, new(*auth.Invalid)) {
			t.Errorf("a short password: %v, want *Invalid", err)
		}
		boss, err := setUp(fresh, first)
		if err != nil || boss.Role != auth.Administrator || boss.Login != "boss" {
			t.Fatalf("%+v, %v", boss, err)
		}
		if _, err := setUp(fresh, first); !errors.Is(err, auth.ErrSetUpCode) {
			t.Errorf("a second time: %v, want ErrSetUpCode", err)
		}
		if _, err := setUp(code(0), auth.NewUser{Login: "second", Password: "a-long-password"}); !errors.Is(err, auth.ErrSetUpCode) {
			t.Errorf("a first administrator where there is one: %v, want ErrSetUpCode", err)
		}
		ada := h.user(t, "ada", auth.Author)
		hers := code(ada.ID)
		if user, err := h.verifier.SetUpUser(t.Context(), at("10.1.1.1"), hers.Reveal()); err != nil || user.ID != ada.ID {
			t.Errorf("whom it sets up: %d, %v; want %d", user.ID, err, ada.ID)
		}
		user, err := setUp(hers, auth.NewUser{Password: "a-new-password", Email: "new@example.org", Role: auth.Administrator})
		if err != nil || user.ID != ada.ID || user.Role != auth.Author || user.Email != "new@example.org" {
			t.Errorf("%+v, %v", user, err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "new@example.org", "a-new-password"); err != nil {
			t.Errorf("with the new password: %v", err)
		}
		late := code(ada.ID)
		h.clock.Add(24 * time.Hour)
		if _, err := setUp(late, auth.NewUser{Password: "a-new-password"}); !errors.Is(err, auth.ErrSetUpCode) {
			t.Errorf("a day later: %v, want ErrSetUpCode", err)
		}
		open := at("10.1.1.1")
		open.Secure = false
		if _, err := h.verifier.SetUp(t.Context(), open, code(ada.ID).Reveal(), first); err != auth.ErrClearText {
			t.Errorf("unencrypted: %v, want ErrClearText", err)
		}
		for i := range 6 {
			_, err := h.verifier.SetUpUser(t.Context(), at(addr), "GUESS")
			if i < 5 != !errors.As(err, new(*auth.Throttled)) || !errors.Is(err, auth.ErrDenied) {
				t.Errorf("guess %d: %v", i+1, err)
			}
		}
	})
}
