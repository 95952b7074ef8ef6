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
	err := q.v.guarded(ctx, Client{Addr: q.addr, Agent: q.agent, Secure: q.secure}, what, check)
	if throttled := (*Throttled)(nil); errors.As(err, &throttled) {
		q.v.tell(ctx, Event{Reason: TooManyFailures, Via: ViaNothing, Addr: q.addr})
		return err
	}
	if errors.Is(err, ErrDenied) {
		return q.v.deny(ctx, Event{Reason: WrongCode, Via: ViaNothing, Addr: q.addr})
	}
	return err
}

// guarded runs a check that returns an ErrDenied when something was wrong that
// could be guessed, unless too many wrong ones have come from the network.
// Errors: *Throttled; those of the check, and of the database.
func (v *Verifier) guarded(ctx context.Context, from Client, what string, check func() error) error {
	a, wait, err := v.attempt(ctx, what, credentials{}, from)
	if err != nil {
		return err
	}
	if wait > 0 {
		return &Throttled{RetryAfter: wait}
	}
	var wrong error
	err = v.throttled(ctx, 0, a, func() (bool, error) {
		if wrong = check(); errors.Is(wrong, ErrDenied) {
			return false, nil
		}
		return true, wrong
	})
	if err != nil {
		return err
	}
	return wrong
}
