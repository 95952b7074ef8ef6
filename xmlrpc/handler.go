package xmlrpc

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// A Method is one row of the table: a name and the function that answers. I is
// what the caller of a request is known as.
type Method[I any] struct {
	Name string
	// Signatures are told by system.methodSignature: the type of the result
	// and then those of the parameters.
	Signatures [][]string
	Help       string // told by system.methodHelp
	// Func answers one call. An error that is a *Fault is told as it is, every
	// other goes through Config.Fault. It must not keep values after it
	// returned.
	Func func(ctx context.Context, c *Call[I]) (Value, error)
	// Prepare, in place of Func, checks a call and returns what carries it out.
	// All calls of a system.multicall are checked before the first is carried
	// out.
	Prepare func(ctx context.Context, c *Call[I]) (Run, error)
}

// A Run carries out a call that was checked.
type Run func(ctx context.Context) (Value, error)

// A Call is one call of a method.
type Call[I any] struct {
	Method   string
	Params   []Value
	Identity I             // what Check.Identify returned; the zero value without Config.Authenticate
	Header   http.Header   // of the response
	Nested   bool          // inside system.multicall
	Place    int           // among the calls of the system.multicall, from 1; 0 outside
	Memory   *Memory       // to count what the method reads
	Request  *http.Request // its body is used up
}

// Param returns the i-th parameter, and the zero Value when there are fewer.
func (c *Call[I]) Param(i int) Value {
	if i < 0 || i >= len(c.Params) {
		return Value{}
	}
	return c.Params[i]
}

// A Check finds out who sends a request. Every byte of the body is written to
// it as it was received, after removal of the transfer coding; an error from
// Write ends the request. Then Identify is asked once, and only when it
// returns no error the body is parsed.
type Check[I any] interface {
	io.Writer
	Identify(ctx context.Context) (I, error)
}

// An Event is told after each call, for logs and metrics.
type Event struct {
	Method   string // a name of the table; "" when none was reached or it is unknown
	Nested   bool   // one call of a system.multicall, whose own event follows
	Fault    int    // code of the fault, 0 without
	Status   int    // of HTTP; 0 when nested
	Duration time.Duration
	In, Out  int64 // bytes of body read and of answer written; 0 when nested
	// Err is the reason of a refusal, for the log. It may hold what the client
	// must not see, and parts of the request.
	Err error
	// Incident is the number that the client was told in place of an inner
	// error, or "".
	Incident string
	// Gone means that the call was cancelled because its client went away.
	Gone bool
}

// An Answer is all of what is sent to a client.
type Answer struct {
	Status int
	Header http.Header
	Body   io.Reader // from the beginning; it need not be read
}

// Config describes a Handler. Only Methods is needed.
type Config[I any] struct {
	Methods []Method[I]
	// Authenticate begins the check of a request from its header. An error
	// refuses the request before its body is read.
	Authenticate func(*http.Request) (Check[I], error)
	// Complete is called with every answer to a request whose Check has ended
	// well, before the answer is written. It may add to the header, and must
	// not keep the body. An error is logged, and the answer goes out as it is.
	Complete func(ctx context.Context, identity I, a Answer) error
	// Fault turns an error of a method or a check into a fault. When it is nil
	// or returns nil, the client is told of an internal error with an incident
	// number, and the error is logged under it.
	Fault func(ctx context.Context, err error) *Fault
	// Refused is asked before the fault for an error is sent, nested or not: it
	// may set fields of the answer's header, such as Retry-After, and returns
	// the status of HTTP, 0 for 200. That of a nested call does not count.
	Refused func(header http.Header, err error) (status int)
	Limits  Limits
	// SpoolDir is where large bodies are kept while a request lasts; the
	// default is os.TempDir. New removes what a crash left there.
	SpoolDir   string
	SpoolAbove int64 // bytes of a body that go to the spool; default 1 MiB
	SpoolTotal int64 // bytes in the spool at the same time, more is 503; default 4 GiB
	// Client tells where a request comes from, and whether its share of the
	// spool is limited; the peer of the connection and yes when nil. A network
	// has a quarter of SpoolTotal; for requests without a credential (where the
	// Check has a method Presented that says so) a sixteenth, and all of them
	// together a half.
	Client func(*http.Request) (from netip.Addr, limited bool)
	// AnswerTotal is how many bytes of answers may be in the spool at the
	// same time, next to the bodies; more is 503; default 4 GiB. Those of
	// SpoolAbove bytes go there, and all but the smallest when a quarter of
	// Memory is used up.
	AnswerTotal int64
	MaxBody     int64 // bytes of a body, more is 413; default 64 MiB
	// Memory is how many bytes the bodies and large texts of all requests, and
	// what their methods read, may take together; default 64 MiB. Bodies go to
	// the spool when it is used up, and calls with large texts wait for
	// MemoryWait, then they are 503.
	Memory     int64
	MemoryWait time.Duration // default 20 s
	// Calls is how many requests are worked on at the same time, from the
	// moment their body is there until their answer is made; default 256.
	// As many as Waiting wait for their turn, default four times that, for
	// CallWait at most, default 10 s. Who finds no place or no turn is told
	// 503.
	Calls, Waiting int
	CallWait       time.Duration
	// A body has BodyGrace, and then as much time as it needs at BodyRate
	// bytes a second, but never more than BodyTime, and between two bytes at
	// most three times BodyGrace; a large one without a credential BodyGrace.
	// Defaults: 20 s, 4 KiB, 15 min.
	BodyGrace time.Duration
	BodyRate  int64
	BodyTime  time.Duration
	CallTime  time.Duration // for the methods of one request together; default 2 min
	// WriteTime is how long a client may take for an answer, and for a long
	// one next to that what it needs at 16 KiB a second; default 60 s.
	WriteTime time.Duration
	// Context prepares the context of the methods of a request, for what they
	// read to be counted. It may be nil.
	Context func(context.Context, *Memory) context.Context
	// Introspection adds system.methodSignature and system.methodHelp, which
	// WordPress does not have.
	Introspection bool
	// Observe is called for every request, also those that are refused, and
	// for every call inside a system.multicall.
	Observe func(ctx context.Context, e Event)
	Log     *slog.Logger // of incidents; default slog.Default
}

