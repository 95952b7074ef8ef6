package interop

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// arriving is the number of bytes of a page that a slow network delivers at
// once, and pause is the time until the next ones: longer than painting takes.
const (
	arriving = 1200
	pause    = 40 * time.Millisecond
)

// slowly is a proxy that passes on the pages of a server in pieces.
func slowly(t *testing.T, p *process) string {
	t.Helper()
	target, err := url.Parse(p.base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = target.Host
		},
		ModifyResponse: func(resp *http.Response) error {
			if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
				resp.Body = &inPieces{Closer: resp.Body, from: bufio.NewReader(resp.Body)}
			}
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	return strings.Replace(proxy.URL, "127.0.0.1", "localhost", 1)
}

// inPieces ends each piece at the end of a line, because a line that grows
// while it is painted may move by a pixel.
type inPieces struct {
	io.Closer
	from *bufio.Reader
	rest []byte
}

func (b *inPieces) Read(p []byte) (int, error) {
	var err error
	if len(b.rest) == 0 {
		for len(b.rest) < arriving && err == nil {
			var line []byte
			line, err = b.from.ReadBytes('\n')
			b.rest = append(b.rest, line...)
		}
		<-time.After(pause)
	}
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) > 0 {
		err = nil
	}
	return n, err
}

// Nothing on a page moves when more of it arrives, as on a slow network or a
// busy machine. It has the browser for itself: beside other tests, a piece may
// be painted before it is whole.
func TestPagesArriveInPieces(t *testing.T) {
	// With a host name, so that passkeys work.
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	p, paths := showcase(t, "--listen", address, "--base-url", "http://localhost:"+port)
	v := openBrowser(t).tab(t, slowly(t, p), desktop)
	v.allowed = p.base
	signInSeed(t, v)
	for _, row := range profilePages {
		v.open(t, row.path)
		for _, what := range v.moved(t) {
			t.Errorf("%s: %s", row.path, what)
		}
	}
	v.resize(t, phone)
	for _, row := range publicPages {
		v.open(t, paths[row.name])
		for _, what := range v.moved(t) {
			t.Errorf("%s: %s", row.name, what)
		}
	}
}

// moved lists everything that has moved since the page began to load, by more
// than the two pixels by which a line may grow. A busy browser may pause in the
// middle of a line and paint a button before its text; the value of that is
// below 0.00005 (Layout Instability, section 4.3), and that of a paragraph that
// moves is far above.
func (v *tab) moved(t *testing.T) []string {
	t.Helper()
	return do(t, v, chromedp.Evaluate[[]string](`new Promise((done) => {
		const out = []
		const far = (s) => Math.abs(s.previousRect.x - s.currentRect.x) > 2 || Math.abs(s.previousRect.y - s.currentRect.y) > 2
		new PerformanceObserver((list) => {
			for (const e of list.getEntries()) if (e.value > 0.00005) for (const s of e.sources) if (far(s)) out.push((s.node?.outerHTML ?? s.node?.textContent ?? "?").slice(0, 200) + " moves by " + e.value)
		}).observe({type: 'layout-shift', buffered: true})
		requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(out), 0)))
	})`, chromedp.EvalAwaitPromise))
}
