package interop

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/server"
)

// edge is a running server with the seed, called as clients call it: with
// complete request texts, over a socket.
type edge struct {
	base, endpoint string
	client         *http.Client
}

// openEdge starts the server with its own listener, its limits and its
// throttling.
func openEdge(t *testing.T, s seeded) *edge {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	blog, err := server.OpenBlog(t.Context(), server.BlogConfig{Folder: s.folder, Database: s.database, BaseURL: base, Logger: inspectedLog()})
	if err != nil {
		listener.Close()
		t.Fatal(err)
	}
	srv, err := server.New(server.Config{Blog: blog, Logger: inspectedLog()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx, server.Listeners{Plain: listener}) }()
	client := &http.Client{
		Transport:     recording{&http.Transport{DisableCompression: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := blog.Close(); err != nil {
			t.Error(err)
		}
	})
	return &edge{base: base, endpoint: base + "/xmlrpc.php", client: client}
}

// request sends a body. Headers are names and values in turn; there is no
// Content-Type unless one is given.
func (e *edge) request(t *testing.T, method, url, body string, headers ...string) (*reply, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := &reply{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type")}
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	r.read()
	return r, resp.Header
}

// post sends a call to the endpoint.
func (e *edge) post(t *testing.T, body string, headers ...string) *reply {
	t.Helper()
	r, _ := e.request(t, http.MethodPost, e.endpoint, body, append([]string{"Content-Type", "text/xml"}, headers...)...)
	return r
}

// ask sends a call that must succeed, and returns its result.
func (e *edge) ask(t *testing.T, body string, headers ...string) *node {
	t.Helper()
	r := e.post(t, body, headers...)
	if r.outcome != "ok" {
		t.Fatalf("%s\nfor %.600s", r, body)
	}
	return r.result
}

// text returns the result of ask as a text.
func (e *edge) text(t *testing.T, body string) string {
	t.Helper()
	return e.ask(t, body).value()
}

// fault returns the fault code of a call, or 0 if it succeeds.
func (e *edge) fault(t *testing.T, body string, headers ...string) int {
	t.Helper()
	r := e.post(t, body, headers...)
	if r.outcome == "http" {
		t.Fatalf("%s\nfor %.600s", r, body)
	}
	return r.code
}

// members returns members of the result of ask in one line, as "type value"; a
// missing one is "none".
func (e *edge) members(t *testing.T, body string, names ...string) string {
	t.Helper()
	n := e.ask(t, body)
	return n.show(names...)
}

func (n *node) show(names ...string) string {
	var out []string
	for _, name := range names {
		switch m := n.M[name]; {
		case m == nil:
			out = append(out, "none")
		case m.T == "array":
			var inner []string
			for _, x := range m.I {
				inner = append(inner, x.value())
			}
			out = append(out, "["+strings.Join(inner, " ")+"]")
		default:
			out = append(out, m.T+" "+m.value())
		}
	}
	return strings.Join(out, ", ")
}

// rpc writes a call as most libraries do. Each value is the content of a value
// element.
func rpc(method string, values ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version=\"1.0\"?>\n<methodCall><methodName>%s</methodName><params>", method)
	for _, v := range values {
		fmt.Fprintf(&b, "<param><value>%s</value></param>", v)
	}
	b.WriteString("</params></methodCall>")
	return b.String()
}

// asAdmin is rpc with the blog, the user name and the password as the first
// parameters.
func asAdmin(method string, values ...string) string { return asUser(seedUser, method, values...) }

func asUser(user, method string, values ...string) string {
	return rpc(method, append([]string{"<int>0</int>", str(user), str(user + "-pass-1234")}, values...)...)
}

// byID is rpc for methods of MetaWeblog and Movable Type whose first argument
// is a post.
func byID(method, id string, values ...string) string {
	return rpc(method, append([]string{str(id), str(seedUser), str(seedPassword)}, values...)...)
}

func str(s string) string     { return "<string>" + s + "</string>" }
func num(s string) string     { return "<int>" + s + "</int>" }
func boolean(s string) string { return "<boolean>" + s + "</boolean>" }
func when(s string) string    { return "<dateTime.iso8601>" + s + "</dateTime.iso8601>" }

func list(values ...string) string {
	return "<array><data><value>" + strings.Join(values, "</value><value>") + "</value></data></array>"
}

// object writes a struct from names and values in turn.
func object(pairs ...string) string {
	var b strings.Builder
	b.WriteString("<struct>")
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "<member><name>%s</name><value>%s</value></member>", pairs[i], pairs[i+1])
	}
	b.WriteString("</struct>")
	return b.String()
}

// newPost publishes a post with wp.newPost and returns its id.
func (e *edge) newPost(t *testing.T, pairs ...string) string {
	t.Helper()
	content := append([]string{"post_status", str("publish")}, pairs...)
	if !slices.Contains(pairs, "post_title") {
		content = append(content, "post_title", str("A post"))
	}
	return e.text(t, asAdmin("wp.newPost", object(content...)))
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