// Handler serves the endpoint. It is safe for concurrent use.
type Handler[I any] struct {
	cfg     Config[I]
	methods map[string]*Method[I]
	names   []string
	*bounds
}

// bounds is what the requests of a process share, whichever handler answers
// them.
type bounds struct {
	memory  *semaphore.Weighted
	turns   turns
	spooled atomic.Int64
	shares  shares

	answerMemory   *semaphore.Weighted
	answersSpooled atomic.Int64

	buffers sync.Pool // *[]byte of smallBody bytes, to read into
	answers sync.Pool // *[]byte, to encode into
}

// New returns a handler. Two methods of one name, a method without name or
// function, and a name beyond the characters of the specification are errors.
func New[I any](cfg Config[I]) (*Handler[I], error) {
	cfg.Limits = cfg.Limits.withDefaults()
	setDefault(&cfg.SpoolDir, os.TempDir())
	setDefault(&cfg.SpoolAbove, 1<<20)
	setDefault(&cfg.SpoolTotal, 4<<30)
	setDefault(&cfg.AnswerTotal, 4<<30)
	setDefault(&cfg.MaxBody, 64<<20)
	setDefault(&cfg.Memory, 64<<20)
	setDefault(&cfg.MemoryWait, 20*time.Second)
	setDefault(&cfg.Calls, 256)
	setDefault(&cfg.Waiting, 4*cfg.Calls)
	setDefault(&cfg.CallWait, 10*time.Second)
	setDefault(&cfg.BodyGrace, 20*time.Second)
	setDefault(&cfg.BodyRate, 4<<10)
	setDefault(&cfg.BodyTime, 15*time.Minute)
	setDefault(&cfg.CallTime, 2*time.Minute)
	setDefault(&cfg.WriteTime, time.Minute)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	b := &bounds{memory: semaphore.NewWeighted(cfg.Memory), turns: newTurns(cfg.Calls, cfg.Waiting), answerMemory: semaphore.NewWeighted(cfg.Memory / 4)}
	b.buffers.New = func() any { b := make([]byte, smallBody); return &b }
	b.answers.New = func() any { b := make([]byte, 0, 8<<10); return &b }
	h, err := newHandler(cfg, b)
	if err != nil {
		return nil, err
	}
	if err := sweep(cfg.SpoolDir); err != nil {
		return nil, err
	}
	return h, nil
}

// Next to returns a handler with methods, callers and faults of its own, which
// shares all bounds with h: memory, the spool, the turns of calls. What else h
// was configured with holds for it too. The errors are those of New.
func (h *Handler[I]) Beside(methods []Method[I], authenticate func(*http.Request) (Check[I], error), fault func(context.Context, error) *Fault) (*Handler[I], error) {
	cfg := h.cfg
	cfg.Methods, cfg.Authenticate, cfg.Fault = methods, authenticate, fault
	return newHandler(cfg, h.bounds)
}

