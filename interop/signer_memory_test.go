package interop

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

const (
	signerIdle   = 40 << 20  // resident, of a signer that no one calls
	signerBusy   = 64 << 20  // of one that sends a large file
	signerUpload = 200 << 20 // of the file
)

// A signer that no one calls, and one that sends a file of 200 MB, take little
// memory.
func TestSignerMemory(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""), "--max-body", "512MiB")
	s := signed(t, p.base)
	idle := resident(t, s.process)
	ctx, cancel := context.WithCancel(t.Context())
	most := make(chan int64, 1)
	go func() { most <- s.mostResident(ctx, t) }()
	body, w := io.Pipe()
	go func() { w.CloseWithError(signerUploadCall(s, w)) }()
	resp, err := http.Post(s.endpoint, "text/xml", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	busy := <-most
	v, err := xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
	if err != nil || v.Get("url").Text() == "" {
		t.Fatalf("the upload: %v\n%s", err, clip(string(text)))
	}
	t.Logf("%d MiB resident without a call, at most %d while %d MiB are sent", idle>>20, busy>>20, signerUpload>>20)
	if idle > signerIdle {
		t.Errorf("the signer has %d MiB resident without a call, at most %d are allowed", idle>>20, signerIdle>>20)
	}
	if busy > signerBusy {
		t.Errorf("the signer has %d MiB resident while it sends, at most %d are allowed", busy>>20, signerBusy>>20)
	}
}

// signerUploadCall writes a call as an old program does that knows the local password.
func signerUploadCall(s *signing, w io.Writer) error {
	fmt.Fprintf(w, `<?xml version="1.0"?><methodCall><methodName>metaWeblog.newMediaObject</methodName><params><param><value><int>1</int></value></param>`+
		`<param><value>%s</value></param><param><value>%s</value></param><param><value><struct><member><name>name</name><value>large.zip</value></member>`+
		`<member><name>type</name><value>application/zip</value></member><member><name>bits</name><value><base64>`, s.user, s.password)
	e := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.CopyBuffer(struct{ io.Writer }{e}, io.LimitReader(&pattern{}, signerUpload), make([]byte, 48<<10)); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, `</base64></value></member></struct></value></param></params></methodCall>`)
	return err
}

// mostResident looks again and again until the context ends: the highest that Linux remembers is that of opening the keys.
func (s *signing) mostResident(ctx context.Context, t *testing.T) int64 {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	most := int64(0)
	for {
		most = max(most, resident(t, s.process))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return most
		}
	}
}

// resident returns the memory that a process uses, as Linux counts it.
func resident(t *testing.T, p *process) int64 {
	t.Helper()
	return memoryOf(t, p, "VmRSS")
}

// peakMemory returns the most memory that a process has ever used, as Linux
// counts it.
func peakMemory(t *testing.T, p *process) int64 {
	t.Helper()
	return memoryOf(t, p, "VmHWM")
}

// memoryOf returns the bytes in a line of the status of a process, or 0 if it
// cannot be read, which fails the test.
func memoryOf(t *testing.T, p *process, line string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Error(err)
		return 0
	}
	_, rest, _ := strings.Cut("\n"+string(status), "\n"+line+":")
	text, _, _ := strings.Cut(rest, "\n")
	kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
	if err != nil {
		t.Errorf("the status of the process has no valid %s: %v", line, err)
	}
	return kib << 10
}
