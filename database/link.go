package database

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// quietTime is how long a database that was asked something may be silent
	// before it is checked whether it is still working on it. A listening
	// connection that does not even answer a ping is then given up.
	quietTime = 3 * time.Second
	// lastWords is how long an answer may be in transit that the database
	// claims to have sent. On a busy machine the question may be, too: the
	// backend has not read it yet.
	lastWords = time.Second
	// cancelTime is how long a statement may continue after the end of its
	// context: the cancellation needs a connection of its own.
	cancelTime = time.Second
	// poolerTime is how long an answer may take behind a pooler, which does not
	// reveal whether a backend is working on it.
	poolerTime = 10 * time.Second
	// writeTime is how long the other side may take to accept writeSize bytes.
	writeTime = 8 * time.Second
	writeSize = 256 << 10
)

// errSilent means that the other side of a connection was silent for too long.
var errSilent = errors.New("the database has gone silent")

// link is the network connection under a connection to PostgreSQL. The driver
// waits for answers without limit, so a call would wait for ever for a host
// that has died, an address that has moved, or a firewall that has forgotten
// the connection.
//
// A link that has waited for quietTime asks the database over another
// connection whether its backend is working. If it is, as for a long statement
// or a lock, the wait goes on. Otherwise the question or the answer is lost,
// and the link breaks. It also breaks when a context ends and the cancellation
// does not help.
type link struct {
	net.Conn
	alive func(l *link) bool // nil while it connects
	gone  func(l *link)
	// silent is called with a link that is given up while its backend may still
	// exist.
	silent func(l *link)

	written atomic.Int64 // bytes

	mu     sync.Mutex
	use    int64     // counts the uses
	until  time.Time // when the current use must end; zero if it has no limit
	bound  bool      // the current use has a context that can end
	closed bool

	pid   int64  // of the backend; 0 behind a pooler
	start string // when the backend started, by its own clock
}

// during limits a use by a context, until done is called.
func (l *link) during(ctx context.Context) (done func()) {
	l.mu.Lock()
	l.use++
	mine := l.use
	l.bound = ctx.Done() != nil
	l.mu.Unlock()
	if ctx.Done() == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.use == mine {
			l.limit(time.Now().Add(cancelTime))
		}
	})
	return func() {
		if stop() {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.use == mine {
			l.use++
			l.limit(time.Time{})
		}
	}
}

// limit sets the time at which the current use must have ended. The caller
// holds the lock.
func (l *link) limit(until time.Time) {
	l.until = until
	_ = l.Conn.SetReadDeadline(until)
}

// wait sets the deadline for one read, and reports whether there is time left.
func (l *link) wait(quiet time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	at := now.Add(quiet)
	if !l.until.IsZero() && l.until.Before(at) {
		at = l.until
	}
	_ = l.Conn.SetReadDeadline(at)
	return at.After(now)
}

// Read waits for as long as the database is working on the question.
func (l *link) Read(b []byte) (int, error) {
	quiet := quietTime
	began := time.Now()
	for {
		more := l.wait(quiet)
		n, err := l.Conn.Read(b)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if !more || quiet == lastWords || l.expired() {
			if l.silent != nil {
				l.silent(l)
			}
			return 0, &net.OpError{Op: "read", Net: l.RemoteAddr().Network(), Addr: l.RemoteAddr(), Err: errSilent} // a type that the driver knows
		}
		if !l.works(time.Since(began)) {
			quiet = lastWords
		}
	}
}

// expired reports whether the current use should have ended.
func (l *link) expired() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.until.IsZero() && !time.Now().Before(l.until)
}

// works asks whether the database is working for this link, which has waited
// for some time. While it connects, it cannot be asked, and has a limit of its
// own.
func (l *link) works(waited time.Duration) bool {
	if l.alive == nil {
		return true
	}
	l.mu.Lock()
	pooled, bound := l.pid == 0, l.bound
	l.mu.Unlock()
	if pooled && bound && waited > poolerTime {
		return false
	}
	return l.alive(l)
}

// Write fails if the other side accepts nothing for writeTime.
func (l *link) Write(b []byte) (written int, err error) {
	for more := true; more; more = written < len(b) {
		part := b[written:min(len(b), written+writeSize)]
		if err := l.Conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return written, err
		}
		n, err := l.Conn.Write(part)
		written += n
		l.written.Add(int64(n))
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Close closes the connection.
func (l *link) Close() error {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	if first && l.gone != nil {
		l.gone(l)
	}
	return l.Conn.Close()
}
