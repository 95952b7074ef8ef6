package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// record collects what becomes known about a request, for its log line and the
// metrics. It belongs to the goroutine of the request.
type record struct {
	id      string
	site    *served
	client  client
	route   string     // the name in the route table, never text from the client
	method  string     // the name of the called method in the table; "" if no known method was called
	calls   int        // number of calls in a system.multicall
	outcome string     // of the call: ok, or fault with its code
	refusal string     // why a credential was refused; not for the client
	refused auth.Event // whose it was, as far as the request names someone
	cause   string     // of a refusal by the protocol server, for the log
	user    int64      // the caller
	app     string     // the application by its public key, or the token by its ID
	signed  bool       // app is the key of a signature
	// superseded means that the application has a successor, to which its
	// client still has to change.
	superseded bool
	status     int
	sent       int64
}

type recordKey struct{}

// recordOf returns the record of the request that ctx belongs to.
func recordOf(ctx context.Context) *record {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		return r
	}
	return &record{} // outside of a request: discarded
}

// wrap puts the middleware around the routes, outermost first: the record and
// the request id, the log line and the metrics, the recovery from a panic, the
// headers of every answer.
func (s *Server) wrap(next http.Handler) http.Handler {
	next = s.safeHeaders(next)
	next = s.recovered(next)
	next = s.observed(next)
	return s.recorded(next)
}

// recorded gives the request its id and determines where it comes from.
func (s *Server) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &record{id: newRequestID(), site: s.site, client: s.proxies.client(r, s.fronted)}
		if rec.client.unlisted && (r.Method == http.MethodPost || !s.fronted) { // a health check causes no warning
			s.unlisted.Do(s.warnUnlisted)
		}
		// A request with Transfer-Encoding and Content-Length may be an attempt
		// at smuggling, so the connection must be closed after it (RFC 9112
		// section 6.1). net/http does not reveal whether there was a length, so
		// it is closed after every chunked request.
		if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		w.Header().Set("X-Request-Id", rec.id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), recordKey{}, rec)))
	})
}

// warnUnlisted logs what to do about a proxy on this machine that is not
// trusted.
func (s *Server) warnUnlisted() {
	s.logger.Warn("Requests come from this machine, perhaps through a proxy that is not listed as trusted. They are treated as remote and unencrypted, " +
		"so passwords are refused. If the proxy is yours, list its address: --trusted-proxies 127.0.0.1,::1")
}

// warnForeignBasic logs what to do about a proxy that asks for a password of
// its own and passes it on.
func (s *Server) warnForeignBasic() {
	s.logger.Warn("A request carried HTTP Basic credentials of a user that does not exist here. If a proxy in front asks for its own password, " +
		"configure it to remove the Authorization header before it forwards the request, unless the value contains ||. See docs/OPERATING.md, Behind a proxy")
}

func newRequestID() string {
	var b [9]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}

// observed writes the log line and counts the request after it was answered.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := recordOf(r.Context())
		out := &answer{ResponseWriter: w, record: rec}
		s.metrics.inFlight.Inc()
		defer func() {
			s.metrics.inFlight.Dec()
			took := time.Since(start)
			s.metrics.observe(rec, took)
			rec.site.count(rec, r)
			s.logRequest(r, rec, took)
		}()
		next.ServeHTTP(out, r)
	})
}

// logRequest writes one line, without query and headers, which may hold a
// secret.
func (s *Server) logRequest(r *http.Request, rec *record, took time.Duration) {
	level := slog.LevelInfo
	if rec.status >= 500 {
		level = slog.LevelError
	}
	var room [15]slog.Attr // for all possible attributes, on the stack
	attrs := append(room[:0],
		slog.String("client", rec.client.addr.String()),
		slog.String("http", knownMethod(r.Method)),
		slog.String("route", routeLabel(rec.route)),
		slog.Int("status", rec.status),
		slog.Int64("bytes", rec.sent),
		slog.Duration("took", took.Round(time.Microsecond)),
	)
	for _, a := range []struct{ key, value string }{
		{"method", rec.method}, {"outcome", rec.outcome}, {"refusal", rec.refusal}, {"cause", rec.cause}, {"app", rec.app},
	} {
		if a.value != "" {
			attrs = append(attrs, slog.String(a.key, a.value))
		}
	}
	if rec.user != 0 {
		attrs = append(attrs, slog.Int64("user", rec.user))
	}
	if rec.superseded {
		attrs = append(attrs, slog.Bool("superseded", true))
	}
	if rec.site.name != "" {
		attrs = append(attrs, slog.String("site", rec.site.name))
	}
	if rec.calls > 0 {
		attrs = append(attrs, slog.Int("calls", rec.calls))
	}
	s.logger.LogAttrs(r.Context(), level, "answered", attrs...)
}

// recovered turns a panic of a handler into an answer, and writes the stack
// only to the log.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			rec := recordOf(r.Context())
			rec.outcome = "panic"
			s.logger.LogAttrs(r.Context(), slog.LevelError, "panic",
				slog.String("cause", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
			if rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer was sent: break the connection rather than complete it wrongly
			}
			http.Error(w, "Something went wrong on the server. Its log records the cause under request "+rec.id+".", http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// safeHeaders sets the headers of every answer, which a handler may change.
func (s *Server) safeHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'")
		if s.hsts != "" && recordOf(r.Context()).client.secure { // RFC 6797 section 7.2: never over plain HTTP
			h.Set("Strict-Transport-Security", s.hsts)
		}
		next.ServeHTTP(w, r)
	})
}

// answer counts the bytes written, and moves the write deadline with them: a
// large file may take long as long as it progresses.
type answer struct {
	http.ResponseWriter
	record *record
	due    time.Time
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	a.extend()
	if a.record.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		a.record.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.record.status == 0 {
		a.record.status = http.StatusOK
	}
	a.extend()
	n, err := a.ResponseWriter.Write(p)
	a.record.sent += int64(n)
	return n, err
}

func (a *answer) extend() {
	now := time.Now()
	if a.due.Sub(now) > writeTimeout*3/4 {
		return
	}
	a.due = now.Add(writeTimeout)
	http.NewResponseController(a.ResponseWriter).SetWriteDeadline(a.due)
}

// knownMethod keeps arbitrary method names of strangers out of the log and the
// metrics.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "other"
}

func routeLabel(name string) string {
	if name == "" {
		return "none"
	}
	return name
}
