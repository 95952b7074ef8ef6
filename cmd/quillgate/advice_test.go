package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Advice about a server that does not answer names that server, not a database.
func TestAdviceWhenTheServerDoesNotAnswer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, test := range []struct{ name, url, want string }{
		{"nobody listens", "http://127.0.0.1:1/xmlrpc.php", `No server listens there. Start one with "quillgate serve"`},
		{"the name is not known", "http://nowhere.invalid/xmlrpc.php", "The host name in this address is unknown. Check --url"},
		{"no answer", "http://" + silent.Addr().String() + "/xmlrpc.php", "The server does not answer in time."},
	} {
		var complaints bytes.Buffer
		args := []string{"call", "--url", test.url, "--timeout", "300ms", "demo.sayHello", "--data", t.TempDir()}
		code := run(context.Background(), args, streams{strings.NewReader(""), io.Discard, &complaints})
		if said := complaints.String(); code != 1 || !strings.Contains(said, test.want) || strings.Contains(said, "PostgreSQL") || strings.Contains(said, "--database") {
			t.Errorf("%s: exit code %d, it says %q, want %q", test.name, code, said, test.want)
		}
	}
}

// A permission error on a file gets advice about files; a connection that is
// not permitted does not.
func TestAdviceOnPermissions(t *testing.T) {
	const want = "sudo -u quillgate"
	for _, err := range []error{
		&fs.PathError{Op: "open", Path: "/var/lib/quillgate/keyset", Err: syscall.EACCES},
		fmt.Errorf("create the data folder: %w", &os.PathError{Op: "mkdir", Path: "/var/lib/quillgate", Err: syscall.EPERM}),
		fmt.Errorf("lock: %w", syscall.EACCES),
	} {
		if got := advice(err); !strings.Contains(got, want) {
			t.Errorf("%v: advice %q, want %q", err, got, want)
		}
	}
	if got := advice(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EACCES)}); got != "" {
		t.Errorf("a connection that may not be made: advice %q", got)
	}
}

// The advice names a PostgreSQL server that does not answer.
func TestAdviceWhenTheDatabaseDoesNotAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var complaints bytes.Buffer
	args := []string{"option", "list", "--data", t.TempDir(), "--database", "postgres://blog@127.0.0.1:1/blog?sslmode=disable"}
	code := run(ctx, args, streams{strings.NewReader(""), io.Discard, &complaints})
	if said := complaints.String(); code != 1 || !strings.Contains(said, "No PostgreSQL server listens there") {
		t.Errorf("exit code %d, it says %q", code, said)
	}
}
