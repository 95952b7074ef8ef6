package auth

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
	local = netip.MustParseAddr("127.0.0.1") // without the limit by network
	start = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
)

// counter is a throttle over a database, without its errors.
type counter struct {
	testing.TB
	*throttle
}

func eachCounter(t *testing.T, fn func(t *testing.T, c counter)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { fn(t, newCounter(t, db)) })
}

func newCounter(t testing.TB, db *database.DB) counter {
	t.Helper()
	file := filepath.Join(databasetest.Folder(t), "keyset.json")
	if err := apps.CreateKeyset(file); err != nil {
		t.Fatal(err)
	}
	store, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return counter{t, &throttle{limit: 5000, blocked: new(blocked), users: NewUsers(UsersConfig{DB: db, Apps: store, Clock: func() time.Time { return start }})}}
}

func (c counter) of(account string, addr netip.Addr) guess {
	c.Helper()
	g, err := c.guess(c.Context(), forCalls, account, addr)
	if err != nil {
		c.Fatal(err)
	}
	return g
}

func (c counter) waits(account string, addr netip.Addr, now time.Time) time.Duration {
	c.Helper()
	wait, _, err := c.wait(c.Context(), c.of(account, addr), now)
	if err != nil {
		c.Fatal(err)
	}
	return wait
}

// fail is a wrong guess, if it need not wait.
func (c counter) fail(account string, addr netip.Addr, now time.Time) {
	c.Helper()
	g := c.of(account, addr)
	counted, wait, err := c.count(c.Context(), g, now)
	if err == nil && wait == 0 {
		err = c.failed(c.Context(), g, counted, 0, audit.Actor{Addr: addr}, now)
	}
	if err != nil {
		c.Fatal(err)
	}
}

// pass is a right guess, if it need not wait.
func (c counter) pass(account string, addr netip.Addr, now time.Time) {
	c.Helper()
	g := c.of(account, addr)
	counted, wait, err := c.count(c.Context(), g, now)
	if err == nil && wait == 0 {
		err = c.passed(c.Context(), g, counted, true, now)
	}
	if err != nil {
		c.Fatal(err)
	}
}

// No wait for the first failures, then a wait that doubles to 15 minutes.
func TestA2ThrottleDoubles(t *testing.T) {
	eachCounter(t, func(t *testing.T, c counter) {
		now := start
		want := []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900}
		for i, seconds := range want {
			c.fail("ada", local, now)
			got := c.waits("ada", local, now)
			if got != seconds*time.Second {
				t.Errorf("after failure %d: wait %v, want %v", i+1, got, seconds*time.Second)
			}
			if got > 0 && c.waits("ada", local, now.Add(got-time.Microsecond)) == 0 {
				t.Errorf("after failure %d the wait ends early", i+1)
			}
			if left := c.remembered(c.of("ada", local), now); left != got {
				t.Errorf("after failure %d: %v is remembered, want %v", i+1, left, got)
			}
			now = now.Add(got)
			if c.waits("ada", local, now) != 0 || c.remembered(c.of("ada", local), now) != 0 {
				t.Errorf("after failure %d the wait does not end", i+1)
			}
		}
		c.pass("ada", local, now)
		c.fail("ada", local, now)
		if got := c.waits("ada", local, now); got != 0 {
			t.Errorf("a failure after a success waits %v", got)
		}
		for range 5 {
			c.fail("ada", local, now)
		}
		if c.waits("ada", local, now) == 0 || c.waits("ada", local, now.Add(time.Hour)) != 0 {
			t.Error("an hour without a failure does not end the count")
		}
		c.fail("ada", local, now.Add(2*time.Hour))
		if got := c.waits("ada", local, now.Add(2*time.Hour)); got != 0 {
			t.Errorf("a failure after an hour waits %v", got)
		}
	})
}

// From somewhere else there is no wait, and the owner's success frees no one.
func TestA2ThrottleSparesTheOwner(t *testing.T) {
	eachCounter(t, func(t *testing.T, c counter) {
		for range 50 {
			c.fail("ada", here, start)
		}
		if c.waits("ada", here, start) == 0 {
			t.Error("the guesser does not wait")
		}
		if got := c.waits("ada", there, start); got != 0 {
			t.Errorf("the owner waits %v at another address", got)
		}
		c.pass("ada", there, start)
		if c.waits("ada", here, start) == 0 {
			t.Error("the owner's success has freed the guesser")
		}
	})
}

