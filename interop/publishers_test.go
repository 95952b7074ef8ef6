package interop

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// publishers is a load of clients that sign.
type publishers struct {
	endpoint  string
	transport http.RoundTripper

	mu    sync.Mutex
	posts map[string]told // what the client of each post was last told
	again []string        // the posts whose outcome is unknown to their clients
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
			pause := time.NewTimer(50 * time.Millisecond) // a person reads the fault
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	}
}

// send publishes a post. The same title gives the same bytes.
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

// settle sends posts with an unknown outcome again, when everything runs.
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

// published returns the number of acknowledged posts.
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

// await waits until a count has reached a number.
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

// judge compares what the clients were told with the number of posts with each
// title at the WordPress.
func (l *publishers) judge(t *testing.T, n int, have map[string]int) {
	t.Helper()
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
