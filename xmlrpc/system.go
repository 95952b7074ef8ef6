package xmlrpc

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// system returns the methods of the protocol.
func (h *Handler[I]) system() []Method[I] {
	rows := []Method[I]{
		{
			Name: multicallName, Signatures: [][]string{{"array", "array"}},
			Help: "Answers several calls in one request. The array holds structs with methodName and params; the result holds, in the same order, an array with the one result or a struct with faultCode and faultString.",
		},
		{
			Name: "system.listMethods", Signatures: [][]string{{"array"}},
			Help: "Returns the names of all methods.", Func: h.listMethods,
		},
		{
			Name: "system.getCapabilities", Signatures: [][]string{{"struct"}},
			Help: "Returns the specifications that the server follows.", Func: h.capabilities,
		},
	}
	if h.cfg.Introspection {
		rows = append(rows,
			Method[I]{
				Name: "system.methodSignature", Signatures: [][]string{{"array", "string"}},
				Help: "Returns the signatures of a method: arrays with the type of the result and those of the parameters.", Func: h.methodSignature,
			},
			Method[I]{
				Name: "system.methodHelp", Signatures: [][]string{{"string", "string"}},
				Help: "Returns what a method does, in words.", Func: h.methodHelp,
			})
	}
	return append(rows,
		Method[I]{
			Name: "demo.sayHello", Signatures: [][]string{{"string"}},
			Help: "Returns Hello!", Func: sayHello[I],
		},
		Method[I]{
			Name: "demo.addTwoNumbers", Signatures: [][]string{{"int", "int", "int"}, {"double", "double", "double"}},
			Help: "Returns the sum of two numbers.", Func: addTwoNumbers[I],
		})
}

func (h *Handler[I]) listMethods(context.Context, *Call[I]) (Value, error) {
	list := make([]Value, len(h.names))
	for i, name := range h.names {
		list[i] = String(name)
	}
	return Array(list...), nil
}

func (h *Handler[I]) capabilities(context.Context, *Call[I]) (Value, error) {
	spec := func(url string, version int64) Value {
		return Struct(M("specUrl", String(url)), M("specVersion", Int(version)))
	}
	members := []Member{
		M("xmlrpc", spec("http://www.xmlrpc.com/spec", 1)),
		M("faults_interop", spec("http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php", 20010516)),
		M(multicallName, spec("http://www.xmlrpc.com/discuss/msgReader$1208", 1)),
	}
	if h.cfg.Introspection {
		members = append(members, M("introspection", spec("http://xmlrpc-c.sourceforge.net/introspection.html", 1)))
	}
	return Struct(members...), nil
}

func (h *Handler[I]) about(c *Call[I]) (*Method[I], error) {
	if c.Param(0).Kind() != KindString {
		return nil, &Fault{CodeInvalidParams, "The parameter must be the name of a method."}
	}
	name := c.Param(0).Text()
	if m := h.methods[name]; m != nil {
		return m, nil
	}
	return nil, notFound(name)
}

func (h *Handler[I]) methodSignature(_ context.Context, c *Call[I]) (Value, error) {
	m, err := h.about(c)
	if err != nil {
		return Value{}, err
	}
	if len(m.Signatures) == 0 {
		return String("undef"), nil
	}
	all := make([]Value, len(m.Signatures))
	for i, types := range m.Signatures {
		one := make([]Value, len(types))
		for k, name := range types {
			one[k] = String(name)
		}
		all[i] = Array(one...)
	}
	return Array(all...), nil
}

func (h *Handler[I]) methodHelp(_ context.Context, c *Call[I]) (Value, error) {
	m, err := h.about(c)
	if err != nil {
		return Value{}, err
	}
	return String(m.Help), nil
}

func notFound(name string) *Fault {
	return &Fault{CodeMethodNotFound, "There is no method \"" + Shown(name) + "\" here."}
}

// sayHello answers the exact text by which VimRepress recognizes an endpoint.
func sayHello[I any](context.Context, *Call[I]) (Value, error) { return String("Hello!"), nil }

// addTwoNumbers accepts numbers in any type that can hold one, and returns 0 if
// there are fewer than two, both as WordPress does.
func addTwoNumbers[I any](_ context.Context, c *Call[I]) (Value, error) {
	if len(c.Params) < 2 {
		return Int(0), nil
	}
	a, okA := number(c.Params[0])
	b, okB := number(c.Params[1])
	if !okA || !okB {
		return Value{}, &Fault{CodeInvalidParams, "The parameters must be two numbers."}
	}
	if a.Kind() == KindDouble || b.Kind() == KindDouble {
		return Double(a.Float64() + b.Float64()), nil
	}
	sum := a.Int64() + b.Int64()
	if (sum > a.Int64()) != (b.Int64() > 0) {
		return Double(a.Float64() + b.Float64()), nil
	}
	return Int(sum), nil
}

func number(v Value) (Value, bool) {
	switch v.Kind() {
	case KindInt, KindDouble:
		return v, true
	case KindBool, KindNil:
		return Int(v.Int64()), true
	case KindString:
		text := trim(v.Text())
		if n, ok := parseInt(text); ok {
			return Int(n), true
		}
		if len(text) <= maxNumber {
			f, ok := parseDouble(text)
			return Double(f), ok
		}
	}
	return Value{}, false
}

