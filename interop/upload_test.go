package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/xmlrpc"
)

const (
	uploaders   = 16
	uploadSize  = 44 << 20  // of the file; its request is a third longer, just below the limit of 64 MiB
	uploadBound = 200 << 20 // of the resident memory of the process
)

// TestUploadsInBoundedMemory has many clients send large files at once, and looks at the most memory that the process
// ever had. The files are compared by their digests as they are served.
func TestUploadsInBoundedMemory(t *testing.T) {
	t.Parallel()
	p := start(t, seed(t, ""))
	var running sync.WaitGroup
	for i := range uploaders {
		running.Go(func() { upload(t, p, i) })
	}
	running.Wait()
	peak := peakMemory(t, p)
	t.Logf("%d uploads of %d MiB at once: at most %d MiB resident", uploaders, uploadSize>>20, peak>>20)
	if peak > uploadBound {
		t.Errorf("the process had %d MiB resident, at most %d are allowed", peak>>20, uploadBound>>20)
	}
	left, err := os.ReadDir(dataOf(p) + "/spool")
	if err != nil || len(left) > 0 {
		t.Errorf("after the uploads the spool holds %v, %v", left, err)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("the server ended with exit code %d\n%s", code, tail(p.log.String(), 2000))
	}
}

func dataOf(p *process) string {
	for _, v := range p.cmd.Env {
		if folder, ok := strings.CutPrefix(v, "QUILLGATE_DATA="); ok {
			return folder
		}
	}
	return ""
}

// pattern is an endless file of its own for each number.
type pattern struct{ n, at uint64 }

func (f *pattern) Read(p []byte) (int, error) {
	for i := range p {
		f.at++
		p[i] = byte((f.at*f.at + f.n*7919) >> 7)
	}
	return len(p), nil
}

func file(n int) io.Reader { return io.LimitReader(&pattern{n: uint64(n)}, uploadSize) }

// requestFor writes the call that uploads file n.
func requestFor(n int, w io.Writer) error {
	fmt.Fprintf(w, `<?xml version="1.0"?><methodCall><methodName>metaWeblog.newMediaObject</methodName><params><param><value><int>1</int></value></param>`+
		`<param><value/></param><param><value/></param><param><value><struct><member><name>name</name><value>large-%d.bin.zip</value></member>`+
		`<member><name>type</name><value>application/zip</value></member><member><name>bits</name><value><base64>`, n)
	e := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.CopyBuffer(struct{ io.Writer }{e}, file(n), make([]byte, 48<<10)); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, `</base64></value></member></struct></value></param></params></methodCall>`)
	return err
}

// sendFile uploads file n with a signature, and returns the answer.
func sendFile(transport http.RoundTripper, endpoint string, key signingKey, n int) (xmlrpc.Value, error) {
	hash := signature.NewHash(key.secret)
	size := &counter{w: hash}
	if err := requestFor(n, size); err != nil {
		return xmlrpc.Value{}, err
	}
	body, w := io.Pipe()
	go func() { w.CloseWithError(requestFor(n, w)) }()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, body)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	req.ContentLength = size.n
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("Authorization", hash.Authorization(key.public))
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return xmlrpc.Value{}, fmt.Errorf("%s %s, %w", resp.Status, answer, err)
	}
	return xmlrpc.DecodeResponse(answer, xmlrpc.Limits{})
}

func upload(t *testing.T, p *process, n int) {
	v, err := sendFile(http.DefaultTransport, p.endpoint, signingKey{seedPublic, seedSecret}, n)
	if err != nil {
		t.Errorf("upload %d: %v", n, err)
		return
	}
	if got, want := served(t, v.Get("url").Text()), digest(file(n)); !bytes.Equal(got, want) {
		t.Errorf("upload %d: what is served has digest %x, want %x", n, got, want)
	}
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func served(t *testing.T, url string) []byte {
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	return digest(resp.Body)
}

func digest(r io.Reader) []byte {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil
	}
	return h.Sum(nil)
}
