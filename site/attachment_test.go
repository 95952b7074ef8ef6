package site_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
)

// darkroom is a blog with a folder for uploads.
type darkroom struct {
	*site.Site
	db    *database.DB
	files *media.Library
	dir   string
	clock *databasetest.Clock
}

func someone(id int64, role auth.Role) auth.Identity {
	return auth.Identity{User: auth.User{ID: id, Role: role}}
}

var (
	adminWho  = someone(1, auth.Administrator)
	authorWho = someone(2, auth.Author)
	otherWho  = someone(3, auth.Author)
	contribut = someone(4, auth.Contributor)
)

func openDarkroom(t *testing.T, db *database.DB) *darkroom {
	t.Helper()
	d := &darkroom{db: db, dir: databasetest.Folder(t), clock: databasetest.NewClock(time.Date(2024, 1, 31, 23, 30, 0, 0, time.UTC))}
	d.open(t)
	return d
}

func (d *darkroom) open(t *testing.T) {
	t.Helper()
	folder, err := media.OpenFolder(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	d.files = media.New(media.LibraryConfig{Store: folder, DB: d.db, Clock: d.clock.Now})
	d.Site, err = site.Open(t.Context(), site.Config{DB: d.db, Media: d.files, BaseURL: "https://blog.example/", Clock: d.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *darkroom) upload(t *testing.T, who auth.Identity, u site.Upload) *site.Attachment {
	t.Helper()
	if u.Bytes == nil {
		u.Bytes = strings.NewReader("bytes")
	}
	a, err := d.CreateAttachment(t.Context(), who, u)
	if err != nil {
		t.Fatalf("CreateAttachment(%q): %v", u.Name, err)
	}
	d.clock.Add(time.Minute)
	return a
}

// stored lists the files in the folder, and the unfinished ones in its hidden
// part.
func (d *darkroom) stored(t *testing.T) []string {
	t.Helper()
	out := []string{}
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "lock" {
			rel, _ := filepath.Rel(d.dir, path)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func picture(t *testing.T, name string, w, h int) io.Reader {
	t.Helper()
	b, err := media.Blank(name, w, h)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(string(b))
}

func TestCreateAttachment(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		before := db.Statements()
		a := d.upload(t, authorWho, site.Upload{Name: "Täst Bild.PNG", Type: "image/png", Bytes: picture(t, "a.png", 400, 300)})
		if n := db.Statements() - before; n > 7 { // three of them belong to the ledger: the names of the file and of its versions, and the mark that all are kept
			t.Errorf("%d statements for an upload", n)
		}
		read, err := d.Attachment(t.Context(), authorWho, a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, read); diff != "" {
			t.Errorf("created and read (-created +read):\n%s", diff)
		}
		moment := time.Date(2024, 1, 31, 23, 30, 0, 0, time.UTC)
		if diff := cmp.Diff(site.Post{
			ID: a.ID, Type: "attachment", Status: "inherit", Title: "Tast-Bild.PNG", Name: "tast-bild-png", Author: 2, CommentStatus: "open", PingStatus: "closed",
			MimeType: "image/png", GUID: "https://blog.example/wp-content/uploads/2024/01/Tast-Bild.png",
			Date: moment, DateGMT: &moment, Modified: moment, ModifiedGMT: &moment,
		}, read.Post); diff != "" {
			t.Errorf("post (-want +got):\n%s", diff)
		}
		if read.File != "2024/01/Tast-Bild.png" || read.Width != 400 || read.Height != 300 || !read.IsPicture() || read.Meta.Orientation != "0" {
			t.Errorf("file: %+v", read)
		}
		var names []string
		for _, v := range read.Versions {
			names = append(names, v.Name+" "+v.File)
		}
		if diff := cmp.Diff([]string{"medium Tast-Bild-300x225.png", "thumbnail Tast-Bild-150x150.png"}, names); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		if got := d.FileURL(read); got != "https://blog.example/wp-content/uploads/2024/01/Tast-Bild.png" {
			t.Errorf("FileURL = %s", got)
		}
		if got := d.ThumbnailURL(read); got != "https://blog.example/wp-content/uploads/2024/01/Tast-Bild-150x150.png" {
			t.Errorf("ThumbnailURL = %s", got)
		}
		if diff := cmp.Diff([]string{"2024/01/Tast-Bild-150x150.png", "2024/01/Tast-Bild-300x225.png", "2024/01/Tast-Bild.png"}, d.stored(t)); diff != "" {
			t.Errorf("files, all kept (-want +got):\n%s", diff)
		}
		again := d.upload(t, authorWho, site.Upload{Name: "Täst Bild.PNG"})
		if again.File != "2024/01/Tast-Bild-1.png" || again.Title != "Tast-Bild.PNG" || again.Name != "tast-bild-png-2" || again.IsPicture() {
			t.Errorf("a second upload of the name: %+v", again)
		}
	})
}

func TestCreateAttachmentRefusals(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		post, err := d.CreatePost(t.Context(), adminWho, site.PostEdit{Title: new("x")})
		if err != nil {
			t.Fatal(err)
		}
		cut := errors.New("connection cut")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for _, test := range []struct {
			name   string
			ctx    context.Context
			who    auth.Identity
			upload site.Upload
			want   func(error) bool
		}{
			{"nobody", nil, auth.Identity{}, site.Upload{Name: "a.png"}, isDenied},
			{"contributor", nil, contribut, site.Upload{Name: "a.png"}, isDenied},
			{"to another's post", nil, authorWho, site.Upload{Name: "a.png", Parent: post}, isDenied},
			{"program to another's post", nil, authorWho, site.Upload{Name: "a.php", Parent: post}, is(site.ErrFileType)},
			{"to no post", nil, adminWho, site.Upload{Name: "a.png", Parent: post + 1000}, isDenied},
			{"no name", nil, authorWho, site.Upload{Name: "../"}, is(site.ErrNoFileName)},
			{"program", nil, adminWho, site.Upload{Name: "a.php", Type: "image/png"}, is(site.ErrFileType)},
			{"drawing", nil, adminWho, site.Upload{Name: "a.svg"}, is(site.ErrFileType)},
			{"page of an author", nil, authorWho, site.Upload{Name: "a.html"}, is(site.ErrFileType)},
			{"no extension", nil, adminWho, site.Upload{Name: "noext"}, is(site.ErrFileType)},
			{"connection cut", nil, adminWho, site.Upload{Name: "a.txt", Bytes: io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut))}, is(cut)},
			{"cancelled", ended, adminWho, site.Upload{Name: "a.txt"}, is(context.Canceled)},
		} {
			if test.ctx == nil {
				test.ctx = t.Context()
			}
			if test.upload.Bytes == nil {
				test.upload.Bytes = strings.NewReader("bytes")
			}
			if _, err := d.CreateAttachment(test.ctx, test.who, test.upload); !test.want(err) {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if got := d.stored(t); len(got) != 0 {
			t.Errorf("refused uploads left %q", got)
		}
		if list, err := whole(d.ListAttachments(t.Context(), adminWho, site.AttachmentFilter{})); err != nil || len(list) != 0 {
			t.Errorf("refused uploads are listed: %+v, %v", list, err)
		}
		page := d.upload(t, adminWho, site.Upload{Name: "a.html", Parent: post})
		if page.File != "2024/01/a.html" || page.Parent != post {
			t.Errorf("page of an administrator: %+v", page)
		}
	})
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func isDenied(err error) bool {
	_, ok := errors.AsType[*site.Denied](err)
	return ok
}

// If the transaction is refused, its file must not be left behind.
func TestCreateAttachmentThatCannotBeRecorded(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		if _, err := db.Exec(t.Context(), `DROP TABLE attachments`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), `CREATE TABLE attachments (file TEXT, original TEXT, sizes TEXT)`); err != nil {
			t.Fatal(err)
		}
		_, err := d.CreateAttachment(t.Context(), adminWho, site.Upload{Name: "a.png", Bytes: picture(t, "a.png", 400, 300)})
		if err == nil {
			t.Error("no error")
		}
		if got := d.stored(t); len(got) != 0 {
			t.Errorf("left %q", got)
		}
	})
}

