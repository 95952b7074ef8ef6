package transfer_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/transfer"
)

const (
	exportHead = `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"><channel><title>Shed</title><link>http://there.example</link>
<wp:wxr_version>1.2</wp:wxr_version><wp:base_blog_url>http://there.example</wp:base_blog_url>`
	exportEnd = `</channel></rss>`
)

func exportItem(id int, more string) string {
	return fmt.Sprintf(`<item><title>Post %d</title><wp:post_id>%[1]d</wp:post_id><wp:post_date>2020-01-02 03:04:05</wp:post_date><wp:status>publish</wp:status><wp:post_type>page</wp:post_type>%s</item>`, id, more)
}

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// archived returns a ZIP archive of files, given their names and texts in turn.
func archived(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func openSource(t testing.TB, name string, content []byte) (*transfer.Source, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return transfer.OpenSource(path, nil)
}

// The error for a file that cannot be imported names its kind, and what to do.
func TestFilesThatCannotBeImported(t *testing.T) {
	export := exportHead + exportEnd
	noise := make([]byte, 1000)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	noise[0] = 0
	locked := archived(t, "a.xml", export)
	for _, header := range []string{"PK\x03\x04", "PK\x01\x02"} { // the flag of encryption, in both headers of the file
		at := bytes.LastIndex(locked, []byte(header))
		locked[at+map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8}[header]] |= 1
	}
	for _, test := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty.xml", nil, "is empty"},
		{"blank.xml", []byte(" \n\t"), "is empty"},
		{"page.html", []byte("<!DOCTYPE html><html><body>Sign in</body></html>"), "is a web page"},
		{"page.xml", []byte("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>"), "is a web page"},
		{"blog.atom", []byte("<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><generator uri='https://www.blogger.com'>Blogger</generator>"), "is a Blogger export (Atom), not a WordPress export or a site bundle: import it into a WordPress"},
		{"news.atom", []byte("<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title>"), "is an Atom feed"},
		{"news.rss", []byte("<?xml version='1.0'?><!-- a feed --><rss version='2.0'><channel><title>News</title>"), "is an RSS feed"},
		{"map.xml", []byte("<urlset>"), "is a sitemap"},
		{"other.xml", []byte("<note><to>you</to></note>"), "is an XML file of another program"},
		{"wp-config.php", []byte("<?php define('A', 1);"), "is a program in PHP"},
		{"list.json", []byte(`[{"id": 1}]`), "is a JSON list"},
		{"ghost.json", []byte(`{"db":[{"meta":{"exported_on":1,"version":"5"}}]}`), "is a Ghost export"},
		{"blog.sql", []byte("-- MySQL dump 10.13\nCREATE TABLE wp_posts"), "is a dump of a database"},
		{"blog.sql.gz", packed(t, "-- MariaDB dump 10\n"), "blog.sql.gz, unpacked, is a dump of a database"},
		{"mt.txt", []byte("TITLE: Hello\nAUTHOR: Jo\n"), "is a Movable Type export"},
		{"notes.txt", []byte("Dear diary"), "is text"},
		{"utf16.xml", []byte("\xff\xfe<\x00?\x00"), "is text in UTF-16"},
		{"a.jpg", []byte("\xff\xd8\xff\xe0\x00\x10JFIF"), "is a picture"},
		{"a.pdf", []byte("%PDF-1.4"), "is a PDF"},
		{"a.db", []byte("SQLite format 3\x00"), "is an SQLite database"},
		{"a.rar", []byte("Rar!\x1a\x07"), "is a RAR archive"},
		{"a.tar", append(make([]byte, 257), "ustar\x0000"...), "is a tar archive"},
		{"a.tar.gz", packed(t, string(make([]byte, 257))+"ustar\x0000"), "is a tar archive"},
		{"noise", noise, "is a file of unknown format"},
		{"pictures.zip", archived(t, "a.jpg", "x", "b/c.jpg", "y"), "is a ZIP archive without any .xml file"},
		{"feeds.zip", archived(t, "feed.xml", "<feed xmlns='http://www.w3.org/2005/Atom'>"), "feed.xml in "},
		{"locked.zip", locked, "it is encrypted"},
		{"cut.zip", archived(t, "a.xml", export)[:50], "zip: not a valid zip file"},
		{"cut.gz", packed(t, export)[:5], "unexpected EOF"},
	} {
		source, err := openSource(t, test.name, test.content)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want it to contain %q", test.name, err, test.want)
		}
		if err == nil {
			source.Close()
		}
	}
	if _, err := transfer.OpenSource(t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := transfer.OpenSource("-", bytes.NewReader(archived(t, "a.xml", export))); err == nil || !strings.Contains(err.Error(), "give the name of the file") {
		t.Errorf("an archive from a stream: %v", err)
	}
}

