package xmlrpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// A Method is a row of the method table: a name and the function that answers.
// I is the type of a caller's identity.
type Method[I any] struct {
	Name string
	// Signatures is the answer to system.methodSignature: the type of the
	// result, followed by those of the parameters.
	Signatures [][]string
	Help       string // the answer to system.methodHelp
	// Func answers one call. A *Fault is returned to the client; any other
	// error goes through Config.Fault. Func must not keep values after it has
	// returned.
	Func func(ctx context.Context, c *Call[I]) (Value, error)
	// Prepare, in place of Func, checks a call and returns the function that
	// carries it out. All calls of a system.multicall are checked before the
	// first is carried out.
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
	Place    int           // position in the system.multicall, from 1; 0 outside
	Memory   *Memory       // counts what the method reads
	Request  *http.Request // its body has been read
}

// Param returns the i-th parameter, or the zero Value if there are fewer.
func (c *Call[I]) Param(i int) Value {
	if i < 0 || i >= len(c.Params) {
		return Value{}
	}
	return c.Params[i]
}

// A Check authenticates the sender of a request. Every byte of the body is
// written to it as received, after the transfer coding was removed; an error
// from Write ends the request. Then Identify is called once. The body is parsed
// only if it returns no error.
type Check[I any] interface {
	io.Writer
	Identify(ctx context.Context) (I, error)
}

// An Event describes a call after its end, for logs and metrics.
type Event struct {
	Method   string // a name in the table; "" if no known method was called
	Nested   bool   // one call of a system.multicall, whose own event follows
	Fault    int    // fault code, or 0
	Status   int    // HTTP status; 0 if nested
	Duration time.Duration
	In, Out  int64 // bytes of body read and of answer written; 0 if nested
	// Err is the reason for a refusal, for the log. It may contain what the
	// client must not see, and parts of the request.
	Err error
	// Incident is the number that the client got in place of an internal error,
	// or "".
	Incident string
	// Gone means that the call was cancelled because its client disconnected.
	Gone bool
}

// An Answer is everything that is sent to a client.
type Answer struct {
	Status int
	Header http.Header
	Body   io.Reader // the whole answer; it need not be read
}

// Config configures a Handler. Only Methods is required.
type Config[I any] struct {
	Methods []Method[I]
	// Authenticate begins the check of a request, given its header. An error
	// refuses the request before its body is read.
	Authenticate func(*http.Request) (Check[I], error)
	// Complete is called with every answer to a request whose Check has
	// succeeded, before the answer is written. It may add to the header, and
	// must not keep the body. An error is logged, and the answer is sent
	// unchanged.
	Complete func(ctx context.Context, identity I, a Answer) error
	// Fault returns the fault for an error of a method or a check. If Fault or
	// its result is nil, the client gets an internal error with an incident
	// number, under which the error is logged.
	Fault func(ctx context.Context, err error) *Fault
	// Refused is called before the fault for an error is sent, even for a
	// nested call. It may set header fields of the answer, such as Retry-After,
	// and returns the HTTP status, or 0 for 200. The status for a nested call
	// is ignored.
	Refused func(header http.Header, err error) (status int)
	Limits  Limits
	// SpoolDir holds large bodies during a request. The default is os.TempDir.
	// New removes files that a crash has left there.
	SpoolDir   string
	SpoolAbove int64 // size in bytes above which a body goes to the spool; default 1 MiB
	SpoolTotal int64 // bytes of bodies in the spool at the same time, more is 503; default 4 GiB
	// Client returns where a request comes from, and whether its share of the
	// spool is limited. By default it is the peer of the connection, and
	// limited. A network has a quarter of SpoolTotal. For requests without a
	// credential (if the Check has a method Presented that says so), a network
	// has a sixteenth, and all of them together a half.
	Client func(*http.Request) (from netip.Addr, limited bool)
	// AnswerTotal is the number of bytes of answers in the spool at the same
	// time, in addition to the bodies; more is 503. The default is 4 GiB.
	// Answers of more than SpoolAbove bytes go there, and all but the smallest
	// if a quarter of Memory is used up.
	AnswerTotal int64
	MaxBody     int64 // largest body in bytes, more is 413; default 64 MiB
	// Memory is the number of bytes that the bodies and large texts of all
	// requests, and the data that their methods read, may use together. The
	// default is 64 MiB. When it is used up, bodies go to the spool, and calls
	// with large texts wait for MemoryWait and then get 503.
	Memory     int64
	MemoryWait time.Duration // default 20 s
	// Calls is the number of requests that are processed at the same time, from
	// the moment when their body has arrived until their answer is made. The
	// default is 256. Up to Waiting more, by default four times as many, wait
	// for at most CallWait, by default 10 s. All others get 503.
	Calls, Waiting int
	CallWait       time.Duration
	// A body has BodyGrace, and then as much time as it needs at BodyRate bytes
	// a second, but never more than BodyTime, and between two bytes at most
	// three times BodyGrace; a large one without a credential BodyGrace.
	// Defaults: 20 s, 4 KiB, 15 min.
	BodyGrace time.Duration
	BodyRate  int64
	BodyTime  time.Duration
	CallTime  time.Duration // for all methods of one request; default 2 min
	// WriteTime is how long a client may take for an answer. For a long one, it
	// also has the time that it needs at 16 KiB a second. The default is 60 s.
	WriteTime time.Duration
	// Context returns the context for the methods of a request, in which what
	// they read is counted. It may be nil.
	Context func(context.Context, *Memory) context.Context
	// Introspection adds system.methodSignature and system.methodHelp, which
	// WordPress does not have.
	Introspection bool
	// Observe is called for every request, including refused ones, and for
	// every call in a system.multicall.
	Observe func(ctx context.Context, e Event)
	Log     *slog.Logger // for incidents; default slog.Default
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

	buffers sync.Pool // *[]byte of smallBody bytes, for reading
	answers sync.Pool // *[]byte, for encoding
}

