package wordpress_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/xmlrpc"
)

// web is a server with pages of other sites by path, and a record of requests.
type web struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked []string
}

func openWeb(t *testing.T) *web {
	t.Helper()
	w := &web{pages: map[string]http.HandlerFunc{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r.Method+" "+r.URL.Path)
		page := w.pages[r.URL.Path]
		w.mu.Unlock()
		if page == nil {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		page(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *web) page(path, text string) {
	w.pages[path] = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(rw, text)
	}
}

// requests returns the requests since the last call.
func (w *web) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

func (o *office) set(t *testing.T, name, value string) {
	t.Helper()
	if err := o.Options().Set(t.Context(), name, value); err != nil {
		t.Fatal(err)
	}
}

// reach turns on pingbacks, and allows them to reach the web.
func (o *office) reach(t *testing.T, w *web) {
	t.Helper()
	o.set(t, "pingback", "on")
	o.set(t, "pingback_networks", strings.TrimPrefix(w.URL, "http://"))
}

// ping calls pingback.ping, and returns "ok", or the fault code and whether it
// has a text.
func (o *office) ping(t *testing.T, source, target string) string {
	t.Helper()
	v, err := o.post(t, xmlrpc.AppendCall(nil, "pingback.ping", xmlrpc.String(source), xmlrpc.String(target)))
	return outcome(v, err)
}

func outcome(v xmlrpc.Value, err error) string {
	f, fault := err.(*xmlrpc.Fault)
	switch {
	case fault && f.Message == "":
		return fmt.Sprintf("%d without words", f.Code)
	case fault:
		return fmt.Sprint(f.Code)
	case err != nil:
		return err.Error()
	case v.Kind() == xmlrpc.KindString && v.Text() != "":
		return "ok"
	}
	return show(v)
}

// openPings makes posts 1 and 2 accept pingbacks.
func (o *office) openPings(t *testing.T) {
	t.Helper()
	for _, id := range []int64{1, 2} {
		if _, err := o.as(t, "administrator", "wp.editPost", xmlrpc.Int(id), members("ping_status", "open")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := o.as(t, "administrator", "wp.editPost", xmlrpc.Int(5), members("ping_status", "closed")); err != nil {
		t.Fatal(err)
	}
}

const target = "https://blog.example/?p=1"

func linkingPage(title, to string) string {
	return "<html><head><title>" + title + "</title></head><body><p>Some words before <a href=\"" + to + "\">the link</a> and behind.</p></body></html>"
}

func TestPingbackFaults(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.openPings(t)
		w.page("/good", linkingPage("Good", target))
		w.page("/good2", linkingPage("Good too", target))
		w.page("/notitle", "<p><a href=\""+target+"\">x</a>")
		w.page("/nolink", "<title>No link</title><p>nothing")
		w.page("/empty", "")
		w.pages["/redirect"] = func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Location", "/good")
			rw.WriteHeader(http.StatusFound)
		}
		w.pages["/gone-but-links"] = func(rw http.ResponseWriter, r *http.Request) {
			rw.WriteHeader(http.StatusNotFound)
			io.WriteString(rw, linkingPage("Gone", "https://blog.example/?p=2"))
		}
		closed := openWeb(t)
		closed.Close()
		o.reach(t, w)
		o.set(t, "pingback_networks", strings.TrimPrefix(w.URL, "http://")+" "+strings.TrimPrefix(closed.URL, "http://"))
		for _, test := range []struct{ name, source, target, code string }{
			{"no such source", w.URL + "/missing", target, "16"},
			{"empty source", w.URL + "/empty", target, "16"},
			{"redirect", w.URL + "/redirect", target, "16"},
			{"no title", w.URL + "/notitle", target, "32"},
			{"no link", w.URL + "/nolink", target, "17"},
			{"link to another post", w.URL + "/good", "https://blog.example/?p=2", "17"},
			{"refused port", "http://127.0.0.1:1/x", target, "0"},
			{"refused address", "http://10.0.0.1/x", target, "0"},
			{"nobody listens", closed.URL, target, "0"},
			{"name that is none", "http://name.invalid/", target, "0"},
			{"other scheme", "ftp://127.0.0.1/", target, "0"},
			{"no source", "", target, "0"},
			{"no URL", "not://a url", target, "0"},
			{"same post", target, target, "0"},
			{"target elsewhere", w.URL + "/good", "http://example.com/?p=1", "0"},
			{"no target", w.URL + "/good", "", "0"},
			{"home page", w.URL + "/good", "https://blog.example/", "33"},
			{"unknown post", w.URL + "/good", "https://blog.example/?p=9999", "33"},
			{"post that takes none", w.URL + "/good", "https://blog.example/?p=5", "33"},
			{"draft", w.URL + "/good", "https://blog.example/?p=3", "33"},
		} {
			o.set(t, "pingback_fault_codes", "off")
			if got := o.ping(t, test.source, test.target); got != "0 without words" {
				t.Errorf("%s: got %s, want 0 without words", test.name, got)
			}
			o.set(t, "pingback_fault_codes", "on")
			if got := o.ping(t, test.source, test.target); got != test.code {
				t.Errorf("%s, with codes: got %s, want %s", test.name, got, test.code)
			}
		}
		o.set(t, "pingback_fault_codes", "off")
		asked := w.requests()
		slices.Sort(asked)
		if diff := gocmp.Diff([]string{"GET /empty", "GET /good", "GET /missing", "GET /nolink", "GET /notitle", "GET /redirect"}, asked); diff != "" {
			t.Errorf("requested pages, each once a minute (-want +got):\n%s", diff)
		}
		for _, step := range []struct{ name, source, target, want string }{
			{"good", w.URL + "/good", target, "ok"},
			{"again", w.URL + "/good", target, "48"},
			{"second page at once", w.URL + "/good2", target, "429"},
		} {
			if got := o.ping(t, step.source, step.target); got != step.want {
				t.Errorf("%s: got %s, want %s", step.name, got, step.want)
			}
		}
		o.clock.Add(time.Minute)
		if got := o.ping(t, w.URL+"/gone-but-links", "https://blog.example/?p=2"); got != "ok" {
			t.Errorf("page of status 404 that links: got %s, want ok", got)
		}
	})
}

func TestPingbackIsOffAtFirst(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.openPings(t)
		w.page("/good", linkingPage("Good", target))
		o.set(t, "pingback_networks", strings.TrimPrefix(w.URL, "http://"))
		if got := o.ping(t, w.URL+"/good", target); got != "0 without words" {
			t.Errorf("got %s, want 0 without words", got)
		}
		o.set(t, "pingback_fault_codes", "on")
		if got := o.ping(t, w.URL+"/good", target); got != "33" {
			t.Errorf("with codes: got %s, want 33", got)
		}
		o.set(t, "pingback", "on")
		o.set(t, "pingback_networks", "")
		if got := o.ping(t, w.URL+"/good", target); got != "0" {
			t.Errorf("without the network: got %s, want 0", got)
		}
		if asked := w.requests(); len(asked) != 0 {
			t.Errorf("pages were requested: %v", asked)
		}
	})
}

