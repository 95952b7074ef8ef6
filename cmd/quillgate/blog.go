package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/migrations"
	"github.com/quillgate/quillgate/server"
)

// openBlog opens the blog that the settings name. listen is the address of the
// home page if neither the settings nor the blog have one.
func openBlog(ctx context.Context, s *settings, listen string, logger *slog.Logger) (*server.Blog, error) {
	blog, err := server.OpenBlog(ctx, server.BlogConfig{
		Folder: s.Data, Database: s.Database, Keyset: s.keysetFile(), Unsealed: s.Sealing == "off", BaseURL: s.BaseURL, ListenURL: listen, Logger: logger,
		Media: s.Media, MediaURL: s.MediaURL,
		UnusedKeys: time.Duration(s.UnusedKeys) * 24 * time.Hour,
	})
	if errors.Is(err, server.ErrGateway) {
		return nil, errors.New(`this data folder belongs to a gateway, whose blog is elsewhere. "quillgate gateway" serves it, and "quillgate gateway user add" creates its users; the commands app, token, keys and audit work with it`)
	}
	return blog, err
}

// withBlog runs fn on the blog that the settings name, even while a server has
// it open. It never creates a blog: after a typing error in --data, a new blog
// would look like one that has lost everything.
func withBlog(ctx context.Context, s *settings, io streams, fn func(*server.Blog) error) error {
	if err := needBlog(ctx, s); err != nil {
		return err
	}
	return withNewBlog(ctx, s, io, fn)
}

// needBlog returns an error if the settings do not name an existing blog.
func needBlog(ctx context.Context, s *settings) error {
	there, err := hasBlog(ctx, s)
	switch {
	case err != nil || there:
		return err
	case s.Database != "":
		return errors.New("there is no blog in this database: give another with --database or QUILLGATE_DATABASE; " + beginnings)
	}
	return fmt.Errorf("there is no blog in %s: give its data folder with --data or QUILLGATE_DATA, or its settings file with --config; %s", s.Data, beginnings)
}

const beginnings = `"quillgate serve", "quillgate user add" and "quillgate import" create a new one`

// hasBlog reports whether the settings name an existing blog. Opening a blog
// would create it.
func hasBlog(ctx context.Context, s *settings) (there bool, err error) {
	if s.Database == "" {
		info, err := os.Stat(s.databaseURL())
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("find the database: %w", err)
		}
		return info.Size() > 0, nil
	}
	db, err := database.Open(ctx, database.Config{URL: s.Database, Unmigrated: true})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	steps, err := db.Migrations(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(steps, func(m migrations.State) bool { return m.Applied }), nil
}

// withNewBlog is withBlog for commands that may create the blog.
func withNewBlog(ctx context.Context, s *settings, io streams, fn func(*server.Blog) error) (err error) {
	base, err := s.home(s.Listen, s.TLSListen)
	if err != nil {
		return err
	}
	blog, err := openBlog(ctx, s, base, s.logger(io.err))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blog.Close()) }()
	return fn(blog)
}

// withKeys runs fn on the users and credentials of the blog or gateway that the
// settings name.
func withKeys(ctx context.Context, s *settings, io streams, fn func(*server.Keys) error) error {
	if err := needBlog(ctx, s); err != nil {
		return err
	}
	return withNewKeys(ctx, s, io, fn)
}

// withNewKeys is withKeys for commands that may create the database.
func withNewKeys(ctx context.Context, s *settings, io streams, fn func(*server.Keys) error) (err error) {
	keys, err := openKeys(ctx, s, s.logger(io.err))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	if s.site == "" {
		return fn(keys)
	}
	g := &gatewayKeys{keys, gateway.NewSites(keys.DB, keys.Apps, keys.Users, nil)}
	site, err := g.siteOf(ctx, s.site)
	if err != nil {
		return err
	}
	return fn(keys.Of(site.ID))
}

// openKeys opens the users and credentials that the settings name.
func openKeys(ctx context.Context, s *settings, logger *slog.Logger) (*server.Keys, error) {
	return server.OpenKeys(ctx, server.KeysConfig{
		Folder: s.Data, Database: s.Database, Keyset: s.keysetFile(), Unsealed: s.Sealing == "off", Logger: logger,
		UnusedKeys: time.Duration(s.UnusedKeys) * 24 * time.Hour,
	})
}

// baseOf derives the address of the home page from the address that the server
// listens on. A server that listens on all addresses is localhost for this
// machine.
func baseOf(scheme, listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("listen address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	if port == scheme || port == map[string]string{"http": "80", "https": "443"}[scheme] {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host, nil
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

// logger returns the logger with the format and the minimum level of the
// settings.
func (s *settings) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo // the parser has already rejected other words
	}
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if s.LogFormat == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(server.LogHandler(h))
}

// withUser is withKeys for commands about one user, whose login was given on
// the command line.
func withUser(ctx context.Context, s *settings, io streams, login string, fn func(*server.Keys, auth.User) error) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		user, err := userNamed(ctx, keys, login)
		if err != nil {
			return err
		}
		return fn(keys, user)
	})
}

// userNamed finds a user by login. Its errors are for the operator.
func userNamed(ctx context.Context, keys *server.Keys, login string) (auth.User, error) {
	user, err := keys.Users.ByLogin(ctx, login)
	if errors.Is(err, auth.ErrNotFound) {
		return user, fmt.Errorf("there is no user %q here; \"quillgate user list\" lists the users, and the first start of \"quillgate serve\" creates admin", login)
	}
	return user, err
}

// readSecret reads a secret from a file, or from the standard input if path is
// "-". It cuts off the end of the line. what names the secret in errors.
func readSecret(io_ streams, path, what string) (string, error) {
	secret, err := readSecretBytes(io_, path, what)
	return string(secret), err
}

// readSecretBytes is readSecret for callers that clear the secret after use.
func readSecretBytes(io_ streams, path, what string) ([]byte, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(io.LimitReader(io_.in, 1<<16))
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", what, err)
	}
	secret := bytes.TrimRight(text, "\r\n")
	if len(secret) == 0 {
		return nil, fmt.Errorf("read the %s: it is empty", what)
	}
	return secret, nil
}