// Names in an archive are only shown, never opened, and control characters are
// removed from them. Files that are not exports are left out.
func TestNamesInArchives(t *testing.T) {
	export := exportHead + exportEnd
	source, err := openSource(t, "site.zip", archived(t, "../../etc/passwd.xml", export, "/abs.xml", export, "a\x1b[31m\u202e.xml", export, "__MACOSX/b.xml", export, "d/._c.xml", export,
		"media/a.jpg", "x", "d/", "", strings.Repeat("long", 100)+".XML", export, "feed.xml", "<feed/>"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var names []string
	for _, e := range source.Exports {
		names = append(names, strings.TrimSuffix(e.Name, " in "+source.Name))
	}
	want := []string{"../../etc/passwd.xml", "/abs.xml", "a?[31m?.xml", strings.Repeat("long", 30) + "…"}
	if !slices.Equal(names, want) {
		t.Errorf("exports %q, want %q", names, want)
	}
	if !slices.Equal(source.Ignored, []string{"feed.xml", "media/a.jpg"}) {
		t.Errorf("left out: %q", source.Ignored)
	}
}

// A file that unpacks to far more than its size is not read to its end.
// Everything before the limit is imported.
func TestBombs(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	b := openBlog(t, db, nil)
	bomb := exportHead + exportItem(1, "") + strings.Repeat(" ", 100<<20) + exportItem(2, "") + exportEnd
	for name, content := range map[string][]byte{"bomb.xml.gz": packed(t, bomb), "bomb.zip": archived(t, "bomb.xml", bomb)} {
		source, err := openSource(t, name, content)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		done, err := b.ImportExports(t.Context(), source.Exports, transfer.WXRConfig{})
		if err == nil || !strings.Contains(err.Error(), "unpacks to more than 200 times its size") || done == nil || done.Report().Posts.Added+done.Report().Posts.Same != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var many []string
	for i := range 1001 {
		many = append(many, fmt.Sprintf("%d.xml", i), exportHead)
	}
	var not *transfer.NotTaken
	if _, err := openSource(t, "many.zip", archived(t, many...)); !errors.As(err, &not) {
		t.Errorf("an archive of 1,001 exports: %v", err)
	}
}

// A blog comes in several files, compressed or not, in any order, with
// references between them. A second import changes nothing, a file that is
// given twice is read once, and a broken file does not keep the others out.
func TestSeveralExports(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	b := openBlog(t, db, nil)
	child, parent := exportHead+exportItem(1, "<wp:post_parent>2</wp:post_parent>")+exportEnd, exportHead+exportItem(2, "")+exportEnd
	broken := exportHead + exportItem(3, "") + "<item><title>cut"
	var exports []transfer.Export
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"broken.xml", []byte(broken)},
		{"one.xml.gz", packed(t, child)},
		{"two.zip", archived(t, "x/b.xml", parent, "x/a.xml", exportHead+exportItem(4, "")+exportEnd)},
		{"three.xml", []byte(parent)},
		{"three.xml", []byte(parent)},
	} {
		source, err := openSource(t, file.name, file.content)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		exports = append(exports, source.Exports...)
	}
	if len(exports) != 6 {
		t.Fatalf("%d exports", len(exports))
	}
	for try, want := range []transfer.Tally{{Added: 4, Same: 1}, {Same: 4}} {
		done, err := b.ImportExports(t.Context(), exports[try:], transfer.WXRConfig{}) // the second time without the broken one
		if (err == nil) != (try > 0) || err != nil && !strings.Contains(err.Error(), "broken.xml") {
			t.Errorf("try %d: %v", try, err)
		}
		if got := done.Report().Posts; got != want {
			t.Errorf("try %d: %+v, want %+v", try, got, want)
		}
		err = done.Problems(t.Context(), func(p transfer.Problem) error { t.Errorf("try %d: %+v", try, p); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	var up int64
	if err := db.Get(t.Context(), &up, `SELECT parent FROM posts WHERE id = 1`); err != nil || up != 2 {
		t.Errorf("the parent in another file is %d, %v", up, err)
	}
}

// Any file is either read or rejected, and the amount that is read is bounded
// by its size.
func FuzzSource(f *testing.F) {
	export := exportHead + exportItem(1, "") + exportEnd
	for _, seed := range [][]byte{[]byte(export), packed(f, export), archived(f, "a.xml", export, "b.txt", "x"), []byte(`{"posts":[]}`), []byte("<feed/>"), []byte("PK\x05\x06"), {0x1f, 0x8b}} {
		f.Add(seed)
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := os.CreateTemp(folder, "")
		if err == nil {
			_, err = file.Write(content)
		}
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file.Name())
		source, err := transfer.OpenSource(file.Name(), nil)
		if err != nil {
			return
		}
		defer source.Close()
		if (source.Bundle != nil) == (len(source.Exports) > 0) {
			t.Fatalf("a bundle and exports, or neither: %+v", source)
		}
		if n := transfer.ReadAll(source.Exports); n > 64<<20+200*int64(len(content))+transfer.HeadSize {
			t.Fatalf("%d bytes are read of %d", n, len(content))
		}
	})
}

func BenchmarkOpenArchive(b *testing.B) {
	for _, n := range []int{100, 200, 400, 800} {
		var files []string
		for i := range n {
			files = append(files, fmt.Sprintf("%d.xml", i), exportHead)
		}
		path := filepath.Join(b.TempDir(), "a.zip")
		if err := os.WriteFile(path, archived(b, files...), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				source, err := transfer.OpenSource(path, nil)
				if err != nil {
					b.Fatal(err)
				}
				source.Close()
			}
		})
	}
}

