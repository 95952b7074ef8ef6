// Package upstreamtest imitates a small WordPress for tests: the methods that a
// gateway needs, a few posts, and bad answers on demand. It remembers
// everything that reached it.
package upstreamtest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A Call is a call that reached the WordPress.
type Call struct {
	Method string
	Params []xmlrpc.Value
	Header http.Header
	Host   string
	Query  string
	Size   int64 // of the body
}

// A Post is a post of the WordPress.
type Post struct{ Status, Type, Title string }

// A WordPress answers at URL + "/xmlrpc.php". Set its fields before the first
// call.
type WordPress struct {
	URL      string
	Home     string            // its address for itself; default URL
	HTTPS    bool              // it detects https
	Version  int               // the major version in its feed; default 6
	Disabled bool              // its page offers no application passwords
	Users    map[string]string // passwords by login; all are administrators
	// Upload, if set, is called with the size of bodies of more than 1 MiB,
	// which are not kept; they are answered like an upload.
	Upload func(bytes int64)

	mu        sync.Mutex
	play      func(w http.ResponseWriter, method string) bool
	late      bool
	calls     []Call
	posts     map[int64]Post
	passwords []Password // of applications
	numbered  int
	cookie    string // proves that someone is signed in
}

// Start starts a WordPress with the user admin and the password app-password.
// It has the published post 1, the draft 2 and the published page 3.
func Start(t testing.TB) *WordPress {
	t.Helper()
	wp := New()
	s := httptest.NewServer(wp)
	t.Cleanup(s.Close)
	wp.URL = s.URL
	return wp
}

// New returns a WordPress in the state of Start.
func New() *WordPress {
	return &WordPress{HTTPS: true, cookie: rand.Text(), Users: map[string]string{"admin": "app-password"}, posts: map[int64]Post{
		1: {"publish", "post", "Hello"}, 2: {"draft", "post", "Draft"}, 3: {"publish", "page", "Page"},
	}}
}

// Play lets answer answer first in place of the WordPress; it reports whether
// it has. A nil answer restores the WordPress.
func (wp *WordPress) Play(answer func(w http.ResponseWriter, method string) bool) {
	wp.set(answer, false)
}

// PlayLate is Play after the call was carried out.
func (wp *WordPress) PlayLate(answer func(w http.ResponseWriter, method string) bool) {
	wp.set(answer, true)
}

func (wp *WordPress) set(answer func(w http.ResponseWriter, method string) bool, late bool) {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	wp.play, wp.late = answer, late
}

// SetPassword changes or adds a user.
func (wp *WordPress) SetPassword(login, password string) {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	wp.Users[login] = password
}

// Calls returns the calls that reached the WordPress.
func (wp *WordPress) Calls() []Call {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	return slices.Clone(wp.calls)
}

// Methods returns the names of the calls that reached the WordPress.
func (wp *WordPress) Methods() []string {
	names := []string{}
	for _, c := range wp.Calls() {
		names = append(names, c.Method)
	}
	return names
}

// Posts returns a copy of the posts.
func (wp *WordPress) Posts() map[int64]Post {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	out := map[int64]Post{}
	for id, p := range wp.posts {
		out[id] = p
	}
	return out
}

func (wp *WordPress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Query().Has("rest_route"):
		wp.rest(w, r, r.URL.Query().Get("rest_route"))
		return
	case r.URL.Query().Get("feed") == "rss2":
		fmt.Fprintf(w, "<rss><channel><generator>https://wordpress.org/?v=%d.1.9</generator></channel></rss>", max(wp.Version, 6))
		return
	case r.URL.Path == "/wp-login.php":
		wp.logIn(w, r)
		return
	case r.URL.Path == "/wp-admin/authorize-application.php":
		wp.authorize(w, r)
		return
	}
	if r.URL.Path != "/xmlrpc.php" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "This XML-RPC endpoint takes POST.", http.StatusMethodNotAllowed)
		return
	}
	if wp.Upload != nil && r.ContentLength > 1<<20 {
		n, _ := io.Copy(io.Discard, r.Body)
		wp.Upload(n)
		wp.answer(w, xmlrpc.Struct(xmlrpc.M("id", xmlrpc.String("9"))), nil)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	call, err := xmlrpc.DecodeCall(body, xmlrpc.Limits{})
	if err != nil {
		wp.answer(w, xmlrpc.Value{}, &xmlrpc.Fault{Code: -32700, Message: "parse error. not well formed"})
		return
	}
	c := Call{Method: call.Name, Params: call.Params, Header: r.Header, Host: r.Host, Query: r.URL.RawQuery, Size: int64(len(body))}
	wp.mu.Lock()
	wp.calls = append(wp.calls, c)
	play, late := wp.play, wp.late
	wp.mu.Unlock()
	if !late && play != nil && play(w, c.Method) {
		return
	}
	v, fault := wp.run(c)
	if late && play != nil && play(w, c.Method) {
		return
	}
	wp.answer(w, v, fault)
}

