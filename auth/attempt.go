package auth

import (
	"context"
	"errors"
)

// Attempt runs a check of something other than a password that could be guessed, such as a one-time code. check returns
// ErrDenied when it was wrong; then it counts against the client's address as a wrong password does. what names the
// kind of thing, for the count. Errors: *Throttled, without a look at it; whatever check returns.
func (q *Request) Attempt(ctx context.Context, what string, check func() error) error {
	if q == nil {
		return ErrDenied
	}
	now, e := q.v.cfg.Clock(), Event{Via: ViaNothing, Addr: q.addr}
	exempt := q.v.exempt(q.addr)
	if wait := q.v.throttle.wait(what, q.addr, now); wait > 0 && !exempt {
		e.Reason = TooManyFailures
		q.v.tell(ctx, e)
		return &Throttled{RetryAfter: wait}
	}
	err := check()
	if errors.Is(err, ErrDenied) {
		if !exempt {
			q.v.throttle.failed(what, q.addr, now)
		}
		e.Reason = WrongCode
		return q.v.deny(ctx, e)
	}
	return err
}
