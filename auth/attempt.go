package auth

import (
	"context"
	"errors"
	"sync"
)

// Attempt runs a check of something other than a password that could be
// guessed, such as a one-time code. If check returns ErrDenied, the attempt
// counts against the client's address like a wrong password. what names the
// kind of secret, for the count. Errors: *Throttled, without running check; any
// error of check.
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

// guarded runs a check that returns an ErrDenied for a wrong guess, unless too
// many wrong guesses have come from the network. Errors: *Throttled; those of
// the check and of the database.
func (v *Verifier) guarded(ctx context.Context, from Client, what string, check func() error) error {
	a, wait, err := v.attempt(ctx, what, credentials{}, from)
	if err != nil {
		return err
	}
	if wait > 0 {
		return &Throttled{RetryAfter: wait}
	}
	var wrong error
	err = v.throttled(ctx, 0, a, false, func() (Reason, error) {
		if wrong = check(); errors.Is(wrong, ErrDenied) {
			return WrongCode, nil
		}
		return "", wrong
	})
	if err != nil {
		return err
	}
	return wrong
}

// turnstile lets one caller at a time pass for each key. The zero value is
// ready to use.
type turnstile struct {
	mu    sync.Mutex
	gates map[string]*gate
}

// gate is where the callers for a key wait.
type gate struct {
	turn  chan struct{} // holds a token while the gate is free
	users int
}

// enter waits until nobody else holds any of the keys; empty ones are ignored.
// All callers must name the kinds of keys in the same order. leave lets the
// next callers pass. Error: that of ctx.
func (t *turnstile) enter(ctx context.Context, keys ...string) (leave func(), err error) {
	var passed []string
	leave = func() {
		for _, key := range passed {
			t.release(key, true)
		}
	}
	for _, key := range keys {
		if key == "" {
			continue
		}
		t.mu.Lock()
		if t.gates == nil {
			t.gates = make(map[string]*gate)
		}
		g := t.gates[key]
		if g == nil {
			g = &gate{turn: make(chan struct{}, 1)}
			g.turn <- struct{}{}
			t.gates[key] = g
		}
		g.users++
		t.mu.Unlock()
		select {
		case <-g.turn:
			passed = append(passed, key)
		case <-ctx.Done():
			t.release(key, false)
			leave()
			return nil, ctx.Err()
		}
	}
	return leave, nil
}

func (t *turnstile) release(key string, had bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.gates[key]
	if had {
		g.turn <- struct{}{}
	}
	if g.users--; g.users == 0 {
		delete(t.gates, key)
	}
}
