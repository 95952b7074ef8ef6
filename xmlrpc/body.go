package xmlrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// A body is the body of a request: in memory when it is small, else spooled.
type body struct {
	bytes   []byte
	spool   *Spool
	pooled  *[]byte  // what bytes is a part of, when it goes back to the pool
	held    int64    // bytes of memory asked for
	counted int64    // bytes of the spool asked for
	share   shareKey // whose they are, if limited
	limited bool
}

// smallBody is read without asking for memory; buffers of that size are pooled.
const smallBody = 64 << 10

// perByte is how much memory a body in memory takes for each of its bytes:
// itself, the copy that texts are slices of, and the values.
const perByte = 4

var (
	errBusy   = errors.New("memory or spool for requests is used up")
	errNoTurn = errors.New("too many requests are in progress")
)

// read takes in the body, and answers itself when that cannot be done.
func (q *request[I]) read(check Check[I]) bool {
	err := q.take(check)
	if err == nil {
		// Else the connection would count as dead while the method runs.
		_ = q.control.SetReadDeadline(time.Time{})
		return true
	}
	// The deadline stays: the server may still read what comes, to let the
	// client see the answer.
	q.event.Err = err
	q.w.Header().Set("Connection", "close")
	var refused *refusal
	var path *os.PathError
	switch {
	case errors.As(err, &refused):
		q.fail(refused.err)
	case errors.Is(err, errTooLarge):
		q.tooLarge()
	case errors.Is(err, errBusy):
		q.busy()
	case errors.As(err, &path):
		q.fail(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		// A client that looks at faults alone learns more from this than from a text.
		q.event.Fault = CodeTooSlow
		q.xml(http.StatusRequestTimeout, AppendFault(nil, &Fault{CodeTooSlow, "The request did not arrive in time. Use a faster connection, or send smaller files."}))
	default:
		q.plain(http.StatusBadRequest, "The request did not arrive completely.")
	}
	return false
}

var errTooLarge = errors.New("request body too large")

// refusal is an error of the Check.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// take reads the body to its end. It begins in a pooled buffer, goes on in
// memory when there is some, and otherwise to the spool.
func (q *request[I]) take(check Check[I]) error {
	cfg := &q.h.cfg
	b := &q.body
	b.pooled = q.h.buffers.Get().(*[]byte)
	buf := *b.pooled
	n := 0
	if known := q.r.ContentLength; known > cfg.SpoolAbove {
		if err := q.toSpool(nil); err != nil {
			return err
		}
	} else if known > int64(len(buf)) && q.reserve(known) {
		buf = make([]byte, known+1)
	}
	for {
		if n == len(buf) {
			// Only a body in memory fills its buffer.
			switch {
			case q.reserve(cfg.SpoolAbove):
				buf = append(make([]byte, 0, cfg.SpoolAbove+1), buf...)
				buf = buf[:cap(buf)]
			default:
				if err := q.toSpool(buf[:n]); err != nil {
					return err
				}
				n, buf = 0, *b.pooled
			}
		}
		q.hurry()
		got, err := q.r.Body.Read(buf[n:])
		if q.event.In += int64(got); q.event.In > cfg.MaxBody {
			return errTooLarge
		}
		if check != nil && got > 0 {
			if _, err := check.Write(buf[n : n+got]); err != nil {
				return &refusal{err}
			}
		}
		n += got
		if b.spool == nil && int64(n) > cfg.SpoolAbove {
			if err := q.toSpool(buf[:n]); err != nil {
				return err
			}
			n, buf = 0, *b.pooled
		} else if b.spool != nil && (n > len(buf)/2 || err != nil) {
			if err := q.spoolWrite(buf[:n]); err != nil {
				return err
			}
			n = 0
		}
		if err == io.EOF {
			b.bytes = buf[:n]
			return nil
		}
		if err != nil {
			return fmt.Errorf("read request body: %w", err)
		}
	}
}

// reserve asks for the memory that a body of n bytes takes. It does not wait:
// there is the spool.
func (q *request[I]) reserve(n int64) bool {
	if q.body.held > 0 || n*perByte > q.h.cfg.Memory || !q.h.memory.TryAcquire(n*perByte) {
		return false
	}
	q.body.held = n * perByte
	return true
}

func (q *request[I]) toSpool(start []byte) error {
	q.unreserve()
	q.body.spool = NewSpool(q.h.cfg.SpoolDir, 0)
	return q.spoolWrite(start)
}

func (q *request[I]) spoolWrite(p []byte) error {
	if !q.claim(int64(len(p))) {
		return errBusy
	}
	_, err := q.body.spool.Write(p)
	return err
}

func (q *request[I]) unreserve() {
	if q.body.held > 0 {
		q.h.memory.Release(q.body.held)
		q.body.held = 0
	}
}

// release gives back everything that the body took, and the turn. No value of
// the request is used after it.
func (q *request[I]) release() {
	b := &q.body
	q.leave()
	q.unreserve()
	q.memory.Shrink(0)
	if b.spool != nil {
		if err := b.spool.Close(); err != nil {
			q.h.cfg.Log.Warn("a request body was not removed from the spool", "error", err.Error())
		}
		q.unclaim()
	}
	if b.pooled != nil {
		q.h.buffers.Put(b.pooled)
	}
	*b = body{}
}

// decode parses the body.
func (q *request[I]) decode(ctx context.Context) (*MethodCall, error) {
	d := newDecoder(q.h.cfg.Limits)
	defer d.release()
	d.call = true
	var err error
	if q.body.spool == nil {
		err = d.take(q.body.bytes)
	} else {
		err = d.takeSpool(q.body.spool, func(n int64) error { return q.hold(ctx, n) })
	}
	if err != nil {
		return nil, err
	}
	call, err := d.methodCall()
	if used := max(freeText-d.free, 0); q.body.spool != nil && q.body.held > used {
		q.h.memory.Release(q.body.held - used)
		q.body.held = used
	}
	q.memory.total -= q.body.held // what the body holds is not to be had
	return call, err
}

// hold waits for the memory of large texts.
func (q *request[I]) hold(ctx context.Context, n int64) error {
	n = min(n, q.h.cfg.Memory)
	ctx, cancel := context.WithTimeout(ctx, q.h.cfg.MemoryWait)
	defer cancel()
	if err := q.h.memory.Acquire(ctx, n); err != nil {
		return errBusy
	}
	q.body.held = n
	return nil
}