func TestPingbackComment(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.openPings(t)
		o.reach(t, w)
		var agent, cookie string
		w.pages["/good"] = func(rw http.ResponseWriter, r *http.Request) {
			agent, cookie = r.UserAgent(), r.Header.Get("Cookie")+r.Header.Get("Authorization")
			rw.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
			io.WriteString(rw, linkingPage("Caf\xe9", target))
		}
		if got := o.ping(t, w.URL+"/good", target); got != "ok" {
			t.Fatalf("got %s, want ok", got)
		}
		if agent != "Office/1" || cookie != "" {
			t.Errorf("asked as %q with credentials %q", agent, cookie)
		}
		v, err := o.as(t, "administrator", "wp.getComments", members("post_id", xmlrpc.Int(1), "number", xmlrpc.Int(1), "status", "hold"))
		if err != nil || v.Len() != 1 {
			t.Fatalf("comments: %s, %v", show(v), err)
		}
		got := map[string]string{}
		for _, name := range []string{"type", "status", "author", "author_url", "author_ip", "author_email", "user_id", "content", "parent"} {
			got[name] = v.Index(0).Get(name).Text()
		}
		want := map[string]string{
			"type": "pingback", "status": "hold", "author": "Café", "author_url": w.URL + "/good", "author_ip": "127.0.0.1",
			"author_email": "", "user_id": "0", "content": "[&#8230;] words before the link and [&#8230;]", "parent": "0",
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("comment (-want +got):\n%s", diff)
		}
		for address, want := range map[string]string{
			target: fmt.Sprintf("[%q]", w.URL+"/good"), "https://blog.example/?p=2": "[]",
			"https://blog.example/?p=9999": "0 without words", "https://blog.example/none": "0 without words", "http://example.com/": "0 without words",
		} {
			v, err := o.post(t, xmlrpc.AppendCall(nil, "pingback.extensions.getPingbacks", xmlrpc.String(address)))
			if got := outcome(v, err); got != want {
				t.Errorf("pingbacks of %s: got %s, want %s", address, got, want)
			}
		}
	})
}

