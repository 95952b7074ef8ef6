package site_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/transfer"
)

// blog is a site with the parts that it stands on.
type blog struct {
	*site.Site
	db    *database.DB
	users *auth.Users
	apps  *apps.Store
	files *media.Folder
	dir   string // of the files
}

// openBlog opens the blog in a database. The clock may be moved by its owner.
func openBlog(t testing.TB, db *database.DB, clock func() time.Time) blog {
	t.Helper()
	keyset := filepath.Join(databasetest.Folder(t), "keyset")
	if err := apps.CreateKeyset(keyset); err != nil {
		t.Fatal(err)
	}
	store, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: keyset, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	users := auth.NewUsers(auth.UsersConfig{DB: db, Apps: store, Clock: clock, Hash: authtest.CheapHash})
	dir := filepath.Join(databasetest.Folder(t), "uploads")
	files, err := media.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	s, err := site.Open(t.Context(), site.Config{DB: db, Users: users, Media: files, BaseURL: "https://blog.example", Clock: clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return blog{s, db, users, store, files, dir}
}

// load imports a bundle.
func (b blog) load(t *testing.T, bundle string) {
	t.Helper()
	if _, err := transfer.New(b.Site).Import(t.Context(), strings.NewReader(bundle)); err != nil {
		t.Fatal(err)
	}
}

// content is the whole blog as a bundle.
func content(t *testing.T, s *site.Site) string {
	t.Helper()
	var out strings.Builder
	if err := transfer.New(s).Export(t.Context(), &out, transfer.ExportOptions{Hashes: true}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
