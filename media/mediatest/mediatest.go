// Package mediatest provides a real S3 server for tests: versitygw, with a
// temporary folder, on loopback. It starts in a fraction of a second and stops
// with the test. The program is built once, in the version of tools/s3.mod, and
// cached in the folder .cache of the repository.
package mediatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// version is that in tools/s3.mod; a test compares them.
const version = "v1.8.0"

// The credentials of the server.
const (
	AccessKey = "quillgate-test"
	SecretKey = "quillgate-test-secret"
)

// Bucket is the only bucket of the server.
const Bucket = "uploads"

// S3 is a running S3 server.
type S3 struct {
	Endpoint string // http://127.0.0.1:PORT
	Dir      string // the folder with its objects
	cmd      *exec.Cmd
	log      bytes.Buffer
}

// Start starts a server with an empty bucket, which stops when the test ends.
// Tests that use it must set the credentials in the environment with
// SetCredentials.
func Start(t testing.TB) *S3 {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s := &S3{Dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(s.Dir, Bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s.Endpoint = "http://" + port
	s.run(t, path, port)
	t.Cleanup(s.Kill)
	return s
}

// run starts the program on an address and waits until it answers.
func (s *S3) run(t testing.TB, path, address string) {
	t.Helper()
	s.cmd = exec.Command(path, "--port", address, "--quiet", "posix", s.Dir)
	s.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+AccessKey, "ROOT_SECRET_ACCESS_KEY="+SecretKey)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		r, err := http.Get(s.Endpoint)
		if err == nil {
			r.Body.Close()
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("the S3 server does not answer: %v\n%s", err, s.log.String())
		}
	}
}

// Kill kills the server like kill -9.
func (s *S3) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart starts a killed server again, at the same address.
func (s *S3) Restart(t testing.TB) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, path, strings.TrimPrefix(s.Endpoint, "http://"))
}

// Address returns the address of the bucket with a prefix, through an endpoint,
// or directly if that is "".
func (s *S3) Address(prefix, endpoint string) string {
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	return "s3://" + Bucket + "/" + prefix + "?endpoint=" + endpoint
}

// Objects lists the keys of the bucket, except those with a hidden part.
func (s *S3) Objects(t testing.TB) []string {
	t.Helper()
	return s.files(t, false)
}

// Unfinished lists what the server stores of uploads in parts that were never
// completed.
func (s *S3) Unfinished(t testing.TB) []string {
	t.Helper()
	return s.files(t, true)
}

func (s *S3) files(t testing.TB, unfinished bool) []string {
	t.Helper()
	root, out := filepath.Join(s.Dir, Bucket), []string{}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(name, ".sgwtmp/multipart") && unfinished, !unfinished && !strings.Contains("/"+name, "/."):
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// SetCredentials sets the credentials of the server in the environment.
func SetCredentials() {
	os.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	os.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
}

// program is the path of the server's program, which is built if it is missing.
var program = sync.OnceValues(func() (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, ".cache", "versitygw-"+version)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	part := path + "." + rand.Text()
	cmd := exec.Command("go", "build", "-modfile=tools/s3.mod", "-o", part, "github.com/versity/versitygw/cmd/versitygw")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build versitygw: %w\n%s", err, out)
	}
	return path, os.Rename(part, path)
})

// repository returns the parent folder that contains the tools.
func repository() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "tools", "s3.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("tools/s3.mod is in no folder above")
		}
	}
	return "", err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