// For returns a handler for other callers, with the methods of h and all that
// they share.
func (h *Handler[I]) For(authenticate func(*http.Request) (Check[I], error), fault func(context.Context, error) *Fault) *Handler[I] {
	other := *h
	other.cfg.Authenticate, other.cfg.Fault = authenticate, fault
	return &other
}

// newHandler makes the table.
func newHandler[I any](cfg Config[I], b *bounds) (*Handler[I], error) {
	h := &Handler[I]{cfg: cfg, methods: map[string]*Method[I]{}, bounds: b}
	rows := append(h.system(), cfg.Methods...)
	for i := range rows {
		m := &rows[i]
		switch {
		case !isMethodName(m.Name):
			return nil, fmt.Errorf("method table: %q is not a method name", m.Name)
		case m.Func == nil && m.Prepare == nil && m.Name != multicallName:
			return nil, fmt.Errorf("method table: %s has no function", m.Name)
		case h.methods[m.Name] != nil:
			return nil, fmt.Errorf("method table: %s is listed twice", m.Name)
		}
		h.methods[m.Name] = m
		h.names = append(h.names, m.Name)
	}
	h.cfg.Methods = nil // they are in the table
	return h, nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Methods returns the names of all methods, as system.listMethods does: those
// of the protocol, then the table in its order.
func (h *Handler[I]) Methods() []string { return append([]string(nil), h.names...) }

// isMethodName checks the characters that the specification allows.
func isMethodName(s string) bool {
	if s == "" || len(s) > 200 {
		return false
	}
	for _, c := range []byte(s) {
		if !isName[c] && c != '/' || c >= 0x80 || c == '-' {
			return false
		}
	}
	return true
}

// A request is one request on its way through the handler.
type request[I any] struct {
	h        *Handler[I]
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	start    time.Time
	event    Event
	body     body
	check    Check[I]  // nil: no one asks
	paced    int64     // bytes of body that have earned their time
	due      time.Time // when the next ones must be there
	turn     bool      // one of Config.Calls is this request's
	memory   Memory
	identity I
	known    bool // what identity is
}

// ServeHTTP answers one request.
func (h *Handler[I]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request[I]{h: h, w: w, r: r, control: http.NewResponseController(w), start: time.Now()}
	q.memory.budget, q.memory.total, q.memory.wait = h.memory, h.cfg.Memory, h.cfg.MemoryWait
	defer q.release()
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'")
	q.serve()
	if h.cfg.Observe != nil {
		q.event.Duration = time.Since(q.start)
		h.cfg.Observe(r.Context(), q.event)
	}
}

func (q *request[I]) serve() {
	q.hurry()
	if !q.acceptable() {
		return
	}
	var check Check[I]
	if auth := q.h.cfg.Authenticate; auth != nil {
		var err error
		if check, err = auth(q.r); err != nil {
			q.fail(err)
			return
		}
		q.check = check
	}
	if !q.read(check) {
		return
	}
	if !q.wait() {
		return
	}
	ctx, cancel := context.WithTimeout(q.r.Context(), q.h.cfg.CallTime)
	defer cancel()
	if check != nil {
		var err error
		if q.identity, err = check.Identify(ctx); err != nil {
			q.fail(err)
			return
		}
		q.known = true
	}
	call, err := q.decode(ctx)
	if err != nil {
		q.refuseDocument(err)
		return
	}
	q.answer(ctx, call)
}

// acceptable refuses what can be refused before the body is touched: until
// then a client that expects 100-continue sends nothing.
func (q *request[I]) acceptable() bool {
	if q.r.Method != http.MethodPost {
		q.w.Header().Set("Allow", http.MethodPost)
		// The Android app of WordPress looks for exactly this sentence to know
		// that it found an endpoint.
		q.plain(http.StatusMethodNotAllowed, "XML-RPC server accepts POST requests only.")
		return false
	}
	for _, list := range q.r.Header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(list, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				// A signature covers the bytes as they were sent.
				q.plain(http.StatusUnsupportedMediaType, "Compressed requests are not accepted. Send the body without a Content-Encoding.")
				return false
			}
		}
	}
	if q.r.ContentLength > q.h.cfg.MaxBody {
		q.tooLarge()
		return false
	}
	return true
}