func (wp *WordPress) answer(w http.ResponseWriter, v xmlrpc.Value, f *xmlrpc.Fault) {
	w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
	if f != nil {
		_, _ = w.Write(xmlrpc.AppendFault(nil, f))
		return
	}
	_, _ = w.Write(xmlrpc.AppendResponse(nil, v))
}

// run carries out a call. Methods of plugins have the login at position 1.
func (wp *WordPress) run(c Call) (xmlrpc.Value, *xmlrpc.Fault) {
	at := 1
	if m := methods.Lookup(c.Method); m != nil {
		at = m.Login
	}
	if c.Method == "system.listMethods" {
		return xmlrpc.Array(xmlrpc.String("wp.getPosts")), nil
	}
	if at == methods.NoLogin {
		return xmlrpc.Bool(true), nil
	}
	if len(c.Params) < at+2 {
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: 400, Message: "Insufficient arguments passed to this XML-RPC method."}
	}
	login, password := c.Params[at].Text(), c.Params[at+1].Text()
	wp.mu.Lock()
	want, ok := wp.Users[login]
	wp.mu.Unlock()
	if _, is := wp.application(login, password); !is && (!ok || want != password) {
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: 403, Message: "Wrong login, in the words of this site."}
	}
	return wp.method(c, login)
}

func (wp *WordPress) method(c Call, login string) (xmlrpc.Value, *xmlrpc.Fault) {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	arg := func(i int) xmlrpc.Value {
		if i < len(c.Params) {
			return c.Params[i]
		}
		return xmlrpc.Value{}
	}
	id := arg(3).Int64()
	switch c.Method {
	case "wp.getProfile":
		return xmlrpc.Struct(xmlrpc.M("username", xmlrpc.String(login)), xmlrpc.M("email", xmlrpc.String(login+"@blog.example")),
			xmlrpc.M("display_name", xmlrpc.String(strings.ToUpper(login))), xmlrpc.M("roles", xmlrpc.Array(xmlrpc.String("administrator")))), nil
	case "wp.getUsersBlogs":
		return xmlrpc.Array(xmlrpc.Struct(xmlrpc.M("isAdmin", xmlrpc.Bool(true)), xmlrpc.M("url", xmlrpc.String(wp.URL+"/")),
			xmlrpc.M("blogid", xmlrpc.String("1")), xmlrpc.M("blogName", xmlrpc.String("A & B")), xmlrpc.M("xmlrpc", xmlrpc.String(wp.URL+"/xmlrpc.php")))), nil
	case "wp.newPost", "metaWeblog.newPost", "wp.newPage":
		p := Post{Status: "draft", Type: "post", Title: arg(3).Get("post_title").Text() + arg(3).Get("title").Text()}
		if arg(4).Bool() {
			p.Status = "publish"
		}
		if s := arg(3).Get("post_status").Text(); s != "" {
			p.Status = s
		}
		n := int64(len(wp.posts) + 1)
		wp.posts[n] = p
		return xmlrpc.String(strconv.FormatInt(n, 10)), nil
	case "wp.newComment":
		return xmlrpc.Int(7), nil
	case "metaWeblog.newMediaObject", "wp.uploadFile":
		return xmlrpc.Struct(xmlrpc.M("id", xmlrpc.String("9")), xmlrpc.M("size", xmlrpc.Int(arg(3).Get("bits").Size()))), nil
	case "wp.getPost":
		p, ok := wp.posts[id]
		if !ok {
			return xmlrpc.Value{}, &xmlrpc.Fault{Code: 404, Message: "Invalid post ID."}
		}
		return xmlrpc.Struct(xmlrpc.M("post_id", xmlrpc.String(strconv.FormatInt(id, 10))), xmlrpc.M("post_status", xmlrpc.String(p.Status)),
			xmlrpc.M("post_type", xmlrpc.String(p.Type)), xmlrpc.M("post_title", xmlrpc.String(p.Title))), nil
	case "wp.deletePost":
		delete(wp.posts, id)
	case "wp.editPost":
		p := wp.posts[id]
		if s := arg(4).Get("post_status").Text(); s != "" {
			p.Status = s
		}
		wp.posts[id] = p
	case "plugin.no":
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: 403, Message: "A plugin says no."}
	}
	return xmlrpc.Bool(true), nil
}

// Line replays a recorded answer: a whole HTTP response, as it was on the wire.
// It closes the connection afterwards, or at once without a response.
func Line(w http.ResponseWriter, line []byte) error {
	head, _, ok := bytes.Cut(line, []byte("\r\n\r\n"))
	if len(line) > 0 && (!ok || !bytes.HasPrefix(head, []byte("HTTP/"))) {
		return fmt.Errorf("this is not a response: %.40q", line)
	}
	conn, out, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = out.Write(line)
	if err == nil {
		err = out.Flush()
	}
	return err
}
