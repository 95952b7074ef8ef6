package databasetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL server for one test. It syncs to disk, and can be
// stopped, started again and followed by a standby.
type Server struct{ c *cluster }

// NewServer starts a server. It stops when the test ends.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{&cluster{durable: true}}
	t.Cleanup(s.c.stop)
	s.c.once.Do(func() { s.c.err = s.c.start("") })
	if s.c.err != nil {
		t.Fatal(s.c.err)
	}
	return s
}

// Database returns the URL of a new database with the current schema. It goes
// away with the server.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "t_blog"
	if err := s.c.exec("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatal(err)
	}
	return s.c.url(name)
}

// Addr returns the address of the server.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.c.port) }

// Exec runs a statement as the owner of the server.
func (s *Server) Exec(t testing.TB, statement string) {
	t.Helper()
	if err := s.c.exec(statement); err != nil {
		t.Fatal(err)
	}
}

// Stop stops the server like pg_ctl: with -m immediate, as in a crash, or with
// -m fast.
func (s *Server) Stop(t testing.TB, immediate bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.c.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	sign := syscall.SIGINT
	if immediate {
		sign = syscall.SIGQUIT
	}
	if err := syscall.Kill(pid, sign); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); !ended(pid); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("PostgreSQL does not stop")
		}
	}
}

// ended reports whether a process has ended. One that has ended but was not
// waited for has no command line.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(line) == 0
}

// Start starts the server again after Stop.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	program, err := find("postgres")
	if err != nil {
		t.Fatal(err)
	}
	s.c.before = append(s.c.before, s.c.guard)
	if err := s.c.serve(program, s.c.dir, s.c.owner); err != nil {
		t.Fatal(err)
	}
}

// Standby starts a server that follows this one, which from then on
// acknowledges only what the standby has on disk.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	dir, owner, err := folder("")
	if err != nil {
		t.Fatal(err)
	}
	program, err := find("pg_basebackup")
	if err != nil {
		t.Fatal(err)
	}
	from := fmt.Sprintf("host=127.0.0.1 port=%d user=quillgate password=%s application_name=standby", s.c.port, s.c.password)
	data := filepath.Join(dir, "data")
	copied := exec.Command(program, "-D", data, "-R", "-X", "stream", "-c", "fast", "-d", from)
	copied.Dir, copied.SysProcAttr = dir, runAs(owner, false)
	if out, err := copied.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	// Only the standby needs it; and it may be older than the data that the
	// standby reads.
	os.Remove(filepath.Join(data, "postmaster.pid"))
	other := &Server{&cluster{durable: true, password: s.c.password}}
	if other.c.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	other.c.dir, other.c.owner = dir, owner
	if program, err = find("postgres"); err != nil {
		t.Fatal(err)
	}
	if err := other.c.serve(program, dir, owner); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.c.stop)
	s.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	s.Exec(t, "SELECT pg_reload_conf()")
	return other
}

// Promote makes a standby the primary.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, "SELECT pg_promote(true, 20)")
	// The setting that it has copied from the old primary would make it wait
	// for a standby of its own.
	s.Exec(t, "ALTER SYSTEM RESET synchronous_standby_names")
	s.Exec(t, "SELECT pg_reload_conf()")
}
