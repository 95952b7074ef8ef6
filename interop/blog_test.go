package interop

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/transfer"
)

// loopback is exempt from throttling, because the tests send many wrong
// credentials from one address.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// seeded is a blog with the seed of the recordings. Each test gets a copy.
type seeded struct {
	folder   string
	database string // URL; "" for SQLite

	statements *statements // the statements of its servers; nil: not recorded
}

// eachSeeded runs fn with a seeded blog on SQLite and on PostgreSQL.
func eachSeeded(t *testing.T, fn func(t *testing.T, s seeded)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, seed(t, "")) })
	t.Run("postgres", func(t *testing.T) { fn(t, seed(t, databasetest.Postgres(t))) })
}

// seed loads the seed once.
func seed(t *testing.T, database string) seeded {
	t.Helper()
	return seedIn(t, databasetest.Folder(t), database)
}

// seedIn is seed in a given folder: tests that kill the server have it on the
// disk.
func seedIn(t *testing.T, folder, database string) seeded {
	t.Helper()
	s := seeded{folder: folder, database: database}
	ctx := context.Background()
	blog, err := server.OpenBlog(ctx, server.BlogConfig{Folder: s.folder, Database: database, BaseURL: "http://localhost", Hash: authtest.CheapHash})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/wire/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := transfer.New(blog.Site).Import(ctx, f); err != nil {
		t.Fatal(err)
	}
	if err := blog.Close(); err != nil {
		t.Fatal(err)
	}
	s.inspect(t)
	return s
}

// copy creates another blog from the seed: it copies the folder, and creates a
// PostgreSQL database from the seeded one, to which nobody is connected.
func (s seeded) copy(t *testing.T) seeded {
	t.Helper()
	out := seeded{folder: databasetest.Folder(t), statements: s.statements}
	if err := os.CopyFS(out.folder, os.DirFS(s.folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(out.folder, "keyset"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.database != "" {
		out.database = databasetest.Copy(t, s.database)
	}
	seeded{folder: out.folder}.inspect(t) // the database is searched together with that of the seed, in the write-ahead log
	return out
}

// serve starts a server in this process for a blog with the given options, and
// returns the address of its home page.
func (s seeded) serve(t *testing.T, options map[string]string) string {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	base := "http://" + web.Listener.Addr().String()
	blog, err := server.OpenBlog(context.Background(), server.BlogConfig{Folder: s.folder, Database: s.database, BaseURL: base, Logger: inspectedLog(), Hash: authtest.CheapHash})
	if err != nil {
		web.Listener.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		web.Close()
		if err := blog.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.statements != nil {
		blog.DB.Trace(s.statements.add)
	}
	for name, value := range options {
		if err := blog.Site.Options().Set(t.Context(), name, value); err != nil {
			t.Fatal(err)
		}
	}
	srv, err := server.New(server.Config{Blog: blog, ThrottleExempt: loopback, Logger: inspectedLog()})
	if err != nil {
		t.Fatal(err)
	}
	web.Config.Handler = srv.Handler()
	web.Start()
	return base
}
