package xmlrpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

// numbered yields a list of n texts, and then the error, if any.
func numbered(n, size int, err error) iter.Seq2[xmlrpc.Value, error] {
	return func(yield func(xmlrpc.Value, error) bool) {
		for i := range n {
			if !yield(xmlrpc.String(strings.Repeat(string(rune('a'+i%26)), size)), nil) {
				return
			}
		}
		if err != nil {
			yield(xmlrpc.Value{}, err)
		}
	}
}

// streams are methods that return lists while they produce them.
func streams() []method {
	stream := func(n, size int, err error) func(context.Context, *call) (xmlrpc.Value, error) {
		return func(context.Context, *call) (xmlrpc.Value, error) { return xmlrpc.Stream(numbered(n, size, err)), nil }
	}
	return append(testMethods(),
		method{Name: "list.empty", Func: stream(0, 0, nil)},
		method{Name: "list.short", Func: stream(3, 2, nil)},
		method{Name: "list.long", Func: stream(3000, 1000, nil)},
		method{Name: "list.wide", Func: stream(2, 1<<20+1, nil)},
		method{Name: "list.breaks", Func: stream(3000, 1000, errDenied)},
		method{Name: "list.fails", Func: stream(3, 10, errors.New("open /secret/path: no"))},
		method{Name: "list.panics", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			return xmlrpc.Stream(func(func(xmlrpc.Value, error) bool) { panic("secret of the panic") }), nil
		}},
		method{Name: "text.mixed", Func: func(context.Context, *call) (xmlrpc.Value, error) { return xmlrpc.String(mixed()), nil }},
		method{Name: "text.bytes", Func: func(context.Context, *call) (xmlrpc.Value, error) {
			return xmlrpc.Bytes(bytes.Repeat([]byte{1, 2, 3, 4, 5}, 50_000)), nil
		}})
}

// mixed is a long text with characters of one to four bytes, and with bytes
// that form none. An encoder that works in pieces splits it at every position.
func mixed() string { return strings.Repeat("a<ä€😀\r\xff\xe2\x82é", 40_000) }

// TestStream: a list that is produced while it is sent arrives like the same
// list as one value, from memory and through the spool, alone and in a batch.
// Nothing is left in the spool.
func TestStream(t *testing.T) {
	whole := func(n, size int) string {
		var all []xmlrpc.Value
		for v := range numbered(n, size, nil) {
			all = append(all, v)
		}
		return string(xmlrpc.AppendResponse(nil, xmlrpc.Array(all...)))
	}
	for _, above := range []int64{100, 1 << 20} {
		dir := t.TempDir()
		s := serve(t, config{Methods: streams(), Fault: toFault, SpoolDir: dir, SpoolAbove: above})
		for name, want := range map[string]string{
			"list.empty": whole(0, 0), "list.short": whole(3, 2), "list.long": whole(3000, 1000), "list.wide": whole(2, 1<<20+1),
			"text.mixed": string(xmlrpc.AppendResponse(nil, xmlrpc.String(mixed()))),
			"text.bytes": string(xmlrpc.AppendResponse(nil, xmlrpc.Bytes(bytes.Repeat([]byte{1, 2, 3, 4, 5}, 50_000)))),
		} {
			r, err := http.Post(s.URL, "text/xml", request(name))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != want || r.ContentLength != int64(len(want)) {
				t.Errorf("%s, spool above %d: %d bytes of %d announced, %v; want the %d of the value in one", name, above, len(body), r.ContentLength, err, len(want))
			}
			r.Body.Close()
		}
		got := post(t, s.URL, request("system.multicall", batched("list.short"), batched("list.breaks"), batched("list.panics"), batched("list.empty"), batched("list.long"), batched("demo.sayHello")))
		if !strings.HasPrefix(got.text, `[[["aa", "bb", "cc"]], {"faultCode": int 403, "faultString": "Denied."}, {"faultCode": int -32603`) ||
			!strings.HasSuffix(got.text, `, ["Hello!"]]`) || !strings.Contains(got.text, `}, [[]], [["aaa`) || strings.Contains(got.text, "secret") {
			t.Errorf("batch, spool above %d: %.300s", above, got.text)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
			t.Errorf("in the spool: %v, %v", left, err)
		}
	}
}