// 20 failures in 15 minutes from one address, over whatever accounts.
func TestA2ThrottleByAddress(t *testing.T) {
	eachCounter(t, func(t *testing.T, c counter) {
		for i := range addrFailures {
			at := start.Add(time.Duration(i) * time.Second)
			if got := c.waits("next", here, at); got != 0 {
				t.Errorf("failure %d waits %v", i, got)
			}
			c.fail(fmt.Sprint("user", i), here, at)
		}
		now := start.Add(time.Minute)
		if got := c.waits("next", here, now); got != 14*time.Minute {
			t.Errorf("after %d failures the address waits %v, want 14m", addrFailures, got)
		}
		c.pass("user0", here, now)
		if c.waits("next", here, now) == 0 {
			t.Error("one right password has bought more guesses")
		}
		if got := c.waits("next", here, start.Add(addrWindow)); got != 0 {
			t.Errorf("after the window the address waits %v", got)
		}
		if got := c.waits("next", there, now); got != 0 {
			t.Errorf("another address waits %v", got)
		}
	})
}

// Many guessers together have 100 guesses an hour at an account; its owner
// still gets in from where he has signed in before.
func TestA2ThrottleOfManyGuessers(t *testing.T) {
	eachCounter(t, func(t *testing.T, c counter) {
		c.pass("ada", there, start.Add(-29*24*time.Hour))
		stranger := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
		for i := range accountFailures {
			if got := c.waits("ada", stranger(i), start); got != 0 {
				t.Fatalf("guesser %d waits %v", i, got)
			}
			c.fail("ada", stranger(i), start)
			c.fail("ada", there, start.Add(-2*time.Hour)) // the owner's own do not count
		}
		now := start.Add(time.Minute)
		if got := c.waits("ada", stranger(999), now); got != 59*time.Minute {
			t.Errorf("after %d failures a strange network waits %v, want 59m", accountFailures, got)
		}
		if got := c.waits("ada", there, now); got != 0 {
			t.Errorf("the owner waits %v at home", got)
		}
		if got := c.waits("bob", stranger(999), now); got != 0 {
			t.Errorf("another account waits %v", got)
		}
		if got := c.waits("ada", stranger(999), start.Add(accountWindow)); got != 0 {
			t.Errorf("after the window it waits %v", got)
		}
		if got := c.waits("ada", there, start.Add(24*time.Hour)); got != 0 {
			t.Errorf("the owner waits %v the day after", got)
		}
	})
}

func TestThrottleNetworks(t *testing.T) {
	tests := []struct {
		name, a, b string
		same       bool
	}{
		{"neighbours of version 4", "192.0.2.1", "192.0.2.2", false},
		{"one /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::1", true},
		{"two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
	}
	c := newCounter(t, databasetest.Open(t, databasetest.SQLite(t)))
	for _, test := range tests {
		for range 10 {
			c.fail(test.name, netip.MustParseAddr(test.a), start)
		}
		if got := c.waits(test.name, netip.MustParseAddr(test.b), start) > 0; got != test.same {
			t.Errorf("%s: counted together %v, want %v", test.name, got, test.same)
		}
	}
	// An address that is not known is counted too, all of them together.
	for range 10 {
		c.fail("ada", netip.Addr{}, start)
	}
	if c.waits("ada", netip.Addr{}, start) == 0 {
		t.Error("without an address nothing is counted")
	}
}

// The table is bounded, a flood does not wash away what counts, and no name
// stands in it.
func TestThrottleIsBounded(t *testing.T) {
	eachCounter(t, func(t *testing.T, c counter) {
		if real := New(Config{Users: c.users}).throttle.limit; real != 100_000 {
			t.Errorf("%d rows are kept, want 100000", real)
		}
		for range 30 {
			c.fail("ada", here, start)
		}
		c.pass("ada", there, start.Add(-3*time.Hour))
		insert := func(from, n int, at time.Time) {
			t.Helper()
			for from < n {
				var values strings.Builder
				var args []any
				for range min(1000, n-from) {
					fmt.Fprintf(&values, ",('p%d', 1, $1, $1)", from)
					from++
				}
				args = append(args, at)
				if _, err := c.users.db.Exec(t.Context(), `INSERT INTO throttle (key, n, since, last) VALUES `+values.String()[1:], args...); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows := func() (n int) {
			t.Helper()
			if err := c.users.db.Get(t.Context(), &n, `SELECT COUNT(*) FROM throttle`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		insert(0, 1000, start.Add(-2*time.Hour))
		insert(1000, 1000+c.limit+1, start)
		if err := c.prune(t.Context(), start); err != nil {
			t.Fatal(err)
		}
		if n := rows(); n > c.limit || n < c.limit/2 {
			t.Errorf("%d rows", n)
		}
		if c.waits("ada", here, start) == 0 {
			t.Error("the flood has washed away the count of the guessed account")
		}
		if _, seen, err := c.wait(t.Context(), c.of("ada", there), start); err != nil || !seen.isKnown(start) {
			t.Errorf("the owner's network is forgotten, %v", err)
		}
		var named int
		if err := c.users.db.Get(t.Context(), &named, `SELECT COUNT(*) FROM throttle WHERE key LIKE '%ada%' OR key LIKE '%192.0.2%'`); err != nil || named != 0 {
			t.Errorf("%d rows tell a name or an address, %v", named, err)
		}
	})
}
