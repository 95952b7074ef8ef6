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
	freeFailures    = 4                // wrong passwords for an account from a network without a wait
	firstWait       = time.Second      // after the next one; each further one doubles it
	longestWait     = 15 * time.Minute //
	addrFailures    = 20               // wrong passwords from a network …
	addrWindow      = 15 * time.Minute // … within this time
	accountFailures = 100              // wrong passwords for an account, from networks that are not known to it …
	accountWindow   = time.Hour        // … within this time
	knownLife       = 30 * 24 * time.Hour
	knownStep       = 24 * time.Hour // the shortest time between two records of a known network
	codeTries       = 5              // codes of a second factor …
	codeWindow      = 15 * time.Minute
	forgetAfter     = time.Hour // without a wrong password
	throttleLimit   = 100000    // rows
	pruneEvery      = 200       // failures
	trailLines      = 20        // lines of the trail about wrong passwords for one account …
	trailWindow     = time.Hour // … within this time
)

// throttle slows down guessing. It counts wrong passwords
//
//   - by account and network together: no wait for the first four, then one
//     that doubles from a second to 15 minutes. So nobody can lock out the
//     owner, who is elsewhere;
//   - by network alone, over all accounts: 20 in 15 minutes. Loopback is not
//     counted this way: behind a proxy on this machine, that is everybody;
//   - by account alone, 100 in an hour, from networks from which nobody has
//     signed in to it within 30 days. Then only such networks must wait: many
//     guessers together get no further, and the owner gets in from home.
//
// A guess is counted before it is compared, and subtracted again if it was
// right, so that many concurrent guesses are not compared more often than the
// same number one after the other.
//
// The counts are in the database, shared by all processes, under keyed hashes:
// a copy of it does not reveal which names were tried. An account is counted by
// its login, whether that or its e-mail address was given; a name without an
// account is counted by itself. Networks are those of package network.
//
// While a network waits, this process remembers it, and refuses without a
// query.
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

// guess holds the keys under which one attempt is counted; empty ones are not
// counted.
type guess struct {
	pair, addr, account, known string
	// whole is known for networks from which both factors were shown.
	whole string
	// typed is the pair with the name as it was entered. Only this process
	// remembers it.
	typed string
}

// The kinds of keys, each by its first character.
const (
	pairKey    = "p"
	addrKey    = "a"
	accountKey = "u"
	knownKey   = "k"
	codeKey    = "c"
	trailKey   = "t"
)

// guess returns the keys for an attempt. Purposes are counted separately: a
// client that keeps sending an old password for one of them must not keep the
// owner out of the other.
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

// counts are the stored counts for a guess.
type counts struct{ pair, addr, account, known count }

// remembered returns how long an attempt must wait, as far as this process
// remembers.
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
		b.until = make(map[string]time.Time) // the database still has them
	}
	b.until[key] = until
}

// wait returns how long the attempt must wait, or 0 if it may be checked.
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

// pause returns how long a guess with these counts must wait, and remembers it.
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

// windowWait returns the wait for a count that ends with its window.
func (c count) windowWait(limit int, window time.Duration, now time.Time) time.Duration {
	if c.N < limit {
		return 0
	}
	return max(c.Since.Add(window).Sub(now), 0)
}

// add adds one to the count of a key. A count restarts after window, and after
// forget without an attempt.
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

// count counts a guess before it is compared. If it must wait, it is not
// counted and must not be compared.
func (t *throttle) count(ctx context.Context, g guess, now time.Time) (c counts, wait time.Duration, err error) {
	now = now.UTC().Truncate(time.Microsecond)
	wait, before, err := t.wait(ctx, g, now)
	if err != nil || wait > 0 {
		return before, wait, err
	}
	err = t.users.db.Write(ctx, nil, func(tx *database.Tx) (err error) { // each count is a single statement
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

// uncount subtracts a guess that was counted and not compared.
func (t *throttle) uncount(ctx context.Context, g guess, c counts, now time.Time) error {
	err := t.users.db.Write(ctx, nil, func(tx *database.Tx) error { return t.takeOff(ctx, tx, g, c, now, g.pair) })
	if err != nil {
		return fmt.Errorf("forget a failure: %w", err)
	}
	return nil
}

// takeOff subtracts one from the counts of the network, the account, and one
// more key.
func (t *throttle) takeOff(ctx context.Context, tx *database.Tx, g guess, c counts, now time.Time, more string) error {
	account := g.account
	if c.isKnown(now) {
		account = "" // it was not counted
	}
	err := tx.Later(ctx, `UPDATE throttle SET n = n - 1 WHERE site_id = $site AND key IN ($1, $2, $3) AND n > 0`, g.addr, account, more)
	return err
}

// failed records that a counted guess was wrong. The trail gets a line for the
// first one of a burst from a network, and for the first after which one must
// wait. userID is the account, if there is one.
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

// note records an event that a stranger has caused. There are at most
// trailLines of them in an hour for each account, and as many for all names
// without an account; beyond that only the hundredth, thousandth and so on.
func (t *throttle) note(ctx context.Context, e audit.Event) error {
	err := t.users.db.Update(ctx, func(tx *database.Tx) error {
		key := trailKey + strconv.FormatInt(e.UserID, 10)
		if site := tx.Site(); site != 0 {
			key += "@" + strconv.FormatInt(site, 10) // names without an account are counted separately for each site
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

// passed records that a counted guess was right, and forgets the failures of
// the pair. The count of the network stays: whoever has one account must not
// earn guesses at others with it. whole means that the sign-in is complete;
// then the network becomes known to the account.
func (t *throttle) passed(ctx context.Context, g guess, c counts, whole bool, now time.Time) error {
	now = now.UTC().Truncate(time.Microsecond)
	err := t.users.db.Write(ctx, nil, func(tx *database.Tx) error {
		if err := t.takeOff(ctx, tx, g, c, now, g.pair); err != nil {
			return err
		}
		if c.pair.N > 1 {
			if err := tx.Later(ctx, `DELETE FROM throttle WHERE site_id = $site AND key = $1`, g.pair); err != nil {
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

// know records a network from which the owner of an account has signed in.
func (t *throttle) know(ctx context.Context, tx *database.Tx, key string, now time.Time) error {
	err := tx.Later(ctx, `INSERT INTO throttle (site_id, key, n, since, last) VALUES ($site, $1, 1, $2, $2)
		ON CONFLICT (key) DO UPDATE SET last = excluded.last`, key, now)
	return err
}

// prune limits the rows of the site. If none is old enough to be removed, those
// with the lowest counts are: a flood of names must not push out the count of
// an account that is being attacked.
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
