package media_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/media/mediatest"
)

func TestMain(m *testing.M) {
	mediatest.SetCredentials()
	os.Exit(m.Run())
}

func openFolder(t testing.TB, dir string) *media.Folder {
	t.Helper()
	f, err := media.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func openBucket(t testing.TB, address string) *media.Bucket {
	t.Helper()
	return openBucketWithin(t, address, 0)
}

// openBucketWithin is for tests with a server that does not answer.
func openBucketWithin(t testing.TB, address string, stalled time.Duration) *media.Bucket {
	t.Helper()
	a, err := media.ParseBucket(address)
	if err != nil {
		t.Fatal(err)
	}
	b, err := media.OpenBucket(media.BucketConfig{Address: a, Spool: t.TempDir(), Stalled: stalled})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// place is the location of a test's files, with access to its content.
type place struct {
	open    func(t testing.TB) media.Store // the same place again, as another process has it
	objects func(t testing.TB) []string    // names of files
	rest    func(t testing.TB) []string    // unfinished files
}

func folderPlace(t testing.TB) place {
	dir := t.TempDir()
	return place{
		open:    func(t testing.TB) media.Store { return openFolder(t, dir) },
		objects: func(t testing.TB) []string { return filesIn(t, dir, false) },
		rest:    func(t testing.TB) []string { return filesIn(t, dir, true) },
	}
}

func bucketPlace(t testing.TB) place {
	s := mediatest.Start(t)
	return place{
		open: func(t testing.TB) media.Store { return openBucket(t, s.Address("blog", "")) },
		objects: func(t testing.TB) []string {
			var names []string
			for _, key := range s.Objects(t) {
				names = append(names, strings.TrimPrefix(key, "blog/"))
			}
			return names
		},
		rest: s.Unfinished,
	}
}

// filesIn lists the files of a folder, or those in its hidden part except the
// mark.
func filesIn(t testing.TB, dir string, hidden bool) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "place" {
			rel, _ := filepath.Rel(dir, path)
			if name := filepath.ToSlash(rel); strings.HasPrefix(name, ".") == hidden {
				out = append(out, name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// An import whose process died gets its names back, and files of others are not
// touched.
func TestForget(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		l := library(t, db, p.open(t))
		left := func(name, writer string) string {
			t.Helper()
			s, err := l.Store(t.Context(), media.Upload{Name: name, Writer: writer}, strings.NewReader("left"))
			if err != nil {
				t.Fatal(err)
			}
			return s.Info.Name
		}
		left("a.txt", "import1")
		left("b.txt", "import1")
		left("c.txt", "import12")
		left("d.txt", "")
		again := library(t, db, p.open(t))
		if err := again.Forget(t.Context(), "import1"); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"a.txt": "a.txt", "b.txt": "b.txt", "c.txt": "c-1.txt", "d.txt": "d-1.txt"} {
			if got := store(t, db, again, name, "anew").Name; got != want {
				t.Errorf("%s is stored as %s, want %s", name, got, want)
			}
		}
	})
}

// eachStore runs fn on both stores at the same time.
func eachStore(t *testing.T, fn func(t *testing.T, p place)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) place{"folder": folderPlace, "bucket": bucketPlace} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fn(t, open(t))
		})
	}
}

// eachLibrary runs fn on both stores and both databases.
func eachLibrary(t *testing.T, fn func(t *testing.T, p place, db *database.DB)) {
	t.Helper()
	eachStore(t, func(t *testing.T, p place) {
		databasetest.Each(t, func(t *testing.T, db *database.DB) {
			q := p
			if strings.HasSuffix(t.Name(), "postgres") {
				if strings.Contains(t.Name(), "/bucket/") {
					q = bucketPlace(t)
				} else {
					q = folderPlace(t)
				}
			}
			fn(t, q, db)
		})
	})
}

func library(t testing.TB, db *database.DB, s media.Store) *media.Library {
	t.Helper()
	return media.New(media.LibraryConfig{Store: s, DB: db})
}

// sweepLater sweeps like a server that has waited for all removals in progress.
func sweepLater(t testing.TB, db *database.DB, s media.Store) {
	t.Helper()
	l := media.New(media.LibraryConfig{Store: s, DB: db, Clock: func() time.Time { return time.Now().Add(time.Hour) }})
	if _, err := l.Sweep(t.Context(), 0); err != nil {
		t.Errorf("sweep: %v", err)
	}
}

// store stores and keeps a file.
func store(t testing.TB, db *database.DB, l *media.Library, name, content string) media.Info {
	t.Helper()
	s := pending(t, l, name, content)
	keep(t, db, l, s)
	return s.Info
}