// multicall writes the answers to all calls of a batch to a. All calls are
// checked before the first is carried out, if their methods have a separate
// check. As in WordPress, a call that fails, or an entry that is not a call,
// has its fault in the list, and the others run.
func (q *request[I]) multicall(ctx context.Context, c *Call[I], a *answer[I]) error {
	calls, err := q.h.calls(c.Params)
	if err != nil {
		return err
	}
	a.dst = append(a.dst, "<value><array><data>"...)
	if len(calls) == 0 {
		a.dst = append(a.dst, '\n') // as in an encoder
	}
	first := a.size()
	most := first + int64(q.h.cfg.Limits.BatchAnswer)
	for i := range calls {
		check(ctx, q.h, &calls[i], c, i+1)
	}
	for _, one := range calls {
		start, before := time.Now(), a.size()
		a.most = most
		err := one.refused
		if err == nil {
			err = q.nested(ctx, one.run, a)
		}
		a.most = 0
		e := Event{Method: q.h.known(one.Name), Nested: true, Duration: one.checked + time.Since(start), Err: err}
		if err != nil {
			if err := a.cut(before); err != nil {
				return err
			}
			var f *Fault
			f, e.Incident = q.h.fault(ctx, err)
			e.Gone = f == errGone
			q.gone = q.gone || e.Gone
			e.Fault = f.Code
			q.refused(err)
			a.dst = appendFaultValue(a.dst, f)
		}
		q.memory.Shrink(0)
		if q.h.cfg.Observe != nil {
			q.h.cfg.Observe(ctx, e)
		}
		if err := a.handOn(); err != nil {
			return err
		}
	}
	a.dst = append(a.dst, "</data></array></value>"...)
	return nil
}

var (
	errBatchAnswer error = &Fault{CodeInternal, "The answer to this batch is too large. Ask for less in one system.multicall."}
	errRecursion   error = &Fault{CodeInvalidRequest, "system.multicall cannot be called inside system.multicall."}
	errNoList      error = &Fault{CodeInvalidParams, "The parameter of system.multicall must be an array of structs with methodName and params."}
	errBatchTime   error = &Fault{CodeInternal, "The batch took too long, and this call was not run."}
)

// nested runs one call of a batch, unless the batch exceeds its limits, and
// writes its result as a list of one.
func (q *request[I]) nested(ctx context.Context, run Run, a *answer[I]) error {
	if err := q.unrun(ctx); err != nil {
		return err
	}
	if a.size() > a.most {
		return errBatchAnswer
	}
	a.dst = append(a.dst, "<value><array><data>"...)
	if err := carryOut(ctx, run, a); err != nil {
		return err
	}
	a.dst = append(a.dst, "</data></array></value>"...)
	if a.size() > a.most {
		return errBatchAnswer
	}
	return nil
}

// unrun returns why the remaining calls of a batch are not run, or nil. The
// first time that the client is found to have gone, the error is the context's,
// which is logged; a batch has many calls.
func (q *request[I]) unrun(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case !errors.Is(err, context.Canceled):
		return errBatchTime
	case q.gone:
		return errGone
	default:
		return err
	}
}

// entry is one element of a batch.
type entry struct {
	MethodCall
	refused error // why it is not carried out
	run     Run
	checked time.Duration // time for the check
}

// check checks an entry as a call of a batch.
func check[I any](ctx context.Context, h *Handler[I], e *entry, batch *Call[I], place int) {
	start := time.Now()
	c := *batch
	c.Nested, c.Place, c.Method, c.Params = true, place, e.Name, arguments(e.Params)
	switch {
	case e.refused != nil:
	case c.Method == multicallName:
		e.refused = errRecursion
	case ctx.Err() != nil: // so it will not run; see unrun
	default:
		e.run, e.refused = h.prepare(ctx, &c)
	}
	e.checked = time.Since(start)
}

// calls returns the batch. The list replaces the parameters, or is the only
// element of an array. A scalar is not a list.
func (h *Handler[I]) calls(params []Value) ([]entry, error) {
	params = arguments(params)
	if len(params) == 1 && params[0].Kind() != KindStruct && params[0].Kind() != KindArray {
		return nil, errNoList
	}
	if len(params) > h.cfg.Limits.Calls {
		return nil, tooManyCalls(h.cfg.Limits.Calls)
	}
	calls := make([]entry, len(params))
	var broken error
	runs := 0
	for i, p := range params {
		calls[i] = entryOf(p)
		switch calls[i].refused {
		case nil:
			runs++
		case errEntryParams:
			broken = errEntryParams
		}
	}
	if runs == 0 && broken != nil {
		return nil, broken // WordPress fails there, and there is nothing else to answer
	}
	return calls, nil
}

var (
	errEntryName   error = &Fault{CodeMethodNotFound, "This entry of the system.multicall does not name a method. It must be a struct with methodName and params."}
	errEntryParams error = &Fault{CodeInvalidParams, "The params of this entry of the system.multicall are not an array."}
)

// entryOf parses one element of a batch. Without a name it names no method,
// whatever it is. Parameters that are not a list are invalid, except an empty
// struct, as which some clients write an empty list.
func entryOf(v Value) entry {
	name, params := v.Get("methodName"), v.Get("params")
	e := entry{MethodCall: MethodCall{Name: name.Text(), Params: params.Elements()}}
	switch {
	case e.Name == "":
		e.refused = errEntryName
	case params.Kind() != KindArray && (params.Kind() != KindStruct || params.Len() > 0):
		e.refused = errEntryParams
	}
	return e
}

func tooManyCalls(most int) *Fault {
	return &Fault{CodeInvalidParams, "There are too many calls in one system.multicall. At most " + strconv.Itoa(most) + " are accepted."}
}
