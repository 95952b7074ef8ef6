package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/site"
)

// The files of a data folder. With PostgreSQL the first is not there.
const (
	databaseFile  = "quillgate.db"
	keysetFile    = "keyset"
	uploadsFolder = "uploads"
	spoolFolder   = "spool"
)

// BlogConfig says where a blog is kept.
type BlogConfig struct {
	Folder   string // data folder; made with mode 0700 when it is not there
	Database string // URL of a PostgreSQL database; empty: a SQLite file in Folder
	// BaseURL is the address of the home page; links are made from it. A slash at its end does not count.
	BaseURL string
	// UnusedKeys is after how long without use a key is refused; never when it is 0.
	UnusedKeys time.Duration
	// Keyset is the file with the master key; empty: one in Folder. It is made for a database that has seen none.
	Keyset   string
	Unsealed bool             // secrets are stored in the clear, without a keyset
	Logger   *slog.Logger     // discards when nil
	Clock    func() time.Time // time.Now when nil
}

// Blog is everything that a blog is kept in, opened: what the server and the commands work on. Several processes may
// have the same blog open.
type Blog struct {
	Folder string
	DB     *database.DB
	Apps   *apps.Store
	Users  *auth.Users
	Media  media.Store
	Site   *site.Site

	close []func() error
}

// OpenBlog opens a blog, and makes what is missing: the folder, the database with its schema, the master key and the
// options of a new site. It makes no user; see FirstAdministrator.
func OpenBlog(ctx context.Context, cfg BlogConfig) (_ *Blog, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	b := &Blog{Folder: cfg.Folder}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	url := cfg.Database
	if url == "" {
		url = filepath.Join(cfg.Folder, databaseFile)
	}
	if b.DB, err = database.Open(ctx, database.Config{URL: url}); err != nil {
		return nil, err
	}
	b.close = append(b.close, b.DB.Close)
	keyset := cfg.Keyset
	if keyset == "" {
		keyset = filepath.Join(cfg.Folder, keysetFile)
	}
	b.Apps, err = apps.Open(ctx, apps.Config{DB: b.DB, UnusedAfter: cfg.UnusedKeys, Methods: methods.Names(), KeysetFile: keyset, CreateKeyset: true, Unsealed: cfg.Unsealed, Clock: cfg.Clock, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, b.Apps.Close)
	b.Users = auth.NewUsers(auth.UsersConfig{DB: b.DB, Apps: b.Apps, Clock: cfg.Clock, Logger: cfg.Logger})
	folder, err := media.OpenFolder(filepath.Join(cfg.Folder, uploadsFolder))
	if err != nil {
		return nil, fmt.Errorf("open the folder of uploads: %w", err)
	}
	b.close = append(b.close, b.Users.Close)
	b.Media = folder
	b.close = append(b.close, folder.Close)
	b.Site, err = site.Open(ctx, site.Config{DB: b.DB, Users: b.Users, Media: folder, BaseURL: cfg.BaseURL, Clock: cfg.Clock, Logger: cfg.Logger})
	return b, err
}

// Close closes what OpenBlog has opened, in the opposite order.
func (b *Blog) Close() error {
	var errs []error
	for i := len(b.close) - 1; i >= 0; i-- {
		errs = append(errs, b.close[i]())
	}
	b.close = nil
	return errors.Join(errs...)
}

// FirstAdministrator makes the user admin with a random password when the blog has no user at all, and returns the
// password, which is kept nowhere else. It returns "" when there are users.
func (b *Blog) FirstAdministrator(ctx context.Context) (password string, err error) {
	n, err := b.Users.Count(ctx, auth.Filter{})
	if err != nil || n > 0 {
		return "", err
	}
	password = rand.Text()
	if _, err := b.Users.Create(ctx, audit.Operator, auth.NewUser{Login: "admin", Password: password, Role: auth.Administrator}); err != nil {
		return "", fmt.Errorf("make the first administrator: %w", err)
	}
	return password, nil
}
