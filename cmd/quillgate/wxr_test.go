package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/wxr"
)

// samplePost returns the n-th post of a made-up site: about 1.5 KB of text, two
// terms, two custom fields, five comments. Every tenth is a page, below one
// that comes later, and every fiftieth an attachment.
func samplePost(n int) *wxr.Post {
	at := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour)
	p := &wxr.Post{
		ID: int64(n), Title: fmt.Sprintf("Post number %d", n), Creator: "anna", GUID: fmt.Sprintf("https://sample.example/?p=%d", n),
		Content: strings.Repeat("<p>The quick brown fox jumps over the lazy dog, and back &amp; forth.</p>\n", 20), Date: at, DateGMT: at,
		Modified: at, ModifiedGMT: at, CommentStatus: "open", PingStatus: "closed", Name: fmt.Sprintf("post-%d", n), Status: "publish", Type: "post",
		Terms: []wxr.PostTerm{
			{Taxonomy: "category", Slug: fmt.Sprintf("c%d", n%50), Name: "C"}, {Taxonomy: "post_tag", Slug: fmt.Sprintf("t%d", n%200), Name: "T"},
		},
		Meta: []wxr.Meta{{Key: "_edit_last", Value: "2"}, {Key: "_thumbnail_id", Value: fmt.Sprint(n ^ 1)}},
	}
	if n%10 == 0 {
		p.Type, p.Terms, p.Parent = "page", nil, int64(n+10)
	}
	if n%50 == 25 {
		p.Type, p.Status, p.Terms, p.AttachmentURL = "attachment", "inherit", nil, fmt.Sprintf("https://sample.example/wp-content/uploads/2010/%d.txt", n)
	}
	for i := range 5 {
		when := at.Add(time.Duration(i) * time.Minute)
		c := wxr.Comment{
			ID: int64(n*5 + i), Author: "Bernd", AuthorEmail: "bernd@sample.example", AuthorIP: "192.0.2.1", Date: when, DateGMT: when,
			Content: "I could not agree more, and said so before.", Approved: "1", Type: "comment",
		}
		if i > 2 {
			c.Parent = int64(n * 5)
		}
		p.Comments = append(p.Comments, c)
	}
	return p
}

// sampleFile writes an export of the given number of posts, one of them broken
// and one of an unknown type.
func sampleFile(t testing.TB, posts int) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "sample.xml"))
	if err != nil {
		t.Fatal(err)
	}
	w := wxr.NewWriter(file)
	err = w.WriteSite(&wxr.Site{Title: "Sample", BaseBlogURL: "https://sample.example", PubDate: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err == nil {
		err = w.WriteAuthor(&wxr.Author{ID: 2, Login: "anna"})
	}
	for n := 1; err == nil && n <= posts; n++ {
		err = w.WritePost(samplePost(n))
		if err == nil && n == posts/2 {
			err = w.WritePost(&wxr.Post{ID: int64(2 * posts), Type: "recipe", Title: "Soup"})
		}
	}
	if err = errors.Join(err, w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// program is the command with the settings of one blog.
type program struct{ folder, database string }

func (p program) command(args ...string) *exec.Cmd {
	cmd := exec.Command("quillgate", args...)
	cmd.Env = append(os.Environ(), "QUILLGATE_DATA="+p.folder)
	if p.database != "" {
		cmd.Env = append(cmd.Env, "QUILLGATE_DATABASE="+p.database)
	}
	return cmd
}

func (p program) run(t testing.TB, args ...string) string {
	t.Helper()
	cmd := p.command(args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("quillgate %s: %v\n%s", strings.Join(args, " "), err, &complaints)
	}
	return string(out)
}

// content returns the bundle of the blog without the ids of custom fields,
// which nothing refers to, and the times at which users were created. Terms are
// numbered again.
func (p program) content(t testing.TB) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(p.run(t, "export", "-")), &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "next_ids")
	numberTerms(all)
	for _, u := range all["users"].([]any) {
		delete(u.(map[string]any), "registered_gmt")
	}
	for _, list := range []string{"terms", "posts", "comments"} {
		for _, o := range all[list].([]any) {
			meta, _ := o.(map[string]any)["meta"].([]any)
			for _, m := range meta {
				delete(m.(map[string]any), "id")
			}
		}
	}
	return all
}

// numberTerms numbers the terms of a bundle from 1 in order, because a
// transaction that was killed leaves unused ids on PostgreSQL.
func numberTerms(all map[string]any) {
	number := make(map[any]any)
	terms := all["terms"].([]any)
	for i, o := range terms {
		number[o.(map[string]any)["term_id"]] = float64(i + 1)
	}
	renumber := func(o map[string]any, names ...string) {
		for _, name := range names {
			if n, ok := number[o[name]]; ok {
				o[name] = n
			}
		}
	}
	for _, o := range terms {
		renumber(o.(map[string]any), "term_id", "term_taxonomy_id", "parent")
	}
	for _, o := range all["posts"].([]any) {
		list, _ := o.(map[string]any)["terms"].([]any)
		for i := range list {
			list[i] = number[list[i]]
		}
	}
	renumber(all["options"].(map[string]any), "default_category")
}

// uploads returns the names of the stored files, including unfinished ones.
func (p program) uploads(t testing.TB) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(p.folder), "uploads", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// eachProgram runs a test on a blog with SQLite and on one with PostgreSQL.
func eachProgram(t *testing.T, fn func(t *testing.T, p program, db *database.DB)) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		p := program{folder: t.TempDir(), database: url}
		if !strings.HasPrefix(url, "postgres") {
			p.database = ""
			url = filepath.Join(p.folder, "quillgate.db")
		}
		fn(t, p, databasetest.Open(t, url))
	})
}

