package xmlrpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// fault returns the fault for an error. An error without one is logged under an
// incident number.
func (h *Handler[I]) fault(ctx context.Context, err error) (f *Fault, incident string) {
	if errors.As(err, &f) {
		return f, ""
	}
	if errors.Is(err, errBusy) {
		return &Fault{CodeInternal, "The server is busy. Try again later."}, ""
	}
	var p *panicked
	inside := errors.As(err, &p)
	// The context of a request is cancelled when its connection is closed. The
	// call has then failed for that reason, whatever error the database has for
	// it, even an outage.
	if !inside && errors.Is(ctx.Err(), context.Canceled) {
		h.cfg.Log.InfoContext(ctx, "call cancelled: its client went away", "error", err.Error())
		return errGone, ""
	}
	if h.cfg.Fault != nil {
		if f = h.cfg.Fault(ctx, err); f != nil {
			return f, ""
		}
	}
	incident = rand.Text()[:12]
	if inside {
		h.cfg.Log.ErrorContext(ctx, "method panicked", "incident", incident, "panic", fmt.Sprint(p.value), "stack", string(p.stack))
	} else {
		h.cfg.Log.ErrorContext(ctx, "call not answered", "incident", incident, "error", err.Error())
	}
	return &Fault{CodeInternal, "The server failed to answer. Its log records the cause under incident " + incident + "."}, incident
}

// errGone is for clients that have closed only their half of the connection.
var errGone = &Fault{CodeInternal, "The call was cancelled because its connection was closed."}

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return "method panicked" }

// invoked runs a checked call.
func invoked(ctx context.Context, run Run) (v Value, err error) {
	defer recovered(&err)
	return run(ctx)
}

// prepare checks a call, if its method has a separate check.
func (h *Handler[I]) prepare(ctx context.Context, c *Call[I]) (run Run, err error) {
	m := h.methods[c.Method]
	switch {
	case m == nil:
		return nil, notFound(c.Method)
	case m.Prepare == nil:
		return func(ctx context.Context) (Value, error) { return m.Func(ctx, c) }, nil
	}
	defer recovered(&err)
	return m.Prepare(ctx, c)
}

// recovered turns a panic of a method into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		*err = &panicked{p, debug.Stack()}
	}
}

// known returns a method name that is safe for logs and labels.
func (h *Handler[I]) known(name string) string {
	if m := h.methods[name]; m != nil {
		return m.Name
	}
	return ""
}

// arguments replaces a single array by its elements, as WordPress does: several
// clients send all arguments in one array.
func arguments(params []Value) []Value {
	if len(params) == 1 && params[0].Kind() == KindArray {
		return params[0].Elements()
	}
	return params
}

func (q *request[I]) answer(ctx context.Context, call *MethodCall) {
	q.event.Method = q.h.known(call.Name)
	if q.h.cfg.Context != nil {
		ctx = q.h.cfg.Context(ctx, &q.memory)
	}
	c := &Call[I]{Method: call.Name, Params: arguments(call.Params), Identity: q.identity, Header: q.w.Header(), Memory: &q.memory, Request: q.r}
	a := q.h.newAnswer()
	defer a.release()
	a.dst = append(a.dst, responseStart...)
	var err error
	if call.Name == multicallName {
		err = q.multicall(ctx, c, a)
	} else {
		err = q.h.write(ctx, c, a)
	}
	if err != nil {
		q.fail(err)
		return
	}
	a.dst = append(a.dst, responseEnd...)
	q.xmlAnswer(http.StatusOK, a)
}

// write calls a method and writes its result.
func (h *Handler[I]) write(ctx context.Context, c *Call[I], a *answer[I]) error {
	run, err := h.prepare(ctx, c)
	if err != nil {
		return err
	}
	return carryOut(ctx, run, a)
}

// carryOut runs a checked call and writes its result.
func carryOut[I any](ctx context.Context, run Run, a *answer[I]) (err error) {
	v, err := invoked(ctx, run)
	if err != nil {
		return err
	}
	defer recovered(&err) // the method computes the elements of a stream
	return a.value(v)
}
