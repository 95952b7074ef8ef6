package wordpress_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A call waits for PostgreSQL a limited number of times, once the caches are
// filled: each round trip costs the latency of the network.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	proxy := databasetest.NewProxy(t, databasetest.Postgres(t))
	e := openEndpoint(t, databasetest.Open(t, proxy.URL()))
	e.fill(t, 20)
	editor, err := e.users.ByLogin(t.Context(), "editor")
	must(t, err)
	app, secret, err := e.apps.Create(t.Context(), audit.Operator, apps.New{UserID: editor.ID, Name: "a client"})
	must(t, err)
	call := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
		t.Helper()
		none := xmlrpc.String("")
		body := xmlrpc.AppendCall(nil, method, append([]xmlrpc.Value{xmlrpc.Int(1), none, none}, params...)...)
		r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "https://blog.example/xmlrpc.php", bytes.NewReader(body))
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("Authorization", signature.Sign(app.Public, secret.Reveal(), body))
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
		must(t, err)
		return v
	}
	made := 0
	post := func(more ...any) xmlrpc.Value {
		made++
		return object(append([]any{"post_title", fmt.Sprint("Post ", made), "post_content", "Some words.", "post_status", "publish"}, more...)...)
	}
	id := call("wp.newPost", post("comment_status", "open"))
	for _, c := range []struct {
		method string
		args   func() []xmlrpc.Value
		most   int64
	}{
		{"wp.getPost", func() []xmlrpc.Value { return []xmlrpc.Value{id} }, 2},
		{"wp.getPosts", func() []xmlrpc.Value { return nil }, 2},
		{"wp.newPost", func() []xmlrpc.Value { return []xmlrpc.Value{post()} }, 5},
		{"wp.editPost", func() []xmlrpc.Value { return []xmlrpc.Value{id, post()} }, 4},
		{"wp.uploadFile", func() []xmlrpc.Value {
			made++
			return []xmlrpc.Value{object("name", fmt.Sprintf("%d.txt", made), "type", "text/plain", "bits", xmlrpc.Bytes([]byte("text")))}
		}, 6},
		{"wp.newComment", func() []xmlrpc.Value {
			made++
			return []xmlrpc.Value{id, object("content", fmt.Sprint("I agree ", made))}
		}, 5},
	} {
		var least int64 = 1 << 30
		for range 5 { // background work counts too, so the smallest number belongs to the call
			before := proxy.RoundTrips()
			call(c.method, c.args()...)
			least = min(least, proxy.RoundTrips()-before)
		}
		if least > c.most {
			t.Errorf("%s takes %d round trips, want %d at most", c.method, least, c.most)
		}
	}
}
