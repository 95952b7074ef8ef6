package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
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

// The address that is stored with the blog is that of the server, unless its
// operator gives another. A blog that moves takes it along, and a copy does not.
func TestStoredAddress(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		place := []string{"--data", t.TempDir()}
		if strings.HasPrefix(url, "postgres") {
			place = append(place, "--database", url)
		}
		says := func(code int, want string, args ...string) {
			t.Helper()
			var said bytes.Buffer
			got := run(t.Context(), append(args, place...), streams{strings.NewReader(""), &said, &said})
			if got != code || !strings.Contains(said.String(), want) {
				t.Errorf("%q: exit code %d, want %d, with %q:\n%s", args, got, code, want, &said)
			}
		}
		// serves starts a server, which stops when it has printed an address, or
		// why it does not start.
		serves := func(want string, args ...string) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var said bytes.Buffer
			both := io.MultiWriter(&said, writerFunc(cancel))
			run(ctx, append(append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "error"}, args...), place...), streams{strings.NewReader(""), both, &said})
			if !strings.Contains(said.String(), want) {
				t.Errorf("serve %q lacks %q:\n%s", args, want, &said)
			}
		}
		config := filepath.Join(t.TempDir(), "settings.toml")
		if err := os.WriteFile(config, []byte("base-url = \"https://file.example\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}

		serves("http://127.0.0.1:", "--public", "on")
		says(2, "blog_address: must not contain ? or #", "option", "set", "blog_address", "https://blog.example/?p=1")
		says(2, "base-url: must not contain ? or #", "option", "list", "--base-url", "https://blog.example/?p=1")
		says(0, "blog_address = https://blog.example\nA server uses the new address after a restart.", "option", "set", "blog_address", "https://Blog.example/")
		says(0, "https://blog.example/setup?code=", "user", "set-up-link", "admin")
		serves("quillgate serves https://blog.example/xmlrpc.php")

		serves("is now to be served at https://new.example", "--base-url", "https://new.example")
		serves("is now to be served at https://file.example", "--config", config)
		t.Setenv("QUILLGATE_BASE_URL", "https://variable.example")
		serves("is now to be served at https://variable.example", "--config", config)
		says(0, "base-url, here https://variable.example, takes precedence", "option", "set", "blog_address", "https://blog.example")
		t.Setenv("QUILLGATE_BASE_URL", "")

		says(0, "blog_address = https://new.example", "option", "set", "blog_address", "https://new.example")
		serves("last served at https://blog.example, but is now to be served at https://new.example")
		serves(`if it is wrong, run "quillgate option set blog_address https://blog.example"`)
		says(0, "The blog has moved from https://blog.example to https://new.example.", "relocate", "--moved")
		serves("quillgate serves https://new.example/xmlrpc.php")
		says(0, "from https://new.example to https://third.example", "relocate", "--moved", "--base-url", "https://third.example")
		says(0, "https://third.example", "option", "get", "blog_address")
		serves("quillgate serves https://third.example/xmlrpc.php")

		says(0, "a copy of https://third.example, at http://127.0.0.1:8080.", "relocate", "--copy")
		serves("quillgate serves http://127.0.0.1:")
		says(0, "blog_address = \n", "option", "set", "blog_address", "")
	})
}

// writerFunc calls a function for each write.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}
