package media_test

import (
	"bytes"
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

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/media"
)

func openFolder(t *testing.T, dir string) *media.Folder {
	t.Helper()
	f, err := media.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func create(t *testing.T, s media.Store, name, content string) media.Info {
	t.Helper()
	info, err := s.Create(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatalf("Create(%q): %v", name, err)
	}
	return info
}

func read(t *testing.T, s media.Store, name string) string {
	t.Helper()
	f, _, err := s.Open(t.Context(), name)
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

// files lists every regular file below dir but the lock.
func files(t *testing.T, dir string) []string {
	t.Helper()
	out := []string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "lock" {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFolderKeepsBytes(t *testing.T) {
	dir := t.TempDir()
	f := openFolder(t, dir)
	info := create(t, f, "2024/01/red.png", "bytes")
	if info.Name != "2024/01/red.png" || info.Size != 5 || info.Modified.IsZero() {
		t.Errorf("Create = %+v", info)
	}
	if err := f.Keep(t.Context(), info.Name); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, info.Name); got != "bytes" {
		t.Errorf("read %q, want %q", got, "bytes")
	}
	stat, err := f.Stat(t.Context(), info.Name)
	if diff := cmp.Diff(info, stat); err != nil || diff != "" {
		t.Errorf("Stat: %v\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"2024/01/red.png"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if err := f.Remove(t.Context(), info.Name, "2024/01/never.png"); err != nil {
		t.Errorf("Remove: %v", err)
	}
	if _, err := f.Stat(t.Context(), info.Name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat of a removed file: %v, want fs.ErrNotExist", err)
	}
}

func TestFolderNumbersNamesThatAreTaken(t *testing.T) {
	f := openFolder(t, t.TempDir())
	for i, want := range []string{"a/red.png", "a/red-1.png", "a/red-2.png"} {
		info := create(t, f, "a/red.png", fmt.Sprint(i))
		if info.Name != want {
			t.Errorf("name %d is %q, want %q", i, info.Name, want)
		}
		if i == 1 { // kept or not makes no difference
			if err := f.Keep(t.Context(), info.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := create(t, f, "a/noext", "").Name; got != "a/noext" {
		t.Errorf("got %q", got)
	}
	if got := create(t, f, "a/noext", "").Name; got != "a/noext-1" {
		t.Errorf("got %q", got)
	}
	if err := f.Remove(t.Context(), "a/red-1.png"); err != nil {
		t.Fatal(err)
	}
	if got := create(t, f, "a/red.png", "again").Name; got != "a/red-1.png" {
		t.Errorf("after removal got %q, want the free name", got)
	}
}

func TestFolderGivesEveryWriterItsOwnName(t *testing.T) {
	dir := t.TempDir()
	folders := []*media.Folder{openFolder(t, dir), openFolder(t, dir)}
	const writers = 24
	names := make([]string, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			info, err := folders[i%2].Create(t.Context(), "x/same.txt", strings.NewReader(fmt.Sprint(i)))
			if err != nil {
				t.Error(err)
				return
			}
			names[i] = info.Name
			if err := folders[i%2].Keep(t.Context(), info.Name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, name := range names {
		if got := read(t, folders[0], name); got != fmt.Sprint(i) {
			t.Errorf("%s holds %q, want the bytes of writer %d", name, got, i)
		}
	}
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != writers {
		t.Errorf("%d names for %d writers", n, writers)
	}
	if got := files(t, dir); len(got) != writers {
		t.Errorf("left over: %q", got)
	}
}

func TestFolderLeavesNothingOfAFailedUpload(t *testing.T) {
	cut := errors.New("connection cut")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"reader fails", t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut)), cut},
		{"context ends", ended, strings.NewReader("whole"), context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			f := openFolder(t, dir)
			if _, err := f.Create(test.ctx, "a/b.txt", test.r); !errors.Is(err, test.want) {
				t.Errorf("Create: %v, want %v", err, test.want)
			}
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("left over: %q", got)
			}
		})
	}
}

func TestFolderShowsNoFileBeforeItIsWhole(t *testing.T) {
	f := openFolder(t, t.TempDir())
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := f.Create(t.Context(), "a/slow.bin", r)
		done <- err
	}()
	if _, err := w.Write(bytes.Repeat([]byte{1}, 100<<10)); err != nil { // the copy has begun when this returns
		t.Fatal(err)
	}
	if _, err := f.Stat(t.Context(), "a/slow.bin"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat in the middle of an upload: %v, want fs.ErrNotExist", err)
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(t.Context(), "a/slow.bin"); err != nil || info.Size != 100<<10 {
		t.Errorf("Stat afterwards: %+v, %v", info, err)
	}
}

func TestFolderCannotBeLeft(t *testing.T) {
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
	for _, name := range []string{
		"", ".", "..", "../x.txt", "a/../../x.txt", "/etc/passwd", "a//b", "a/", "a/./b", `a\b`, `..\x`, "a\x00b",
		".hidden", "a/.htaccess", ".pending/lock", "a/..", strings.Repeat("n", 256),
	} {
		if _, err := f.Create(t.Context(), name, strings.NewReader("x")); !errors.Is(err, media.ErrName) {
			t.Errorf("Create(%q): %v, want ErrName", name, err)
		}
		if _, _, err := f.Open(t.Context(), name); !errors.Is(err, media.ErrName) {
			t.Errorf("Open(%q): %v, want ErrName", name, err)
		}
		if _, err := f.Stat(t.Context(), name); !errors.Is(err, media.ErrName) {
			t.Errorf("Stat(%q): %v, want ErrName", name, err)
		}
		if err := f.Remove(t.Context(), name); !errors.Is(err, media.ErrName) {
			t.Errorf("Remove(%q): %v, want ErrName", name, err)
		}
	}
	for _, name := range []string{"link/secret.txt", "file.txt"} {
		if _, _, err := f.Open(t.Context(), name); err == nil {
			t.Errorf("Open(%q) followed a link out of the folder", name)
		}
	}
	if _, err := f.Create(t.Context(), "link/new.txt", strings.NewReader("x")); err == nil {
		t.Error("Create followed a link out of the folder")
	}
	if err := f.Remove(t.Context(), "link/secret.txt"); err == nil {
		t.Error("Remove followed a link out of the folder")
	}
	if got := files(t, outside); len(got) != 1 {
		t.Errorf("outside there is %q now", got)
	}
	if _, _, err := f.Open(t.Context(), "link"); err == nil {
		t.Error("opened a folder")
	}
}

// A process that dies leaves parts and claims; the next one that is alone clears them.
func TestFolderRecovers(t *testing.T) {
	dir := t.TempDir()
	dead := openFolder(t, dir)
	create(t, dead, "a/recorded.txt", "the row was written, then the process died")
	create(t, dead, "a/unknown.txt", "the process died before the row")
	kept := create(t, dead, "a/kept.txt", "done")
	if err := dead.Keep(t.Context(), kept.Name); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"half.part": "half an upload", "torn.claim": "a/ke"} {
		if err := os.WriteFile(filepath.Join(dir, ".pending", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	known := func(_ context.Context, name string) (bool, error) { return name == "a/recorded.txt", nil }

	second := openFolder(t, dir) // next to a living process nothing may be touched
	if err := second.Recover(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 7 {
		t.Errorf("files beside a living process: %q", got)
	}
	if err := errors.Join(dead.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}

	next := openFolder(t, dir)
	during := create(t, next, "a/during.txt", "an upload before the recovery")
	if err := next.Recover(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	if err := next.Keep(t.Context(), during.Name); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/during.txt", "a/kept.txt", "a/recorded.txt"}, files(t, dir)); diff != "" {
		t.Errorf("files after recovery (-want +got):\n%s", diff)
	}
}

func TestFolderRecoverStopsWhenItCannotAsk(t *testing.T) {
	dir := t.TempDir()
	dead := openFolder(t, dir)
	create(t, dead, "a.txt", "x")
	dead.Close()
	down := errors.New("database down")
	next := openFolder(t, dir)
	err := next.Recover(t.Context(), func(context.Context, string) (bool, error) { return false, down })
	if !errors.Is(err, down) {
		t.Errorf("Recover: %v, want %v", err, down)
	}
	if read(t, next, "a.txt") != "x" {
		t.Error("the file is gone although nobody said that it is unknown")
	}
}
