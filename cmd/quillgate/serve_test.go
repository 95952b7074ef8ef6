package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
)

// What is wrong with the command line ends with 2, what did not work with 1.
func TestExitCodes(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct {
		line string
		want int
	}{
		{"call demo.sayHello [1", 2},
		{"call demo.sayHello @nowhere", 2},
		{"call demo<sayHello", 2},
		{"call --public 0123 demo.sayHello", 2},
		{"call --url http://127.0.0.1:1/xmlrpc.php demo.sayHello", 1},
		{"import nowhere.json", 1},
		{"app revoke 0123", 1},
		{"user set-role nobody king", 2},
		{"version", 0},
	} {
		args := append(strings.Fields(test.line), "--data", folder)
		if got := run(context.Background(), args, streams{strings.NewReader(""), io.Discard, io.Discard}); got != test.want {
			t.Errorf("quillgate %s ends with %d, want %d", test.line, got, test.want)
		}
	}
}

// The command that the first start prints names what the server was told, and no password.
func TestKeyCommand(t *testing.T) {
	for _, test := range []struct {
		name, environment, want string
		settings                settings
	}{
		{"a folder", "", ` --data '/srv/my blog'`, settings{Data: "/srv/my blog"}},
		{"a settings file", "", ` --config /etc/quillgate.toml --data /srv/blog`, settings{Config: "/etc/quillgate.toml", Data: "/srv/blog"}},
		{"a database", "", ` --data /srv/blog --database 'postgres:///blog?host=/run/postgresql'`,
			settings{Data: "/srv/blog", Database: "postgres:///blog?host=/run/postgresql"}},
		{"a database in the environment", "postgres:///blog", " --data /srv/blog\n\nwith the same database in QUILLGATE_DATABASE, or after --database, as for this server.",
			settings{Data: "/srv/blog", Database: "postgres:///blog"}},
		{"a password", "", " --data /srv/blog\n\nwith the same database in QUILLGATE_DATABASE, or after --database, as for this server.",
			settings{Data: "/srv/blog", Database: "postgres://me:hush@localhost/blog"}},
	} {
		t.Setenv("QUILLGATE_DATABASE", test.environment)
		_, got, _ := strings.Cut(keyCommand(&test.settings), `"My program"`)
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestListenOnAnAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := listen("listen", taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "is in use") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("%v, want what to do", err)
	}
}
