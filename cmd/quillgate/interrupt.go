package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the exit code of a command that a signal has ended; shells use
// it for SIGINT.
const interrupted = 130

// untilSignal returns a context that ends at SIGINT or SIGTERM, so that every
// command can stop cleanly: a server finishes the requests in progress, and an
// export leaves no partial file. A second signal ends the program immediately.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// waitingReader reads from a terminal or a pipe, which can block for long,
// until ctx ends.
type waitingReader struct {
	ctx  context.Context
	from io.Reader
	next chan piece // nil: no read in progress
	rest []byte
}

type piece struct {
	bytes []byte
	err   error
}

// waiting lets a signal interrupt reads from the standard input. It leaves
// files as they are.
func waiting(ctx context.Context, in io.Reader) io.Reader {
	f, ok := in.(*os.File)
	if !ok {
		return in
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		return in
	}
	return &waitingReader{ctx: ctx, from: in}
}

// Read implements io.Reader. If ctx ends, the read in progress continues in the
// background. It cannot be stopped, but the program is about to exit.
func (w *waitingReader) Read(p []byte) (int, error) {
	if len(w.rest) == 0 {
		if w.next == nil {
			next := make(chan piece, 1)
			w.next = next
			size := len(p)
			go func() {
				b := make([]byte, size)
				n, err := w.from.Read(b)
				next <- piece{b[:n], err}
			}()
		}
		select {
		case <-w.ctx.Done():
			return 0, w.ctx.Err()
		case got := <-w.next:
			w.next = nil
			if len(got.bytes) == 0 || got.err != nil {
				return copy(p, got.bytes), got.err
			}
			w.rest = got.bytes
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}
