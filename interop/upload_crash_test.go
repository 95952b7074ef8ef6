package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/site"
)

// uploadCrashes is how often the server is killed while clients upload.
const uploadCrashes = 5

const uploadCall = `<?xml version="1.0"?>
<methodCall><methodName>wp.uploadFile</methodName><params><param><value><int>1</int></value></param>
<param><value><string>admin</string></value></param><param><value><string>admin-pass-1234</string></value></param>
<param><value><struct><member><name>name</name><value><string>clip.mp4</string></value></member>
<member><name>type</name><value><string>video/mp4</string></value></member>
<member><name>bits</name><value><base64>`

const uploadEnd = `</base64></value></member></struct></value></param></params></methodCall>`

var urlMember = regexp.MustCompile(`<name>url</name>\s*<value>\s*<string>([^<]*)`)

// A server is killed again and again while pictures arrive. Every upload that was acknowledged is there; of the others
// nothing is left behind but what is also on record.
func TestUploadsSurviveCrashes(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, s seeded) {
		picture, err := media.Blank("a.png", 320, 200)
		if err != nil {
			t.Fatal(err)
		}
		var acknowledged []string
		for round := range uploadCrashes {
			acknowledged = append(acknowledged, uploadUntilKilled(t, s, picture, 3+5*round)...)
		}
		p := start(t, s)
		for _, url := range acknowledged {
			got, err := fetch(p.base + "/wp-content/uploads/" + below(url))
			if err != nil || !bytes.Equal(got, picture) {
				t.Errorf("%s was acknowledged, and now has %d bytes: %v", below(url), len(got), err)
			}
		}
		if code := p.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		sweepUploads(t, s)
		recorded := recordedFiles(t, s)
		if diff := cmp.Diff(recorded, storedFiles(t, filepath.Join(s.folder, "uploads"))); diff != "" {
			t.Errorf("files that are recorded (-) and stored (+):\n%s", diff)
		}
		for _, url := range acknowledged {
			if !slices.Contains(recorded, below(url)) {
				t.Errorf("%s was acknowledged and is not recorded", below(url))
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, seedIn(t, t.TempDir(), ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, seedIn(t, t.TempDir(), databasetest.Postgres(t)))
	})
}

// uploadUntilKilled lets four clients upload, kills the server when so many uploads were acknowledged, and returns the
// addresses of all that were.
func uploadUntilKilled(t *testing.T, s seeded, picture []byte, enough int) []string {
	t.Helper()
	p := start(t, s)
	call := strings.NewReplacer("clip.mp4", "a.png", "video/mp4", "image/png").Replace(uploadCall) +
		base64.StdEncoding.EncodeToString(picture) + uploadEnd
	var mu sync.Mutex
	var urls []string
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				answer, err := http.Post(p.endpoint, "text/xml", strings.NewReader(call))
				if err != nil {
					return
				}
				text, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				m := urlMember.FindSubmatch(text)
				if err != nil || m == nil {
					return
				}
				mu.Lock()
				urls = append(urls, string(m[1]))
				last := len(urls) == enough
				mu.Unlock()
				if last {
					p.kill() // the others are in the middle of theirs
				}
			}
		})
	}
	clients.Wait()
	if len(urls) < enough {
		t.Fatalf("uploads ended after %d of %d\n%s", len(urls), enough, p.log)
	}
	return urls
}

// below is the name of a file below the folder of uploads.
func below(url string) string {
	_, name, _ := strings.Cut(url, "/wp-content/uploads/")
	return name
}

func fetch(url string) ([]byte, error) {
	r, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s", r.Status)
	}
	return io.ReadAll(r.Body)
}

// sweepUploads clears up at once what a server clears up after an hour.
func sweepUploads(t *testing.T, s seeded) {
	t.Helper()
	blog, err := server.OpenBlog(t.Context(), server.BlogConfig{Folder: s.folder, Database: s.database, BaseURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer blog.Close()
	if _, err := blog.Media.Sweep(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
}

// recordedFiles lists the files of all attachments, sorted.
func recordedFiles(t *testing.T, s seeded) []string {
	t.Helper()
	ctx := context.Background()
	blog, err := server.OpenBlog(ctx, server.BlogConfig{Folder: s.folder, Database: s.database, BaseURL: "http://localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer blog.Close()
	admin := auth.Identity{User: auth.User{ID: 1, Role: auth.Administrator}}
	pages, err := blog.Site.ListAttachments(ctx, admin, site.AttachmentFilter{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := database.All(pages)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, a := range list {
		files = append(files, a.File)
		for _, v := range a.Versions {
			files = append(files, path.Join(path.Dir(a.File), v.File))
		}
	}
	slices.Sort(files)
	return files
}

// storedFiles lists the files of a folder, sorted, the hidden ones too but for the mark of the folder.
func storedFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && name != ".pending/place" {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}
