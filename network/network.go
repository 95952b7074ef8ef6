// Package network decides what counts as one client, and limits what each of them may do or hold. Everything that is
// limited by the address of a client is limited here, so that the rule for IPv6 stands in one place.
package network

import (
	"net/netip"
	"sync"
	"time"
)

// Of returns the network that an address counts as: the address itself for IPv4, and for IPv6 the /64, since one
// customer has at least that many addresses (RFC 6177). The zero Prefix stands for all addresses that are not known.
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

// Rate limits how often something happens for each key: a burst in advance, and one more after each interval (a token
// bucket). Its memory is bounded: when it is full, the keys that were used longest ago are forgotten. It is safe for
// concurrent use.
type Rate[K comparable] struct {
	burst int
	every time.Duration
	size  int

	mu         sync.Mutex
	young, old map[K]use // each of at most size/2 keys; what is used moves to young
}

// use is what is known of a key.
type use struct {
	full time.Time // from this moment on, the whole burst is there again
	n    int       // tries since the bucket was full, refused ones too
}

// NewRate returns a Rate that keeps at most size keys.
func NewRate[K comparable](burst int, every time.Duration, size int) *Rate[K] {
	return &Rate[K]{burst: burst, every: every, size: size, young: make(map[K]use)}
}

// Take counts a try. It may go ahead when wait is 0; otherwise it is refused, and the next one may succeed after wait.
// n is the number of tries since the whole burst was there, including this one and refused ones.
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

// Wait returns how long the next try must wait, and counts nothing.
func (r *Rate[K]) Wait(key K, now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, wait := r.look(key, now)
	return wait
}

// Forget gives a key its whole burst back.
func (r *Rate[K]) Forget(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, key)
	delete(r.old, key)
}

// Len is how many keys are kept.
func (r *Rate[K]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.young) + len(r.old)
}

// look returns what is known of a key at a moment.
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
// value is ready. It is safe for concurrent use, and remembers only keys that
// hold something.
type Share[K comparable] struct {
	mu   sync.Mutex
	held map[K]int64
}

// Take adds n to what the key holds, unless that would be more than limit.
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

// Give takes n off what the key holds.
func (s *Share[K]) Give(key K, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key] -= n; s.held[key] <= 0 {
		delete(s.held, key)
	}
}
