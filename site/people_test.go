package site_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
	"github.com/quillgate/quillgate/transfer"
)

// blog is a site with its dependencies.
type blog struct {
	*site.Site
	db    *database.DB
	users *auth.Users
	apps  *apps.Store
	files *media.Library
	dir   string // of the files
}

// openBlog opens the blog in a database. Tests may move its clock.
func openBlog(t testing.TB, db *database.DB, clock func() time.Time) blog {
	t.Helper()
	b := sitetest.Open(t, db, sitetest.Config{Clock: clock})
	return blog{b.Site, db, b.Users, b.Apps, b.Files, b.Folder}
}

// load imports a bundle.
func (b blog) load(t *testing.T, bundle string) {
	t.Helper()
	if _, err := transfer.New(b.Site).Import(t.Context(), strings.NewReader(bundle)); err != nil {
		t.Fatal(err)
	}
}

// content returns the whole blog as a bundle.
func content(t *testing.T, s *site.Site) string {
	t.Helper()
	var out strings.Builder
	if err := transfer.New(s).Export(t.Context(), &out, transfer.ExportOptions{Hashes: true}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
