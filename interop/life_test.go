package interop

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// visibleWithin is how long after its acknowledgement a change of a key may go unseen by a server.
const visibleWithin = time.Second

// answered is the end of a call that a client made without pause.
type answered struct {
	server  int // index of the process that was asked
	public  string
	started time.Time
	err     error
}

// client signs calls without pause, at several servers at once. Its keys can be changed while it runs.
type client struct {
	keys    []atomic.Pointer[signingKey] // of each worker
	answers chan answered
	stop    context.CancelFunc
	workers sync.WaitGroup
}

// mostCalls bounds what one worker sends.
const mostCalls = 60_000

// run starts two workers for each server.
func run(t *testing.T, key signingKey, servers ...*process) *client {
	t.Helper()
	n := 2 * len(servers)
	// The channel holds all that the workers can say, so that none of them ever waits.
	c := &client{keys: make([]atomic.Pointer[signingKey], n), answers: make(chan answered, n*mostCalls)}
	ctx, cancel := context.WithCancel(t.Context())
	c.stop = func() { cancel(); c.workers.Wait() }
	t.Cleanup(c.stop)
	for i := range n {
		c.keys[i].Store(&key)
		c.workers.Go(func() {
			for range mostCalls {
				if ctx.Err() != nil {
					return
				}
				key := c.keys[i].Load()
				a := answered{server: i % len(servers), public: key.public, started: time.Now()}
				a.err = profile(t.Context(), servers[a.server], *key)
				c.answers <- a
			}
		})
	}
	return c
}

// profile is a call that a key signs, without effect.
func profile(ctx context.Context, p *process, key signingKey) error {
	_, err := call(ctx, p, &key, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""))
	return err
}

// await takes answers until each server has given n that count.
func (c *client) await(t *testing.T, servers, n int, counts func(answered) bool) {
	t.Helper()
	have, full := make([]int, servers), 0
	deadline := time.After(patience)
	for full < servers {
		select {
		case a := <-c.answers:
			if !counts(a) {
				continue
			}
			if have[a.server]++; have[a.server] == n {
				full++
			}
		case <-deadline:
			t.Fatalf("after %v the servers have given %v answers of those that are waited for, want %d of each", patience, have, n)
		}
	}
}

// refused reports whether a call was answered as one that no one may make.
func refused(err error) bool {
	var fault *xmlrpc.Fault
	return errors.As(err, &fault) && fault.Code == 403
}

// newKey makes a key with the password.
func newKey(t *testing.T, p *process) signingKey {
	t.Helper()
	v, err := call(t.Context(), p, nil, "xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String(seedUser), xmlrpc.String(seedPassword), xmlrpc.String("life"))
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{v.Get("key").Text(), v.Get("secret").Text()}
}

// rotateByCall makes the successor of a key, with the key itself.
func rotateByCall(t *testing.T, p *process, key signingKey, hours int64) signingKey {
	t.Helper()
	v, err := call(t.Context(), p, &key, "xmlrpcs.rotate", xmlrpc.Int(hours))
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{v.Get("key").Text(), v.Get("secret").Text()}
}

// rotateByCommand does it as whoever runs the server.
func rotateByCommand(t *testing.T, blog seeded, key signingKey, how ...string) signingKey {
	t.Helper()
	var next struct{ Public, Secret string }
	out := command(t, blog, "", append([]string{"app", "rotate", key.public, "--json"}, how...)...)
	if err := json.Unmarshal([]byte(out), &next); err != nil || next.Public == "" || next.Secret == "" {
		t.Fatalf("app rotate: %v", err)
	}
	return signingKey{next.Public, next.Secret}
}

// K11: a client that changes to the successor of its key at its leisure, while it goes on calling, has not one call
// refused, whoever has rotated; after an emergency the old pair is dead.
func TestK11RollingClient(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, blog seeded) {
		p := start(t, blog)
		key := newKey(t, p)
		c := run(t, key, p)
		served := func(public string, since time.Time) {
			t.Helper()
			c.await(t, 1, 50, func(a answered) bool {
				if a.err != nil {
					t.Errorf("a call signed with %s: %v", a.public, a.err)
				}
				return a.public == public && a.started.After(since)
			})
		}
		for _, rotate := range []func() signingKey{
			func() signingKey { return rotateByCall(t, p, key, 1) },
			func() signingKey { return rotateByCommand(t, blog, key, "--overlap", "1h") },
		} {
			served(key.public, time.Time{})
			next := rotate()
			rotated := time.Now()
			c.keys[0].Store(&next)
			served(key.public, rotated) // the other worker still has the old pair
			c.keys[1].Store(&next)
			served(next.public, time.Now())
			key = next
		}
		c.stop()
		close(c.answers)
		for a := range c.answers {
			if a.err != nil {
				t.Errorf("a call signed with %s: %v", a.public, a.err)
			}
		}

		next := rotateByCall(t, p, key, 0)
		if err := profile(t.Context(), p, key); !refused(err) {
			t.Errorf("the old pair after an emergency: %v, want fault 403", err)
		}
		old, next := next, rotateByCommand(t, blog, next, "--now")
		acknowledged := time.Now()
		late := run(t, old, p)
		late.ended(t, 1, acknowledged)
		late.stop()
		if err := profile(t.Context(), p, next); err != nil {
			t.Errorf("the successor: %v", err)
		}
	})
}

