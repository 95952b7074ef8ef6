package xmlrpc

import (
	"context"
	"net/http"
	"time"
)

// turns bound how many requests are worked on at the same time, and how many
// wait for it. Bodies that are still arriving count in neither: a client that
// sends slowly takes no one's turn.
type turns struct{ working, waiting chan struct{} }

func newTurns(working, waiting int) turns {
	return turns{make(chan struct{}, working), make(chan struct{}, waiting)}
}

// take waits for a turn and reports whether there was one.
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

// wait takes the request's turn, and answers itself when there is none.
func (q *request[I]) wait() bool {
	if q.turn = q.h.turns.take(q.r.Context(), q.h.cfg.CallWait); !q.turn {
		q.event.Err = errNoTurn
		q.busy()
	}
	return q.turn
}

// leave gives the turn to another.
func (q *request[I]) leave() {
	if q.turn {
		q.turn = false
		<-q.h.turns.working
	}
}

// busy tells the client to come back.
func (q *request[I]) busy() {
	q.w.Header().Set("Retry-After", "10")
	q.plain(http.StatusServiceUnavailable, "The server is busy. Try again later.")
}
