package public_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// themeFolder writes the files of a theme.
func themeFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		change(t, dir, name, text)
	}
	return dir
}

// change writes a file, and makes sure that its time differs even if the clock
// of the file system is coarse.
func change(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	old, _ := os.Stat(path)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if old != nil {
		if err := os.Chtimes(path, time.Time{}, old.ModTime().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
}

// The example in docs/THEMES.md works as described.
func TestThemeExample(t *testing.T) {
	text, err := os.ReadFile("../docs/THEMES.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(html|css)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 || blocks[0][1] != "html" || blocks[1][1] != "css" {
		t.Fatalf("the document has %d examples, want a list.html and a style.css", len(blocks))
	}
	dir := themeFolder(t, map[string]string{"list.html": blocks[0][2], "style.css": blocks[1][2]})
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{Theme: dir})
	f.post(t, "First & last", "whole text")
	home := f.get(t, "/")
	expect(t, "the home page", home, 200, "<h1>Everything</h1>", `<li><a href="https://blog.example/?p=1">First &amp; last</a>, November 5, 2026</li>`, `<link rel="stylesheet" href="/style.css?v=`)
	lacks(t, "the home page", home, "whole text")
	expect(t, "the style sheet", f.get(t, "/style.css"), 200, "font: 1.1rem/1.6 Georgia, serif")
	lacks(t, "the style sheet", f.get(t, "/style.css"), "--accent-bg")
	expect(t, "a post in the built-in template", f.get(t, "/?p=1"), 200, "whole text")
	// The built-in theme has every file that the document names.
	for _, m := range regexp.MustCompile("`([a-z]+\\.(?:html|css))`").FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat("theme/" + m[1]); err != nil {
			t.Errorf("the document names %s: %v", m[1], err)
		}
	}
}

// Every field in docs/THEMES.md exists, so templates can use all of them.
func TestThemeFields(t *testing.T) {
	text, err := os.ReadFile("../docs/THEMES.md")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(text), "## What the templates see")
	fields, _, _ = strings.Cut(fields, "## An example")
	all := `{{define "main"}}<p>{{.Blog.Title}}{{.Blog.Tagline}}{{.Blog.URL}}{{.Blog.Path}}{{.Blog.Endpoint}}{{.Blog.Generator}}{{.Blog.Style}}{{.Blog.Icon}}{{.Blog.Language}}
{{.Kind}}{{.Title}}{{.Heading}}{{.Intro}}{{.Canonical}}{{.Description}}{{.Image}}{{.NoIndex}}{{.Search}}{{.Notice}}{{.Problem}}{{.Endpoint}}
{{range .Menu}}{{.Text}}{{.URL}}{{.Current}}{{end}}{{range .Feeds}}{{.Text}}{{.URL}}{{.Atom}}{{end}}{{range .Posts}}{{.ID}}{{end}}{{with .Newer}}{{.Text}}{{end}}{{with .Older}}{{.URL}}{{end}}
{{with .Post}}{{.ID}}{{.Kind}}{{.Title}}{{.Untitled}}{{.Link}}{{.Date}}{{.Stamp}}{{.Changed}}{{.Author.Text}}{{.Author.URL}}{{.Categories}}{{.Tags}}{{.Content}}{{.Pages}}{{.Summary}}{{.More}}{{.Continue}}{{.Locked}}{{.Sticky}}
{{with .Picture}}{{.Src}}{{.Srcset}}{{.Sizes}}{{.Width}}{{.Height}}{{.Alt}}{{end}}{{.File}}{{.Player}}{{.CommentsLink.Text}}{{.EditLink}}{{end}}
{{with .Account}}{{.Name}}{{.URL}}{{.SignOut}}{{end}}{{.SignIn}}{{with .Comments}}{{.Heading}}{{.Open}}{{.SignIn}}{{range .List}}{{.ID}}{{.Kind}}{{.Author}}{{.URL}}{{.ByAuthor}}{{.Held}}{{.Date}}{{.Stamp}}{{.Link}}{{.ReplyLink}}{{.Content}}{{.Answers}}{{end}}
{{with .Form}}{{.Action}}{{.Post}}{{.Parent}}{{.Answering}}{{.CancelLink}}{{.Author}}{{.Email}}{{.URL}}{{.Text}}{{.As}}{{.RequireName}}{{.MaxAuthor}}{{.MaxEmail}}{{.MaxText}}{{end}}{{end}}
{{t "Older posts"}}{{t "Answer %s" .Title}}</p>{{end}}`
	for _, m := range regexp.MustCompile("`(\\.[A-Z][A-Za-z]+)`").FindAllStringSubmatch(fields, -1) {
		if !strings.Contains(all, m[1]+"}}") && !strings.Contains(all, m[1]+".") {
			t.Errorf("the document names %s, which this test does not try", m[1])
		}
	}
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{Theme: themeFolder(t, map[string]string{"post.html": all})})
	id := f.post(t, "First", "text")
	if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: id, Content: "said"}); err != nil {
		t.Fatal(err)
	}
	expect(t, "the post", f.get(t, link(id)), 200, "First", "Older posts", "Answer First")
}

