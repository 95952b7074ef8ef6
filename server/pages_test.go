package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The effect of a call is visible on the home page and in the feeds as soon as
// the client has its answer.
func TestPublishedPostIsSeenAtOnce(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, database string) {
		s := newServer(t, server.Config{Blog: open(t, database, nil)})
		call := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
			t.Helper()
			w := send(s, post(method, append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password)}, params...)...))
			v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
			return v
		}
		member := func(name, value string) xmlrpc.Value { return xmlrpc.Struct(xmlrpc.M(name, xmlrpc.String(value))) }
		// seen checks pages that were requested before, and are
		// therefore cached.
		seen := func(after, want, not string, targets ...string) {
			t.Helper()
			for _, target := range targets {
				w := send(s, httptest.NewRequest(http.MethodGet, target, nil))
				if !strings.Contains(w.Body.String(), want) || not != "" && strings.Contains(w.Body.String(), not) {
					t.Errorf("after %s: %s has no %q, or has %q\n%s", after, target, want, not, w.Body)
				}
			}
		}
		lists := []string{"/", "/feed/", "/?feed=rss2", "/feed/atom/", "/wp-sitemap.xml"}
		seen("the start", "", "First", lists...)
		id := call("wp.newPost", xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("First")), xmlrpc.M("post_content", xmlrpc.String("some text")), xmlrpc.M("post_status", xmlrpc.String("publish")), xmlrpc.M("comment_status", xmlrpc.String("open"))))
		page := "/?p=" + id.Text()
		seen("wp.newPost", "First", "", append(lists[:4:4], page)...)
		call("wp.editPost", id, member("post_title", "Second"))
		seen("wp.editPost", "Second", "First", append(lists[:4:4], page)...)
		call("wp.setOptions", member("blog_title", "Renamed blog"))
		seen("wp.setOptions", "Renamed blog", "", "/", "/feed/", page)
		comment := call("wp.newComment", id, member("content", "a remark"))
		seen("wp.newComment", "a remark", "", page, "/comments/feed/")
		call("wp.editComment", comment, member("content", "a better one"))
		seen("wp.editComment", "a better one", "a remark", page, "/comments/feed/")
		call("wp.deleteComment", comment)
		seen("wp.deleteComment", "", "a better one", page, "/comments/feed/")
		call("wp.deletePost", id)
		seen("wp.deletePost", "", "Second", append(lists, page)...)
	})
}

// Without the pages, the endpoint works as usual, and can be found.
func TestEndpointOnly(t *testing.T) {
	s := newServer(t, server.Config{Blog: open(t, "", nil), EndpointOnly: true})
	for target, want := range map[string]struct {
		status int
		text   string
	}{
		"/":                            {200, `<link rel="EditURI" type="application/rsd+xml" title="RSD" href="http://blog.example/xmlrpc.php?rsd" />`},
		"/xmlrpc.php?rsd":              {200, "<engineName>WordPress</engineName>"},
		"/wp-includes/wlwmanifest.xml": {200, "<clientType>WordPress</clientType>"},
		"/?p=1":                        {404, ""},
		"/feed/":                       {404, ""},
		"/wp-sitemap.xml":              {404, ""},
	} {
		w := send(s, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.text) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if w := send(s, post("demo.sayHello")); !strings.Contains(w.Body.String(), "Hello!") {
		t.Errorf("demo.sayHello: %s", w.Body)
	}
}

// The address of a comment is the one that the proxy in front names, if that
// proxy is trusted.
func TestCommentComesFromTheClient(t *testing.T) {
	blog := open(t, "", nil)
	if err := blog.Site.Options().Set(t.Context(), "anonymous_comments", "1"); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, server.Config{Blog: blog})
	w := send(s, post("wp.newPost", xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password), xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("x")), xmlrpc.M("post_status", xmlrpc.String("publish")), xmlrpc.M("comment_status", xmlrpc.String("open")))))
	id, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"comment_post_ID": {id.Text()}, "comment": {"Hello"}, "author": {"Vic"}, "email": {"vic@mail.example"}}
	r := httptest.NewRequest(http.MethodPost, "/wp-comments-post.php", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.RemoteAddr = "192.0.2.7:1234"
	if w := send(s, r); w.Code != http.StatusSeeOther {
		t.Fatalf("the comment: %d %s", w.Code, w.Body)
	}
	var ip string
	if err := blog.DB.Get(t.Context(), &ip, `SELECT ip FROM comments`); err != nil || ip != "192.0.2.7" {
		t.Errorf("the comment comes from %q, %v", ip, err)
	}
}
