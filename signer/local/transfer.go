package local

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/upstream"
)

// A transfer counts the bytes of a body on the way to the blog.
type transfer struct {
	sent  atomic.Int64
	size  int64
	moved func() // called for each piece; it restarts the time limit for the blog
	stop  func()
}

// longTransfer is the time after which the progress of a transfer is logged and
// shown.
const longTransfer = 5 * time.Second

// watch counts the body of a request, and logs the progress of a long transfer.
func (c *call) watch(size int64) *transfer {
	t := &transfer{size: size, moved: func() {}}
	end := c.served.status.begin(t)
	done := make(chan struct{})
	slow := time.AfterFunc(longTransfer, func() {
		ticker := time.NewTicker(longTransfer)
		defer ticker.Stop()
		for {
			c.proxy.cfg.Log.Info("sending", "blog", c.served.site.Name, "sent", t.sent.Load(), "of", t.size)
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	t.stop = func() {
		slow.Stop()
		close(done)
		end()
	}
	return t
}

// metered counts the bytes that are sent. It is below the signing, which reads
// each body once for the digest.
type metered struct {
	base http.RoundTripper
	of   *transfer
}

// RoundTrip implements http.RoundTripper.
func (m metered) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.of.size <= upstream.SmallCall { // sent at once, without progress to show
		m.of.sent.Store(m.of.size)
		return m.base.RoundTrip(r)
	}
	m.of.sent.Store(0)
	out := *r
	if r.Body != nil {
		out.Body = &counted{r.Body, m.of}
	}
	return m.base.RoundTrip(&out)
}

func (t *transfer) percent() int {
	if t.size == 0 {
		return 100
	}
	return int(min(t.sent.Load()*100/t.size, 100))
}

type counted struct {
	io.ReadCloser
	of *transfer
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.of.sent.Add(int64(n))
	c.of.moved()
	return n, err
}
