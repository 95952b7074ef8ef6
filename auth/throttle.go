package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	freeFailures  = 4                // wrong passwords of an account from an address without a wait
	firstWait     = time.Second      // after the next one; each further one doubles it
	longestWait   = 15 * time.Minute //
	addrFailures  = 20               // wrong passwords from an address …
	addrWindow    = 15 * time.Minute // … within this
	forgetAfter   = time.Hour        // without a wrong password
	throttleLimit = 20000            // entries
)

// throttle slows down guessing. It counts wrong passwords by account and
// address together, so that nobody can lock out the account's owner, who is
// at another address; and by address alone, for guesses over many accounts.
// The second does not count loopback: behind a proxy on this machine that is
// everybody. Accounts are counted by the name that was given, whether or not
// there is one of that name. Addresses of IPv6 count by their /64 network,
// which one customer has.
type throttle struct {
	mu       sync.Mutex
	failures map[throttleKey]*failures
}

type throttleKey struct {
	account string // empty: the address as a whole
	network netip.Prefix
}

type failures struct {
	n    int
	last time.Time
	// of an address as a whole: when the window began
	since time.Time
}

func keys(account string, addr netip.Addr) (pair, whole throttleKey) {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		network = netip.Prefix{} // an address that is not known: all such are one
	}
	return throttleKey{account, network}, throttleKey{"", network}
}

// wait is how long the next password of the account from this address has to
// wait; 0 when it may be looked at.
func (t *throttle) wait(account string, addr netip.Addr, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	pair, whole := keys(account, addr)
	var wait time.Duration
	if f := t.failures[pair]; f != nil && f.n > freeFailures && now.Sub(f.last) < forgetAfter {
		pause := longestWait
		if doublings := f.n - freeFailures - 1; doublings < 10 {
			pause = min(firstWait<<doublings, longestWait)
		}
		wait = f.last.Add(pause).Sub(now)
	}
	if f := t.failures[whole]; f != nil && f.n >= addrFailures && !addr.IsLoopback() {
		wait = max(wait, f.since.Add(addrWindow).Sub(now))
	}
	return max(wait, 0)
}

func (t *throttle) failed(account string, addr netip.Addr, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures == nil {
		t.failures = make(map[throttleKey]*failures)
	}
	pair, whole := keys(account, addr)
	for _, k := range []throttleKey{pair, whole} {
		f := t.failures[k]
		if f == nil {
			t.makeRoom(now)
			f = &failures{since: now}
			t.failures[k] = f
		}
		if now.Sub(f.last) >= forgetAfter || k == whole && now.Sub(f.since) >= addrWindow {
			f.n, f.since = 0, now
		}
		f.n, f.last = f.n+1, now
	}
}

// passed forgets the failures of the pair. Those of the address stay: whoever
// has one account must not buy guesses at others with it.
func (t *throttle) passed(account string, addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pair, _ := keys(account, addr)
	delete(t.failures, pair)
}

// makeRoom bounds the memory. When nothing is old enough to be forgotten, the
// least guilty go: a flood of names must not wash away the count of the one
// that is being guessed.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.failures) < throttleLimit {
		return
	}
	for k, f := range t.failures {
		if now.Sub(f.last) >= forgetAfter {
			delete(t.failures, k)
		}
	}
	for n := 1; len(t.failures) >= throttleLimit; n++ {
		for k, f := range t.failures {
			if f.n <= n {
				delete(t.failures, k)
			}
		}
	}
}