func pending(t testing.TB, l *media.Library, name, content string) *media.Stored {
	t.Helper()
	s, err := l.Store(t.Context(), media.Upload{Name: name}, strings.NewReader(content))
	if err != nil {
		t.Fatalf("Store(%q): %v", name, err)
	}
	return s
}

func keep(t testing.TB, db *database.DB, l *media.Library, s *media.Stored) {
	t.Helper()
	if err := tryKeep(t, db, l, s); err != nil {
		t.Fatal(err)
	}
}

func tryKeep(t testing.TB, db *database.DB, l *media.Library, s *media.Stored) error {
	return db.Update(t.Context(), func(tx *database.Tx) error { return l.Keep(t.Context(), tx, s) })
}

func read(t testing.TB, l interface {
	Open(context.Context, string) (io.ReadSeekCloser, media.Info, error)
}, name string,
) string {
	t.Helper()
	f, _, err := l.Open(t.Context(), name)
	if err != nil {
		t.Fatalf("Open(%q): %v", name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatalf("read %q: %v", name, err)
	}
	return string(b)
}

// rows returns the names in the ledger, with a question mark after pending
// ones.
func rows(t testing.TB, db *database.DB) (out []string) {
	t.Helper()
	if err := db.Select(t.Context(), &out, `SELECT name || CASE WHEN pending IS NULL THEN '' ELSE '?' END FROM media_files`); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestLibraryKeepsBytes(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		l := library(t, db, p.open(t))
		const name = "2024/01/größe (1).png"
		s := pending(t, l, name, "bytes")
		if s.Info.Name != name || s.Info.Size != 5 || s.Info.Type != "image/png" || s.Info.Download || len(s.Info.ETag) != 32 || s.Info.Modified.IsZero() {
			t.Errorf("stored: %+v", s.Info)
		}
		if diff := cmp.Diff([]string{name + "?"}, rows(t, db)); diff != "" {
			t.Errorf("rows before (-want +got):\n%s", diff)
		}
		keep(t, db, l, s)
		if diff := cmp.Diff([]string{name}, rows(t, db)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if got := read(t, l, name); got != "bytes" {
			t.Errorf("read %q, want %q", got, "bytes")
		}
		if info, err := l.Stat(t.Context(), name); err != nil || info.Size != 5 {
			t.Errorf("Stat: %+v, %v", info, err)
		}
		if err := tryKeep(t, db, l, s); !errors.Is(err, media.ErrSwept) {
			t.Errorf("kept twice: %v", err)
		}
		if err := l.Discard(t.Context(), s); err != nil || read(t, l, name) != "bytes" {
			t.Errorf("discarded what was kept: %v", err)
		}
		if err := l.Remove(t.Context(), name, "2024/01/never.png"); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if _, err := l.Stat(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat of a removed file: %v, want fs.ErrNotExist", err)
		}
		if got := append(rows(t, db), p.objects(t)...); len(got) != 0 {
			t.Errorf("left over: %q", got)
		}
	})
}

func TestLibraryNumbersNamesThatAreTaken(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		s := p.open(t)
		l := library(t, db, s)
		for i, want := range []string{"a/red.png", "a/red-1.png", "a/red-2.png"} {
			if i == 1 { // kept or not makes no difference
				if got := store(t, db, l, "a/red.png", "1").Name; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			} else if got := pending(t, l, "a/red.png", fmt.Sprint(i)).Info.Name; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if got := pending(t, l, "a/noext", "").Info.Name; got != "a/noext" {
			t.Errorf("got %q", got)
		}
		if got := pending(t, l, "a/noext", "").Info.Name; got != "a/noext-1" {
			t.Errorf("got %q", got)
		}
		if err := l.Remove(t.Context(), "a/red-1.png"); err != nil {
			t.Fatal(err)
		}
		if got := store(t, db, l, "a/red.png", "again").Name; got != "a/red-1.png" {
			t.Errorf("after removal got %q, want the free name", got)
		}
		// A file that was added by hand has no row, and stays.
		part, err := s.Spool(t.Context(), strings.NewReader("by hand"))
		if err == nil {
			err = s.Put(t.Context(), "a/hand.txt", part, media.Facts{})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := store(t, db, l, "a/hand.txt", "new").Name; got != "a/hand-1.txt" || read(t, l, "a/hand.txt") != "by hand" {
			t.Errorf("got %q next to a file without a row", got)
		}
		if slices.Contains(rows(t, db), "a/hand.txt?") {
			t.Error("the name that was not got is still reserved")
		}
	})
}

func TestLibraryGivesEveryWriterItsOwnName(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		libraries := []*media.Library{library(t, db, p.open(t)), library(t, db, p.open(t))}
		const writers = 16
		names := make([]string, writers)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				s, err := libraries[i%2].Store(t.Context(), media.Upload{Name: "x/same.txt"}, strings.NewReader(fmt.Sprint(i)))
				if err == nil {
					err = tryKeep(t, db, libraries[i%2], s)
				}
				if err != nil {
					t.Error(err)
					return
				}
				names[i] = s.Info.Name
			})
		}
		wg.Wait()
		for i, name := range names {
			if got := read(t, libraries[0], name); got != fmt.Sprint(i) {
				t.Errorf("%s holds %q, want the bytes of writer %d", name, got, i)
			}
		}
		slices.Sort(names)
		if diff := cmp.Diff(slices.Compact(names), rows(t, db)); diff != "" || len(p.objects(t)) != writers || len(p.rest(t)) != 0 {
			t.Errorf("rows (-want +got):\n%s%d objects, %q left over", diff, len(p.objects(t)), p.rest(t))
		}
	})
}

