//go:build wordpress

package interop

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signer"
	"github.com/quillgate/quillgate/xmlrpc"
)

// testCrash kills the gateway, MariaDB and PHP-FPM, each at so many moments of
// a load that publishes. Each post that was acknowledged is there once, none
// appears twice, and none of which its program was told that nothing was
// changed. A program that does not know sends the same bytes again, as programs
// do.
func (w *wordpress) testCrash(t *testing.T) {
	w.reset(t)
	g := w.gate(t, "")
	key := g.key(t, "admin")
	n := number(t, "WORDPRESS_KILLS", crashes)
	victims := []struct {
		name    string
		kill    func()
		restart func()
	}{
		{"gateway", func() { g.kill() }, func() { g.serve(t, w.gateway) }},
		{"MariaDB", w.database.kill, func() { w.database.start(t) }},
		{"PHP-FPM", w.php.kill, func() { w.php.start(t) }},
	}
	for _, v := range victims {
		t.Run(v.name, func(t *testing.T) {
			load := &publishers{
				w: w, endpoint: "http://" + w.gateway + "/xmlrpc.php", posts: map[string]told{},
				transport: signer.Transport{Public: key.public, Secret: key.secret, Base: &http.Transport{MaxIdleConnsPerHost: 8}},
			}
			for range n {
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				for range 4 {
					running.Go(func() { load.publish(ctx) })
				}
				// The gateway lets one call in five seconds try a WordPress that was gone.
				load.await(t, load.published, load.published()+1+int(random(t, 4)))
				moment := time.NewTimer(time.Duration(random(t, int64(60*time.Millisecond))))
				<-moment.C
				v.kill()
				load.await(t, load.len, load.len()+2) // calls while it is gone
				cancel()
				v.restart()
				running.Wait()
				load.settle(t)
			}
			load.judge(t, n)
		})
	}
}

// publishers is a load of programs that sign.
type publishers struct {
	w         *wordpress
	endpoint  string
	transport http.RoundTripper

	mu    sync.Mutex
	posts map[string]told // what the program of each post was told last
	again []string        // the posts whose programs do not know
	odd   []string
}

func (l *publishers) publish(ctx context.Context) {
	for ctx.Err() == nil {
		title := "load " + rand.Text()
		what, odd := l.send(title)
		l.mu.Lock()
		l.posts[title] = what
		if what == unknown {
			l.again = append(l.again, title)
		}
		if odd != "" {
			l.odd = append(l.odd, odd)
		}
		l.mu.Unlock()
		if what != acknowledged {
			pause := time.NewTimer(50 * time.Millisecond) // of a person who reads the fault
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
}

// send publishes a post. The same title makes the same bytes.
func (l *publishers) send(title string) (what told, odd string) {
	_, err := callAt(context.Background(), l.transport, l.endpoint, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""), xmlrpc.Struct(
		xmlrpc.M("post_title", xmlrpc.String(title)), xmlrpc.M("post_content", xmlrpc.String("text of "+title)), xmlrpc.M("post_status", xmlrpc.String("publish"))))
	fault, isFault := errors.AsType[*xmlrpc.Fault](err)
	switch {
	case err == nil:
		return acknowledged, ""
	case gone(err):
		return unknown, ""
	case isFault && fault.Code != http.StatusForbidden && strings.Contains(fault.Message, "Nothing was changed."):
		return refusedWhole, ""
	case isFault && fault.Code != http.StatusForbidden && strings.Contains(fault.Message, "not known whether"):
		return unknown, ""
	}
	return unknown, err.Error()
}

// settle sends again what its programs do not know of, when everything runs.
func (l *publishers) settle(t *testing.T) {
	t.Helper()
	for _, title := range l.again {
		what, odd := l.send(title)
		if what == acknowledged { // the first result, or the only one
			l.posts[title] = what
		}
		if odd != "" {
			l.odd = append(l.odd, "again: "+odd)
		}
	}
	l.again = nil
}

// published is how many posts were acknowledged.
func (l *publishers) published() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, what := range l.posts {
		if what == acknowledged {
			n++
		}
	}
	return n
}

func (l *publishers) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.posts)
}

// await waits until a count is so high.
func (l *publishers) await(t *testing.T, count func() int, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); count() < n; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("the load stands still at %d posts: %.300q", l.len(), l.odd)
		}
	}
}

// judge compares what the programs were told with what the WordPress holds.
func (l *publishers) judge(t *testing.T, n int) {
	t.Helper()
	have := map[string]int{}
	for line := range strings.Lines(l.w.sql(t, "SELECT post_title, COUNT(*) FROM wp_posts WHERE post_type = 'post' AND post_status = 'publish' AND post_title LIKE 'load %' GROUP BY post_title")) {
		title, count, _ := strings.Cut(strings.TrimSpace(line), "\t")
		have[title], _ = strconv.Atoi(count)
	}
	var count [3]int
	for title, what := range l.posts {
		count[what]++
		switch {
		case have[title] > 1:
			t.Errorf("a post is there %d times", have[title])
		case what == acknowledged && have[title] == 0:
			t.Error("a post that was acknowledged is not there")
		case what == refusedWhole && have[title] != 0:
			t.Error("a post is there of which the program was told that nothing was changed")
		}
	}
	for _, odd := range l.odd {
		t.Errorf("an answer does not tell what became of the call: %s", odd)
	}
	t.Logf("killed %d times: %d posts acknowledged, %d refused, %d unknown; none lost, none doubled", n, count[acknowledged], count[refusedWhole], count[unknown])
	if count[acknowledged] < n || count[unknown]+count[refusedWhole] == 0 {
		t.Error(fmt.Sprint("that is too little to show anything: ", count))
	}
}
