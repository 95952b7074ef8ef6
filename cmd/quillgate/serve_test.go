package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database/databasetest"
)

// The command that the first start prints includes the settings of the server,
// and no password.
func TestKeyCommand(t *testing.T) {
	for _, test := range []struct {
		name, environment, want string
		settings                settings
	}{
		{"a folder", "", ` --data '/srv/my blog'`, settings{Data: "/srv/my blog"}},
		{"a settings file", "", ` --config /etc/quillgate.toml --data /srv/blog`, settings{Config: "/etc/quillgate.toml", Data: "/srv/blog"}},
		{
			"a database", "", ` --data /srv/blog --database 'postgres:///blog?host=/run/postgresql'`,
			settings{Data: "/srv/blog", Database: "postgres:///blog?host=/run/postgresql"},
		},
		{
			"a database in the environment", "postgres:///blog", " --data /srv/blog\n\nwith the same database in QUILLGATE_DATABASE or --database as this server.",
			settings{Data: "/srv/blog", Database: "postgres:///blog"},
		},
		{
			"a password", "", " --data /srv/blog\n\nwith the same database in QUILLGATE_DATABASE or --database as this server.",
			settings{Data: "/srv/blog", Database: "postgres://me:hush@localhost/blog"},
		},
	} {
		t.Setenv("QUILLGATE_DATABASE", test.environment)
		_, got, _ := strings.Cut(keyCommand(&test.settings), `"My client"`)
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

// H10: a blog that turns up at another address does not answer until someone
// has reported whether it moved or is a copy.
func TestH10CopyHasToBeDeclared(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		data := t.TempDir()
		place := []string{"--data", data}
		if strings.HasPrefix(url, "postgres") {
			place = append(place, "--database", url)
		}
		serves := func(base string) string {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var complaints bytes.Buffer
			args := append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--base-url", base}, place...)
			// A blog that starts prints its address, and the test then stops
			// it.
			code := run(ctx, args, streams{strings.NewReader(""), writerFunc(cancel), &complaints})
			if (code == 0) != (complaints.Len() == 0) {
				t.Errorf("serve at %s: exit code %d, and it says %q", base, code, &complaints)
			}
			return complaints.String()
		}
		answers := func(bases ...string) {
			t.Helper()
			for _, base := range bases {
				if said := serves(base); said != "" {
					t.Errorf("serve at %s: %s", base, said)
				}
			}
		}
		refuses := func(was string, bases ...string) {
			t.Helper()
			for _, base := range bases {
				said := serves(base)
				for _, want := range []string{was, strings.TrimRight(base, "/"), "quillgate relocate --moved", "quillgate relocate --copy"} {
					if !strings.Contains(said, want) {
						t.Errorf("serve at %s says %q, want %q in it", base, said, want)
					}
				}
			}
		}
		relocate := func(args ...string) {
			t.Helper()
			var complaints bytes.Buffer
			args = append(append([]string{"relocate"}, args...), place...)
			if code := run(t.Context(), args, streams{strings.NewReader(""), io.Discard, &complaints}); code != 0 {
				t.Fatalf("%q: exit code %d, %s", args, code, &complaints)
			}
		}

		answers("http://localhost:8080", "https://blog.example", "https://blog.example", "http://BLOG.example:80/", "https://blog.example:443")
		answers("http://127.0.0.1:9000", "http://[::1]", "http://dev.localhost") // no one else gets there
		refuses("https://blog.example", "https://staging.example", "https://blog.example:8443", "https://blog.example/copy", "http://192.0.2.7")
		answers("https://blog.example")
		relocate("--moved", "--base-url", "https://new.example")
		answers("https://new.example")
		refuses("https://new.example", "https://blog.example")
		relocate("--copy", "--base-url", "https://staging.example")
		answers("https://staging.example")
		refuses("https://staging.example", "https://new.example")
		relocate("--copy", "--base-url", "http://localhost:8080") // and then wherever it is served first
		answers("https://third.example")
		refuses("https://third.example", "https://staging.example")
	})
}

// writerFunc calls a function for each write.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}