// The store itself also prevents overwriting a file, in one request or in
// several.
func TestStoreNeverOverwrites(t *testing.T) {
	eachStore(t, func(t *testing.T, p place) {
		stores := []media.Store{p.open(t), p.open(t)}
		for name, size := range map[string]int64{"small.bin": 1000, "large.bin": 33 << 20} {
			part, err := stores[0].Spool(t.Context(), io.LimitReader(endless{1}, size))
			if err == nil {
				err = stores[0].Put(t.Context(), name, part, media.Facts{Type: "application/octet-stream", ETag: "first"})
			}
			if err != nil {
				t.Fatal(err)
			}
			part, err = stores[1].Spool(t.Context(), io.LimitReader(endless{2}, size))
			if err != nil {
				t.Fatal(err)
			}
			if err := stores[1].Put(t.Context(), name, part, media.Facts{ETag: "second"}); !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s: a second Put: %v, want fs.ErrExist", name, err)
			}
			f, info, err := stores[1].Open(t.Context(), name, nil)
			if err != nil {
				t.Fatal(err)
			}
			var b [4]byte
			if _, err := f.Seek(size-4, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if n, err := io.ReadFull(f, b[:]); n != 4 || info.Size != size || b != [4]byte{1, 1, 1, 1} {
				t.Errorf("%s holds %v (%d bytes, %v)", name, b, info.Size, err)
			}
			if n, err := f.Read(b[:]); n != 0 || err != io.EOF {
				t.Errorf("%s goes on after its end: %d, %v", name, n, err)
			}
			f.Close()
			if err := stores[1].Remove(t.Context(), name); err != nil {
				t.Error(err)
			}
		}
		if got := p.objects(t); len(got) != 0 {
			t.Errorf("left over: %q", got)
		}
		if _, bucket := stores[0].(*media.Bucket); bucket && len(p.rest(t)) != 0 {
			t.Errorf("unfinished: %q", p.rest(t))
		}
	})
}

type endless struct{ b byte }

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.b
	}
	return len(p), nil
}

func TestLibraryLeavesNothingOfAFailedUpload(t *testing.T) {
	cut := errors.New("connection cut")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		l := library(t, db, p.open(t))
		for name, test := range map[string]struct {
			ctx  context.Context
			r    io.Reader
			want error
		}{
			"reader fails": {t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut)), cut},
			"context ends": {ended, strings.NewReader("whole"), context.Canceled},
		} {
			if _, err := l.Store(test.ctx, media.Upload{Name: "a/b.txt"}, test.r); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
		if err := l.Discard(t.Context(), pending(t, l, "a/c.txt", "not recorded")); err != nil {
			t.Error(err)
		}
		if got := slices.Concat(rows(t, db), p.objects(t), p.rest(t)); len(got) != 0 {
			t.Errorf("left over: %q", got)
		}
	})
}