func (q *request[I]) tooLarge() {
	q.w.Header().Set("Connection", "close")
	q.plain(http.StatusRequestEntityTooLarge, "The request is too large. At most "+strconv.FormatInt(q.h.cfg.MaxBody, 10)+" bytes are accepted.")
}

// plain answers outside XML-RPC.
func (q *request[I]) plain(status int, text string) {
	header := q.w.Header()
	header.Set("Content-Type", "text/plain;charset=UTF-8")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	q.event.Status = status
	q.write(status, []byte(text))
}

// write sends an answer that is in memory.
func (q *request[I]) write(status int, body []byte) {
	q.deliver(status, &answer[I]{h: q.h, encoder: encoder{dst: body}})
}

// deliver sends an answer.
func (q *request[I]) deliver(status int, a *answer[I]) {
	// The answer is complete, and a slow client may take long to read it.
	q.release()
	if q.known && q.h.cfg.Complete != nil {
		if err := q.h.cfg.Complete(q.r.Context(), q.identity, Answer{status, q.w.Header(), a.body()}); err != nil {
			q.h.cfg.Log.ErrorContext(q.r.Context(), "answer not completed", "error", err.Error())
		}
	}
	_ = q.control.SetWriteDeadline(time.Now().Add(q.h.cfg.WriteTime))
	q.w.WriteHeader(status)
	var err error
	if q.event.Out, err = a.send(q.w, q.control); err == nil {
		err = q.control.Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) && !errors.Is(err, http.ErrBodyNotAllowed) && q.event.Err == nil {
		q.event.Err = fmt.Errorf("write answer: %w", err)
	}
	_ = q.control.SetWriteDeadline(time.Time{})
}

// xml writes an answer of XML-RPC: faults too come with status 200 unless
// Config.Refused has another, as many clients do not read the body of one.
func (q *request[I]) xml(status int, body []byte) {
	q.xmlAnswer(status, &answer[I]{h: q.h, encoder: encoder{dst: body}})
}

func (q *request[I]) xmlAnswer(status int, a *answer[I]) {
	header := q.w.Header()
	header.Set("Content-Type", "text/xml; charset=UTF-8")
	header.Set("Content-Length", strconv.FormatInt(a.size(), 10))
	q.event.Status = status
	q.deliver(status, a)
}

// refused asks what HTTP must say next to the fault.
func (q *request[I]) refused(err error) (status int) {
	if q.h.cfg.Refused != nil {
		status = q.h.cfg.Refused(q.w.Header(), err)
	}
	return cmp.Or(status, http.StatusOK)
}

// fail answers with the fault that stands for err.
func (q *request[I]) fail(err error) {
	if errors.Is(err, errBusy) {
		q.event.Err = err
		q.busy()
		return
	}
	f, incident := q.h.fault(q.r.Context(), err)
	q.event.Fault, q.event.Err, q.event.Incident, q.event.Gone = f.Code, err, incident, f == errGone
	q.xml(q.refused(err), AppendFault(nil, f))
}

func (q *request[I]) refuseDocument(err error) {
	var bad *SyntaxError
	switch {
	case errors.As(err, &bad):
		q.event.Fault, q.event.Err = bad.Code, err
		q.xml(http.StatusOK, AppendFault(nil, bad.Fault()))
	default:
		q.fail(err)
	}
}

// fault finds the fault for an error. An error that has none stays inside
// under an incident number.
func (h *Handler[I]) fault(ctx context.Context, err error) (f *Fault, incident string) {
	if errors.As(err, &f) {
		return f, ""
	}
	if errors.Is(err, errBusy) {
		return &Fault{CodeInternal, "The server is busy. Try again later."}, ""
	}
	var p *panicked
	inside := errors.As(err, &p)
	// The context of a request is cancelled when its connection is closed: whatever the call was doing then has
	// failed for that reason, by whichever error the database has for it: an outage, too.
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

// invoked runs a call that was checked.
func invoked(ctx context.Context, run Run) (v Value, err error) {
	defer recovered(&err)
	return run(ctx)
}

// prepare checks a call, as far as its method does that beforehand.
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

// arguments takes a single array in place of the list, as WordPress does:
// several clients send all arguments in one array.
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

// carryOut runs a call that was checked and writes its result.
func carryOut[I any](ctx context.Context, run Run, a *answer[I]) (err error) {
	v, err := invoked(ctx, run)
	if err != nil {
		return err
	}
	defer recovered(&err) // the elements of a stream are the method's
	return a.value(v)
}
