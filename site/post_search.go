package site

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/places"
	"github.com/quillgate/quillgate/search"
)

// candidates returns the SQL for the ids of the posts that may match a search,
// at most limit of them unless it is 0. It is "" if walking through the posts,
// the newest first, is better.
func (s *Site) candidates(ctx context.Context, words string, limit int, a *arguments) (string, error) {
	query := search.Parse(words)
	if query.Empty() {
		return "", nil
	}
	return s.searches.Candidates(ctx, query, limit, a.add)
}

// matching returns a statement for the ids of a page of those candidates whose
// texts match. The candidates are in the order of the list, and their texts,
// which cost far more than their dates, are read until the page is full. Both
// databases keep the order of a subquery with a limit, and push no condition
// into it.
func matching(candidates, condition string, limit, offset int) string {
	return `SELECT id FROM (` + candidates + ` LIMIT ` + strconv.Itoa(math.MaxInt64) + `) AS candidates
		WHERE (SELECT COUNT(*) FROM posts p WHERE p.id = candidates.id` + condition + `) > 0 LIMIT ` + strconv.Itoa(limit) + ` OFFSET ` + strconv.Itoa(offset)
}

// newestPosts returns the posts by which searches judge how common a word is.
func (s *Site) newestPosts(ctx context.Context, limit int) (ids []int64, err error) {
	err = s.db.Select(ctx, &ids, `SELECT id FROM posts WHERE type = 'post' AND status = 'publish' ORDER BY id DESC LIMIT $1`, limit)
	return ids, err
}

// searchTexts reads the words of posts for the full-text index.
func searchTexts(ctx context.Context, q database.Queryer, ids []int64, size int) (list []search.Text, err error) {
	err = database.SelectIn(ctx, q, `SELECT p.id, p.size, CASE WHEN p.size > ? THEN '' ELSE p.title || ' ' || p.excerpt || ' ' || p.content END AS words
		FROM (SELECT id, title, excerpt, content, octet_length(title) + octet_length(excerpt) + octet_length(content) AS size FROM posts) p WHERE p.id IN (?)`, ids,
		func(t search.Text) { list = append(list, t) }, size)
	return list, err
}

// IndexSearches adds posts that are new or changed to the full-text index, and
// returns how many, or 0 if none are left. Searches also find posts that are
// not indexed yet, if there are not too many.
func (s *Site) IndexSearches(ctx context.Context) (int, error) { return s.searches.Work(ctx) }

// indexEvery is how often Run looks for posts to index.
const indexEvery = time.Second

// indexSearches keeps the full-text index up to date until ctx is done.
func (s *Site) indexSearches(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := s.searches.Work(ctx)
		if err != nil && ctx.Err() == nil {
			s.logger.ErrorContext(ctx, "index of searches", "error", err)
		}
		if n > 0 && err == nil {
			continue
		}
		select {
		case <-time.After(indexEvery):
		case <-ctx.Done():
		}
	}
}

// searchedSince returns the date of the post at which a visitor's search for a
// common word ends, or zero if it looks at all posts.
func (s *Site) searchedSince(ctx context.Context) (since time.Time, err error) {
	a, depth := &arguments{}, searchDepth
	from, err := places.From(ctx, s.db, []string{places.Posts(TypePost, StatusPublish)}, `date`, true, &depth, a.add)
	if err != nil {
		return time.Time{}, err
	}
	err = s.db.Get(ctx, &since, `SELECT date FROM posts WHERE type = 'post' AND status = 'publish'`+from+` ORDER BY date DESC, id DESC LIMIT 1 OFFSET `+a.add(depth), a.list...)
	if errors.Is(err, database.ErrNoRows) {
		return time.Time{}, nil
	}
	return since, err
}
