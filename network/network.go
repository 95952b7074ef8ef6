// Package network decides which addresses count as one client, and limits what
// each client may do or hold. All limits by client address are built on it, so
// the rule for IPv6 is written once. It also tells apart the reasons why a
// connection to another server fails.
package network

import (
	"net/netip"
	"sync"
	"time"
)

// Of returns the network that an address counts as: the address itself for
// IPv4, and the /64 for IPv6, since one customer has at least that many
// addresses (RFC 6177). The zero Prefix stands for all unknown addresses.
func Of(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// Rate is a token bucket for each key: it allows a burst, and one more event
// after each interval. Its memory is bounded: when it is full, it forgets the
// keys that have not been used for longest. It is safe for concurrent use.
type Rate[K comparable] struct {
	burst int
	every time.Duration
	size  int

	mu         sync.Mutex
	young, old map[K]use // at most size/2 keys each; a key that is used moves to young
}

// use is the state of the bucket of one key.
type use struct {
	full time.Time // when the bucket is full again
	n    int       // attempts since the bucket was full, including refused ones
}

// NewRate returns a Rate that allows burst events at once and one more after
// each interval every. It remembers at most size keys.
func NewRate[K comparable](burst int, every time.Duration, size int) *Rate[K] {
	return &Rate[K]{burst: burst, every: every, size: size, young: make(map[K]use)}
}

// Take counts an attempt. If wait is 0, the attempt may go ahead; otherwise it
// is refused, and the next one may succeed after wait. n is the number of
// attempts since the bucket was last full, including this one and those
// refused.
func (r *Rate[K]) Take(key K, now time.Time) (n int, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, wait := r.look(key, now)
	u.n++
	if wait == 0 {
		u.full = u.full.Add(r.every)
	}
	r.keep(key, u)
	return u.n, wait
}

// Wait returns how long the next attempt must wait. It counts nothing.
func (r *Rate[K]) Wait(key K, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, wait := r.look(key, now)
	return wait
}

// Forget refills the bucket of a key.
func (r *Rate[K]) Forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}

// Len returns the number of keys that are remembered.
func (r *Rate[K]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.young) + len(r.old)
}

// look returns the state of a key at the time now.
func (r *Rate[K]) look(key K, now time.Time) (u use, wait time.Duration) {
	u, ok := r.young[key]
	if !ok {
		u = r.old[key]
	}
	whole := time.Duration(r.burst) * r.every
	switch {
	case !u.full.After(now):
		u = use{full: now}
	case u.full.Sub(now) > whole: // the clock was set back
		u.full = now.Add(whole)
	}
	return u, max(u.full.Add(r.every).Sub(now)-whole, 0)
}

func (r *Rate[K]) keep(key K, u use) {
	if _, ok := r.young[key]; !ok && len(r.young) >= max(r.size/2, 1) {
		r.old, r.young = r.young, make(map[K]use)
	}
	r.young[key] = u
	delete(r.old, key)
}

// Share limits how much of something each key holds at the same time. The zero
// value is ready to use. It is safe for concurrent use, and remembers only keys
// that hold something.
type Share[K comparable] struct {
	mu   sync.Mutex
	held map[K]int64
}

// Take adds n to what the key holds, unless the sum would exceed limit. It
// reports whether it did.
func (s *Share[K]) Take(key K, n, limit int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key]+n > limit {
		return false
	}
	if s.held == nil {
		s.held = make(map[K]int64)
	}
	s.held[key] += n
	return true
}

// Give subtracts n from what the key holds.
func (s *Share[K]) Give(key K, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key] -= n; s.held[key] <= 0 {
		delete(s.held, key)
	}
}
