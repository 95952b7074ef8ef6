package auth

import (
	"context"
	"runtime"
	"sync"
)

// Sweep removes old nonces now.
func Sweep(ctx context.Context, v *Verifier) error { return v.nonces.sweep(ctx, v.cfg.Clock()) }

// LimitNonces sets how many nonces of each key are kept, and returns the
// previous limit.
func LimitNonces(v *Verifier, limit int) (old int) {
	old, v.nonces.limit = v.nonces.limit, limit
	return old
}

// WatchHashing calls f repeatedly with the number of passwords that are being
// hashed, until stop is called.
func WatchHashing(u *Users, f func(n int)) (stop func()) {
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				f(len(u.hasher.running))
				runtime.Gosched()
			}
		}
	})
	return func() { close(done); group.Wait() }
}
