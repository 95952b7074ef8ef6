package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/quillgate/quillgate/database"
)

// Posts may be as large as a request, and lists of any length. Therefore reads
// are bounded: a page of posts omits large texts, and a post with large texts
// is a page of its own.

// perText is how much memory each byte of a large text needs on its way from
// the database to the answer.
const perText = 3

// pagePost is a post of a page, without its large texts.
type pagePost struct {
	Post
	Texts int64 `db:"texts"` // bytes of the requested texts
	slim  bool  // only the title is requested
}

const smallTitle = `CASE WHEN octet_length(p.title) > 32768 THEN '' ELSE p.title END AS title`

const postPageColumns = postHeadColumns + `,
	` + smallTitle + `,
	CASE WHEN octet_length(p.excerpt) > 32768 THEN '' ELSE p.excerpt END AS excerpt,
	CASE WHEN octet_length(p.content) > 32768 THEN '' ELSE p.content END AS content,
	octet_length(p.title) + octet_length(p.excerpt) + octet_length(p.content) AS texts`

// pageColumns returns the columns of a pagePost in a list.
func pageColumns(load Load) string {
	if load&WithoutTexts != 0 {
		return postHeadColumns + `, ` + smallTitle + `, '' AS excerpt, '' AS content, octet_length(p.title) AS texts`
	}
	return postPageColumns
}

// whole reports whether the post has all its texts.
func (p *pagePost) whole() bool {
	return p.Texts == int64(len(p.Title)+len(p.Excerpt)+len(p.Content))
}

// complete reads the large texts of a post, when there is memory for them. The
// error is ErrNotFound if it was deleted meanwhile.
func (p *pagePost) complete(ctx context.Context, q database.Queryer) error {
	if p.whole() {
		return nil
	}
	// A transaction that writes does not wait for memory, because others wait
	// for it.
	if _, writes := q.(*database.Tx); !writes {
		if err := database.Reserve(ctx, perText*p.Texts); err != nil {
			return err
		}
	}
	var texts struct {
		Title   string `db:"title"`
		Excerpt string `db:"excerpt"`
		Content string `db:"content"`
	}
	columns := `title, excerpt, content`
	if p.slim {
		columns = `title, '' AS excerpt, '' AS content`
	}
	if err := q.Get(ctx, &texts, `SELECT `+columns+` FROM posts WHERE id = $1`, p.ID); err != nil {
		if errors.Is(err, database.ErrNoRows) {
			return ErrNotFound
		}
		return fmt.Errorf("read the texts of post %d: %w", p.ID, err)
	}
	p.Title, p.Excerpt, p.Content = texts.Title, texts.Excerpt, texts.Content
	return nil
}

// walkPosts yields the posts whose ids a statement returns, in its order.
func (s *Site) walkPosts(ctx context.Context, load Load, query string, args []any, yield func([]FullPost, error) bool) {
	pages := walk(ctx, s.db, query, args, shortList, func(ids []int64) ([]pagePost, error) {
		return inOrder(ctx, s.db, `SELECT `+pageColumns(load)+` FROM posts p WHERE p.id IN (?)`, ids, func(p *pagePost) int64 { return p.ID })
	})
	for rows, err := range pages {
		more := err == nil
		if more {
			more, err = s.showPosts(ctx, rows, load, yield)
		}
		if err != nil {
			yield(nil, fmt.Errorf("list posts: %w", err))
		}
		if !more || err != nil {
			return
		}
	}
}

// showPosts yields a page with related data, posts with large texts one by one.
func (s *Site) showPosts(ctx context.Context, rows []pagePost, load Load, yield func([]FullPost, error) bool) (more bool, err error) {
	if err := s.trashedFrom(ctx, rows); err != nil {
		return false, err
	}
	show := func(rows []pagePost) (bool, error) {
		if len(rows) == 0 {
			return true, nil
		}
		list := make([]Post, len(rows))
		for i := range rows {
			list[i] = rows[i].Post
		}
		full, err := s.full(ctx, list, load)
		return err == nil && yield(full, nil), err
	}
	from := 0
	for i := range rows {
		if rows[i].whole() {
			continue
		}
		if more, err := show(rows[from:i]); !more {
			return false, err
		}
		release := database.Mark(ctx)
		large := []pagePost{rows[i]}
		large[0].slim = load&WithoutTexts != 0
		switch err := large[0].complete(ctx, s.db); {
		case errors.Is(err, ErrNotFound): // deleted meanwhile
			large = nil
		case err != nil:
			return false, err
		}
		if more, err := show(large); !more {
			return false, err
		}
		release()
		from = i + 1
	}
	return show(rows[from:])
}

// trashedFrom sets TrashedFrom of a page.
func (s *Site) trashedFrom(ctx context.Context, rows []pagePost) error {
	list := make([]*Post, len(rows))
	for i := range rows {
		list[i] = &rows[i].Post
	}
	return readTrashedFrom(ctx, s.db, list)
}

// walk reads a list of any length: the ids from a statement, and then page by
// page what read returns for them. See database.Pages.
func walk[T any](ctx context.Context, q database.Queryer, query string, args []any, rows int, read func([]int64) ([]T, error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var ids []int64
		err := database.Patient(ctx, func() error {
			ids = nil
			return q.Select(ctx, &ids, query, args...)
		})
		if err != nil {
			yield(nil, err)
			return
		}
		database.Pages(ctx, ids, rows, read)(yield)
	}
}

// slimRows is the number of rows without long texts that are read at once.
const slimRows = 500

// inOrder reads rows by their ids, in the order of the ids.
func inOrder[T any](ctx context.Context, q database.Queryer, query string, ids []int64, id func(*T) int64) ([]T, error) {
	text, args, err := database.In(query, ids)
	if err != nil {
		return nil, err
	}
	var rows []T
	if err := q.Select(ctx, &rows, text, args...); err != nil {
		return nil, err
	}
	place := make(map[int64]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(rows, func(a, b T) int { return place[id(&a)] - place[id(&b)] })
	return rows, nil
}