func BenchmarkWhat(b *testing.B) {
	for _, n := range []int{8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		for name, text := range map[string]string{"comments": "<!-- <!-- -->", "text": "word ", "space": " \n"} {
			head := []byte(strings.Repeat(text, n/len(text)))
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(len(head)))
				for b.Loop() {
					transfer.What(head)
				}
			})
		}
	}
}

// An interrupted import continues where it stopped, also in archives: it does
// not read finished files again, skips the finished part of the others, and
// follows the references between them at the end.
func TestInterruptedImportsGoOn(t *testing.T) {
	db := databasetest.Open(t, databasetest.SQLite(t))
	b := openBlog(t, db, nil)
	var first, second strings.Builder
	const posts = 1600 // more than a batch
	for _, file := range []struct {
		into *strings.Builder
		from int
	}{{&first, 1}, {&second, posts + 1}} {
		file.into.WriteString(exportHead)
		for i := range posts {
			up := ""
			if i == 0 && file.from == 1 {
				up = fmt.Sprintf("<wp:post_parent>%d</wp:post_parent>", 2*posts) // the last of the other file
			}
			file.into.WriteString(exportItem(file.from+i, up))
		}
		file.into.WriteString(exportEnd)
	}
	open := func() []transfer.Export {
		source, err := openSource(t, "site.zip", archived(t, "a.xml", first.String(), "b.xml", second.String()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { source.Close() })
		return source.Exports
	}
	for _, after := range []int64{1, int64(first.Len()) + 1} { // a batch of the first file, and one of the second
		ctx, cancel := context.WithCancel(t.Context())
		_, err := b.ImportExports(ctx, open(), transfer.WXRConfig{Progress: func(bytes int64, _ int) {
			if bytes >= after {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d bytes: %v", after, err)
		}
	}
	done, err := b.ImportExports(t.Context(), open(), transfer.WXRConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if got := done.Report().Posts; got != (transfer.Tally{Added: 2 * posts}) {
		t.Errorf("%+v were taken, want each of %d once", got, 2*posts)
	}
	var up int64
	if err := db.Get(t.Context(), &up, `SELECT parent FROM posts WHERE id = 1`); err != nil || up != 2*posts {
		t.Errorf("the parent in the other file is %d, %v", up, err)
	}
}
