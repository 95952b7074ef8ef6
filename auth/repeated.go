package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	repeatedLife = 24 * time.Hour
	repeatedSize = 20000
)

// repeated remembers refused attempts. The same attempt again is not a new
// guess: a device that keeps sending an old password must not lock out the one
// next to it. It is itself delayed, by the same waits as guesses, and counts
// nowhere else.
//
// Like proofs it keeps keyed hashes in memory. The network is part of them, so
// nobody elsewhere can find out by the time of an answer which passwords were
// tried.
type repeated struct {
	proofs // for its key
	mu     sync.Mutex
	tried  map[[sha256.Size]byte]refusedTry
}

type refusedTry struct {
	count  count
	reason Reason
}

// note remembers an attempt that was refused for the first time.
func (r *repeated) note(mark [sha256.Size]byte, reason Reason, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried == nil || len(r.tried) >= repeatedSize {
		r.tried = make(map[[sha256.Size]byte]refusedTry)
	}
	r.tried[mark] = refusedTry{count{N: 1, Since: now, Last: now}, reason}
}

// again counts an attempt that was refused before. The reason is that of the
// first time, or empty if there was none. wait is how long the attempt must
// wait.
func (r *repeated) again(mark [sha256.Size]byte, now time.Time) (reason Reason, n int, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, known := r.tried[mark]
	switch idle := now.Sub(t.count.Last); {
	case !known || idle >= repeatedLife:
		delete(r.tried, mark)
		return "", 0, 0
	case idle >= forgetAfter:
		t.count.N = 0
	}
	if wait := (counts{pair: t.count}).pairWait(now); wait > 0 {
		return t.reason, t.count.N, wait
	}
	t.count.N++
	t.count.Last = now
	r.tried[mark] = t
	return t.reason, t.count.N, 0
}
