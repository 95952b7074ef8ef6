package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
)

// BlogConfig says where a blog is kept. All but BaseURL is as in KeysConfig.
type BlogConfig struct {
	Folder   string
	Database string
	// BaseURL is the address of the home page; links are made from it. A slash at its end does not count.
	BaseURL    string
	UnusedKeys time.Duration
	Keyset     string
	Unsealed   bool
	Logger     *slog.Logger
	Clock      func() time.Time
	Hash       auth.HashCost
}

// Blog is everything that a blog is kept in, opened: what the server and the commands work on. Several processes may
// have the same blog open.
type Blog struct {
	*Keys
	Media *media.Library
	Site  *site.Site

	stores []media.Store
}

// ErrGateway says that the database is a gateway's, whose blogs are elsewhere.
var ErrGateway = errors.New("the database belongs to a gateway")

// HasBlog reports whether the database is a blog's.
func HasBlog(ctx context.Context, keys *Keys) (bool, error) { return site.Installed(ctx, keys.DB) }

// OpenBlog opens a blog, and makes what is missing: what OpenKeys makes, and the options of a new site.
func OpenBlog(ctx context.Context, cfg BlogConfig) (_ *Blog, err error) {
	keys, err := OpenKeys(ctx, KeysConfig{
		Folder: cfg.Folder, Database: cfg.Database, UnusedKeys: cfg.UnusedKeys, Keyset: cfg.Keyset,
		Unsealed: cfg.Unsealed, Logger: cfg.Logger, Clock: cfg.Clock, Hash: cfg.Hash,
	})
	if err != nil {
		return nil, err
	}
	b := &Blog{Keys: keys}
	sites, err := gateway.NewSites(keys.DB, keys.Apps, keys.Users, cfg.Clock).List(ctx)
	if err != nil || len(sites) > 0 {
		return nil, errors.Join(err, keys.Close(), ErrGateway)
	}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	folder, err := media.OpenFolder(filepath.Join(cfg.Folder, uploadsFolder))
	if err != nil {
		return nil, fmt.Errorf("open the folder of uploads: %w", err)
	}
	b.stores = append(b.stores, folder)
	b.Media = media.New(media.LibraryConfig{Store: folder, DB: b.DB, Clock: cfg.Clock, Logger: logger})
	b.Site, err = site.Open(ctx, site.Config{DB: b.DB, Users: b.Users, Media: b.Media, BaseURL: cfg.BaseURL, Clock: cfg.Clock, Logger: logger})
	return b, err
}

// DeleteUser deletes a user and gives what that user has written to another. Errors: as auth.Users.Delete.
func (b *Blog) DeleteUser(ctx context.Context, by audit.Actor, id, heir int64) error {
	return b.Users.Delete(ctx, by, id, heir, func(ctx context.Context, tx *database.Tx) error { return b.Site.HandOver(ctx, tx, id, heir) })
}

// Close closes what OpenBlog has opened, in the opposite order.
func (b *Blog) Close() error {
	var err error
	for _, store := range b.stores {
		err = errors.Join(err, store.Close())
	}
	return errors.Join(err, b.Keys.Close())
}
