package gateway

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Counts counts the calls to one WordPress. It is safe for concurrent use.
type Counts struct {
	calls, failures, nanoseconds, answered atomic.Int64
	passed, unpassed                       atomic.Int64
}

// note counts a call.
func (c *Counts) note(failed bool, took time.Duration) {
	c.calls.Add(1)
	c.nanoseconds.Add(int64(took))
	if failed {
		c.failures.Add(1)
		return
	}
	c.answered.Store(time.Now().UnixNano())
}

// Calls returns the number of calls sent to the WordPress, and Failures the
// number of those that it did not answer.
func (c *Counts) Calls() int64    { return c.calls.Load() }
func (c *Counts) Failures() int64 { return c.failures.Load() }

// Passed returns the number of Jetpack requests that were passed on, and
// Unpassed the number of refused requests in that form.
func (c *Counts) Passed() int64   { return c.passed.Load() }
func (c *Counts) Unpassed() int64 { return c.unpassed.Load() }

// Took returns the total time of all calls.
func (c *Counts) Took() time.Duration { return time.Duration(c.nanoseconds.Load()) }

// Available reports whether calls are let through: it is false after the
// WordPress has failed to answer several times in a row.
func (g *Gateway) Available() bool { return !g.breaker.open() }

// answeredLately is how long an answer proves that the WordPress is available.
const answeredLately = 15 * time.Second

// Ping reports whether the WordPress answers. It sends a request only if no
// recent call has shown that, and no more often than the breaker allows. A
// fault is an answer. The error is a *upstream.Trouble.
func (g *Gateway) Ping(ctx context.Context) error {
	last := time.Unix(0, g.cfg.Counts.answered.Load())
	if g.Available() && time.Since(last) < answeredLately {
		return nil
	}
	row := methods.Lookup("demo.sayHello")
	answer, err := g.send(ctx, account{}, &canonical{method: row, name: row.Name})
	if err == nil {
		answer.close()
		return nil
	}
	if _, fault := errors.AsType[*xmlrpc.Fault](err); fault {
		return nil
	}
	if t, ok := errors.AsType[*upstream.Trouble](err); ok {
		return t
	}
	return err
}
