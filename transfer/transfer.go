// Package transfer moves whole blogs in and out: bundles (Blog.Import,
// Blog.Export), which hold everything, and WordPress exports (Blog.OpenIntake,
// Blog.Walk), which are imported batch by batch and continue where they were
// interrupted. Only the operator of the server uses it: it checks no role, and
// no request calls it.
//
// Package site owns the content. This package is the only other one that writes
// its tables, many rows at a time. It stores what it must remember of earlier
// imports in the tables import_state, import_ids, import_links, import_files
// and import_problems.
package transfer

import (
	"log/slog"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
)

// Blog is a blog whose content is imported or exported. It is safe for
// concurrent use.
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

// now returns the current time as the database stores it: UTC, in whole
// seconds.
func (b *Blog) now() time.Time { return b.clock().UTC().Truncate(time.Second) }
