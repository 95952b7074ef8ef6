package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// BenchmarkSignedGetPost sends signed wp.getPost calls over HTTP, for the
// members of the post only and for everything that belongs to it. In turns with
// them it sends the same requests to a bare handler of net/http, which hashes
// the same body and runs the SELECT for the post. The ratio is the time of the
// whole server to that of the bare handler.
func BenchmarkSignedGetPost(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkGetPost(b, "") })
	b.Run("postgres", func(b *testing.B) { benchmarkGetPost(b, databasetest.Postgres(b)) })
}

func benchmarkGetPost(b *testing.B, database string) {
	ctx := context.Background()
	blog := open(b, database, nil)
	user, err := blog.Users.ByLogin(ctx, "ada")
	if err != nil {
		b.Fatal(err)
	}
	app, secret, err := blog.Apps.Create(ctx, audit.Operator, apps.New{UserID: user.ID, Name: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	id := benchmarkPost(b, blog, user)
	full := httptest.NewServer(newServer(b, server.Config{Blog: blog}).Handler())
	defer full.Close()
	bare := httptest.NewServer(bareHandler(blog, id, secret))
	defer bare.Close()

	call := func(fields ...xmlrpc.Value) []byte {
		return xmlrpc.AppendCall(nil, "wp.getPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Int(id), xmlrpc.Array(fields...))
	}
	for _, c := range []struct {
		name string
		body []byte
	}{
		{"post", call(xmlrpc.String("post"))},
		{"everything", call(xmlrpc.String("post"), xmlrpc.String("terms"), xmlrpc.String("custom_fields"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := asker{body: c.body, header: authorization(app, secret, c.body)}
			r.ask(b, bare) // opens connections, fills caches
			r.ask(b, full)
			var ofBare, ofFull time.Duration
			b.ResetTimer()
			for range b.N {
				// In turns, so that the load of the machine
				// affects both alike.
				ofBare += r.ask(b, bare)
				ofFull += r.ask(b, full)
			}
			requests := float64(b.N * batch)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(requests/ofBare.Seconds(), "bare-req/s")
			b.ReportMetric(requests/ofFull.Seconds(), "quillgate-req/s")
			b.ReportMetric(ofFull.Seconds()/ofBare.Seconds(), "times-bare")
		})
	}
}

func benchmarkPost(b *testing.B, blog *server.Blog, user auth.User) int64 {
	b.Helper()
	title, text, status := "A post", string(bytes.Repeat([]byte(content+" "), 100)), "publish"
	id, err := blog.Site.CreatePost(context.Background(), auth.Identity{User: user, Via: auth.ViaSignature}, site.PostEdit{Title: &title, Content: &text, Status: &status})
	if err != nil {
		b.Fatal(err)
	}
	return id
}

// bareHandler does only what any server must do.
func bareHandler(blog *server.Blog, id int64, secret apps.Secret) http.Handler {
	key := secret.Reveal()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		inner := sha256.Sum256(append([]byte(key), body...))
		outer := sha256.Sum256(append([]byte(key), hex.EncodeToString(inner[:])...))
		var post site.Post
		err = blog.DB.Get(r.Context(), &post, `SELECT id, type, status, title, name, author, content, excerpt, password, parent, menu_order,
			comment_status, ping_status, mime_type, guid, sticky, comment_count, date, date_gmt, modified, modified_gmt FROM posts WHERE id = $1`, id)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
		fmt.Fprintf(w, "<!-- %x --><post><title>%s</title><content>%s</content></post>", outer, post.Title, post.Content)
	})
}

func authorization(app apps.App, secret apps.Secret, body []byte) string {
	hash := signature.NewHash(secret.Reveal())
	hash.Write(body)
	return hash.Authorization(app.Public)
}

const (
	batch   = 200 // requests in one turn
	askers  = 8   // concurrent
	content = "Some words of a text."
)

type asker struct {
	body   []byte
	header string
}

// ask sends a batch, and returns the time that it took.
func (a asker) ask(b *testing.B, to *httptest.Server) time.Duration {
	client := to.Client()
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = askers
	start := time.Now()
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for range batch / askers {
				a.one(b, client, to.URL)
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

func (a asker) one(b *testing.B, client *http.Client, base string) {
	r, err := http.NewRequest(http.MethodPost, base+"/xmlrpc.php", bytes.NewReader(a.body))
	if err != nil {
		b.Error(err)
		return
	}
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("Authorization", a.header)
	resp, err := client.Do(r)
	if err != nil {
		b.Error(err)
		return
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !bytes.Contains(answer, []byte(content)) {
		b.Errorf("got %s %.200s, %v", resp.Status, answer, err)
	}
}
