// Package site is the blog: posts of every type, terms, comments, uploads,
// revisions; their rules, permissions and SQL. It knows nothing about HTTP or
// XML-RPC.
//
// Every method that reads or changes content takes the caller as an argument
// and checks the caller's rights next to the data. Every write is one
// transaction, which has been committed when the method returns nil.
//
// Times: as in WordPress, a post has two times. Local times are the wall clock
// of the site (option gmt_offset or timezone_string) in a time.Time whose zone
// is UTC; the fields and columns that end in GMT are instants.
package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/search"
)

// Config holds the parts of a site.
type Config struct {
	DB    *database.DB
	Users *auth.Users
	Media *media.Library
	// BaseURL is the address of the home page without a slash at its end, such
	// as "https://blog.example". Links are made from it.
	BaseURL string
	// Clock returns the time. The default is time.Now.
	Clock  func() time.Time
	Logger *slog.Logger
}

// Site is one blog. It is safe for concurrent use.
type Site struct {
	db        *database.DB
	users     *auth.Users
	media     *media.Library
	baseURL   string
	clock     func() time.Time
	logger    *slog.Logger
	options   *options.Store
	posts     *database.Cache[postKey, *FullPost]
	anyField  *database.Cache[struct{}, bool] // whether any term has a custom field
	scheduler scheduler
	searches  *search.Index
	forgot    atomic.Int64 // when forgetCreations last ran, in seconds
	commented func(context.Context, *database.Tx, CommentNews) error
}

// Open returns the site for a configuration. If the database has none, it
// creates what a new blog needs (the default category, the options).
func Open(ctx context.Context, cfg Config) (*Site, error) {
	s := &Site{db: cfg.DB, users: cfg.Users, media: cfg.Media, baseURL: strings.TrimRight(cfg.BaseURL, "/"), clock: cfg.Clock, logger: cfg.Logger, scheduler: newScheduler()}
	s.searches = search.NewIndex(cfg.DB, searchTexts, s.newestPosts)
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.posts = database.NewCache(database.CacheConfig[postKey, *FullPost]{DB: s.db, Epoch: visitorEpoch, Size: 1024, Load: s.readKept})
	s.anyField = database.NewCache(database.CacheConfig[struct{}, bool]{DB: s.db, Epoch: visitorEpoch, Size: 1, Load: s.readAnyTermField})
	var err error
	if s.options, err = options.Open(ctx, s.db, s.clock); err != nil {
		return nil, err
	}
	s.options.Referents = referents{}
	if err := s.install(ctx); err != nil {
		return nil, fmt.Errorf("prepare the site: %w", err)
	}
	return s, nil
}

// BaseURL returns the address of the home page without a slash at its end.
func (s *Site) BaseURL() string { return s.baseURL }

// Options returns the options of the blog.
func (s *Site) Options() *options.Store { return s.options }

// Parts returns the configuration of the site, with defaults. It is for package
// transfer, which writes the tables of this package in bulk, and for package
// pingback, which has its own table.
func (s *Site) Parts() Config {
	return Config{DB: s.db, Users: s.users, Media: s.media, BaseURL: s.baseURL, Clock: s.clock, Logger: s.logger}
}

// now returns the current time in the precision of the database: UTC, whole
// seconds, as in WordPress.
func (s *Site) now() time.Time { return s.clock().UTC().Truncate(time.Second) }

// ErrNotFound means that there is no such post, page, term, comment, attachment
// or revision, or that the caller may not know of it.
var ErrNotFound = errors.New("not found")

// ErrConflict means that the content has changed since the caller last read it.
var ErrConflict = errors.New("changed in the meantime")

// Denied means that the caller's role does not allow an action. Action
// completes the sentence "You are not allowed to …".
type Denied struct{ Action string }

func (d *Denied) Error() string { return "not allowed to " + d.Action }

// Invalid names the field of a refused value, and the reason.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }
