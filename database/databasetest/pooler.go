package databasetest

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Pooler starts a PgBouncer with transaction pooling in front of a database,
// and returns its URL. It has fewer connections to the server than most tests
// have clients, so that they change all the time. It stops when the test ends.
func Pooler(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		if program = "/usr/sbin/pgbouncer"; exec.Command(program, "--version").Run() != nil {
			t.Fatal("PgBouncer was not found: install it (Debian, Ubuntu: apt-get install pgbouncer)")
		}
	}
	dir, owner, err := folder("")
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	host, serverPort, err := net.SplitHostPort(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	name := u.Path[1:]
	files := map[string]string{
		"users": fmt.Sprintf("%q %q\n", u.User.Username(), password),
		"pgbouncer.ini": fmt.Sprintf(`[databases]
%s = host=%s port=%s dbname=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = transaction
default_pool_size = 4
ignore_startup_parameters = extra_float_digits
`, name, host, serverPort, name, u.User.Username(), password, port, filepath.Join(dir, "users")),
	}
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if owner != nil {
			if err := os.Chown(path, int(owner.uid), int(owner.gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	g, err := startGuard(owner, dir, program, "-q", filepath.Join(dir, "pgbouncer.ini"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.pipe.Close()
		<-g.done
	})
	u.Host = "127.0.0.1:" + strconv.Itoa(port)
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", u.Host)
		if err == nil {
			c.Close()
			return u.String()
		}
		if time.Since(began) > 10*time.Second {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("PgBouncer does not answer: %v\n%s", err, log)
		}
	}
}
