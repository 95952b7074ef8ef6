package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quillgate/quillgate/mail/mailtest"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
)

// capture NAME PATTERN sets a variable to the first group of a pattern in the output of the last command.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("nothing in the output matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// await FILE PATTERN NAME waits until a file that another process writes matches, and sets a variable to the first group.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: await FILE PATTERN NAME")
	}
	pattern := regexp.MustCompile(args[1])
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if m := pattern.FindStringSubmatch(string(text)); err == nil && m != nil {
			ts.Setenv(args[2], m[1])
			return
		}
	}
	ts.Fatalf("%s never held %s", args[0], args[1])
}

// mode FILE MODE compares the permissions of a file.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE MODE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// wordpress NAME [nohttps] starts a small WordPress, and sets a variable to its address.
func wordpress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: wordpress NAME [nohttps]")
	}
	wp := upstreamtest.New()
	wp.HTTPS = len(args) == 1
	s := httptest.NewServer(wp)
	ts.Defer(s.Close)
	wp.URL = s.URL
	ts.Setenv(args[0], s.URL)
}

// smtpServer is the command smtp URL ROOT USER PASSWORD, which starts an SMTP server and sets variables to its address and to the file
// with its certificate.
func smtpServer(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 4 {
			ts.Fatalf("usage: smtp URL ROOT USER PASSWORD")
		}
		server := mailtest.Start(t, mailtest.Options{User: args[2], Password: args[3], Answer: func(to string) error {
			if strings.HasPrefix(to, "nobody") {
				return mailtest.Code(550, "no such user")
			}
			return nil
		}})
		ts.Setenv(args[0], server.URL())
		ts.Setenv(args[1], server.RootFile)
	}
}

// download NAME FOLDER serves a folder on loopback, and sets a variable to its address.
func download(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: download NAME FOLDER")
	}
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[1]))))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}
