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
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// BlogConfig configures a Blog. All fields except the addresses have the
// defaults of KeysConfig.
type BlogConfig struct {
	Folder   string
	Database string
	// Media is where the uploads are: a folder, or the address of a bucket for
	// media.ParseBucket. The default is a folder in Folder.
	Media string
	// MediaURL is where visitors are redirected for uploads: a prefix for the
	// names of files, or MediaSigned. If it is empty, the server serves them
	// itself.
	MediaURL string
	// BaseURL is the address of the home page, from which links are made. A
	// slash at its end is ignored. If it is empty, the blog's own address is
	// used (options.Address) and, without one, ListenURL.
	BaseURL    string
	ListenURL  string
	UnusedKeys time.Duration
	Keyset     string
	Unsealed   bool
	Logger     *slog.Logger
	Clock      func() time.Time
	Hash       auth.HashCost
}

// Blog is an open blog: everything that the server and the commands work on.
// Several processes can open the same blog.
type Blog struct {
	*Keys
	Media *media.Library
	Site  *site.Site

	addressFrom addressSource
	stores      []media.Store
	redirect    media.Redirect
}

// addressSource is where the address of the home page comes from.
type addressSource uint8

const (
	fromListener addressSource = iota
	fromOption
	fromOperator
)

// MediaSigned is the BlogConfig.MediaURL that redirects visitors to the bucket,
// with addresses that are valid for an hour.
const MediaSigned = "signed"

// ErrGateway means that the database belongs to a gateway, whose blogs are
// elsewhere.
var ErrGateway = errors.New("the database belongs to a gateway")

// HasBlog reports whether the database contains a blog.
func HasBlog(ctx context.Context, keys *Keys) (bool, error) { return site.Installed(ctx, keys.DB) }

// OpenBlog opens a blog, and creates what is missing: what OpenKeys creates,
// and the options of a new site.
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
	base, from, err := cfg.address(ctx, b.DB)
	if err != nil {
		return nil, err
	}
	b.addressFrom = from
	b.Site, err = site.Open(ctx, site.Config{DB: b.DB, Users: b.Users, Media: b.Media, BaseURL: base, Clock: cfg.Clock, Logger: logger})
	if err != nil {
		return nil, err
	}
	b.Users.AvoidNames(b.names)
	return b, nil
}

// address returns the address of the home page, and where it comes from.
func (cfg BlogConfig) address(ctx context.Context, db *database.DB) (string, addressSource, error) {
	if cfg.BaseURL != "" {
		return cfg.BaseURL, fromOperator, nil
	}
	opts, err := options.Read(ctx, db)
	if err != nil {
		return "", fromListener, err
	}
	if stored := opts.Text(options.Address); stored != "" {
		return stored, fromOption, nil
	}
	return cfg.ListenURL, fromListener, nil
}

// AddressIsStored reports whether the address of the home page is the one stored
// with the blog (options.Address).
func (b *Blog) AddressIsStored() bool { return b.addressFrom == fromOption }

// names are what the blog is called: its title and its address.
func (b *Blog) names(ctx context.Context) ([]string, error) {
	opts, err := b.Site.Options().Current(ctx)
	if err != nil {
		return nil, err
	}
	_, host, _ := strings.Cut(b.Site.BaseURL(), "://")
	return []string{opts.Title(), host, b.Site.BaseURL()}, nil
}

// DeleteUser deletes a user and gives the user's content to another one.
// Errors: those of auth.Users.Delete.
func (b *Blog) DeleteUser(ctx context.Context, by audit.Actor, id, heir int64) error {
	return b.Users.Delete(ctx, by, id, heir, func(ctx context.Context, tx *database.Tx) error { return b.Site.HandOver(ctx, tx, id, heir) })
}

// openMedia opens the store of uploads. Files that were not moved there yet are
// read from their earlier folder.
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

// OpenStore opens the store of uploads at an address in the form of
// BlogConfig.Media, for a data folder. The caller closes it.
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

// ArriveMedia must be called before uploads are stored or served. It returns an
// error if the store belongs to another blog. It only logs that a store does
// not answer, since the rest of the blog works.
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

// Close closes what OpenBlog has opened, in reverse order.
func (b *Blog) Close() error {
	var err error
	for _, store := range b.stores {
		err = errors.Join(err, store.Close())
	}
	return errors.Join(err, b.Keys.Close())
}
