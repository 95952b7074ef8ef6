package interop

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	uploaders = 16
	// bodySize is that of each request body, in bytes; the file in it has three quarters of that.
	bodySize = 60_000_000
	// maxResident is what the server may take while all the uploads arrive, in bytes.
	maxResident = 200 << 20
)

// Sixteen clients send large files at the same moment, under one name. The server must neither hold them in memory nor
// mix them up.
func TestUploadsInBoundedMemory(t *testing.T) {
	p := start(t, seed(t, ""))
	halfway := newBarrier(uploaders)
	urls := make([]string, uploaders)
	var all sync.WaitGroup
	for i := range uploaders {
		all.Go(func() {
			defer halfway.leave()
			var err error
			if urls[i], err = upload(p, i, halfway); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	peak := resident(t, p.cmd.Process.Pid)
	t.Logf("%d uploads of %d MB each: %d MB resident at most", uploaders, bodySize/1_000_000, peak>>20)
	if peak > maxResident {
		t.Errorf("%d MB resident, want at most %d", peak>>20, maxResident>>20)
	}
	seen := make(map[string]bool)
	for i, url := range urls {
		if seen[url] {
			t.Errorf("two clients have the file %s", url)
		}
		seen[url] = true
		want := sha256.New()
		if _, err := io.Copy(want, fileOf(i)); err != nil {
			t.Fatal(err)
		}
		got, size, err := download(url)
		if err != nil || got != [32]byte(want.Sum(nil)) {
			t.Errorf("client %d: %s has %d bytes, and not those that were sent: %v", i, url, size, err)
		}
	}
}

// fileOf is the content of the file that a client sends, different for each.
func fileOf(client int) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{byte(client)}), bodySize/4*3)
}

// upload sends one file and returns its address. Every second client does not say how long its body is.
func upload(p *process, client int, halfway *barrier) (string, error) {
	body, length := requestBody(client, halfway)
	defer body.Close()
	r, err := http.NewRequest(http.MethodPost, p.endpoint, body)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "text/xml")
	if client%2 == 0 {
		r.ContentLength = length
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	m := urlMember.FindSubmatch(text)
	if m == nil || !idMember.Match(text) {
		return "", fmt.Errorf("status %s: %.500s", answer.Status, text)
	}
	return string(m[1]), nil
}

// requestBody makes the body while it is sent. In its middle it waits for the other clients.
func requestBody(client int, halfway *barrier) (io.ReadCloser, int64) {
	r, w := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(w, 64<<10)
		buffered.WriteString(uploadCall)
		digits := base64.NewEncoder(base64.StdEncoding, buffered)
		file := fileOf(client)
		_, err := io.CopyN(digits, file, bodySize/8*3)
		if err == nil {
			halfway.wait()
			_, err = io.Copy(digits, file)
		}
		if err == nil {
			err = digits.Close()
		}
		buffered.WriteString(uploadEnd)
		if err == nil {
			err = buffered.Flush()
		}
		w.CloseWithError(err)
	}()
	return r, int64(len(uploadCall)+len(uploadEnd)) + int64(base64.StdEncoding.EncodedLen(bodySize/4*3))
}

func download(url string) (sum [32]byte, size int64, err error) {
	r, err := http.Get(url)
	if err != nil {
		return sum, 0, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return sum, 0, fmt.Errorf("status %s", r.Status)
	}
	h := sha256.New()
	size, err = io.Copy(h, r.Body)
	return [32]byte(h.Sum(nil)), size, err
}

// resident is the most memory that a process has had in use so far, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		if value, ok := strings.CutPrefix(string(line), "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kilobytes << 10
		}
	}
	t.Fatal("the system does not say how much memory the process has had")
	return 0
}

// barrier lets nobody on before all have come. Who leaves without having come is not waited for.
type barrier struct {
	mu      sync.Mutex
	missing int
	open    chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{missing: n, open: make(chan struct{})} }

func (b *barrier) come() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missing--; b.missing == 0 {
		close(b.open)
	}
}

func (b *barrier) wait() {
	b.come()
	<-b.open
}

// leave counts a client that is done: after all have come it changes nothing, before that it lets the others on.
func (b *barrier) leave() {
	select {
	case <-b.open:
	default:
		b.come()
	}
}