func TestThemeReload(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		dir := themeFolder(t, map[string]string{"missing.html": `{{define "main"}}<p>Gone fishing</p>{{end}}`, "assets/logo.svg": "<svg/>", "assets/.hidden": "x", "secret.txt": "x"})
		var log bytes.Buffer
		f := openFace(t, db, public.Config{Theme: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		f.post(t, "First", "text")
		expect(t, "an own template", f.get(t, "/nothing"), 404, "Gone fishing")
		expect(t, "a built-in one", f.get(t, "/"), 200, "<h2>")
		change(t, dir, "missing.html", `{{define "main"}}<p>Back again</p>{{end}}`)
		expect(t, "a changed one", f.get(t, "/nothing"), 404, "Back again")
		change(t, dir, "summary.html", `<section>{{.Title}}</section>`)
		expect(t, "a new one, for a page that was kept", f.get(t, "/"), 200, "<section>First</section>")
		style := f.get(t, "/style.css").Header().Get("ETag")
		change(t, dir, "style.css", `p{}`)
		w := f.get(t, "/style.css")
		expect(t, "a style sheet", w, 200, "p{}")
		if w.Header().Get("ETag") == style {
			t.Error("another style sheet has the same tag")
		}
		expect(t, "the link to it", f.get(t, "/"), 200, strings.Trim(w.Header().Get("ETag"), `"`))
		change(t, dir, "summary.html", `<section>{{.Title}`)
		expect(t, "a broken one", f.get(t, "/"), 200, "<section>First</section>")
		if !strings.Contains(log.String(), "summary.html") {
			t.Errorf("the log does not name the broken file: %s", &log)
		}
		change(t, dir, "summary.html", `<aside>{{.Title}}</aside>`)
		expect(t, "a mended one", f.get(t, "/"), 200, "<aside>First</aside>")

		asset := f.get(t, "/theme/logo.svg")
		expect(t, "an asset", asset, 200, "<svg/>")
		if got := asset.Header().Get("Content-Type"); got != "image/svg+xml" {
			t.Errorf("its type is %s", got)
		}
		for _, target := range []string{"/theme/", "/theme/.hidden", "/theme/../secret.txt", "/theme/%2e%2e/secret.txt", "/theme/none.png"} {
			if w := f.get(t, target); w.Code == 200 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	})
}

func TestThemeWithAMistake(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	for _, dir := range []string{
		themeFolder(t, map[string]string{"post.html": `{{define "main"}}{{.`}), themeFolder(t, map[string]string{"summary.html": `{{.Titel}}`}),
		themeFolder(t, map[string]string{"comment.html": `{{.Author.Name}}`}), themeFolder(t, map[string]string{"missing.html": `{{define "main"}}{{template "none.html"}}{{end}}`}),
		filepath.Join(t.TempDir(), "none"),
	} {
		if _, err := public.New(public.Config{Site: f.Site, Theme: dir}); err == nil {
			t.Errorf("a theme with a mistake was taken")
		}
	}
}
