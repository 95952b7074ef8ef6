package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// told is what a client knows of its call.
type told int

const (
	acknowledged told = iota // the id of the post came
	refusedWhole             // a fault says that nothing was changed
	unknown                  // a fault says that it is not known, or no answer came
)

// oldClients is a load of programs that do not sign. It remembers what each post's program was told.
type oldClients struct {
	mu    sync.Mutex
	posts map[string]told
	odd   []string // answers that tell neither
}

// post makes posts until the context ends.
func (l *oldClients) post(ctx context.Context, s *signing) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		title := rand.Text()
		what, odd := publishOnce(client, s, title)
		l.mu.Lock()
		l.posts[title] = what
		if odd != "" {
			l.odd = append(l.odd, odd)
		}
		l.mu.Unlock()
		if what != acknowledged {
			pause := time.NewTimer(5 * time.Millisecond) // of a person who reads the fault
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
}

func publishOnce(client *http.Client, s *signing, title string) (what told, odd string) {
	body := xmlrpc.AppendCall(nil, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(s.user), xmlrpc.String(s.password), xmlrpc.Struct(
		xmlrpc.M("post_title", xmlrpc.String(title)), xmlrpc.M("post_content", xmlrpc.String("text of "+title)), xmlrpc.M("post_status", xmlrpc.String("publish")),
		xmlrpc.M("terms_names", xmlrpc.Struct(xmlrpc.M("post_tag", xmlrpc.Array(xmlrpc.String("load")))))))
	resp, err := client.Post(s.endpoint, "text/xml", bytes.NewReader(body))
	if err != nil {
		return unknown, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return unknown, ""
	}
	_, err = xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
	fault, isFault := errors.AsType[*xmlrpc.Fault](err)
	switch {
	case err == nil:
		return acknowledged, ""
	case isFault && fault.Code != http.StatusForbidden && strings.HasSuffix(fault.Message, "Nothing was changed."):
		return refusedWhole, ""
	case isFault && fault.Code != http.StatusForbidden && strings.Contains(fault.Message, "It is not known whether"):
		return unknown, ""
	}
	return unknown, fmt.Sprintf("status %d: %s", resp.StatusCode, clip(string(text)))
}

// judge compares what the clients were told with what the blog holds.
func (l *oldClients) judge(t *testing.T, p *process) {
	t.Helper()
	have := map[string]int{}
	for offset := 0; ; offset += 500 {
		list, err := call(t.Context(), p, &signingKey{seedPublic, seedSecret}, "wp.getPosts", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
			xmlrpc.Struct(xmlrpc.M("number", xmlrpc.Int(500)), xmlrpc.M("offset", xmlrpc.Int(int64(offset))), xmlrpc.M("orderby", xmlrpc.String("ID"))),
			xmlrpc.Array(xmlrpc.String("post_title"), xmlrpc.String("post_content"), xmlrpc.String("terms")))
		if err != nil {
			t.Fatalf("wp.getPosts: %v", err)
		}
		for _, post := range list.Elements() {
			title := post.Get("post_title").Text()
			if _, ours := l.posts[title]; !ours {
				continue
			}
			have[title]++
			tagged := false
			for _, term := range post.Get("terms").Elements() {
				tagged = tagged || term.Get("name").Text() == "load"
			}
			if post.Get("post_content").Text() != "text of "+title || !tagged {
				t.Errorf("a post is there in part: %v", post)
			}
		}
		if list.Len() < 500 {
			break
		}
	}
	var count [3]int
	for title, what := range l.posts {
		count[what]++
		switch n := have[title]; {
		case n > 1:
			t.Errorf("a post is there %d times", n)
		case what == acknowledged && n == 0:
			t.Error("a post that was acknowledged is not there")
		case what == refusedWhole && n != 0:
			t.Error("a post is there of which the client was told that nothing was changed")
		}
	}
	for _, odd := range l.odd {
		t.Errorf("an answer does not tell what became of the call: %s", odd)
	}
	t.Logf("%d posts acknowledged, %d refused, %d unknown", count[acknowledged], count[refusedWhole], count[unknown])
	if count[acknowledged] < crashes() || count[unknown]+count[refusedWhole] == 0 {
		t.Error("that is too few to show anything")
	}
}

// TestSignerCrash kills the signer and the server behind it by turns, at random points of a load: no post is there in
// part or twice, and every client was told the truth.
func TestSignerCrash(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		crashSigner(t, seedIn(t, t.TempDir(), ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		crashSigner(t, seedIn(t, t.TempDir(), databasetest.Postgres(t)))
	})
}

func crashSigner(t *testing.T, blog seeded) {
	t.Helper()
	address := freeLoopback(t)
	serve := func() *process { return start(t, blog, "--listen", address, "--base-url", "http://"+address) }
	p := serve()
	s := signed(t, p.base)
	load := &oldClients{posts: map[string]told{}}
	for i := range crashes() {
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() { load.post(ctx, s) })
		}
		load.await(len(load.posts) + 1 + int(random(t, 12)))
		wait := time.NewTimer(time.Duration(random(t, 20*int64(time.Millisecond))))
		<-wait.C
		if i%2 == 0 {
			p.kill()
			load.await(load.len() + 4) // calls while no one answers
			p = serve()
		} else {
			s.kill()
			cancel()
			running.Wait()
			s.serve(t)
		}
		cancel()
		running.Wait()
	}
	load.judge(t, p)
}

func (l *oldClients) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posts)
}

// await waits until the load has sent so many posts.
func (l *oldClients) await(n int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); l.len() < n && time.Now().Before(deadline); {
		<-tick.C
	}
}
