// Package sitetest opens blogs for tests, with the parts that they need.
package sitetest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
)

// BaseURL is the default address of the blogs.
const BaseURL = "https://blog.example"

// Config configures a blog. The zero value is a blog at BaseURL with the clock
// of the machine.
type Config struct {
	BaseURL string
	Clock   func() time.Time // may be read concurrently
}

// Blog is a site and its parts. Users have cheap password hashes.
type Blog struct {
	*site.Site
	DB     *database.DB
	Apps   *apps.Store
	Users  *auth.Users
	Files  *media.Library
	Folder string // the folder of Files
}

// Open opens the blog in a database, with its own keyset and media folder.
// Everything is closed when the test ends.
func Open(t testing.TB, db *database.DB, cfg Config) Blog {
	t.Helper()
	if cfg.BaseURL == "" {
		cfg.BaseURL = BaseURL
	}
	folder := databasetest.Folder(t)
	b := Blog{DB: db, Folder: filepath.Join(folder, "uploads")}
	keyset := filepath.Join(folder, "keyset")
	if err := apps.CreateKeyset(keyset); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.Apps, err = apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: keyset, Clock: cfg.Clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Apps.Close() })
	b.Users = auth.NewUsers(auth.UsersConfig{DB: db, Apps: b.Apps, Clock: cfg.Clock, Hash: authtest.CheapHash})
	uploads, err := media.OpenFolder(b.Folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { uploads.Close() })
	b.Files = media.New(media.LibraryConfig{Store: uploads, DB: db, Clock: cfg.Clock})
	b.Site, err = site.Open(t.Context(), site.Config{DB: db, Users: b.Users, Media: b.Files, BaseURL: cfg.BaseURL, Clock: cfg.Clock})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
