package upstream_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/upstream"
)

func send(t *testing.T, rt http.RoundTripper, url string, limit time.Duration) *upstream.Trouble {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("<methodCall/>"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := upstream.Send(rt, req)
	if err == nil {
		resp.Body.Close()
		t.Fatal("there was an answer")
	}
	trouble := (*upstream.Trouble)(nil)
	if !errors.As(err, &trouble) {
		t.Fatalf("the error is %T: %v", err, err)
	}
	return trouble
}

// A client may send a call again only when it is proven that the first one was
// not carried out.
func TestSendKnowsWhatMayHaveBeenSeen(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	closes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	defer closes.Close()
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	defer secure.Close()

	for _, c := range []struct {
		name, url string
		limit     time.Duration
		code      int
		outcome   upstream.Outcome
		words     string
	}{
		{"nobody listens", "http://" + refused.Addr().String(), time.Minute, upstream.CodeUnavailable, upstream.NotDone, "refused the connection"},
		{"no such name", "http://blog.invalid/", time.Minute, upstream.CodeUnavailable, upstream.NotDone, "blog.invalid"},
		{"closed without a byte", closes.URL, time.Minute, upstream.CodeUnavailable, upstream.Unknown, "closed the connection"},
		{"never answers", slow.URL, 300 * time.Millisecond, upstream.CodeTimeout, upstream.Unknown, "did not answer in time"},
		{"certificate of nobody", secure.URL, time.Minute, upstream.CodeUnavailable, upstream.NotDone, "Acme Co"},
		{"plain HTTP on the port of TLS", strings.Replace(closes.URL, "http:", "https:", 1), time.Minute, upstream.CodeUnavailable, upstream.NotDone, "TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rt := &http.Transport{}
			defer rt.CloseIdleConnections()
			got := send(t, rt, c.url, c.limit)
			if got.Code != c.code || got.Outcome != c.outcome || !strings.Contains(got.What, c.words) {
				t.Errorf("got code %d, outcome %v, %q (%v)", got.Code, got.Outcome, got.What, got.Err)
			}
		})
	}
}

// Go's transport sends a request again by itself when it carries one of these.
func TestSendAllowsNoSecondSending(t *testing.T) {
	seen := make(http.Header)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header.Clone() }))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", "1")
	req.Header.Set("X-Idempotency-Key", "1")
	resp, err := upstream.Send(http.DefaultTransport, req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key"} {
		if seen.Get(name) != "" {
			t.Errorf("%s was sent", name)
		}
	}
}
