package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/network"
)

const (
	freeFailures    = 4                // wrong passwords of an account from a network without a wait
	firstWait       = time.Second      // after the next one; each further one doubles it
	longestWait     = 15 * time.Minute //
	addrFailures    = 20               // wrong passwords from a network …
	addrWindow      = 15 * time.Minute // … within this
	accountFailures = 100              // wrong passwords of an account, from networks that are strange to it …
	accountWindow   = time.Hour        // … within this
	knownLife       = 30 * 24 * time.Hour
	knownStep       = 24 * time.Hour // how far apart two notes of a known network are
	codeTries       = 5              // codes of a second factor …
	codeWindow      = 15 * time.Minute
	forgetAfter     = time.Hour // without a wrong password
	throttleLimit   = 100000    // rows
	pruneEvery      = 200       // failures
	trailLines      = 20        // lines of the trail about wrong passwords of one account …
	trailWindow     = time.Hour // … within this
)

// throttle slows down guessing. It counts wrong passwords
//
//   - by account and network together: no wait for the first four, then one
//     that doubles from a second to 15 minutes. So nobody can lock out the
//     owner, who is elsewhere;
//   - by network alone, over all accounts: 20 in 15 minutes. Loopback is not
//     counted this way: behind a proxy on this machine that is everybody;
//   - by account alone, 100 in an hour, from networks from which nobody has
//     signed in to it within 30 days. Then only such networks have to wait:
//     many guessers together get no further, and the owner gets in from home.
//
// A guess is counted before it is compared, and taken off again when it was
// right, so that of many at the same time no more are compared than of many one
// after the other.
//
// The counts are in the database, one for all processes, under keyed hashes: a
// copy of it does not tell which names were tried. An account is counted by its
// login, whether that or its e-mail address was given; a name that is not an
// account's, by itself. Networks are those of package network.
//
// While a network waits, this process remembers it, and refuses without asking
// the database.
type throttle struct {
	users   *Users
	limit   int // rows of the site
	blocked *blocked
}

// blocked is what a process remembers of the throttles of all sites.
type blocked struct {
	mu       sync.Mutex
	until    map[string]time.Time // by key
	failures atomic.Int64
}

// guess is what one attempt counts under; what is empty does not count.
type guess struct {
	pair, addr, account, known string
	// whole is known for networks from which both factors were shown.
	whole string
	// typed is the pair with the name as it was given. Only the memory of this
	// process knows it.
	typed string
}

// The kinds of keys, each its first character.
const (
	pairKey    = "p"
	addrKey    = "a"
	accountKey = "u"
	knownKey   = "k"
	codeKey    = "c"
	trailKey   = "t"
)

// guess names what an attempt counts under. Different purposes count apart:
// a program that goes on sending an old password to one entrance must not
// close the other to its owner.
func (t *throttle) guess(ctx context.Context, purpose, account string, addr netip.Addr) (guess, error) {
	key, err := t.users.apps.Keyed(ctx)
	if err != nil {
		return guess{}, err
	}
	place := network.Of(addr).String()
	name := func(kind string, parts ...string) string {
		return kind + base64.RawURLEncoding.EncodeToString(key.Sum(append([]string{"throttle", kind}, parts...)...)[:16])
	}
	g := guess{pair: name(pairKey, purpose, account, place)}
	g.typed = g.pair
	if account != "" {
		g.account, g.known = name(accountKey, account), name(knownKey, account, place)
		g.whole = name(knownKey, "second factor", account, place)
	}
	if !addr.IsLoopback() {
		g.addr = name(addrKey, purpose, place)
	}
	return g, nil
}

// count is a row of the table.
type count struct {
	Key   string    `db:"key"`
	N     int       `db:"n"`
	Since time.Time `db:"since"`
	Last  time.Time `db:"last"`
}

// counts is what there is of a guess.
type counts struct{ pair, addr, account, known count }

// remembered is how long an attempt must wait, as far as this process knows
// without asking.
func (t *throttle) remembered(g guess, now time.Time) time.Duration {
	b := t.blocked
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(b.until[g.pair].Sub(now), b.until[g.typed].Sub(now), b.until[g.addr].Sub(now), 0)
}

func (t *throttle) remember(key string, until time.Time) {
	b := t.blocked
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil || len(b.until) >= t.limit {
		b.until = make(map[string]time.Time) // the database knows them still
	}
	b.until[key] = until
}

// wait is how long the attempt must wait; 0 when it may be looked at.
func (t *throttle) wait(ctx context.Context, g guess, now time.Time) (time.Duration, counts, error) {
	var rows []count
	err := t.users.db.Select(ctx, &rows, `SELECT key, n, since, last FROM throttle WHERE site_id = $site AND key IN ($1, $2, $3, $4)`, g.pair, g.addr, g.account, g.known)
	if err != nil {
		return 0, counts{}, fmt.Errorf("read the failures: %w", err)
	}
	var c counts
	for _, r := range rows {
		switch r.Key { // none is empty
		case g.pair:
			c.pair = r
		case g.addr:
			c.addr = r
		case g.account:
			c.account = r
		case g.known:
			c.known = r
		}
	}
	return t.pause(g, c, now), c, nil
}

