package server_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A pooler may use another backend for each transaction, so nothing may rely on
// session state: many clients write at the same time through fewer connections,
// and every post is complete, with its category, its tag and right counts.
func TestPoolerByTransaction(t *testing.T) {
	t.Parallel()
	address := databasetest.Postgres(t)
	blog := open(t, databasetest.Pooler(t, address), nil)
	s := newServer(t, server.Config{Blog: blog})
	call := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
		w := send(s, post(method, params...))
		v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
		return v
	}
	who := []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(servertest.Password)}
	const clients, posts = 8, 4
	var work sync.WaitGroup
	for c := range clients {
		work.Go(func() {
			for i := range posts {
				id := call("wp.newPost", append(who[:3:3], xmlrpc.Struct(
					xmlrpc.M("post_title", xmlrpc.String(fmt.Sprintf("Post %d of %d", i, c))),
					xmlrpc.M("post_content", xmlrpc.String("text")),
					xmlrpc.M("post_status", xmlrpc.String("publish")),
					xmlrpc.M("terms_names", xmlrpc.Struct(xmlrpc.M("post_tag", xmlrpc.Array(xmlrpc.String("all"), xmlrpc.String(fmt.Sprint("of ", c)))))),
				))...)
				call("wp.editPost", append(who[:3:3], id, xmlrpc.Struct(xmlrpc.M("post_content", xmlrpc.String("changed"))))...)
				call("wp.getPost", append(who[:3:3], id)...)
			}
		})
	}
	work.Wait()
	direct := databasetest.Open(t, address)
	for name, query := range map[string]string{
		"posts without a category": `SELECT COUNT(*) FROM posts p WHERE type = 'post' AND status = 'publish'
			AND NOT EXISTS (SELECT 1 FROM post_terms pt JOIN terms t ON t.id = pt.term_id WHERE pt.post_id = p.id AND t.taxonomy = 'category')`,
		"posts without two tags": `SELECT COUNT(*) FROM posts p WHERE type = 'post' AND status = 'publish' AND title LIKE 'Post %'
			AND (SELECT COUNT(*) FROM post_terms pt JOIN terms t ON t.id = pt.term_id WHERE pt.post_id = p.id AND t.taxonomy = 'post_tag') <> 2`,
		"posts with another text": `SELECT COUNT(*) FROM posts WHERE type = 'post' AND title LIKE 'Post %' AND content <> 'changed'`,
		"locks that are left":     `SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'`,
	} {
		var n int
		if err := direct.Get(t.Context(), &n, query); err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			t.Errorf("%d %s", n, name)
		}
	}
	var n int
	if err := direct.Get(t.Context(), &n, `SELECT COUNT(*) FROM posts WHERE type = 'post' AND title LIKE 'Post %'`); err != nil || n != clients*posts {
		t.Errorf("%d posts (%v), want %d", n, err, clients*posts)
	}
	for _, term := range call("wp.getTerms", append(who[:3:3], xmlrpc.String("post_tag"))...).Elements() {
		name, _ := term.Member("name")
		count, _ := term.Member("count")
		want := posts
		if name.Text() == "all" {
			want = clients * posts
		}
		if fmt.Sprint(count.Int64()) != fmt.Sprint(want) && count.Text() != fmt.Sprint(want) {
			t.Errorf("tag %q has count %v, want %d", name.Text(), count, want)
		}
	}
	told := ""
	blog.DB.Listen(t.Context(), func(err error) { told = err.Error() })
	if told != database.ErrPooled.Error() {
		t.Errorf("Listen tells %q", told)
	}
}
