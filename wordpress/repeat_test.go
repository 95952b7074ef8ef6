package wordpress_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// cluster is a blog that several servers serve, as far as that is possible in
// one process.
type cluster struct {
	url, folder, keyset string
	clock               *databasetest.Clock
	public, secret      string
}

func newCluster(t *testing.T, url string) *cluster {
	t.Helper()
	c := &cluster{url: url, folder: databasetest.Folder(t), clock: databasetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	c.keyset = filepath.Join(c.folder, "keyset")
	must(t, apps.CreateKeyset(c.keyset))
	return c
}

// open opens another server of the blog; the first one creates an administrator
// with a key.
func (c *cluster) open(t *testing.T) (http.Handler, *database.DB) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	db := databasetest.Open(t, c.url)
	store, err := apps.Open(ctx, apps.Config{DB: db, KeysetFile: c.keyset, Clock: c.clock.Now})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	users := auth.NewUsers(auth.UsersConfig{DB: db, Apps: store, Clock: c.clock.Now, Hash: authtest.CheapHash})
	files, err := media.OpenFolder(filepath.Join(c.folder, "uploads"))
	must(t, err)
	t.Cleanup(func() { files.Close() })
	blog, err := site.Open(ctx, site.Config{DB: db, Users: users, Media: media.New(media.LibraryConfig{Store: files, DB: db}), BaseURL: "https://blog.example", Clock: c.clock.Now})
	must(t, err)
	if c.public == "" {
		user, err := users.Create(ctx, audit.Operator, auth.NewUser{Login: "ann", Password: "ann-password", Role: auth.Administrator})
		must(t, err)
		app, secret, err := store.Create(ctx, audit.Operator, apps.New{UserID: user.ID, Name: "a program"})
		must(t, err)
		c.public, c.secret = app.Public, secret.Reveal()
	}
	api := wordpress.New(wordpress.Config{Site: blog, Users: users, Apps: store, Pings: pingback.New(pingback.Config{Site: blog}), Logger: slog.New(slog.DiscardHandler)})
	verifier := auth.New(auth.Config{Users: users, Apps: store, ClearTextPasswords: true, Clock: c.clock.Now})
	h, err := xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods:      api.Methods(),
		Authenticate: func(r *http.Request) (xmlrpc.Check[*auth.Request], error) { return verifier.Begin(r) },
		Fault:        api.Fault,
		SpoolDir:     databasetest.Folder(t),
		Log:          slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	must(t, err)
	return h, db
}

// send sends a body, signed unless it contains a password, and returns the
// answer unchanged.
func (c *cluster) send(t *testing.T, h http.Handler, body []byte, signed bool) string {
	t.Helper()
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "https://blog.example/xmlrpc.php", bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/xml")
	if signed {
		r.Header.Set("Authorization", signature.Sign(c.public, c.secret, body))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

func count(t *testing.T, db *database.DB, query string) (n int) {
	t.Helper()
	must(t, db.Get(t.Context(), &n, query))
	return n
}

func fault(answer string) bool {
	_, err := xmlrpc.DecodeResponse([]byte(answer), xmlrpc.Limits{})
	var f *xmlrpc.Fault
	return errors.As(err, &f)
}

// S12: each creating call is sent twice: to the same server, to another one,
// and to one that was started later. It creates one object, and gets the same
// answer each time.
func TestS12RepeatedCreatingCall(t *testing.T) {
	post := object("post_title", "Hello", "post_status", "publish", "comment_status", "open")
	bits := object("name", "note.txt", "type", "text/plain", "bits", "Some text")
	credentials := func(rest ...xmlrpc.Value) []xmlrpc.Value {
		return append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}, rest...)
	}
	const posts, terms = `SELECT COUNT(*) FROM posts WHERE type <> 'revision'`, `SELECT COUNT(*) FROM terms`
	tests := []struct {
		method string
		params []xmlrpc.Value
		count  string
	}{
		{"wp.newPost", credentials(post), posts},
		{"wp.newPage", credentials(object("title", "P"), xmlrpc.Bool(true)), posts},
		{"metaWeblog.newPost", credentials(object("title", "M"), xmlrpc.Bool(true)), posts},
		{"blogger.newPost", append([]xmlrpc.Value{xmlrpc.String("key")}, credentials(xmlrpc.String("<title>B</title>text"), xmlrpc.Bool(true))...), posts},
		{"wp.newTerm", credentials(object("name", "T", "taxonomy", "post_tag")), terms},
		{"wp.newCategory", credentials(object("name", "C", "parent_id", 99)), terms},
		{"wp.newComment", credentials(xmlrpc.Int(1), object("content", "I say")), `SELECT COUNT(*) FROM comments`},
		{"wp.uploadFile", credentials(bits), posts},
		{"metaWeblog.newMediaObject", credentials(bits), posts},
	}
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c := newCluster(t, url)
		first, db := c.open(t)
		second, _ := c.open(t)
		for _, test := range tests {
			body := xmlrpc.AppendCall(nil, test.method, test.params...)
			before := count(t, db, test.count)
			want := c.send(t, first, body, true)
			if fault(want) {
				t.Fatalf("%s: %s", test.method, want)
			}
			c.clock.Add(time.Minute)
			third, _ := c.open(t)
			for name, server := range map[string]http.Handler{"same": first, "second": second, "restarted": third} {
				if got := c.send(t, server, body, true); got != want {
					t.Errorf("%s again, at the %s server: %s\nfirst: %s", test.method, name, got, want)
				}
			}
			if made := count(t, db, test.count) - before; made != 1 {
				t.Errorf("%s four times has made %d", test.method, made)
			}
			// After that time it creates again, unless a rule
			// forbids it.
			c.clock.Add(site.RepeatWindow)
			c.send(t, second, body, true)
			want2 := 2
			if test.method == "wp.newTerm" || test.method == "wp.newCategory" || test.method == "wp.newComment" {
				want2 = 1 // the name is taken, and the comment exists
			}
			if made := count(t, db, test.count) - before; made != want2 {
				t.Errorf("%s after ten minutes has made %d, want %d", test.method, made, want2)
			}
		}
		// The files of the repeated uploads have been removed.
		var files int
		must(t, filepath.WalkDir(filepath.Join(c.folder, "uploads"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && filepath.Ext(path) == ".txt" {
				files++
			}
			return err
		}))
		if want := count(t, db, `SELECT COUNT(*) FROM attachments`); files != want {
			t.Errorf("%d files for %d attachments", files, want)
		}
	})
}