func TestListAttachments(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		post, err := d.CreatePost(t.Context(), adminWho, site.PostEdit{Title: new("x")})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range []site.Upload{
			{Name: "1.png", Type: "image/png"},
			{Name: "2.jpg", Type: "image/jpeg", Parent: post},
			{Name: "3.mp3", Type: "audio/mpeg"},
			{Name: "4.txt", Type: "text/plain", Parent: post},
			{Name: "5.gif", Type: "image/gif"},
			{Name: "6.bin.txt", Type: "imagex/png"},
		} {
			d.upload(t, adminWho, u)
		}
		for _, test := range []struct {
			name   string
			filter site.AttachmentFilter
			want   string
		}{
			{"all", site.AttachmentFilter{}, "6 5 4 3 2 1"},
			{"some", site.AttachmentFilter{Limit: 2, Offset: 1}, "5 4"},
			{"beyond", site.AttachmentFilter{Limit: 2, Offset: 10}, ""},
			{"of a post", site.AttachmentFilter{Parent: &post}, "4 2"},
			{"of no post", site.AttachmentFilter{Parent: new(int64(0))}, "6 5 3 1"},
			{"one type", site.AttachmentFilter{MimeType: "image/png"}, "1"},
			{"a kind", site.AttachmentFilter{MimeType: "image"}, "5 2 1"},
			{"a kind with a wildcard", site.AttachmentFilter{MimeType: "image/*"}, "5 2 1"},
			{"several", site.AttachmentFilter{MimeType: "audio, text/plain"}, "4 3"},
			{"any", site.AttachmentFilter{MimeType: "*/*"}, "6 5 4 3 2 1"},
			{"none", site.AttachmentFilter{MimeType: "video"}, ""},
			{"percent is no wildcard", site.AttachmentFilter{MimeType: "%/png"}, ""},
			{"kind of a post", site.AttachmentFilter{MimeType: "image", Parent: &post}, "2"},
		} {
			before := db.Statements()
			list, err := whole(d.ListAttachments(t.Context(), authorWho, test.filter))
			if err != nil {
				t.Fatal(err)
			}
			if n := db.Statements() - before; n > 3 { // of the types too
				t.Errorf("%s: %d statements", test.name, n)
			}
			var got []string
			for _, a := range list {
				got = append(got, a.Title[:1])
			}
			if s := strings.Join(got, " "); s != test.want {
				t.Errorf("%s: %q, want %q", test.name, s, test.want)
			}
		}
		if _, err := whole(d.ListAttachments(t.Context(), contribut, site.AttachmentFilter{})); !isDenied(err) {
			t.Errorf("contributor: %v", err)
		}
		if _, err := d.Attachment(t.Context(), contribut, post+1); !isDenied(err) {
			t.Errorf("contributor: %v", err)
		}
		if _, err := d.Attachment(t.Context(), adminWho, post); !errors.Is(err, site.ErrNotFound) {
			t.Errorf("a post as an attachment: %v", err)
		}
	})
}

