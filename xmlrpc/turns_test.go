package xmlrpc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// One call runs and one waits. The third is refused, and when the first has
// ended, everything is as before.
func TestH8TurnsAreBounded(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	h, err := xmlrpc.New(config{Calls: 1, Waiting: 1, CallWait: time.Minute, SpoolDir: t.TempDir(), Methods: []method{
		{Name: "test.block", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			begun <- true
			<-end
			return xmlrpc.Int(1), nil
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan *httptest.ResponseRecorder, 2)
	ask := func(ctx context.Context, name string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		body := strings.NewReader(string(xmlrpc.AppendCall(nil, name)))
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", body).WithContext(ctx))
		return w
	}
	go func() { answers <- ask(t.Context(), "test.block") }()
	<-begun
	waits := make(chan bool)
	ctx := &watched{Context: t.Context(), asked: waits}
	go func() { answers <- ask(ctx, "demo.sayHello") }()
	<-waits
	sent := ask(t.Context(), "demo.sayHello")
	if sent.Code != http.StatusServiceUnavailable || sent.Header().Get("Retry-After") == "" {
		t.Errorf("beyond all places: got %d, Retry-After %q", sent.Code, sent.Header().Get("Retry-After"))
	}
	close(end)
	for range 2 {
		if w := <-answers; w.Code != http.StatusOK {
			t.Errorf("the call that had a place got %d %s", w.Code, w.Body)
		}
	}
	if w := ask(t.Context(), "demo.sayHello"); !strings.Contains(w.Body.String(), "Hello!") {
		t.Errorf("afterwards: got %d %s", w.Code, w.Body)
	}
}

// A handler next to another has its own methods and callers, and shares the
// limit for concurrent calls.
func TestBesideSharesTheTurns(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	block := method{Name: "test.block", Func: func(context.Context, *call) (xmlrpc.Value, error) {
		begun <- true
		<-end
		return xmlrpc.Int(1), nil
	}}
	first, err := xmlrpc.New(config{Calls: 1, Waiting: 1, CallWait: time.Nanosecond, SpoolDir: t.TempDir(), Methods: []method{block}})
	if err != nil {
		t.Fatal(err)
	}
	other := method{Name: "test.other", Func: func(context.Context, *call) (xmlrpc.Value, error) { return xmlrpc.Int(2), nil }}
	second, err := first.Beside([]method{other}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Beside([]method{other, other}, nil, nil); err == nil {
		t.Error("a method is taken twice")
	}
	ask := func(h http.Handler, name string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(xmlrpc.AppendCall(nil, name)))))
		return w
	}
	if w := ask(second, "test.block"); !strings.Contains(w.Body.String(), "-32601") {
		t.Errorf("a method of the first: %s", w.Body)
	}
	if w := ask(first, "test.other"); !strings.Contains(w.Body.String(), "-32601") {
		t.Errorf("a method of the second: %s", w.Body)
	}
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- ask(first, "test.block") }()
	<-begun
	if w := ask(second, "test.other"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("while the first has the only turn: %d %s", w.Code, w.Body)
	}
	close(end)
	<-done
	if w := ask(second, "test.other"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<int>2</int>") {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

// watched is a context that reports when somebody waits for its end.
type watched struct {
	context.Context
	asked chan bool
}

func (w *watched) Done() <-chan struct{} {
	if w.asked != nil {
		close(w.asked)
		w.asked = nil
	}
	return w.Context.Done()
}

// A call that waits too long, or whose client has disconnected, loses its
// place.
func TestH8WaitingEnds(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	h, err := xmlrpc.New(config{Calls: 1, CallWait: time.Millisecond, SpoolDir: t.TempDir(), Methods: []method{
		{Name: "test.block", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			begun <- true
			<-end
			return xmlrpc.Int(1), nil
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(xmlrpc.AppendCall(nil, name)))))
		return w.Code
	}
	done := make(chan int)
	go func() { done <- ask("test.block") }()
	<-begun
	for range 10 { // more than may wait: each releases its place
		if got := ask("demo.sayHello"); got != http.StatusServiceUnavailable {
			t.Fatalf("got %d while the only turn was taken", got)
		}
	}
	close(end)
	if got := <-done; got != http.StatusOK {
		t.Errorf("the one that was worked on got %d", got)
	}
}

// The hook decides the HTTP status of a fault; without a decision it is 200.
func TestH5StatusOfAFault(t *testing.T) {
	s := serve(t, config{Refused: func(h http.Header, err error) int {
		if errors.Is(err, errDenied) {
			h.Set("Retry-After", "7")
			return http.StatusTooManyRequests
		}
		return 0
	}})
	for _, c := range []struct {
		body          []byte
		status        int
		retry, inside string
	}{
		{xmlrpc.AppendCall(nil, "test.denied"), 429, "7", "<int>403</int>"},
		{xmlrpc.AppendCall(nil, "test.fault"), 200, "", "<int>404</int>"},
		{xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(batched("test.denied"))), 200, "7", "<int>403</int>"},
	} {
		resp, err := http.Post(s.URL, "text/xml", strings.NewReader(string(c.body)))
		if err != nil {
			t.Fatal(err)
		}
		text := new(strings.Builder)
		if err := resp.Write(text); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status || resp.Header.Get("Retry-After") != c.retry || !strings.Contains(text.String(), c.inside) {
			t.Errorf("%s\ngot %s, want %d, Retry-After %q and %s", c.body, text, c.status, c.retry, c.inside)
		}
	}
}
