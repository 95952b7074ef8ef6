// Package site is the blog: posts of every type, terms, comments, uploads, options, revisions; their rules, the
// permissions at the data, and their SQL. It knows nothing of HTTP or XML-RPC.
//
// Every method that reads or changes content takes the caller as an argument
// and checks what that caller may do next to the data it concerns. Every write
// is one transaction that has been committed when the method returns nil.
//
// Times: a post carries two clocks, as in WordPress. Local times show the wall clock of the site (option gmt_offset or
// timezone_string) in a time.Time whose zone says UTC; the fields and columns that end in GMT are the moment itself.
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
	"github.com/quillgate/quillgate/search"
)

// Config holds the parts that a site is made of.
type Config struct {
	DB    *database.DB
	Users *auth.Users
	Media *media.Library
	// BaseURL is the address of the home page without a slash at its end, such as "https://blog.example". Links are made from it.
	BaseURL string
	// Clock tells the time; time.Now when nil.
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
	options   *database.Cache[struct{}, *Options]
	posts     *database.Cache[postKey, *FullPost]
	anyField  *database.Cache[struct{}, bool] // of a term
	lastRead  atomic.Pointer[Options]         // for when the database does not answer
	scheduler scheduler
	searches  *search.Index
	forgot    atomic.Int64 // when forgetCreations last ran, in seconds
	commented func(context.Context, *database.Tx, CommentNews) error
}

// Open returns the site over the given parts and makes what a new blog has (the default category, the options) when
// the database holds none.
func Open(ctx context.Context, cfg Config) (*Site, error) {
	s := &Site{db: cfg.DB, users: cfg.Users, media: cfg.Media, baseURL: strings.TrimRight(cfg.BaseURL, "/"), clock: cfg.Clock, logger: cfg.Logger, scheduler: newScheduler()}
	s.searches = search.NewIndex(cfg.DB, searchTexts, s.newestPosts)
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.options = database.NewCache(database.CacheConfig[struct{}, *Options]{DB: s.db, Epoch: optionEpoch, Size: 1, Load: s.readOptions})
	s.posts = database.NewCache(database.CacheConfig[postKey, *FullPost]{DB: s.db, Epoch: visitorEpoch, Size: 1024, Load: s.readKept})
	s.anyField = database.NewCache(database.CacheConfig[struct{}, bool]{DB: s.db, Epoch: visitorEpoch, Size: 1, Load: s.readAnyTermField})
	if err := s.install(ctx); err != nil {
		return nil, fmt.Errorf("prepare the site: %w", err)
	}
	return s, nil
}

// BaseURL is the address of the home page without a slash at its end.
func (s *Site) BaseURL() string { return s.baseURL }

// Parts returns what the site was opened with, the defaults filled in. It is for package transfer, which writes
// the tables of this package in bulk, and for package pingback, which has a table of its own beside them.
func (s *Site) Parts() Config {
	return Config{DB: s.db, Users: s.users, Media: s.media, BaseURL: s.baseURL, Clock: s.clock, Logger: s.logger}
}

// now is the present moment as the database keeps it: UTC, whole seconds, as WordPress has them.
func (s *Site) now() time.Time { return s.clock().UTC().Truncate(time.Second) }

// ErrNotFound means that there is no such post, page, term, comment, attachment or revision, or none that the caller may know of.
var ErrNotFound = errors.New("not found")

// ErrConflict means that the content has changed since the caller last read it.
var ErrConflict = errors.New("changed in the meantime")

// Denied means that the caller's role does not allow an action. Action completes the sentence "You are not allowed to …".
type Denied struct{ Action string }

func (d *Denied) Error() string { return "not allowed to " + d.Action }

// Invalid means that a value cannot be taken, and why.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }
