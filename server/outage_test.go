package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// outage fails unless calls and pages report with a status that the database is
// unavailable, and when to come back.
func outage(t *testing.T, s *server.Server) {
	t.Helper()
	w := send(s, post("wp.newPost", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(servertest.Password),
		xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("a")), xmlrpc.M("post_status", xmlrpc.String("publish")))))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a call: got %d, Retry-After %q, want 503 and a time", w.Code, w.Header().Get("Retry-After"))
	}
	if _, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{}); !isFault(err, http.StatusServiceUnavailable) {
		t.Errorf("next to the status: got %v, want fault 503", err)
	}
	began := time.Now()
	if w := send(s, httptest.NewRequest("GET", "/readyz", nil)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready: got %d, want 503", w.Code)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("/readyz took %v", took)
	}
}

func isFault(err error, code int) bool {
	f, ok := errors.AsType[*xmlrpc.Fault](err)
	return ok && f.Code == code
}

// If the database does not answer, calls and /readyz report that in time, and
// the server stops in time.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	way := databasetest.NewProxy(t, databasetest.Postgres(t))
	blog := open(t, way.URL(), nil)
	s := newServer(t, server.Config{Blog: blog})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, server.Listeners{Plain: listen(t)}) }()
	if w := send(s, httptest.NewRequest("GET", "/readyz", nil)); w.Code != http.StatusOK {
		t.Errorf("before: got %d, want 200", w.Code)
	}
	way.Silence(true)
	outage(t, s)
	if w := send(s, httptest.NewRequest("GET", "/", nil)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("a page: got %d, want 503", w.Code)
	}
	began := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("end: %v", err)
	}
	_ = blog.Close() // data that could not be written causes an error
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the server took %v to end", took)
	}
}

// The SQLite file has been deleted.
func TestRemovedFile(t *testing.T) {
	t.Parallel()
	blog := open(t, "", nil)
	s := newServer(t, server.Config{Blog: blog})
	if err := os.Remove(filepath.Join(blog.Folder, "quillgate.db")); err != nil {
		t.Fatal(err)
	}
	outage(t, s)
	if w := send(s, httptest.NewRequest("GET", "/healthz", nil)); !strings.Contains(w.Body.String(), "ok") {
		t.Errorf("healthy: got %d %s", w.Code, w.Body)
	}
}