// ended sees that no call succeeds that starts later than visibleWithin after the end of a key was acknowledged.
func (c *client) ended(t *testing.T, servers int, acknowledged time.Time) {
	t.Helper()
	c.await(t, servers, 20, func(a answered) bool {
		after := a.started.Sub(acknowledged)
		if after > visibleWithin && !refused(a.err) {
			t.Errorf("server %d, a call that began %v after the end of its key was acknowledged: %v, want fault 403", a.server, after, a.err)
		}
		return after > visibleWithin
	})
}

// K7: a key that was revoked while programs sign with it is dead on every server a second later.
func TestK7RevokedUnderLoad(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { revokeUnderLoad(t, seed(t, ""), 1) })
	t.Run("postgres, three processes", func(t *testing.T) { revokeUnderLoad(t, seed(t, databasetest.Postgres(t)), 3) })
}

func revokeUnderLoad(t *testing.T, blog seeded, n int) {
	var servers []*process
	for range n {
		servers = append(servers, start(t, blog))
	}
	for name, revoke := range revocations(t, blog) {
		t.Run(name, func(t *testing.T) {
			key := newKey(t, servers[0])
			c := run(t, key, servers...)
			c.await(t, n, 20, func(a answered) bool {
				if a.err != nil {
					t.Errorf("a call before the key was revoked: %v", a.err)
				}
				return true
			})
			revoke(servers[0], key)
			c.ended(t, n, time.Now())
			c.stop()
		})
	}
}

// revocations are the ways to end a key.
func revocations(t *testing.T, blog seeded) map[string]func(*process, signingKey) {
	return map[string]func(*process, signingKey){
		"call": func(p *process, key signingKey) {
			if _, err := call(t.Context(), p, &key, "xmlrpcs.revoke"); err != nil {
				t.Fatal(err)
			}
		},
		"command": func(_ *process, key signingKey) { command(t, blog, "", "app", "revoke", key.public) },
	}
}

// K7: what was acknowledged is durable: a server that is killed right after the answer comes back without the key.
func TestK7RevokedThenKilled(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		revokeThenKill(t, seedIn(t, t.TempDir(), ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		revokeThenKill(t, seedIn(t, t.TempDir(), databasetest.DurablePostgres(t)))
	})
}

func revokeThenKill(t *testing.T, blog seeded) {
	for name, revoke := range revocations(t, blog) {
		for range 5 {
			p := start(t, blog)
			key := newKey(t, p)
			if err := profile(t.Context(), p, key); err != nil {
				t.Fatal(err)
			}
			revoke(p, key)
			p.kill()
			p = start(t, blog)
			if err := profile(t.Context(), p, key); !refused(err) {
				t.Errorf("revoked by %s, killed, started again: %v, want fault 403", name, err)
			}
			p.kill()
		}
	}
}