// Attempts to explore the internal network cause no request, and all get the
// same answer.
func TestPingbackForgery(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.openPings(t)
		o.set(t, "pingback", "on")
		for _, source := range []string{
			w.URL + "/", "http://127.0.0.1:22/", "http://localhost:6379/", "http://[::1]:22/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/",
			"http://0/", "http://2130706433/", "http://0177.0.0.1/", "http://0x7f000001/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/",
			"http://100.64.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:25/_HELO", "ftp://127.0.0.1/", "http://example.com@127.0.0.1/",
			"http://127.0.0.1#@example.com/", "http://example.com:22/", "", "/xmlrpc.php", "http://127.0.0.1/%0d%0aX: y", "http://" + strings.Repeat("a", 100000) + "/",
			"https://blog.example/xmlrpc.php", "http://blog.example/", "https://127.0.0.1/",
		} {
			if got := o.ping(t, source, target); got != "0 without words" {
				t.Errorf("source %.60q: got %s, want 0 without words", source, got)
			}
		}
		var calls []xmlrpc.Value
		for port := 20; port < 60; port++ {
			calls = append(calls, members("methodName", "pingback.ping", "params", names(fmt.Sprintf("http://127.0.0.1:%d/", port), target)))
		}
		v, err := o.post(t, xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(calls...)))
		if err != nil || v.Len() != 40 {
			t.Fatalf("multicall: %s, %v", show(v), err)
		}
		for i, e := range v.Elements() {
			if e.Get("faultCode").Text() != "0" || e.Get("faultString").Text() != "" {
				t.Errorf("port %d: %s", 20+i, show(e))
			}
		}
		if asked := w.requests(); len(asked) != 0 {
			t.Errorf("pages were requested: %v", asked)
		}
	})
}

// publish creates a post that links to pages.
func (o *office) publish(t *testing.T, links ...string) string {
	t.Helper()
	var text strings.Builder
	for _, l := range links {
		fmt.Fprintf(&text, "<a href=%q>x</a> ", l)
	}
	v, err := o.as(t, "administrator", "wp.newPost", members("post_title", "Links", "post_content", text.String(), "post_status", "publish"))
	if err != nil {
		t.Fatal(err)
	}
	return "https://blog.example/?p=" + v.Text()
}

