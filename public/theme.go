package public

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// frame is the template that every page begins with; shapes are the templates
// that fill it.
const frame = "layout.html"

var shapes = []string{"list.html", "post.html", "missing.html", "closed.html"}

// theme holds the templates and the style sheet of the pages: the embedded
// ones, or those of a folder, which replace them. Files that change in the
// folder are read again for the next page.
type theme struct {
	dir    string // "" for the embedded theme alone
	logger *slog.Logger

	mu      sync.Mutex // held while the folder is read
	current atomic.Pointer[look]
}

// look is one state of a theme.
type look struct {
	number int64
	state  string // of the files of the folder
	pages  map[string]*template.Template
	style  document
}

func openTheme(dir string, logger *slog.Logger) (*theme, error) {
	t := &theme{dir: dir, logger: logger}
	state := ""
	if dir != "" {
		var err error
		if state, err = folderState(dir); err != nil {
			return nil, fmt.Errorf("read the theme: %w", err)
		}
	}
	l, err := t.read()
	if err != nil {
		return nil, err
	}
	l.number, l.state = 1, state
	t.current.Store(l)
	return t, nil
}

// edition returns the number of the theme's state. If there is a folder, it
// checks whether a file has changed. A theme that cannot be read leaves the
// last state in use, and the error is logged.
func (t *theme) edition() int64 {
	now := t.current.Load()
	if t.dir == "" {
		return now.number
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now = t.current.Load()
	state, err := folderState(t.dir)
	if err != nil || state == now.state {
		return now.number
	}
	next, err := t.read()
	if err != nil {
		t.logger.Error("the theme has an error; the last working version stays in use", "cause", err)
		broken := *now
		broken.state = state // until the next change
		t.current.Store(&broken)
		return now.number
	}
	next.number, next.state = now.number+1, state
	t.current.Store(next)
	return next.number
}

// folderState returns a digest of the names, sizes and times of the files of a
// theme.
func folderState(dir string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range list {
		if !isThemeFile(f.Name()) {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, f.Name()))
		if err != nil {
			continue // it has just gone
		}
		fmt.Fprintf(&b, "%s %d %d\n", f.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return b.String(), nil
}

func isThemeFile(name string) bool {
	return path.Ext(name) == ".html" || name == "style.css"
}

// read parses everything.
func (t *theme) read() (*look, error) {
	texts := make(map[string]string)
	embedded, err := fs.Sub(files, "theme")
	if err != nil {
		return nil, err
	}
	if err := readTexts(embedded, texts); err != nil {
		return nil, fmt.Errorf("read the embedded theme: %w", err)
	}
	base, err := files.ReadFile("assets/simple.min.css")
	if err != nil {
		return nil, err
	}
	style := string(base) + "\n" + texts["style.css"]
	if t.dir != "" {
		delete(texts, "style.css")
		if err := readTexts(os.DirFS(t.dir), texts); err != nil {
			return nil, fmt.Errorf("read the theme: %w", err)
		}
		if own, ok := texts["style.css"]; ok {
			style = own
		}
	}
	delete(texts, "style.css")
	l := &look{pages: make(map[string]*template.Template, len(shapes)), style: styleSheet(style)}
	for _, shape := range shapes {
		if l.pages[shape], err = parseShape(shape, texts); err != nil {
			return nil, err
		}
		// A template may be valid and still refer to a field that does not
		// exist, which shows only when it is executed.
		for _, kind := range kindsOf[shape] {
			if err := l.pages[shape].ExecuteTemplate(io.Discard, frame, samplePage(kind)); err != nil {
				return nil, fmt.Errorf("try the template %s: %w", shape, err)
			}
		}
	}
	return l, nil
}

// kindsOf are the kinds of pages that each shape shows.
var kindsOf = map[string][]string{"list.html": {"home", "archive", "search"}, "post.html": {"post", "page", "attachment"}, "missing.html": {"missing"}, "closed.html": {"closed"}}

// samplePage returns a page with everything that a page of its kind may have.
func samplePage(kind string) *Page {
	link := Link{Text: "text", URL: "https://blog.example/"}
	picture := &Picture{Src: "https://blog.example/a.png", Srcset: "https://blog.example/a.png 1w", Sizes: "1px", Alt: "alt", Width: 1, Height: 1}
	post := Post{
		ID: 1, Kind: "post", Title: "title", Link: link.URL, Date: "date", Stamp: "2026-01-01T00:00:00Z", Changed: "2026-01-01T00:00:00Z", Author: &link,
		Categories: []Link{link}, Tags: []Link{link}, Content: "<p>text</p>", Summary: "<p>text</p>", More: true, Continue: "more", Pages: []Link{link, {Current: true}},
		Sticky: true, Picture: picture, File: &link, Player: "<audio></audio>", CommentsLink: &link,
	}
	comment := &Comment{ID: 1, Kind: "comment", Author: "author", URL: link.URL, ByAuthor: true, Date: "date", Stamp: post.Stamp, Link: link.URL, ReplyLink: link.URL, Content: "<p>text</p>"}
	comment.Answers = []*Comment{{ID: 2, Kind: "pingback"}}
	v := &Page{
		Blog: Blog{Title: "title", Tagline: "tagline", URL: link.URL, Endpoint: link.URL, Generator: generator, Style: "/style.css", Language: "en", Icon: "/icon.svg"},
		Kind: kind, Title: "title", Heading: "heading", Intro: "intro", Notice: "notice", Canonical: link.URL, Description: "text", Image: picture, Search: "words",
		Menu: []Link{link, {Current: true}}, Feeds: []Feed{{Text: "text", URL: link.URL}, {Atom: true}}, Newer: &link, Older: &link, Endpoint: true,
	}
	switch kind {
	case "home", "archive", "search":
		locked := post
		locked.Locked, locked.Picture, locked.Author = true, nil, nil
		v.Posts = []Post{post, locked}
	case "post", "page", "attachment":
		post.Kind = kind
		v.Post = &post
		v.Comments = &Comments{Heading: "heading", List: []*Comment{comment}, Open: true, Form: CommentForm{Action: "/", Post: 1, Answering: "author", CancelLink: link.URL, RequireName: true}}
	}
	return v
}

func readTexts(folder fs.FS, into map[string]string) error {
	list, err := fs.ReadDir(folder, ".")
	if err != nil {
		return err
	}
	for _, f := range list {
		if !isThemeFile(f.Name()) {
			continue
		}
		text, err := fs.ReadFile(folder, f.Name())
		if err != nil {
			return err
		}
		into[f.Name()] = string(text)
	}
	return nil
}

// parseShape parses the frame, the shape that fills it, and all templates that
// are not shapes, which both may use by the names of their files.
func parseShape(shape string, texts map[string]string) (*template.Template, error) {
	root := template.New(frame).Funcs(template.FuncMap{"t": say})
	names := make([]string, 0, len(texts))
	for name := range texts {
		if name == shape || !slices.Contains(shapes, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		t := root
		if name != frame {
			t = root.New(name)
		}
		if _, err := t.Parse(texts[name]); err != nil {
			return nil, fmt.Errorf("read the template %s: %w", name, err)
		}
	}
	return root, nil
}

func styleSheet(text string) document {
	sum := sha256.Sum256([]byte(text))
	return document{name: "style.css", kind: "text/css; charset=utf-8", tag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: []byte(text)}
}

// Style serves the style sheet of the pages. Its address changes with its
// content.
func (p *Pages) Style(w http.ResponseWriter, r *http.Request) {
	p.theme.edition()
	p.theme.current.Load().style.ServeHTTP(w, r)
}

// styleVersion returns the part of the style sheet's address that identifies
// its content.
func (l *look) styleVersion() string { return strings.Trim(l.style.tag, `"`) }

// ThemeFile serves the files in the folder assets of a custom theme, below
// /theme/.
func (p *Pages) ThemeFile(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/theme/")
	if p.off || p.theme.dir == "" || !fs.ValidPath(name) || strings.HasPrefix(path.Base(name), ".") || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	f, modified, err := p.theme.asset(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeContent(w, r, "", modified, f)
}

func (t *theme) asset(name string) (*os.File, time.Time, error) {
	root, err := os.OpenRoot(filepath.Join(t.dir, "assets"))
	if err != nil {
		return nil, time.Time{}, err
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("no file")
	}
	if err != nil {
		f.Close()
		return nil, time.Time{}, err
	}
	return f, info.ModTime(), nil
}