// New returns a handler. It returns an error for two methods with the same
// name, a method without name or function, and a name with characters outside
// of the specification.
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

// Beside returns a handler with its own methods, callers and faults, which
// shares all limits with h: memory, the spool, the turns of calls. The rest of
// h's configuration applies to it too. Errors: those of New.
func (h *Handler[I]) Beside(methods []Method[I], authenticate func(*http.Request) (Check[I], error), fault func(context.Context, error) *Fault) (*Handler[I], error) {
	cfg := h.cfg
	cfg.Methods, cfg.Authenticate, cfg.Fault = methods, authenticate, fault
	return newHandler(cfg, h.bounds)
}

// For returns a handler for other callers, with the methods of h and everything
// it shares.
func (h *Handler[I]) For(authenticate func(*http.Request) (Check[I], error), fault func(context.Context, error) *Fault) *Handler[I] {
	other := *h
	other.cfg.Authenticate, other.cfg.Fault = authenticate, fault
	return &other
}

// newHandler builds the method table.
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

// isMethodName reports whether the specification allows all characters of a
// method name.
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
	check    Check[I]  // nil: no authentication
	paced    int64     // bytes of body that have earned time
	due      time.Time // when the next ones must arrive
	turn     bool      // this request holds one of Config.Calls
	memory   Memory
	identity I
	known    bool // identity is set
	gone     bool // a call of a batch was told that the client went away
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

// acceptable refuses what can be refused before the body is read: until then a
// client that expects 100-continue sends nothing.
func (q *request[I]) acceptable() bool {
	if q.r.Method != http.MethodPost {
		q.w.Header().Set("Allow", http.MethodPost)
		// WordPress's Android app looks for exactly this sentence to recognize
		// an endpoint.
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

// plain sends an answer outside of XML-RPC.
func (q *request[I]) plain(status int, text string) {
	header := q.w.Header()
	header.Set("Content-Type", "text/plain;charset=UTF-8")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	q.event.Status = status
	q.write(status, []byte(text))
}

// write sends an answer from memory.
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

// xml sends an XML-RPC answer. Faults too have status 200 unless Config.Refused
// returns another, because many clients do not read the body of other statuses.
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

// refused returns the HTTP status for a fault.
func (q *request[I]) refused(err error) (status int) {
	if q.h.cfg.Refused != nil {
		status = q.h.cfg.Refused(q.w.Header(), err)
	}
	return cmp.Or(status, http.StatusOK)
}

// fail sends the fault for err.
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
