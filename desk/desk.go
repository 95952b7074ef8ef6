// Package desk serves the pages on which people manage the content of the blog:
// posts, pages, files and comments. It is a section of the pages of package
// profiles, which provides the layout, the sessions and the protection of
// forms.
//
// It promises that the methods of package site, which remote callers use too,
// decide who may see or do what, so that a page never allows more than a call;
// that text written by others is never markup; and that everything works
// without scripts.
package desk

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/site"
)

//go:embed templates
var files embed.FS

// Config configures the pages.
type Config struct {
	Site  *site.Site
	Users *auth.Users
}

// desk serves the pages.
type desk struct {
	site  *site.Site
	users *auth.Users
}

// New returns the pages as a section.
func New(cfg Config) (*profiles.Section, error) {
	d := &desk{site: cfg.Site, users: cfg.Users}
	templates, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, fmt.Errorf("open the embedded templates: %w", err)
	}
	s := &profiles.Section{Templates: templates, Links: d.links}
	for _, row := range d.table() {
		s.Pages = append(s.Pages, profiles.Page{Pattern: row.pattern, MaxForm: row.form, Handle: func(v *profiles.Visit) error {
			return explained(row.handle(v))
		}})
	}
	return s, nil
}

// row is a row of the table of pages.
type row struct {
	pattern string
	form    int64 // the size of the largest form, in bytes; 0: the default
	handle  func(*profiles.Visit) error
}

// maxCommentForm is the size of a form with the longest comment, with every
// byte of it encoded.
const maxCommentForm = 256 << 10

func (d *desk) table() []row {
	var rows []row
	for _, k := range kinds {
		rows = append(rows, row{"GET " + k.Path, 0, d.list(k)}, row{"POST " + k.Path, 0, d.change(k)},
			row{"GET " + k.Path + "/{id}", 0, d.post(k)}, row{"POST " + k.Path + "/{id}", maxPostForm, d.save(k)})
	}
	return append(rows, []row{
		{"GET /admin/comments", 0, d.comments},
		{"POST /admin/comments", 0, d.moderate},
		{"GET /admin/comments/{id}", 0, d.comment},
		{"POST /admin/comments/{id}", maxCommentForm, d.editComment},
		{"POST /admin/comments/{id}/reply", maxCommentForm, d.reply},
	}...)
}

// links returns the menu entries for a caller.
func (d *desk) links(ctx context.Context, who auth.Identity) (list []profiles.Link, err error) {
	for _, k := range kinds {
		if d.site.CanEditType(who, k.Type) {
			list = append(list, profiles.Link{Path: k.Path, Name: k.Title})
		}
	}
	if !who.Can(auth.EditPosts) {
		return list, nil
	}
	held, err := d.site.CountModerated(ctx, who, site.CommentFilter{Status: site.CommentHeld})
	n := held[site.CommentHeld]
	notice := count(n, "comment is awaiting moderation.", "comments are awaiting moderation.")
	return append(list, profiles.Link{Path: "/admin/comments", Name: "Comments", Waiting: n, Notice: notice}), err
}

// count formats a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}

// problems maps errors of package site to answers; the first match counts.
var problems = []struct {
	err error
	as  profiles.Problem
}{
	{site.ErrNoComment, profiles.Problem{Status: http.StatusNotFound, Title: "Not found", Text: "There is no such comment. It may have been deleted."}},
	{site.ErrNotFound, profiles.Problem{Status: http.StatusNotFound, Title: "Not found", Text: "There is no such post. It may have been deleted."}},
	{site.ErrCommentsClosed, profiles.Problem{Status: http.StatusConflict, Title: "Comments are closed", Text: "This post does not accept comments."}},
	{site.ErrDuplicateComment, profiles.Problem{Status: http.StatusConflict, Title: "Already posted", Text: "You have already posted this comment."}},
	{site.ErrCommentFlood, profiles.Problem{Status: http.StatusTooManyRequests, Title: "Too fast", Text: "You are commenting too quickly. Please wait a moment and send it again."}},
	{site.ErrCommentLength, profiles.Problem{Status: http.StatusUnprocessableEntity, Title: "Too long", Text: "One of the fields is too long."}},
}

// explained replaces errors of package site by problems with a text for
// visitors.
func explained(err error) error {
	if err == nil {
		return nil
	}
	if p, known := problemOf(err); known {
		return &p
	}
	return err
}

func problemOf(err error) (profiles.Problem, bool) {
	var denied *site.Denied
	var invalid *site.Invalid
	switch {
	case errors.As(err, &denied):
		return profiles.Problem{Status: http.StatusForbidden, Title: "Not allowed", Text: "You may not " + denied.Action + "."}, true
	case errors.As(err, &invalid):
		return profiles.Problem{Status: http.StatusUnprocessableEntity, Title: "Not possible", Text: invalid.Field + ": " + invalid.Why + "."}, true
	}
	for _, p := range problems {
		if errors.Is(err, p.err) {
			return p.as, true
		}
	}
	return profiles.Problem{}, false
}

// refused records a problem with a field of the form. It returns the error
// itself if it is about the caller or the server.
func refused(v *profiles.Visit, field string, err error) error {
	var denied *site.Denied
	p, known := problemOf(err)
	if !known || p.Status == http.StatusNotFound || errors.As(err, &denied) {
		return err
	}
	v.Refuse(field, p.Text)
	return nil
}

// id returns the number in the path.
func id(v *profiles.Visit) (int64, error) {
	n, err := strconv.ParseInt(v.PathValue("id"), 10, 64)
	if err != nil || n <= 0 {
		return 0, profiles.NothingHere
	}
	return n, nil
}

// pageNumber parses the number of a page of a list, from 1.
func pageNumber(v *profiles.Visit, text string) int {
	n, _ := strconv.Atoi(text) // anything but a number means the first page
	return min(max(n, 1), 100_000)
}

// plain returns a text as readers see it: without markup, and with characters
// in place of entities.
func plain(text string) string {
	return strings.TrimSpace(html.UnescapeString(markup.WithoutElements(text)))
}

// firstOf returns the first of two texts that is not empty.
func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// clip shortens a text to at most n bytes, without splitting a character, and
// marks that it did.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + " …"
}