func TestAttachmentsInOneStatement(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		var ids []int64
		for i := range 5 {
			ids = append(ids, d.upload(t, adminWho, site.Upload{Name: fmt.Sprintf("%d.txt", i)}).ID)
		}
		before := db.Statements()
		found, err := d.Attachments(t.Context(), append(slices.Clone(ids), 999999, 0, -1))
		if err != nil || len(found) != len(ids) {
			t.Errorf("%d found, %v", len(found), err)
		}
		if n := db.Statements() - before; n > 3 { // of the types too
			t.Errorf("%d statements", n)
		}
		if found, err := d.Attachments(t.Context(), nil); err != nil || len(found) != 0 {
			t.Errorf("without ids: %v, %v", found, err)
		}
	})
}

func TestDeleteAttachment(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		mine := d.upload(t, authorWho, site.Upload{Name: "mine.jpg", Bytes: picture(t, "a.jpg", 3000, 200)})
		if mine.File != "2024/01/mine-scaled.jpg" || mine.Original != "mine.jpg" {
			t.Fatalf("upload: %+v", mine)
		}
		kept := d.upload(t, adminWho, site.Upload{Name: "kept.txt"})
		if err := d.DeletePost(t.Context(), otherWho, mine.ID); !isDenied(err) {
			t.Errorf("another author: %v", err)
		}
		if n := len(d.stored(t)); n < 8 {
			t.Errorf("%d files before", n)
		}
		if err := d.DeletePost(t.Context(), authorWho, mine.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
		if diff := cmp.Diff([]string{kept.File}, d.stored(t)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if _, err := d.Attachment(t.Context(), adminWho, mine.ID); !errors.Is(err, site.ErrNotFound) {
			t.Errorf("afterwards: %v", err)
		}
		if err := d.DeletePost(t.Context(), authorWho, mine.ID); !errors.Is(err, site.ErrNotFound) {
			t.Errorf("again: %v", err)
		}
	})
}

// A crash after a file was stored leaves a file without a row, and one after an
// attachment was deleted leaves files without an attachment. Both are removed
// while servers run.
func TestUnfinishedUploadsAreClearedUp(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		d := openDarkroom(t, db)
		a := d.upload(t, adminWho, site.Upload{Name: "a.jpg", Bytes: picture(t, "a.jpg", 2600, 30)})
		recorded := d.stored(t)
		order := media.Order{Sizes: []media.Size{{Name: "thumbnail", Width: 150, Height: 150, Crop: true}}}
		if _, err := d.files.Store(t.Context(), media.Upload{Name: "2024/01/never.png", Picture: &order}, picture(t, "never.png", 400, 300)); err != nil {
			t.Fatal(err)
		}
		if len(d.stored(t)) != len(recorded)+2 || len(recorded) != len(a.Versions)+2 {
			t.Errorf("before: %q", d.stored(t))
		}
		d.clock.Add(2 * time.Hour)
		if n, err := d.files.Sweep(t.Context(), time.Hour); n != 2 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		if diff := cmp.Diff(recorded, d.stored(t)); diff != "" {
			t.Errorf("files after a sweep (-want +got):\n%s", diff)
		}
	})
}
