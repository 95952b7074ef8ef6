package public

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// flights makes an answer once for all requests that ask for it at the same
// time. The work continues while any of them waits, and is canceled when the
// last one has left.
type flights struct {
	mu      sync.Mutex
	running map[string]*flight
}

type flight struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	answer  *answer
	err     error
}

var errNotMade = errors.New("the page was not made")

// do waits for the answer for key that is being produced, or produces it.
func (f *flights) do(ctx context.Context, key string, work func(context.Context) (*answer, error)) (*answer, error) {
	f.mu.Lock()
	if r := f.running[key]; r != nil {
		r.waiting++
		f.mu.Unlock()
		select {
		case <-r.done:
			return r.answer, r.err
		case <-ctx.Done():
			f.leave(key, r)
			return nil, ctx.Err()
		}
	}
	doing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &flight{waiting: 1, cancel: cancel, done: make(chan struct{}), err: errNotMade}
	if f.running == nil {
		f.running = make(map[string]*flight)
	}
	f.running[key] = r
	f.mu.Unlock()
	// The first request starts the work, and may leave before the others.
	stop := context.AfterFunc(ctx, func() { f.leave(key, r) })
	defer func() {
		stop()
		cancel()
		f.forget(key, r)
		close(r.done)
	}()
	r.answer, r.err = work(doing)
	return r.answer, r.err
}

func (f *flights) leave(key string, r *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		r.cancel()
		if f.running[key] == r {
			delete(f.running, key) // the next request starts again
		}
	}
}

func (f *flights) forget(key string, r *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running[key] == r {
		delete(f.running, key)
	}
}

// atOnce returns the number of texts that may be converted to HTML at the same
// time. Each may need ten megabytes.
func atOnce() int { return 2 * runtime.GOMAXPROCS(0) }

// turn waits until a text may be converted to HTML. The caller must call the
// returned function at the end.
func (p *Pages) turn(ctx context.Context) (func(), error) {
	select {
	case p.turns <- struct{}{}:
		return func() { <-p.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
