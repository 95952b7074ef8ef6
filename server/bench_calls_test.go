package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// BenchmarkCalls sends calls through the whole handler, one after the other, to
// a blog with a few posts with comments, terms and custom fields. cpu-µs is the
// processor time of this process for each call, which depends little on the
// load of the machine. It does not include the time of PostgreSQL.
func BenchmarkCalls(b *testing.B) {
	for name, database := range onDisk {
		b.Run(name, func(b *testing.B) {
			c := newCaller(b, database(b))
			for range callPosts {
				id := c.newPost(b)
				c.call(b, "wp.newComment", xmlrpc.Int(id), xmlrpc.Struct(xmlrpc.M("content", xmlrpc.String(fmt.Sprint("I agree ", id)))))
			}
			for i := range callPosts {
				c.call(b, "wp.uploadFile", xmlrpc.Struct(xmlrpc.M("name", xmlrpc.String(fmt.Sprint(i, ".txt"))),
					xmlrpc.M("type", xmlrpc.String("text/plain")), xmlrpc.M("bits", xmlrpc.Bytes([]byte("text")))))
			}
			post := c.newPost(b)
			none := xmlrpc.Struct()
			for _, row := range []struct {
				name string
				call func()
			}{
				{"demo", func() { c.send(b, "demo.addTwoNumbers", xmlrpc.Int(2), xmlrpc.Int(3)) }},
				{"getPost", func() { c.call(b, "wp.getPost", xmlrpc.Int(post)) }},
				{"getPost-password", func() { c.login(b, "wp.getPost", xmlrpc.Int(post)) }},
				{"getPosts", func() { c.call(b, "wp.getPosts") }},
				{"getPosts-password", func() { c.login(b, "wp.getPosts") }},
				{"getRecentPosts", func() { c.call(b, "metaWeblog.getRecentPosts", xmlrpc.Int(10)) }},
				{"getPages", func() { c.call(b, "wp.getPages") }},
				{"getComments", func() { c.call(b, "wp.getComments", none) }},
				{"getMediaLibrary", func() { c.call(b, "wp.getMediaLibrary", none) }},
				{"getTerms", func() { c.call(b, "wp.getTerms", xmlrpc.String("category")) }},
				{"getUsers", func() { c.call(b, "wp.getUsers", none) }},
				{"newPost", func() { c.newPost(b) }},
				{"editPost", func() { c.call(b, "wp.editPost", xmlrpc.Int(post), c.content()) }},
			} {
				b.Run(row.name, func(b *testing.B) {
					row.call() // fills caches
					b.ReportAllocs()
					before, statements := processTime(b), c.blog.DB.Statements()
					b.ResetTimer()
					for range b.N {
						row.call()
					}
					b.ReportMetric(float64((processTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
					b.ReportMetric(float64(c.blog.DB.Statements()-statements)/float64(b.N), "statements/op")
				})
			}
		})
	}
}

const callPosts = 20

// caller calls methods as an administrator.
type caller struct {
	blog    *server.Blog
	handler http.Handler
	app     apps.App
	secret  apps.Secret
	made    int
}

func newCaller(b *testing.B, database string) *caller {
	c := &caller{blog: open(b, database, nil)}
	user, err := c.blog.Users.ByLogin(b.Context(), "ada")
	if err != nil {
		b.Fatal(err)
	}
	if c.app, c.secret, err = c.blog.Apps.Create(b.Context(), audit.Operator, apps.New{UserID: user.ID, Name: "benchmark"}); err != nil {
		b.Fatal(err)
	}
	c.handler = newServer(b, server.Config{Blog: c.blog}).Handler()
	return c
}

// call calls a method of a blog with a signature.
func (c *caller) call(b *testing.B, method string, params ...xmlrpc.Value) xmlrpc.Value {
	return c.send(b, method, append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}, params...)...)
}

func (c *caller) send(b *testing.B, method string, params ...xmlrpc.Value) xmlrpc.Value {
	body := xmlrpc.AppendCall(nil, method, params...)
	return c.answer(b, body, authorization(c.app, c.secret, body))
}

// login is call with user name and password.
func (c *caller) login(b *testing.B, method string, params ...xmlrpc.Value) xmlrpc.Value {
	return c.answer(b, xmlrpc.AppendCall(nil, method, append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(servertest.Password)}, params...)...), "")
}

func (c *caller) answer(b *testing.B, body []byte, authorization string) xmlrpc.Value {
	r, err := http.NewRequestWithContext(context.WithoutCancel(b.Context()), http.MethodPost, "http://blog.example/xmlrpc.php", io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		b.Fatal(err)
	}
	r.RemoteAddr, r.ContentLength = "127.0.0.1:1234", int64(len(body)) // from this machine, so the password may be unencrypted
	r.Header.Set("Content-Type", "text/xml")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := &answer{header: make(http.Header)}
	c.handler.ServeHTTP(w, r)
	v, err := xmlrpc.DecodeResponse(w.body.Bytes(), xmlrpc.Limits{})
	if err != nil {
		b.Fatalf("%s answers %v", body, err)
	}
	return v
}

func (c *caller) newPost(b *testing.B) int64 {
	id, err := strconv.ParseInt(c.call(b, "wp.newPost", c.content()).Text(), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// content returns a post with a category and custom fields, each time with
// another title.
func (c *caller) content() xmlrpc.Value {
	c.made++
	return xmlrpc.Struct(
		xmlrpc.M("post_title", xmlrpc.String(fmt.Sprint("The post with number ", c.made))),
		xmlrpc.M("post_status", xmlrpc.String("publish")), xmlrpc.M("comment_status", xmlrpc.String("open")),
		xmlrpc.M("post_content", xmlrpc.String(string(bytes.Repeat([]byte(content+" "), 100)))),
	)
}

// processTime returns the processor time of this process.
func processTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
