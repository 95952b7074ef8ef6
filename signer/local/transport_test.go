package local

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// A connection that was kept while the computer slept is not used again: the
// clock on the wall went on.
func TestSleepDropsKeptConnections(t *testing.T) {
	var connections atomic.Int32
	blog := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }))
	blog.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	blog.Start()
	defer blog.Close()
	w, err := NewTransport(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.CloseIdleConnections()
	var slept time.Duration
	w.wall = func() time.Time { return time.Now().Round(0).Add(slept) }
	call := func() {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, blog.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	for _, tt := range []struct {
		slept time.Duration
		want  int32
	}{{0, 1}, {time.Second, 1}, {time.Hour, 2}, {time.Hour, 2}, {-time.Hour, 3}} {
		slept = tt.slept
		if call(); connections.Load() != tt.want {
			t.Errorf("%v later by the clock on the wall: %d connections, want %d", tt.slept, connections.Load(), tt.want)
		}
	}
}
