package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	quietAfter  = 20          // lines of one reason from one address …
	quietWindow = time.Minute // … within this; then the hundredth, thousandth …
	quietSize   = 10000
)

// quiet keeps refusals from filling the log: of those of one reason from one
// address it lets through the first ones of a minute, and then the hundredth,
// thousandth and so on, with their number. Config.Observe sees them all.
//
// Wrong signatures and tokens have no other throttle. They cannot be guessed,
// so nobody has to wait, and the right one of somebody behind the same address
// passes whatever the others send.
type quiet struct {
	mu     sync.Mutex
	bursts map[burstKey]burst
}

type burstKey struct {
	reason Reason
	addr   netip.Addr
}

type burst struct {
	n     int
	since time.Time
}

// loud counts a refusal, and tells how many of its kind there were and whether
// this one should be logged.
func (q *quiet) loud(e Event, now time.Time) (n int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := burstKey{e.Reason, e.Addr}
	b, known := q.bursts[key]
	if !known || now.Sub(b.since) >= quietWindow || now.Before(b.since) {
		if q.bursts == nil || len(q.bursts) >= quietSize {
			q.bursts = make(map[burstKey]burst)
		}
		b = burst{since: now}
	}
	b.n++
	q.bursts[key] = b
	for n = 100; n < b.n; n *= 10 {
	}
	return b.n, b.n <= quietAfter || b.n == n
}
