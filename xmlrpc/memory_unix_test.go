//go:build unix

package xmlrpc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/quillgate/quillgate/xmlrpc"
)

// spoolVariable turns the test binary into a server with its spool in that
// folder. It prints its address, and serves until its standard input ends.
const spoolVariable = "XMLRPC_TEST_SPOOL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(spoolVariable); dir != "" {
		if err := serveUploads(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serveUploads(dir string) error {
	// Each client of the test represents a network, so no share limits
	// them.
	everybody := func(*http.Request) (netip.Addr, bool) { return netip.Addr{}, false }
	h, err := xmlrpc.New(config{SpoolDir: dir, Client: everybody, Methods: []method{{Name: "test.upload", Func: func(_ context.Context, c *call) (xmlrpc.Value, error) {
		r, err := c.Param(0).Open()
		if err != nil {
			return xmlrpc.Value{}, err
		}
		defer r.Close()
		n, err := io.Copy(io.Discard, r)
		return xmlrpc.Int(n), err
	}}}})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	server := &http.Server{Handler: h}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// TestUploadMemory: while sixteen clients send 60 MB each, the process uses
// less than 200 MB of memory. The race detector may need more.
func TestUploadMemory(t *testing.T) {
	const clients, lines = 16, uploadSize / 77
	most := int64(200 << 20)
	if underRaceDetector() {
		// Its shadow memory: a peak of 34 MB becomes 116 to 205.
		most += 100 << 20
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), spoolVariable+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + strings.TrimSpace(address)
	const before, after = "<methodCall><methodName>test.upload</methodName><params><param><value><base64>", "</base64></value></param></params></methodCall>"
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			body := io.MultiReader(strings.NewReader(before), &repeated{strings.Repeat("A", 76) + "\n", lines * 77, 0}, strings.NewReader(after))
			if got, want := post(t, url, body).text, fmt.Sprintf("int %d", lines*57); got != want {
				t.Errorf("answered %q, want %q", got, want)
			}
		})
	}
	wait.Wait()
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	peak := usage.Maxrss << 10
	if runtime.GOOS == "darwin" {
		peak = usage.Maxrss // in bytes on that system
	}
	t.Logf("peak resident memory: %d MB", peak>>20)
	if peak > most {
		t.Errorf("peak resident memory: %d MB, want less than %d", peak>>20, most>>20)
	}
}

func underRaceDetector() bool {
	build, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// repeated reads as the same line again and again.
type repeated struct {
	line    string
	size, n int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) && r.n < r.size {
		k := copy(p[n:min(len(p), n+r.size-r.n)], r.line[r.n%len(r.line):])
		n += k
		r.n += k
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