// An import that is killed again and again gives the same result as one that is
// not, and a second import changes nothing.
func TestImportKilled(t *testing.T) {
	const posts = 600
	file := sampleFile(t, posts)
	folder := t.TempDir()
	for n := 25; n <= posts; n += 50 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.txt", n)), []byte(strings.Repeat("x", n)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	arguments := []string{"import", "--json", "--attachments", folder, file}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	whole := program{folder: filepath.Dir(databasetest.SQLite(t))}
	answer := whole.run(t, arguments...)
	want := whole.content(t)
	if n := len(want["posts"].([]any)); n != posts {
		t.Fatalf("%d posts, want %d", n, posts)
	}
	eachProgram(t, func(t *testing.T, killed program, db *database.DB) {
		points := []int64{0, rand.Int64N(info.Size()), rand.Int64N(info.Size()), rand.Int64N(info.Size()), info.Size() * 9 / 10}
		slices.Sort(points)
		kills := 0
		for _, point := range points {
			if killed.killAt(t, db, point, arguments...) {
				kills++
			}
		}
		if kills < 3 {
			t.Errorf("only %d of %d imports were killed before their end", kills, len(points))
		}
		// A run that was killed after it had set the title has reported that
		// already.
		if got := strings.Replace(killed.run(t, arguments...), `"Title": ""`, `"Title": "Sample"`, 1); got != answer {
			t.Errorf("killed at %d: the report is\n%s\nwant\n%s", points, got, answer)
		}
		if diff := cmp.Diff(want, killed.content(t)); diff != "" {
			t.Errorf("killed at %d (-want +got):\n%s", points, diff)
		}
		killed.run(t, "media", "sweep", "--older", "0s") // what an import was writing when it was killed; servers do it later
		if diff := cmp.Diff(whole.uploads(t), killed.uploads(t)); diff != "" {
			t.Errorf("killed at %d, uploads (-want +got):\n%s", points, diff)
		}
		if got := killed.run(t, "import", file); !strings.Contains(got, "Everything was already there") {
			t.Errorf("again: %s", got)
		}
		if diff := cmp.Diff(want, killed.content(t)); diff != "" {
			t.Errorf("after another import (-want +got):\n%s", diff)
		}
	})
}

// killAt starts an import, kills it once it has read the given amount, and
// reports whether it was still running then.
func (p program) killAt(t *testing.T, db *database.DB, point int64, arguments ...string) bool {
	t.Helper()
	cmd := p.command(arguments...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		var at []int64
		if err := db.Select(t.Context(), &at, `SELECT position FROM import_state WHERE position >= $1`, point); err != nil {
			t.Error(err)
			at = []int64{0}
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("an import that nobody killed: %v", err)
			}
			return false
		default:
		}
		if len(at) == 0 {
			continue
		}
		// It may exit at this very moment; then there is nothing to kill.
		_ = cmd.Process.Kill()
		return <-ended != nil
	}
}

