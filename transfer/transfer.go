// Package transfer moves whole blogs in and out: bundles (Blog.Import,
// Blog.Export), which hold everything, and exports of WordPress
// (Blog.OpenIntake, Blog.Walk), which are taken in batch by batch and go on
// where they were interrupted. It is for the operator of the server: no one's
// role is asked, and no request ends here.
//
// The content is package site's. This package alone writes its tables next to
// it, many rows at a time, and keeps what it must remember of earlier imports
// in the tables import_state, import_ids, import_links, import_files and
// import_problems.
package transfer

import (
	"log/slog"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
)

// Blog is a blog whose content moves in or out. It is safe for concurrent use.
type Blog struct {
	*site.Site
	db     *database.DB
	users  *auth.Users
	media  *media.Library // nil: no files
	clock  func() time.Time
	logger *slog.Logger
}

// New returns the blog of a site.
func New(s *site.Site) *Blog {
	p := s.Parts()
	return &Blog{Site: s, db: p.DB, users: p.Users, media: p.Media, clock: p.Clock, logger: p.Logger}
}

// now is the present moment as the database keeps it: UTC, whole seconds.
func (b *Blog) now() time.Time { return b.clock().UTC().Truncate(time.Second) }