// pause is how long a guess with these counts must wait. This process remembers
// it.
func (t *throttle) pause(g guess, c counts, now time.Time) time.Duration {
	pair, addr := c.pairWait(now), c.addr.windowWait(addrFailures, addrWindow, now)
	if !c.isKnown(now) {
		pair = max(pair, c.account.windowWait(accountFailures, accountWindow, now))
	}
	if pair > 0 {
		t.remember(g.pair, now.Add(pair))
		t.remember(g.typed, now.Add(pair))
	}
	if addr > 0 {
		t.remember(g.addr, now.Add(addr))
	}
	return max(pair, addr)
}

func (c counts) isKnown(now time.Time) bool {
	return c.known.N > 0 && now.Sub(c.known.Last) < knownLife
}

func (c counts) pairWait(now time.Time) time.Duration {
	f := c.pair
	if f.N <= freeFailures || now.Sub(f.Last) >= forgetAfter {
		return 0
	}
	pause := longestWait
	if doublings := f.N - freeFailures - 1; doublings < 10 {
		pause = min(firstWait<<doublings, longestWait)
	}
	return max(f.Last.Add(pause).Sub(now), 0)
}

// windowWait is the wait of a count that ends with its window.
func (c count) windowWait(limit int, window time.Duration, now time.Time) time.Duration {
	if c.N < limit {
		return 0
	}
	return max(c.Since.Add(window).Sub(now), 0)
}

// add counts one more under a key. Counts begin again after window, and after
// forget without one.
func (t *throttle) add(ctx context.Context, tx *database.Tx, key string, window time.Duration, now time.Time) (count, error) {
	var c count
	err := tx.Get(ctx, &c, `INSERT INTO throttle (site_id, key, n, since, last) VALUES ($site, $1, 1, $2, $2)
		ON CONFLICT (key) DO UPDATE SET
			n = CASE WHEN throttle.last <= $3 OR throttle.since <= $4 THEN 1 ELSE throttle.n + 1 END,
			since = CASE WHEN throttle.n <= 0 OR throttle.last <= $3 OR throttle.since <= $4 THEN excluded.since ELSE throttle.since END,
			last = excluded.last
		RETURNING key, n, since, last`, key, now, now.Add(-forgetAfter), now.Add(-window))
	if err != nil {
		return count{}, fmt.Errorf("count a failure: %w", err)
	}
	return c, nil
}

// forever is a window that does not end.
const forever = 100 * 365 * 24 * time.Hour

// count counts a guess that is about to be compared. When it must wait, it is
// not counted and must not be compared.
func (t *throttle) count(ctx context.Context, g guess, now time.Time) (c counts, wait time.Duration, err error) {
	now = now.UTC().Truncate(time.Microsecond)
	wait, before, err := t.wait(ctx, g, now)
	if err != nil || wait > 0 {
		return before, wait, err
	}
	err = t.users.db.Write(ctx, nil, func(tx *database.Tx) (err error) { // each count is one statement
		c = before
		if c.pair, err = t.add(ctx, tx, g.pair, forever, now); err != nil {
			return err
		}
		if g.addr != "" {
			if c.addr, err = t.add(ctx, tx, g.addr, addrWindow, now); err != nil {
				return err
			}
		}
		if g.account != "" && !c.isKnown(now) {
			c.account, err = t.add(ctx, tx, g.account, accountWindow, now)
		}
		return err
	})
	if err != nil {
		return c, 0, err
	}
	// Other processes may have counted since the counts were read.
	raced := c.pair.N > freeFailures+1 && c.pair.N != before.pair.N+1
	if raced || c.addr.N > addrFailures || !c.isKnown(now) && c.account.N > accountFailures {
		if err := t.uncount(ctx, g, c, now); err != nil {
			return c, 0, err
		}
		return c, max(t.pause(g, c, now), firstWait), nil
	}
	return c, 0, nil
}

// uncount takes a guess off again that was counted and not compared.
func (t *throttle) uncount(ctx context.Context, g guess, c counts, now time.Time) error {
	err := t.users.db.Write(ctx, nil, func(tx *database.Tx) error { return t.takeOff(ctx, tx, g, c, now, g.pair) })
	if err != nil {
		return fmt.Errorf("forget a failure: %w", err)
	}
	return nil
}

// takeOff takes one off the counts of the network and of the account, and off
// that of one more key.
func (t *throttle) takeOff(ctx context.Context, tx *database.Tx, g guess, c counts, now time.Time, more string) error {
	account := g.account
	if c.isKnown(now) {
		account = "" // it was not counted
	}
	_, err := tx.Exec(ctx, `UPDATE throttle SET n = n - 1 WHERE site_id = $site AND key IN ($1, $2, $3) AND n > 0`, g.addr, account, more)
	return err
}

// failed notes that a guess, which is counted, was wrong. The trail gets a line
// for the first one of a burst from a network, and for the one from which on
// someone must wait; userID is the account's, if there is one.
func (t *throttle) failed(ctx context.Context, g guess, c counts, userID int64, by audit.Actor, now time.Time) error {
	now = now.UTC().Truncate(time.Microsecond)
	waiting := c.pair.N == freeFailures+1 || c.addr.N == addrFailures || !c.isKnown(now) && c.account.N == accountFailures
	first := c.addr.N == 1
	if g.addr == "" {
		first = c.pair.N == 1
	}
	e := audit.Event{Kind: SignInFailed, UserID: userID, By: by, At: now}
	if waiting {
		e.Kind, e.Detail = SignInThrottled, map[string]string{"failures": strconv.Itoa(c.pair.N)}
	}
	t.pause(g, c, now)
	if first || waiting {
		if err := t.note(ctx, e); err != nil {
			return err
		}
	}
	if t.blocked.failures.Add(1)%pruneEvery == 0 {
		return t.prune(ctx, now)
	}
	return nil
}

// note writes a line that a stranger causes into the trail. There are at most
// trailLines of them in an hour for each account, and as many for all names
// that are not accounts; beyond that only the hundredth, thousandth and so on.
func (t *throttle) note(ctx context.Context, e audit.Event) error {
	err := t.users.db.Update(ctx, func(tx *database.Tx) error {
		key := trailKey + strconv.FormatInt(e.UserID, 10)
		if site := tx.Site(); site != 0 {
			key += "@" + strconv.FormatInt(site, 10) // names that are not accounts count apart at each site
		}
		c, err := t.add(ctx, tx, key, trailWindow, e.At)
		if err != nil {
			return err
		}
		line := e
		if c.N > trailLines {
			if !isMilestone(c.N) {
				return nil
			}
			line.Detail = map[string]string{"times": strconv.Itoa(c.N)}
		}
		return audit.Append(ctx, tx, line)
	})
	if err != nil {
		return fmt.Errorf("note a failure: %w", err)
	}
	return nil
}

// passed notes that a guess, which is counted, was right: it forgets the
// failures of the pair. Those of the network stay: whoever has one account must
// not buy guesses at others with it. whole says that nothing more is asked of
// the caller; then the network is known to the account from now on.
func (t *throttle) passed(ctx context.Context, g guess, c counts, whole bool, now time.Time) error {
	now = now.UTC().Truncate(time.Microsecond)
	err := t.users.db.Write(ctx, nil, func(tx *database.Tx) error {
		if err := t.takeOff(ctx, tx, g, c, now, g.pair); err != nil {
			return err
		}
		if c.pair.N > 1 {
			if _, err := tx.Exec(ctx, `DELETE FROM throttle WHERE site_id = $site AND key = $1`, g.pair); err != nil {
				return err
			}
		}
		if !whole || g.known == "" || c.known.N > 0 && now.Sub(c.known.Last) < knownStep {
			return nil
		}
		return t.know(ctx, tx, g.known, now)
	})
	if err != nil {
		return fmt.Errorf("note a success: %w", err)
	}
	return nil
}

// know notes a network from which the owner of an account has signed in.
func (t *throttle) know(ctx context.Context, tx *database.Tx, key string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO throttle (site_id, key, n, since, last) VALUES ($site, $1, 1, $2, $2)
		ON CONFLICT (key) DO UPDATE SET last = excluded.last`, key, now)
	return err
}

// prune bounds what the table has of the site. When nothing is old enough to be forgotten, the
// least guilty go: a flood of names must not wash away the count of the one
// that is being guessed.
func (t *throttle) prune(ctx context.Context, now time.Time) error {
	_, err := t.users.db.Exec(ctx, `DELETE FROM throttle WHERE last <= $1 AND key NOT LIKE 'k%' OR last <= $2`, now.Add(-forgetAfter), now.Add(-knownLife))
	if err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}
	var n int
	if err := t.users.db.Get(ctx, &n, `SELECT COUNT(*) FROM throttle WHERE site_id = $site AND key NOT LIKE 'k%'`); err != nil {
		return fmt.Errorf("count failures: %w", err)
	}
	if n <= t.limit {
		return nil
	}
	_, err = t.users.db.Exec(ctx, `DELETE FROM throttle WHERE site_id = $site AND key IN
		(SELECT key FROM throttle WHERE site_id = $site AND key NOT LIKE 'k%' ORDER BY n, last LIMIT $1)`, n-t.limit*9/10)
	if err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}
	return nil
}
