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

// Counts is what is counted of the calls to one WordPress. It is safe for
// concurrent use.
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

// Calls is how many calls the WordPress was sent, and Failures how many of them
// it did not answer.
func (c *Counts) Calls() int64    { return c.calls.Load() }
func (c *Counts) Failures() int64 { return c.failures.Load() }

// Passed is how many requests of Jetpack were passed on, and Unpassed how many
// were refused that said to be one.
func (c *Counts) Passed() int64   { return c.passed.Load() }
func (c *Counts) Unpassed() int64 { return c.unpassed.Load() }

// Took is the time that all calls have taken together.
func (c *Counts) Took() time.Duration { return time.Duration(c.nanoseconds.Load()) }

// Available reports whether calls are let through: the WordPress has not failed
// to answer several times in a row.
func (g *Gateway) Available() bool { return !g.breaker.open() }

// answeredLately is for how long an answer proves that the WordPress answers.
const answeredLately = 15 * time.Second

// Ping reports whether the WordPress answers. It asks it only where no call has
// shown that lately, and never more often than the breaker lets calls through. A
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