// S12: copies reach two servers at the same time.
func TestS12ParallelCopies(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c := newCluster(t, url)
		first, db := c.open(t)
		second, _ := c.open(t)
		// Not 1: on PostgreSQL, a transaction that was run again did
		// not use its first number.
		post, err := xmlrpc.DecodeResponse([]byte(c.send(t, first, xmlrpc.AppendCall(nil, "wp.newPost",
			array(1, "", "", object("post_title", "Before", "comment_status", "open", "post_status", "publish")).Elements()...), true)), xmlrpc.Limits{})
		must(t, err)
		for _, call := range []struct {
			method string
			params []xmlrpc.Value
			count  string
		}{
			{"wp.newPost", array(1, "", "", object("post_title", "Hello", "post_status", "publish")).Elements(), `SELECT COUNT(*) FROM posts WHERE title = 'Hello' AND type = 'post'`},
			{"wp.newComment", array(1, "", "", post, object("content", "I say")).Elements(), `SELECT COUNT(*) FROM comments`},
			{"wp.newTerm", array(1, "", "", object("name", "T", "taxonomy", "category")).Elements(), `SELECT COUNT(*) FROM terms WHERE name = 'T'`},
			{"wp.uploadFile", array(1, "", "", object("name", "a.txt", "bits", "x")).Elements(), `SELECT COUNT(*) FROM attachments`},
		} {
			body := xmlrpc.AppendCall(nil, call.method, call.params...)
			answers := make([]string, 12)
			var all sync.WaitGroup
			for i := range answers {
				all.Go(func() { answers[i] = c.send(t, []http.Handler{first, second}[i%2], body, true) })
			}
			all.Wait()
			for _, got := range answers {
				if got != answers[0] || fault(got) {
					t.Errorf("%s: the copies have different answers: %s, %s", call.method, got, answers[0])
				}
			}
			if n := count(t, db, call.count); n != 1 {
				t.Errorf("12 copies of %s have made %d", call.method, n)
			}
		}
		entries, err := os.ReadDir(filepath.Join(c.folder, "uploads", "2026", "03"))
		if err != nil || len(entries) != 1 {
			t.Errorf("the folder of uploads has %v, %v; want one file", entries, err)
		}
	})
}

// S12: two equal calls in one batch create two objects; the same batch sent
// again creates none.
func TestS12Multicall(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c := newCluster(t, url)
		h, db := c.open(t)
		one := object("methodName", "wp.newPost", "params", array(1, "", "", object("post_title", "Hello")))
		bad := object("methodName", "wp.newPost", "params", array(1, "", "", object("post_type", "nothing")))
		body := xmlrpc.AppendCall(nil, "system.multicall", xmlrpc.Array(one, bad, one))
		want := c.send(t, h, body, true)
		if got := c.send(t, h, body, true); got != want {
			t.Errorf("the batch again: %s\nfirst: %s", got, want)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM posts WHERE title = 'Hello' AND type = 'post'`); n != 2 {
			t.Errorf("%d posts, want 2", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM creations`); n != 2 {
			t.Errorf("%d calls are written down, want the 2 that have made something", n)
		}
	})
}

// S12: edits can be repeated. A second identical delete deletes, even if the
// post was created by a repeatable call. Calls with a password have no key
// under which they could be remembered.
func TestS12WhatRepeats(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		c := newCluster(t, url)
		h, db := c.open(t)
		create := xmlrpc.AppendCall(nil, "wp.newPost", array(1, "", "", object("post_title", "Hello", "post_status", "publish")).Elements()...)
		made := c.send(t, h, create, true)
		v, err := xmlrpc.DecodeResponse([]byte(made), xmlrpc.Limits{})
		must(t, err)
		edit := xmlrpc.AppendCall(nil, "wp.editPost", array(1, "", "", v, object("post_title", "Bye")).Elements()...)
		for range 2 {
			if got := c.send(t, h, edit, true); fault(got) {
				t.Errorf("edit: %s", got)
			}
		}
		remove := xmlrpc.AppendCall(nil, "wp.deletePost", array(1, "", "", v).Elements()...)
		for range 2 {
			if got := c.send(t, h, remove, true); fault(got) {
				t.Errorf("delete: %s", got)
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM posts WHERE type = 'post'`); n != 0 {
			t.Errorf("%d posts after two deletes: the second one did not mean delete", n)
		}
		if got := c.send(t, h, create, true); got != made {
			t.Errorf("newPost again, after the post was deleted: %s, want %s", got, made)
		}
		password := xmlrpc.AppendCall(nil, "wp.newPost", array(1, "ann", "ann-password", object("post_title", "Mine")).Elements()...)
		for range 2 {
			if got := c.send(t, h, password, false); fault(got) {
				t.Errorf("by password: %s", got)
			}
		}
		if n := count(t, db, `SELECT COUNT(*) FROM posts WHERE title = 'Mine' AND type = 'post'`); n != 2 {
			t.Errorf("%d posts by password, want 2", n)
		}
	})
}
