// Package servertest opens blogs, users and keys for tests, on either database,
// and closes them when the test ends. Users have cheap password hashes.
package servertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
)

// Password is the password of the users that this package creates.
const Password = "correct horse battery staple"

// OpenBlog opens a blog. database is a URL from databasetest.EachURL, or "" for
// a new SQLite file. OpenBlog sets Folder, Database and Hash of the
// configuration.
func OpenBlog(t testing.TB, database string, cfg server.BlogConfig) *server.Blog {
	t.Helper()
	cfg.Folder, cfg.Database = place(t, database)
	cfg.Hash = authtest.CheapHash
	blog, err := server.OpenBlog(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, blog)
	return blog
}

// OpenKeys opens users and keys without a blog, as OpenBlog opens a blog.
func OpenKeys(t testing.TB, database string, cfg server.KeysConfig) *server.Keys {
	t.Helper()
	cfg.Folder, cfg.Database = place(t, database)
	cfg.Hash = authtest.CheapHash
	keys, err := server.OpenKeys(context.WithoutCancel(t.Context()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, keys)
	return keys
}

// place returns the folder and the URL with which a server finds a database.
func place(t testing.TB, database string) (folder, url string) {
	t.Helper()
	switch {
	case strings.HasPrefix(database, "postgres"):
		return databasetest.Folder(t), database
	case database == "":
		database = databasetest.SQLite(t)
	}
	return filepath.Dir(database), "" // the server looks for the file in its folder
}

// closeAtEnd allows for a test that closes what it opened itself.
func closeAtEnd(t testing.TB, c io.Closer) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
}

// User creates a user with Password and the e-mail address LOGIN@example.org.
func User(t testing.TB, keys *server.Keys, login string, role auth.Role) auth.User {
	t.Helper()
	u, err := keys.Users.Create(context.WithoutCancel(t.Context()), audit.Operator,
		auth.NewUser{Login: login, Email: login + "@example.org", Password: Password, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Key creates an application.
func Key(t testing.TB, keys *server.Keys, n apps.New) (apps.App, apps.Secret) {
	t.Helper()
	app, secret, err := keys.Apps.Create(context.WithoutCancel(t.Context()), audit.Operator, n)
	if err != nil {
		t.Fatal(err)
	}
	return app, secret
}

// Log is a log that a test reads while a server writes to it.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Logger returns a logger of all levels that writes to w as a server does.
func Logger(w io.Writer) *slog.Logger {
	return slog.New(server.LogHandler(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
}
