package xmlrpc

import (
	"context"
	"net/http"
	"time"
)

// turns limit how many requests are processed at the same time, and how many
// wait. Bodies that are still arriving do not count: a slow upload never holds
// a turn.
type turns struct{ working, waiting chan struct{} }

func newTurns(working, waiting int) turns {
	return turns{make(chan struct{}, working), make(chan struct{}, waiting)}
}

// take waits for a turn and reports whether it got one.
func (t turns) take(ctx context.Context, wait time.Duration) bool {
	select {
	case t.working <- struct{}{}:
		return true
	default:
	}
	select {
	case t.waiting <- struct{}{}:
		defer func() { <-t.waiting }()
	default:
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case t.working <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// wait waits for a turn. If there is none, it sends the answer itself and
// returns false.
func (q *request[I]) wait() bool {
	if q.turn = q.h.turns.take(q.r.Context(), q.h.cfg.CallWait); !q.turn {
		q.event.Err = errNoTurn
		q.busy()
	}
	return q.turn
}

// leave releases the turn.
func (q *request[I]) leave() {
	if q.turn {
		q.turn = false
		<-q.h.turns.working
	}
}

// busy asks the client to come back later.
func (q *request[I]) busy() {
	q.w.Header().Set("Retry-After", "10")
	q.plain(http.StatusServiceUnavailable, "The server is busy. Try again later.")
}
