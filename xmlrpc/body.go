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

// A body is the body of a request: in memory if it is small, otherwise spooled.
type body struct {
	bytes   []byte
	spool   *Spool
	pooled  *[]byte  // the buffer that bytes is part of, if it returns to the pool
	held    int64    // bytes reserved in memory
	counted int64    // bytes reserved in the spool
	share   shareKey // the owner, if its share is limited
	limited bool
}

// smallBody is the size of the pooled buffers, for bodies that need no memory
// from the budget.
const smallBody = 64 << 10

// perByte is how much memory each byte of a body in memory needs: for itself,
// for copies of its texts, and for the values.
const perByte = 4

var (
	errBusy   = errors.New("memory or spool for requests is used up")
	errNoTurn = errors.New("too many requests are in progress")
)

// read reads the body. If that fails, it sends the answer itself and returns
// false.
func (q *request[I]) read(check Check[I]) bool {
	err := q.take(check)
	if err == nil {
		// Otherwise the connection would time out while the method runs.
		_ = q.control.SetReadDeadline(time.Time{})
		return true
	}
	// The deadline stays: the server may still read the rest, to let the client
	// see the answer.
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
		// A client that handles only faults learns more from this than from
		// plain text.
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

// take reads the body to its end. It starts in a pooled buffer, continues in
// memory if there is some, and otherwise in the spool.
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

// reserve reserves memory for a body of n bytes. It does not wait, because the
// body can go to the spool.
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

// release frees everything that the body uses, and the request's turn. No value
// of the request may be used after it.
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
	q.memory.total -= q.body.held // without the memory that the body uses
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
