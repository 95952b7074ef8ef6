package public_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
)

// BenchmarkPages requests pages over HTTP and, in turns, the same bytes with
// the same headers from a handler that has them in memory. of-memory is the
// ratio of the throughputs; made is the time for a page that is not cached.
func BenchmarkPages(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkPages(b, databasetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkPages(b, databasetest.Postgres(b)) })
}

func benchmarkPages(b *testing.B, address string) {
	f := openFace(b, databasetest.Open(b, address), public.Config{})
	f.set(b, "permalink_structure", "/%postname%/")
	for i := range 30 {
		f.post(b, fmt.Sprintf("Post %d", i), strings.Repeat("<p>Some words in a paragraph that is neither long nor short.</p>\n", 20), named("category", "Notes"), named("post_tag", "red", "blue"))
	}
	full := httptest.NewServer(f)
	defer full.Close()
	for _, target := range []string{"/", "/post-3/", "/feed/"} {
		b.Run(map[string]string{"/": "home", "/post-3/": "post", "/feed/": "feed"}[target], func(b *testing.B) {
			kept := f.get(b, target)
			memory := httptest.NewServer(fromMemory(kept))
			defer memory.Close()
			fetch(b, memory.URL+target)
			fetch(b, full.URL+target)
			var ofMemory, ofFull time.Duration
			b.ResetTimer()
			for range b.N {
				// In turns, so that the load of the machine
				// affects both alike.
				ofMemory += batch(b, memory.URL+target)
				ofFull += batch(b, full.URL+target)
			}
			b.StopTimer()
			start := time.Now()
			const made = 20
			for i := range made {
				f.set(b, "blog_tagline", strconv.Itoa(i)) // nothing is cached
				f.get(b, target)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.N*requests)/ofFull.Seconds(), "req/s")
			b.ReportMetric(ofMemory.Seconds()/ofFull.Seconds(), "of-memory")
			b.ReportMetric(time.Since(start).Seconds()*1000/made, "ms-made")
		})
	}
}

func fromMemory(w *httptest.ResponseRecorder) http.Handler {
	body := w.Body.Bytes()
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		for name, values := range w.Header() {
			out.Header()[name] = values
		}
		out.Write(body)
	})
}

// A batch has a number of requests, by a number of clients.
const (
	requests = 400
	clients  = 8
)

// client keeps a connection open for each of the clients.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}

func batch(b *testing.B, url string) time.Duration {
	start := time.Now()
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for range requests / clients {
				fetch(b, url)
			}
		})
	}
	wait.Wait()
	return time.Since(start)
}

func fetch(b *testing.B, url string) {
	r, err := client.Get(url)
	if err != nil {
		b.Error(err)
		return
	}
	defer r.Body.Close()
	if n, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 200 || n == 0 {
		b.Errorf("%s: %d, %d bytes, %v", url, r.StatusCode, n, err)
	}
}
