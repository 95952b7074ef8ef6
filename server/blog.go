package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
	// Media is where the uploads are: a folder, or the address of a bucket that media.ParseBucket reads; empty: a folder in Folder.
	Media string
	// MediaURL is where visitors are sent for uploads: the address that the names of files follow, or MediaSigned. Empty: nowhere,
	// the server answers.
	MediaURL string
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

	stores   []media.Store
	redirect media.Redirect
}

// MediaSigned is the BlogConfig.MediaURL that sends visitors to the bucket, by addresses that are good for an hour.
const MediaSigned = "signed"

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
	if err = b.openMedia(cfg, logger); err != nil {
		return nil, err
	}
	b.Site, err = site.Open(ctx, site.Config{DB: b.DB, Users: b.Users, Media: b.Media, BaseURL: cfg.BaseURL, Clock: cfg.Clock, Logger: logger})
	return b, err
}

// DeleteUser deletes a user and gives what that user has written to another. Errors: as auth.Users.Delete.
func (b *Blog) DeleteUser(ctx context.Context, by audit.Actor, id, heir int64) error {
	return b.Users.Delete(ctx, by, id, heir, func(ctx context.Context, tx *database.Tx) error { return b.Site.HandOver(ctx, tx, id, heir) })
}

// openMedia opens the store of uploads. Files that were not moved there yet are read in the folder where they were.
func (b *Blog) openMedia(cfg BlogConfig, logger *slog.Logger) error {
	store, err := OpenStore(cfg.Folder, cfg.Media)
	if err != nil {
		return err
	}
	b.stores = append(b.stores, store)
	parts := media.LibraryConfig{Store: store, DB: b.DB, Clock: cfg.Clock, Logger: logger}
	if usual := filepath.Join(cfg.Folder, uploadsFolder); cfg.Media != "" && cfg.Media != usual {
		if _, err := os.Stat(usual); err == nil {
			if parts.Earlier, err = media.OpenFolder(usual); err != nil {
				return err
			}
			b.stores = append(b.stores, parts.Earlier)
		}
	}
	b.Media = media.New(parts)
	bucket, _ := store.(*media.Bucket)
	switch {
	case cfg.MediaURL == MediaSigned && bucket == nil:
		return errors.New("signed addresses of uploads need a bucket")
	case cfg.MediaURL == MediaSigned:
		b.redirect = bucket.RedirectSigned()
	case cfg.MediaURL != "":
		b.redirect = media.RedirectTo(strings.TrimSuffix(cfg.MediaURL, "/") + "/")
	}
	return nil
}

// OpenStore opens the store of uploads at an address that is as BlogConfig.Media, for a data folder. The caller closes it.
func OpenStore(folder, address string) (media.Store, error) {
	if !strings.HasPrefix(address, media.BucketScheme) {
		return media.OpenFolder(cmp.Or(address, filepath.Join(folder, uploadsFolder)))
	}
	a, err := media.ParseBucket(address)
	if err != nil {
		return nil, err
	}
	return media.OpenBucket(media.BucketConfig{Address: a, Spool: filepath.Join(folder, spoolFolder, uploadsFolder)})
}

// ArriveMedia is called before uploads are stored or served. It refuses a store that is not that of the blog with an error that
// says so. A store that does not answer at the moment is only reported: the rest of the blog is there.
func (b *Blog) ArriveMedia(ctx context.Context, logger *slog.Logger) error {
	moved, err := b.Media.Arrive(ctx)
	switch {
	case errors.Is(err, media.ErrUnavailable) && !errors.Is(err, media.ErrRefused):
		logger.Warn("the store of uploads does not answer: pages are served, and uploads are refused until it does", "error", err)
		return nil
	case err != nil:
		return fmt.Errorf("find the uploads: %w", err)
	case moved != "":
		logger.Warn("the uploads were moved to another store, and this server still uses the earlier one; change the setting media and start again", "moved to", moved, "in use", b.Media.Address())
	}
	return nil
}

// Close closes what OpenBlog has opened, in the opposite order.
func (b *Blog) Close() error {
	var err error
	for _, store := range b.stores {
		err = errors.Join(err, store.Close())
	}
	return errors.Join(err, b.Keys.Close())
}