// A WordPress export of one blog, imported into another and exported again, is
// the same, on both databases.
func TestExportRoundTrip(t *testing.T) {
	file := sampleFile(t, 120)
	eachProgram(t, func(t *testing.T, first program, _ *database.DB) {
		second := program{folder: filepath.Dir(databasetest.SQLite(t))}
		first.run(t, "import", file)
		out := filepath.Join(t.TempDir(), "out.xml")
		first.run(t, "export", "--format", "wxr", out)
		second.run(t, "import", out)
		if diff := cmp.Diff(first.content(t), second.content(t)); diff != "" {
			t.Errorf("the other blog (-there +here):\n%s", diff)
		}
	})
}

// Attachments are fetched from public addresses and from networks that the
// operator has listed, and from nowhere else.
func TestFetchAttachments(t *testing.T) {
	picture, err := media.Blank("red.png", 40, 30)
	if err != nil {
		t.Fatal(err)
	}
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/wp-content/uploads/2024/01/red.png" {
			http.NotFound(w, r)
			return
		}
		w.Write(picture)
	}))
	defer there.Close()
	var out bytes.Buffer
	w := wxr.NewWriter(&out)
	if err := w.WriteSite(&wxr.Site{BaseBlogURL: there.URL}); err != nil {
		t.Fatal(err)
	}
	for n, name := range []string{"red.png", "gone.png"} {
		at := time.Date(2024, 1, 1, n, 0, 0, 0, time.UTC)
		err := w.WritePost(&wxr.Post{ID: int64(5 + n), Title: name, Type: "attachment", Status: "inherit", Date: at, DateGMT: at, AttachmentURL: there.URL + "/wp-content/uploads/2024/01/" + name})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "site.xml")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ours := func(args ...string) string {
		var out, complaints bytes.Buffer
		if code := run(context.Background(), append([]string{"--data", folder}, args...), streams{strings.NewReader(""), &out, &complaints}); code != 0 {
			t.Fatalf("quillgate %v: %d, %s", args, code, &complaints)
		}
		return out.String()
	}
	if got := ours("import", "--fetch-attachments", file); !strings.Contains(got, "posts      2        0          0") || !strings.Contains(got, "Files stored: 0") {
		t.Errorf("from an address that may not be reached: %s", got)
	}
	ours("option", "set", "pingback_networks", strings.TrimPrefix(there.URL, "http://"))
	if got := ours("import", "--fetch-attachments", file); !strings.Contains(got, "Files stored: 1") {
		t.Errorf("from a listed network: %s", got)
	}
	stored, err := os.Open(filepath.Join(folder, "uploads/2024/01/red.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	if got, err := io.ReadAll(stored); err != nil || !bytes.Equal(got, picture) {
		t.Errorf("the file has %d bytes, want %d, %v", len(got), len(picture), err)
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, false)
	p.last = time.Now().Add(-time.Minute)
	p.update(10, 100, 5)
	if out.Len() > 0 {
		t.Errorf("at once: %q", &out)
	}
	p.began = time.Now().Add(-time.Minute)
	p.update(50, 100, 5)
	p.update(51, 100, 5)
	p.terminal = true
	p.last = time.Now().Add(-time.Minute)
	p.update(50, 100, 5)
	p.last = time.Now().Add(-time.Minute)
	p.update(50, -1, 5)
	p.end()
	lines := strings.SplitAfter(out.String(), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "50%  5 items, ") || strings.Count(lines[1], "\r") != 3 ||
		!strings.Contains(lines[1], "["+strings.Repeat("#", 15)+strings.Repeat(".", 15)+"]  50%  5 items") {
		t.Errorf("progress: %q", &out)
	}
	out.Reset()
	p.terminal, p.last = false, time.Now().Add(-time.Minute)
	p.meter("values sealed")(30_000)
	p.last = time.Now().Add(-time.Minute)
	if _, err := p.counting(io.Discard).Write(make([]byte, 6_000_000)); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !regexp.MustCompile(`^30000 values sealed, [0-9]+ a second\n6.0 MB, 0.[0-9] a second\n$`).MatchString(got) {
		t.Errorf("things and bytes: %q", got)
	}
	out.Reset()
	quiet := newProgress(&out, true)
	quiet.last, quiet.began = time.Time{}, time.Time{}
	quiet.update(1, 2, 3)
	quiet.end()
	if out.Len() > 0 {
		t.Errorf("quiet: %q", &out)
	}
}
