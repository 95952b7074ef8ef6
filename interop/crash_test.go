package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// nightly reports whether this is the nightly run, which does more of the same.
func nightly() bool { return os.Getenv("QUILLGATE_TEST_NIGHTLY") != "" }

// crashes is how often the process is killed, on each database.
func crashes() int {
	if nightly() {
		return 50
	}
	return 16
}

// TestCrash kills the process at random points of a load that writes, and asks the next one for everything that was
// acknowledged: posts with their titles, and keys, with which the load signs from then on.
func TestCrash(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		crash(t, seedIn(t, t.TempDir(), ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		crash(t, seedIn(t, t.TempDir(), databasetest.DurablePostgres(t)))
	})
}

func crash(t *testing.T, blog seeded) {
	load := &writers{keys: []signingKey{{seedPublic, seedSecret}}}
	for range crashes() {
		p := start(t, blog)
		load.check(t, p)
		enough := len(load.posts) + int(random(t, 24))
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() { load.write(ctx, t, p) })
		}
		// A random point means a random moment, between the first bytes of the load and a few dozen of its writes, however
		// fast the machine is.
		load.await(t, enough, 0)
		wait := time.NewTimer(time.Duration(random(t, 20*int64(time.Millisecond))))
		<-wait.C
		p.kill()
		cancel()
		running.Wait()
	}
	p := start(t, blog)
	load.check(t, p)
	if code := p.stop(t); code != 0 {
		t.Errorf("the server ended with exit code %d\n%s", code, tail(p.log.String(), 2000))
	}
	t.Logf("%d crashes, %d posts and %d keys acknowledged", crashes(), len(load.posts), len(load.keys)-1)
	if len(load.posts) < crashes() || len(load.keys) < 2 {
		t.Errorf("the load wrote %d posts and %d keys: too few to show anything", len(load.posts), len(load.keys)-1)
	}
	if blog.database == "" {
		checkIntegrity(t, blog)
	}
}

func checkIntegrity(t *testing.T, blog seeded) {
	t.Helper()
	db := databasetest.Open(t, blog.folder+"/quillgate.db")
	var answer string
	if err := db.Get(context.Background(), &answer, "PRAGMA integrity_check"); err != nil || answer != "ok" {
		t.Errorf("integrity_check: %q, %v", answer, err)
	}
	var loose int
	err := db.Get(context.Background(), &loose, "SELECT COUNT(*) FROM pragma_foreign_key_check")
	if err != nil || loose != 0 {
		t.Errorf("foreign_key_check: %d rows point nowhere, %v", loose, err)
	}
}

// random is a number below most.
func random(t *testing.T, most int64) int64 {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(most))
	if err != nil {
		t.Fatal(err)
	}
	return n.Int64()
}

type signingKey struct{ public, secret string }

// writers is a load that remembers what was acknowledged.
type writers struct {
	mu    sync.Mutex
	posts map[string]string // id and title
	keys  []signingKey
}

// write makes posts, and a key now and then, until the server is gone.
func (l *writers) write(ctx context.Context, t *testing.T, p *process) {
	for i := 0; ctx.Err() == nil; i++ {
		title := rand.Text()
		key := l.key()
		post, err := call(ctx, p, &key, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Struct(
			xmlrpc.M("post_title", xmlrpc.String(title)), xmlrpc.M("post_status", xmlrpc.String("publish")),
			xmlrpc.M("terms_names", xmlrpc.Struct(xmlrpc.M("post_tag", xmlrpc.Array(xmlrpc.String("load")))))))
		if err != nil {
			if gone(err) {
				return
			}
			t.Errorf("wp.newPost: %v", err)
			return
		}
		l.mu.Lock()
		if l.posts == nil {
			l.posts = make(map[string]string)
		}
		l.posts[post.Text()] = title
		wantsKey := i%4 == 0 && len(l.keys) < 40
		l.mu.Unlock()
		if wantsKey {
			l.makeKey(ctx, t, p)
		}
	}
}

func (l *writers) key() signingKey {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[len(l.keys)-1]
}

func (l *writers) makeKey(ctx context.Context, t *testing.T, p *process) {
	v, err := call(ctx, p, nil, "xmlrpcs.createApplication", xmlrpc.Int(1), xmlrpc.String(seedUser), xmlrpc.String(seedPassword), xmlrpc.String("load"))
	if err != nil {
		if !gone(err) {
			t.Errorf("xmlrpcs.createApplication: %v", err)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, signingKey{v.Get("key").Text(), v.Get("secret").Text()})
}

// check asks for everything that was acknowledged: each key signs once, and the posts come in batches.
func (l *writers) check(t *testing.T, p *process) {
	t.Helper()
	ctx := context.Background()
	for _, key := range l.keys {
		if _, err := call(ctx, p, &key, "wp.getProfile", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")); err != nil {
			t.Errorf("an acknowledged key does not sign: %v", err)
		}
	}
	have := make(map[string]string)
	for offset := 0; ; offset += 500 {
		list, err := call(ctx, p, &l.keys[0], "wp.getPosts", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
			xmlrpc.Struct(xmlrpc.M("number", xmlrpc.Int(500)), xmlrpc.M("offset", xmlrpc.Int(int64(offset))), xmlrpc.M("orderby", xmlrpc.String("ID"))),
			xmlrpc.Array(xmlrpc.String("post_title")))
		if err != nil {
			t.Fatalf("wp.getPosts: %v\n%s", err, tail(p.log.String(), 2000))
		}
		for _, post := range list.Elements() {
			have[post.Get("post_id").Text()] = post.Get("post_title").Text()
		}
		if list.Len() < 500 {
			break
		}
	}
	for id, title := range l.posts {
		if have[id] != title {
			t.Errorf("post %s was acknowledged with title %q, and is %q after the crash", id, title, have[id])
		}
	}
}

// call sends one call, signed when there is a key.
func call(ctx context.Context, p *process, key *signingKey, method string, params ...xmlrpc.Value) (xmlrpc.Value, error) {
	transport := http.DefaultTransport
	if key != nil {
		transport = signer.Transport{Public: key.public, Secret: key.secret}
	}
	return callAt(ctx, transport, p.endpoint, method, params...)
}

// callAt sends one call to an endpoint.
func callAt(ctx context.Context, transport http.RoundTripper, endpoint, method string, params ...xmlrpc.Value) (xmlrpc.Value, error) {
	return callWith(ctx, transport, endpoint, http.Header{"Content-Type": {"text/xml"}}, xmlrpc.AppendCall(nil, method, params...))
}

// callWith sends a body with a header, whose Host goes before that of the endpoint.
func callWith(ctx context.Context, transport http.RoundTripper, endpoint string, header http.Header, body []byte) (xmlrpc.Value, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	req.Header, req.Host = header.Clone(), header.Get("Host")
	req.Header.Del("Host")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return xmlrpc.Value{}, &unanswered{err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return xmlrpc.Value{}, &unanswered{err}
	}
	if resp.StatusCode != http.StatusOK {
		return xmlrpc.Value{}, fmt.Errorf("%s: %s", resp.Status, text)
	}
	return xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
}

// unanswered says that no whole answer came.
type unanswered struct{ err error }

func (e *unanswered) Error() string { return e.err.Error() }
func (e *unanswered) Unwrap() error { return e.err }

// gone reports whether a call ended because its server did: then it is not
// known what became of it.
func gone(err error) bool {
	var u *unanswered
	return errors.As(err, &u)
}
