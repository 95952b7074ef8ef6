package gateway

import (
	"errors"
	"sync"
	"time"

	"github.com/quillgate/quillgate/upstream"
)

// A breaker stops calling a WordPress that does not answer. From time to time
// it lets one call through to see whether the WordPress answers again.
type breaker struct {
	clock func() time.Time

	mu     sync.Mutex
	failed int       // in a row
	trial  time.Time // when the next call may try
}

// After breakerFailures failures in a row, calls are refused at once, except
// for one in each pause.
const (
	breakerFailures = 5
	breakerPause    = 5 * time.Second
)

// allow returns a *upstream.Trouble while the breaker is open.
func (b *breaker) allow() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	if b.failed < breakerFailures {
		return nil
	}
	if !now.Before(b.trial) {
		b.trial = now.Add(breakerPause)
		return nil
	}
	return &upstream.Trouble{Code: upstream.CodeUnavailable, Outcome: upstream.NotDone, What: "The blog does not answer at the moment.", RetryAfter: b.trial.Sub(now)}
}

// open reports whether calls are refused or only tried.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed >= breakerFailures
}

// note records the result of a call, and reports whether the WordPress did not
// answer. Faults and pages of a firewall are answers, since something has sent
// them.
func (b *breaker) note(err error) (down bool) {
	t, ok := errors.AsType[*upstream.Trouble](err)
	down = ok && (t.Status == 0 || t.Status >= 500)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !down {
		b.failed = 0
		return down
	}
	b.failed++
	if b.failed >= breakerFailures {
		b.trial = b.clock().Add(breakerPause)
	}
	return down
}