// send sends pingbacks until none is due.
func (o *office) send(t *testing.T) {
	t.Helper()
	for {
		n, err := o.pings.Send(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func TestSendPings(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.set(t, "pingback_networks", strings.TrimPrefix(w.URL, "http://"))
		var told []string
		answer := xmlrpc.AppendResponse(nil, xmlrpc.String("thanks"))
		w.pages["/rpc"] = func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			call, err := xmlrpc.DecodeCall(body, xmlrpc.Limits{})
			if err != nil {
				t.Errorf("call: %v", err)
				return
			}
			w.mu.Lock()
			told = append(told, fmt.Sprintf("%s %s %s %s", r.Header.Get("Content-Type"), call.Name, call.Params[0].Text(), strings.TrimPrefix(call.Params[1].Text(), w.URL)))
			w.mu.Unlock()
			rw.Write(answer)
		}
		w.pages["/header"] = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Pingback", w.URL+"/rpc")
		}
		w.page("/element", `<html><head><link rel="stylesheet" href="/x"><LINK href="/rpc" rel="Pingback other" /></head>`)
		w.page("/none", `<html><head><link rel="stylesheet" href="/rpc"></head>`)
		w.pages["/picture"] = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "image/png")
			io.WriteString(rw, `<link rel="pingback" href="/rpc">`)
		}
		w.page("/inside", `<link rel="pingback" href="http://127.0.0.1:1/rpc">`)
		w.pages["/moved"] = func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/element", http.StatusFound) }

		links := []string{w.URL + "/header", w.URL + "/element", w.URL + "/element#part", w.URL + "/none", w.URL + "/picture", w.URL + "/inside", w.URL + "/moved", w.URL + "/missing"}
		o.publish(t, links...)
		o.send(t)
		if asked := w.requests(); len(asked) != 0 || len(told) != 0 {
			t.Fatalf("while sending is off: asked %v, told %v", asked, told)
		}
		o.set(t, "pingback_send", "on")
		o.clock.Add(48 * time.Hour)
		source := o.publish(t, links...)
		o.send(t)
		slices.Sort(told)
		var want []string
		for _, path := range []string{"/element", "/element#part", "/header", "/moved"} {
			want = append(want, "text/xml pingback.ping "+source+" "+path)
		}
		if diff := gocmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		w.requests()
		o.clock.Add(48 * time.Hour)
		o.send(t)
		if asked := w.requests(); len(asked) != 0 {
			t.Errorf("asked again: %v", asked)
		}
	})
}

// A page whose server has a problem gets the pingback later; one that refuses
// it is not asked again.
func TestSendPingsAgain(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.set(t, "pingback_networks", strings.TrimPrefix(w.URL, "http://"))
		o.set(t, "pingback_send", "on")
		status, answer := http.StatusServiceUnavailable, xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: 17, Message: "no link"})
		w.pages["/page"] = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Pingback", w.URL+"/rpc")
		}
		w.pages["/rpc"] = func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			rw.Write(answer)
		}
		o.publish(t, w.URL+"/page")
		both := []string{"GET /page", "POST /rpc"}
		for i, step := range []struct {
			pass   time.Duration
			status int
			want   []string
		}{
			{0, http.StatusServiceUnavailable, both},
			{30 * time.Second, http.StatusServiceUnavailable, nil},
			{time.Minute, http.StatusTooManyRequests, both},
			{time.Minute, http.StatusOK, nil},
			{10 * time.Minute, http.StatusOK, both},
			{48 * time.Hour, http.StatusOK, nil},
		} {
			o.clock.Add(step.pass)
			status = step.status
			o.send(t)
			if diff := gocmp.Diff(step.want, w.requests()); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

// Of two blogs, one links to the other, which accepts the pingback.
func TestPingbackBetweenBlogs(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		w := openWeb(t)
		o.openPings(t)
		o.reach(t, w)
		o.set(t, "pingback_send", "on")
		w.pages["/their-post"] = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Pingback", w.URL+"/xmlrpc.php")
			rw.Header().Set("Content-Type", "text/html")
			io.WriteString(rw, linkingPage("Theirs", target))
		}
		w.pages["/xmlrpc.php"] = func(rw http.ResponseWriter, r *http.Request) { o.handler.ServeHTTP(rw, r) }
		o.publish(t, w.URL+"/their-post")
		o.send(t) // answered with a fault: the target is not on this blog
		if got := o.ping(t, w.URL+"/their-post", target); got != "ok" {
			t.Errorf("their pingback: got %s, want ok", got)
		}
		pages, err := o.pings.Of(t.Context(), target)
		must(t, err)
		if list, err := database.All(pages); err != nil || len(list) != 1 {
			t.Errorf("pingbacks: %v, %v", list, err)
		}
		if n := len(w.requests()); n != 3 {
			t.Errorf("%d requests, want the page, the call, and the page", n)
		}
	})
}
