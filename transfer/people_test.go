package transfer_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site/sitetest"
	"github.com/quillgate/quillgate/transfer"
)

// blog is a site with its dependencies.
type blog struct {
	*transfer.Blog
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
	return blog{transfer.New(b.Site), db, b.Users, b.Apps, b.Files, b.Folder}
}

// putByHand puts a file among the uploads as an operator does.
func (b blog) putByHand(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(b.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// importFile imports the exports in a file.
func (b blog) importFile(t *testing.T, name string, content []byte) *transfer.Imported {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := transfer.OpenSource(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	done, err := b.ImportExports(t.Context(), source.Exports, transfer.WXRConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return done
}
