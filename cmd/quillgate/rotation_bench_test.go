package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signer"
)

// BenchmarkKeysetRotation rotates the master key of a blog with 100,000 keys
// (or QUILLGATE_BENCH_KEYS). Meanwhile servers answer signed requests with all
// these keys, some of which write posts: one server on SQLite, two on
// PostgreSQL. It counts the requests that fail.
func BenchmarkKeysetRotation(b *testing.B) {
	keys := 100_000
	if n, err := strconv.Atoi(os.Getenv("QUILLGATE_BENCH_KEYS")); err == nil {
		keys = n
	}
	b.Run("sqlite", func(b *testing.B) { rotateUnderLoad(b, "", keys, 1) })
	b.Run("postgres", func(b *testing.B) { rotateUnderLoad(b, databasetest.DurablePostgres(b), keys, 2) })
}

func rotateUnderLoad(b *testing.B, url string, keys, servers int) {
	k := plant(b, b.TempDir(), url, false, keys)
	l := &signedLoad{failures: make(map[string]int)}
	for public, secret := range k.secrets {
		l.keys = append(l.keys, [2]string{public, secret})
	}
	slices.SortFunc(l.keys, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	ctx, stop := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	for range servers {
		endpoint := k.serve(b)
		for range 4 / servers {
			seed := rand.Uint64()
			clients.Go(func() { l.run(ctx, endpoint, seed) })
		}
	}
	defer clients.Wait()
	defer stop()
	began := time.Now()
	time.Sleep(3 * time.Second)
	before := float64(l.count().sent) / time.Since(began).Seconds()
	b.ResetTimer()
	for b.Loop() {
		start, from := time.Now(), l.count()
		out, err := k.command(b, "keys", "rotate").CombinedOutput()
		if err != nil {
			b.Fatalf("keys rotate: %v\n%s", err, out)
		}
		took, to := time.Since(start).Seconds(), l.count()
		b.ReportMetric(float64(keys)/took, "rows/s")
		b.ReportMetric(float64(to.sent-from.sent)/took, "requests/s-during")
		b.ReportMetric(float64(to.posts-from.posts), "posts-during")
		b.ReportMetric(to.slowest.Seconds(), "s-slowest")
	}
	stop()
	clients.Wait()
	b.ReportMetric(before, "requests/s-before")
	b.ReportMetric(float64(l.count().failed), "failed")
	for why, n := range l.failures {
		b.Errorf("%d requests failed: %s", n, why)
	}
	if out, err := k.command(b, "keys", "verify").CombinedOutput(); err != nil {
		b.Errorf("keys verify: %v\n%s", err, out)
	}
}

// serve starts a server of the blog, which stops with the benchmark, and
// returns its endpoint.
func (k *keptBlog) serve(b *testing.B) string {
	b.Helper()
	cmd := k.command(b, "serve", "--listen", "127.0.0.1:0", "--log-level", "error")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	endpoint := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+/xmlrpc\.php`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := endpoint.FindString(lines.Text()); found != "" {
			go io.Copy(io.Discard, out)
			return found
		}
	}
	b.Fatal("the server does not say where it serves")
	return ""
}

// signedLoad is a set of clients that send signed requests with many keys, one
// after the other.
type signedLoad struct {
	keys [][2]string // public key and secret

	mu       sync.Mutex
	done     loadCount
	failures map[string]int
}

type loadCount struct {
	sent, posts, failed int
	slowest             time.Duration
}

func (l *signedLoad) count() loadCount {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

func (l *signedLoad) run(ctx context.Context, endpoint string, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	base := &http.Transport{}
	defer base.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		key, post := l.keys[random.IntN(len(l.keys))], n%10 == 0
		call := `<?xml version="1.0"?><methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>x</value></param><param><value>x</value></param></params></methodCall>`
		if post {
			call = fmt.Sprintf(`<?xml version="1.0"?><methodCall><methodName>wp.newPost</methodName><params><param><value><int>1</int></value></param>
				<param><value>x</value></param><param><value>x</value></param><param><value><struct><member><name>post_title</name>
				<value>%d of %d</value></member></struct></value></param></params></methodCall>`, n, seed)
		}
		began := time.Now()
		why := send(&http.Client{Transport: signer.Transport{Public: key[0], Secret: key[1], Base: base}, Timeout: time.Minute}, endpoint, call)
		l.note(post, time.Since(began), why)
	}
}

// send returns what went wrong, or "".
func send(client *http.Client, endpoint, call string) string {
	answer, err := client.Post(endpoint, "text/xml", strings.NewReader(call))
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err.Error()
	case answer.StatusCode != http.StatusOK || bytes.Contains(text, []byte("<fault>")):
		return fmt.Sprintf("%s %.300s", answer.Status, text)
	}
	return ""
}

func (l *signedLoad) note(post bool, took time.Duration, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done.sent++
	l.done.slowest = max(l.done.slowest, took)
	switch {
	case why != "":
		l.done.failed++
		l.failures[why]++
	case post:
		l.done.posts++
	}
}
