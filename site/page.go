package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

// TypeOf returns the type of a post, to everyone: the older dialects
// distinguish posts from pages before they check rights. Error: ErrNotFound.
func (s *Site) TypeOf(ctx context.Context, id int64) (string, error) {
	var name string
	err := s.db.Get(ctx, &name, `SELECT type FROM posts WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("read the type of post %d: %w", id, err)
	}
	return name, nil
}

// PageLine is a page in a list of all pages.
type PageLine struct {
	ID      int64      `db:"id"`
	Title   string     `db:"title"`
	Parent  int64      `db:"parent"`
	Date    time.Time  `db:"date"` // the site's wall clock
	DateGMT *time.Time `db:"date_gmt"`
}

// Moment returns the instant of the page's date, as Site.Moment does for a
// post.
func (p PageLine) Moment(s *Site) time.Time {
	return s.Moment(&Post{Date: p.Date, DateGMT: p.DateGMT})
}

// PageLines returns all pages sorted by id, whatever their status, as
// wp.getPageList does, including drafts and trashed ones. It reads them during
// the iteration. The error is *Denied for callers who may not edit pages.
func (s *Site) PageLines(ctx context.Context, who auth.Identity) (iter.Seq2[[]PageLine, error], error) {
	if !s.CanEditType(who, TypePage) {
		return nil, &Denied{Action: "edit pages"}
	}
	return walk(ctx, s.db, `SELECT id FROM posts WHERE type = 'page' ORDER BY id`, nil, slimRows, func(ids []int64) ([]PageLine, error) {
		return inOrder(ctx, s.db, `SELECT id, title, parent, date, date_gmt FROM posts WHERE id IN (?)`, ids, func(l *PageLine) int64 { return l.ID })
	}), nil
}

// Titles returns the titles of posts that the caller may edit anyway, such as
// the parents of pages, with one statement. Missing posts are left out. The
// error is *Denied for callers who may not edit pages.
func (s *Site) Titles(ctx context.Context, who auth.Identity, ids []int64) (map[int64]string, error) {
	out := make(map[int64]string, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	if !s.CanEditType(who, TypePage) {
		return nil, &Denied{Action: "edit pages"}
	}
	query, args, err := database.In(`SELECT id, title FROM posts WHERE id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID    int64  `db:"id"`
		Title string `db:"title"`
	}
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read the titles of posts: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r.Title
	}
	return out, nil
}

// PageTemplate is a way to display a page.
type PageTemplate struct{ Name, Label string }

// DefaultTemplate is the name of the template of pages without their own.
const DefaultTemplate = "default"

// PageTemplates returns the templates that a page can have. Themes use the
// name, which the page stores in a custom field; the names besides the default
// are those of the default theme of WordPress 6.1. The error is *Denied for
// callers who may not edit pages.
func (s *Site) PageTemplates(who auth.Identity) ([]PageTemplate, error) {
	if !s.CanEditType(who, TypePage) {
		return nil, &Denied{Action: "edit pages"}
	}
	return []PageTemplate{{"blog-alternative", "Blog (Alternative)"}, {"blank", "Blank"}, {DefaultTemplate, "Default"}}, nil
}

// Trackback is a notification by another page that it links to a post.
type Trackback struct {
	ID      int64  `db:"id"` // of the comment that stores it
	URL     string `db:"url"`
	Content string `db:"content"` // the title of the other page in <strong>, and an excerpt
}

// Trackbacks returns the approved trackbacks of a post, the oldest first, or
// none if the post is not published. The error is ErrNotFound if there is no
// such post.
func (s *Site) Trackbacks(ctx context.Context, id int64) (iter.Seq2[[]Trackback, error], error) {
	if _, err := s.TypeOf(ctx, id); err != nil {
		return nil, err
	}
	const query = `SELECT c.id FROM comments c JOIN posts p ON p.id = c.post_id
		WHERE c.post_id = $1 AND c.type = 'trackback' AND c.status = 'approve' AND p.status = 'publish' ORDER BY c.date_gmt, c.id`
	return walk(ctx, s.db, query, []any{id}, commentsAtOnce, func(ids []int64) ([]Trackback, error) {
		return inOrder(ctx, s.db, `SELECT id, url, content FROM comments WHERE id IN (?)`, ids, func(t *Trackback) int64 { return t.ID })
	}), nil
}
