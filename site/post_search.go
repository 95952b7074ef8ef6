package site

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/places"
	"github.com/quillgate/quillgate/search"
)

// A hunt is a search for posts in a list.
type hunt struct {
	words search.Query
	// limit is how many candidates are looked at, or 0 for all of them.
	limit int
	// newest is how many posts the page and all before it have if the order is
	// by date, the newest first; otherwise it is 0.
	newest int
	// lists are those in which the posts are, with their parts of ids.
	lists []listed
	// where returns the other conditions for a post p.
	where func(a *arguments) string
}

// listed identifies the posts with a type and a status.
type listed struct{ kind, status string }

// candidates returns the SQL for the ids of the posts that may match a search,
// or of those that can be on the page. It is "" if walking through the posts, the
// newest first, is better.
func (s *Site) candidates(ctx context.Context, h hunt, a *arguments) (string, error) {
	if h.words.Empty() {
		return "", nil
	}
	lookup, err := s.searches.Lookup(ctx, h.words)
	if err != nil || lookup == nil {
		return "", err
	}
	if h.newest > 0 && h.newest <= maxHunted {
		ids, err := s.newestMatches(ctx, lookup, h)
		if err != nil {
			return "", err
		}
		if ids != nil {
			return search.Listed(ids, a.add), nil
		}
	}
	return lookup.Candidates(ctx, h.limit, a.add)
}

const (
	// firstHits is how many candidates newestMatches looks at first, and
	// mostHits how many at last.
	firstHits = 128
	mostHits  = 2048
	// maxHunted is the end of the last page that newestMatches is for.
	maxHunted = 500
	// strayParts is in how many parts of ids it looks for posts with lower ids
	// that are newer, and maxStrays how many there may be.
	strayParts = 16
	maxStrays  = 200
)

// newestMatches returns the newest posts that match a search, or candidates
// among which they are; nil if it cannot tell. It looks at the candidates with
// the highest ids, since most posts have the order of their ids. Then it makes
// sure that no post with a lower id is newer than the last that matches: package
// places knows in which parts of ids there may be one, and an index has their
// dates.
func (s *Site) newestMatches(ctx context.Context, lookup *search.Lookup, h hunt) ([]int64, error) {
	for limit := max(firstHits, 2*h.newest); limit <= mostHits; limit *= 4 {
		ids, below, err := lookup.Highest(ctx, limit)
		if err != nil || ids == nil || below == 0 {
			return ids, err
		}
		page, err := s.matches(ctx, ids, h)
		if err != nil {
			return nil, err
		}
		if len(page) < h.newest {
			continue
		}
		strays, ok, err := s.strays(ctx, h.lists, below, page[len(page)-1].Date)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		for _, hit := range page {
			strays = append(strays, hit.ID)
		}
		return strays, nil
	}
	return nil, nil
}

// hit is a post that matches a search.
type hit struct {
	ID   int64     `db:"id"`
	Date time.Time `db:"date"`
}

// matches returns those of the candidates that match, the newest first, at most
// as many as the hunt is for.
func (s *Site) matches(ctx context.Context, ids []int64, h hunt) (page []hit, err error) {
	a := &arguments{}
	query := `SELECT p.id, p.date FROM (` + search.Listed(ids, a.add) + `) AS found CROSS JOIN posts p WHERE p.id = found.hit AND ` + h.where(a) + ` ORDER BY p.date DESC, p.id DESC`
	query = matching(query, `id, date`, h.words.Condition(s.db, a.add), h.newest, 0)
	if err := s.db.Select(ctx, &page, query, a.list...); err != nil {
		return nil, fmt.Errorf("look for the newest matches: %w", err)
	}
	return page, nil
}

// strays returns the posts of lists with an id below the given one that are not
// older than a date. ok is false if there may be many.
func (s *Site) strays(ctx context.Context, lists []listed, below int64, date time.Time) (ids []int64, ok bool, err error) {
	counted := make([]string, len(lists))
	for i, l := range lists {
		counted[i] = places.IDs(l.kind, l.status)
	}
	parts, err := places.Since(ctx, s.db, counted, date, below-1, strayParts+1)
	if err != nil || len(parts) == 0 || len(parts) > strayParts {
		return nil, len(parts) == 0, err
	}
	a := &arguments{}
	since := a.add(date)
	var each []string
	for _, part := range parts {
		from, to := a.add(part*places.IDsInPart+1), a.add(min((part+1)*places.IDsInPart+1, below))
		for _, l := range lists {
			// A CASE, so that no database looks for the dates in place of the ids.
			each = append(each, `SELECT p.id FROM posts p WHERE p.type = '`+l.kind+`' AND p.status = '`+l.status+`' AND p.id >= `+from+` AND p.id < `+to+`
				AND CASE WHEN p.date >= `+since+` THEN TRUE ELSE FALSE END`)
		}
	}
	query := strings.Join(each, ` UNION ALL `) + ` LIMIT ` + strconv.Itoa(maxStrays+1)
	if err := s.db.Select(ctx, &ids, query, a.list...); err != nil {
		return nil, false, fmt.Errorf("look for stray matches: %w", err)
	}
	return ids, len(ids) <= maxStrays, nil
}

// matching returns a statement for columns of a page of those candidates whose
// texts match. The candidates are in the order of the list, and their texts,
// which cost far more than their dates, are read until the page is full. Both
// databases keep the order of a subquery with a limit, and push no condition
// into it.
func matching(candidates, columns, condition string, limit, offset int) string {
	return `SELECT ` + columns + ` FROM (` + candidates + ` LIMIT ` + strconv.Itoa(math.MaxInt64) + `) AS candidates
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