// A sweep by another process removes the remains of a dead process once they
// are old enough. A process that was wrongly considered dead cannot record
// files that are gone.
func TestLibrarySweeps(t *testing.T) {
	eachLibrary(t, func(t *testing.T, p place, db *database.DB) {
		now := time.Now()
		l := media.New(media.LibraryConfig{Store: p.open(t), DB: db, Clock: func() time.Time { return now }})
		kept := store(t, db, l, "a/kept.txt", "kept")
		dead := pending(t, l, "a/dead.txt", "the process died")
		var removed media.Condemned
		store(t, db, l, "a/removed.txt", "removed")
		if err := db.Update(t.Context(), func(tx *database.Tx) (err error) {
			removed, err = l.Condemn(t.Context(), tx, "a/removed.txt")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(40 * time.Minute)
		alive := pending(t, l, "a/alive.txt", "alive")
		if n, err := l.Sweep(t.Context(), time.Hour); n != 0 || err != nil {
			t.Errorf("swept too early: %d, %v", n, err)
		}
		now = now.Add(30 * time.Minute)
		other := media.New(media.LibraryConfig{Store: p.open(t), DB: db, Clock: func() time.Time { return now }})
		if n, err := other.Sweep(t.Context(), time.Hour); n != 2 || err != nil {
			t.Errorf("swept %d, %v, want 2", n, err)
		}
		if err := tryKeep(t, db, l, dead); !errors.Is(err, media.ErrSwept) {
			t.Errorf("kept what was swept: %v", err)
		}
		if err := l.Purge(t.Context(), removed); err != nil {
			t.Errorf("purged what was swept: %v", err)
		}
		keep(t, db, l, alive)
		want := []string{"a/alive.txt", kept.Name}
		if diff := cmp.Diff([][]string{want, want}, [][]string{rows(t, db), p.objects(t)}); diff != "" {
			t.Errorf("rows and objects (-want +got):\n%s", diff)
		}
	})
}

// A name that is claimed after a sweep has begun to remove it is not removed.
func TestLibrarySweepsBesideWriters(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		p := folderPlace(t)
		l := library(t, db, p.open(t))
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := l.Sweep(t.Context(), 0); err != nil {
						t.Errorf("sweep: %v", err)
						return
					}
				}
			})
		}
		var kept, swept int
		for range 60 {
			s, err := l.Store(t.Context(), media.Upload{Name: "a/x.txt"}, strings.NewReader("x"))
			if errors.Is(err, fs.ErrNotExist) {
				continue // its temporary file is swept too, at this age
			}
			if err != nil {
				t.Fatal(err)
			}
			switch err := tryKeep(t, db, l, s); {
			case err == nil:
				kept++
			case errors.Is(err, media.ErrSwept):
				swept++
			default:
				t.Fatal(err)
			}
		}
		close(stop)
		wg.Wait()
		if _, err := l.Sweep(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows(t, db), p.objects(t)); diff != "" || len(p.objects(t)) != kept {
			t.Errorf("%d kept, %d swept; rows and objects (-rows +objects):\n%s", kept, swept, diff)
		}
	})
}

func TestStoreCannotBeLeft(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f := openFolder(t, dir)
	for link, target := range map[string]string{"link": outside, "file.txt": secret} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	put := func(s media.Store, name string) error {
		part, err := s.Spool(t.Context(), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		return s.Put(t.Context(), name, part, media.Facts{})
	}
	bucket := openBucket(t, "s3://bucket/prefix?endpoint=http://127.0.0.1:1")
	for _, s := range []media.Store{f, bucket} {
		for _, name := range []string{
			"", ".", "..", "../x.txt", "a/../../x.txt", "/etc/passwd", "a//b", "a/", "a/./b", `a\b`, `..\x`, "a\x00b",
			".hidden", "a/.htaccess", ".pending/place", ".quillgate/place", "a/..", strings.Repeat("n", 256), strings.Repeat("n/", 500) + "n",
		} {
			if err := put(s, name); !errors.Is(err, media.ErrName) {
				t.Errorf("Put(%q): %v, want ErrName", name, err)
			}
			if _, _, err := s.Open(t.Context(), name, nil); !errors.Is(err, media.ErrName) {
				t.Errorf("Open(%q): %v, want ErrName", name, err)
			}
			if _, err := s.Stat(t.Context(), name); !errors.Is(err, media.ErrName) {
				t.Errorf("Stat(%q): %v, want ErrName", name, err)
			}
			if err := s.Remove(t.Context(), name); !errors.Is(err, media.ErrName) {
				t.Errorf("Remove(%q): %v, want ErrName", name, err)
			}
		}
	}
	for _, name := range []string{"link/secret.txt", "file.txt"} {
		if _, _, err := f.Open(t.Context(), name, nil); err == nil {
			t.Errorf("Open(%q) followed a link out of the folder", name)
		}
	}
	if err := put(f, "link/new.txt"); err == nil {
		t.Error("Put followed a link out of the folder")
	}
	if err := f.Remove(t.Context(), "link/secret.txt"); err == nil {
		t.Error("Remove followed a link out of the folder")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside there is %q now, %v", entries, err)
	}
	if _, _, err := f.Open(t.Context(), "link", nil); err == nil {
		t.Error("opened a folder")
	}
}