// TestStreamFault: an error after a part of the answer, however long, becomes a
// fault and nothing else.
func TestStreamFault(t *testing.T) {
	s := serve(t, config{Methods: streams(), Fault: toFault})
	for name, want := range map[string]string{"list.breaks": "fault 403: Denied.", "list.fails": "fault -32603: ", "list.panics": "fault -32603: "} {
		if got := post(t, s.URL, request(name)); !strings.HasPrefix(got.text, want) || strings.Contains(got.text, "secret") || got.status != 200 {
			t.Errorf("%s: %d %.200s, want %s", name, got.status, got.text, want)
		}
	}
}

// TestAnswerSpool: if the spool for answers is full, a long answer becomes 503,
// and others continue.
func TestAnswerSpool(t *testing.T) {
	s := serve(t, config{Methods: streams(), AnswerTotal: 1 << 20})
	if got := post(t, s.URL, request("list.long")); got.status != http.StatusServiceUnavailable {
		t.Errorf("three MB with a spool of one: %d %.100s, want 503", got.status, got.text)
	}
	for range 2 {
		if got := post(t, s.URL, request("demo.sayHello")); got.text != `"Hello!"` {
			t.Errorf("after that: %s", got.text)
		}
	}
}

// TestCompleteSpooled: the signer of an answer reads all of it, even from the
// spool, and the client still gets it.
func TestCompleteSpooled(t *testing.T) {
	var seen []byte
	h, err := xmlrpc.New(config{
		Methods: streams(), SpoolDir: t.TempDir(),
		Authenticate: func(*http.Request) (xmlrpc.Check[who], error) { return &knows{"ada"}, nil },
		Complete: func(_ context.Context, _ who, a xmlrpc.Answer) (err error) {
			seen, err = io.ReadAll(a.Body)
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"list.short", "list.long"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", request(name)))
		if !bytes.Equal(seen, w.Body.Bytes()) || len(seen) == 0 {
			t.Errorf("%s: %d bytes to sign, %d sent", name, len(seen), w.Body.Len())
		}
	}
}

// TestMethodMemory: the memory for what methods read is counted for all
// requests together and released. A call that gets none becomes 503.
func TestMethodMemory(t *testing.T) {
	type key struct{}
	grow := func(n int64) method {
		return method{Name: "read", Func: func(ctx context.Context, c *call) (xmlrpc.Value, error) {
			m := ctx.Value(key{}).(*xmlrpc.Memory)
			for _, step := range []func() error{
				func() error { return m.Reserve(ctx, 100<<20) }, // the whole budget
				func() error { return m.Grow(100 << 20) },
				func() error { m.Shrink(0); return m.Grow(n) },
			} {
				if err := step(); err != nil {
					return xmlrpc.Value{}, err
				}
			}
			return xmlrpc.Int(m.Used()), nil
		}}
	}
	for n, want := range map[int64]int{1 << 20: 200, 8 << 20: 200, 9<<20 + 1: 503} {
		s := serve(t, config{
			Methods: []method{grow(n)}, Memory: 8 << 20,
			Context: func(ctx context.Context, m *xmlrpc.Memory) context.Context { return context.WithValue(ctx, key{}, m) },
		})
		for range 3 { // a finished call leaves the budget to the next
			if got := post(t, s.URL, request("read")); got.status != want {
				t.Errorf("%d bytes: %d %s, want %d", n, got.status, got.text, want)
			}
		}
	}
}

// TestAnswerDisk: if the folder has disappeared, a long answer becomes a fault,
// not half an answer.
func TestAnswerDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := serve(t, config{Methods: streams(), SpoolDir: dir})
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	got := post(t, s.URL, request("list.long"))
	if diff := cmp.Diff(true, strings.HasPrefix(got.text, "fault -32603: ")); diff != "" {
		t.Errorf("%.200s", got.text)
	}
}
