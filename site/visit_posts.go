package site

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/permalink"
	"github.com/quillgate/quillgate/places"
	"github.com/quillgate/quillgate/search"
)

// VisitorFilter selects the published posts that VisiblePosts returns. The zero
// value of each field means no restriction.
type VisitorFilter struct {
	Terms  []Term // posts with one of these terms
	Author int64
	// From and Until limit the date of the post on the blog's wall clock: not
	// before From, and before Until.
	From, Until time.Time
	// Search are words that the title, the text or the excerpt must all
	// contain. It searches posts and pages without a password. For words that
	// many of the newest posts contain, and for those without three letters in
	// a row, it looks at the newest 10,000 posts only; for others at 20,000
	// candidates from the index.
	Search string
	// NotSticky omits the posts that StickyPosts returns.
	NotSticky     bool
	Limit, Offset int
	// Beginning is how many characters of the texts are read, or 0 for all: a
	// post may be as large as a request.
	Beginning int
}

// titleText is how many characters of a text are read if only the title is
// shown.
const titleText = 4000

// beginnings returns the columns of a post with only the given number of
// characters of its texts.
func beginnings(characters int) string {
	if characters <= 0 {
		return postColumns
	}
	part := func(column string) string {
		return `substr(p.` + column + `, 1, ` + strconv.Itoa(characters) + `) AS ` + column
	}
	return strings.NewReplacer(`p.content`, part("content"), `p.excerpt`, part("excerpt")).Replace(postColumns)
}

// maxPosts is the largest number of posts on a visitor's page.
const maxPosts = 1000

// searchDepth is how many posts a visitor's search for a common word looks at,
// and maxCandidates how many for any other.
const (
	searchDepth   = 10_000
	maxCandidates = 20_000
)

// maxVisitorOffset limits how deep visitors can go into a list, since the rows
// before are read.
const maxVisitorOffset = 100_000

// VisiblePosts returns published posts for visitors, the newest first. They
// include posts with a password, whose texts must not be shown.
func (s *Site) VisiblePosts(ctx context.Context, f VisitorFilter, load Load) ([]FullPost, error) {
	if f.Offset > maxVisitorOffset {
		return nil, nil
	}
	a := &arguments{}
	from, err := s.visitFrom(ctx, &f, a)
	query := f.query(from, a)
	if f.Search != "" {
		query, err = s.searchQuery(ctx, f, a)
	}
	var list []Post
	if err == nil {
		err = s.db.Select(ctx, &list, query, a.list...)
	}
	if err != nil {
		return nil, fmt.Errorf("list posts for visitors: %w", err)
	}
	return s.full(ctx, list, load)
}

// visitFrom makes the walk to a far page of the home page begin near it. Sticky
// posts are counted, but are not in the list.
func (s *Site) visitFrom(ctx context.Context, f *VisitorFilter, a *arguments) (string, error) {
	if len(f.Terms) > 0 || f.Author != 0 || !f.From.IsZero() || !f.Until.IsZero() || f.Search != "" {
		return "", nil
	}
	from, err := places.From(ctx, s.db, []string{places.Posts(TypePost, StatusPublish)}, `p.date`, true, &f.Offset, a.add)
	if err != nil || from == "" || !f.NotSticky {
		return from, err
	}
	var sticky int
	err = s.db.Get(ctx, &sticky, `SELECT COUNT(*) FROM posts p WHERE p.sticky AND p.type = 'post' AND p.status = 'publish' AND p.date >= $1`, a.list...)
	f.Offset += sticky
	return from, err
}

// query returns a statement that reads ids from indexes, and only the posts of
// the page. A term has the dates of its published posts; a post may have
// several of the terms.
func (f VisitorFilter) query(where string, a *arguments) string {
	const newest = ` ORDER BY date DESC, id DESC`
	if f.Author != 0 {
		where += ` AND p.author = ` + a.add(f.Author)
	}
	if !f.From.IsZero() {
		where += ` AND p.date >= ` + a.add(f.From)
	}
	if !f.Until.IsZero() {
		where += ` AND p.date < ` + a.add(f.Until)
	}
	if f.NotSticky {
		where += ` AND NOT p.sticky`
	}
	lists, columns := []string{`SELECT p.id, p.date FROM posts p WHERE p.type = 'post' AND p.status = 'publish'` + where}, `id, date`
	if len(f.Terms) > 0 {
		from := `SELECT pt.post_id AS id, pt.shown AS date FROM post_terms pt WHERE pt.shown IS NOT NULL`
		if where != "" {
			from = `SELECT pt.post_id AS id, pt.shown AS date FROM post_terms pt CROSS JOIN posts p WHERE pt.shown IS NOT NULL AND p.id = pt.post_id` + where
		}
		lists = nil
		for _, t := range f.Terms {
			lists = append(lists, from+` AND pt.term_id = `+a.add(t.ID))
		}
	}
	if len(lists) > 1 {
		columns = `DISTINCT id, date`
	}
	return f.page(merged(lists, columns, newest, f.limit(), max(f.Offset, 0)))
}

// searchQuery returns the statement of a search. It reads only the texts that
// are checked, and those of the page.
func (s *Site) searchQuery(ctx context.Context, f VisitorFilter, a *arguments) (string, error) {
	const columns, shown, newest = `SELECT p.id, p.date FROM `, `p.status = 'publish' AND p.password = ''`, ` ORDER BY date DESC, id DESC`
	const ofTypes = `p.type IN ('post', 'page') AND ` + shown
	words := search.Parse(f.Search)
	found, err := s.candidates(ctx, hunt{
		words: words, limit: maxCandidates, newest: f.limit() + max(f.Offset, 0),
		lists: []listed{{TypePost, StatusPublish}, {TypePage, StatusPublish}}, where: func(*arguments) string { return ofTypes },
	}, a)
	if err != nil {
		return "", err
	}
	if found != "" {
		hits := columns + `(` + found + `) AS found CROSS JOIN posts p WHERE p.id = found.hit AND ` + ofTypes + newest
		return f.page(matching(hits, `id`, words.Condition(s.db, a.add), f.limit(), max(f.Offset, 0))), nil
	}
	since, err := s.searchedSince(ctx)
	if err != nil {
		return "", err
	}
	where := ``
	if !since.IsZero() {
		where = ` AND p.date >= ` + a.add(since)
	}
	where += words.Often(s.db, a.add, ``)
	var lists []string
	for _, t := range []string{TypePost, TypePage} {
		lists = append(lists, columns+`posts p WHERE p.type = '`+t+`' AND `+shown+where)
	}
	return f.page(merged(lists, `id, date`, newest, f.limit(), max(f.Offset, 0))), nil
}

// page returns a statement for the posts whose ids another one returns, the
// newest first.
func (f VisitorFilter) page(ids string) string {
	return `SELECT ` + beginnings(f.Beginning) + ` FROM posts p WHERE p.id IN (SELECT id FROM (` + ids + `) AS page) ORDER BY p.date DESC, p.id DESC`
}

func (f VisitorFilter) limit() int { return min(max(f.Limit, 1), maxPosts) }

// maxSticky is the largest number of posts at the top of the home page.
const maxSticky = 10

// StickyPosts returns the published posts at the top of the home page, the
// newest first, with the given number of characters of their texts.
func (s *Site) StickyPosts(ctx context.Context, load Load, beginning int) ([]FullPost, error) {
	var list []Post
	err := s.db.Select(ctx, &list, `SELECT `+beginnings(beginning)+` FROM posts p WHERE p.sticky AND p.type = 'post' AND p.status = 'publish'
		ORDER BY p.date DESC, p.id DESC LIMIT `+strconv.Itoa(maxSticky))
	if err != nil {
		return nil, fmt.Errorf("list sticky posts: %w", err)
	}
	return s.full(ctx, list, load)
}

// Neighbours returns the published posts right before and right after a post by
// date, or nil.
func (s *Site) Neighbours(ctx context.Context, p *Post) (older, newer *FullPost, err error) {
	if p.Type != TypePost {
		return nil, nil, nil
	}
	const published = ` FROM posts p WHERE p.type = 'post' AND p.status = 'publish' AND `
	var list []Post
	err = s.db.Select(ctx, &list, `SELECT * FROM (SELECT `+beginnings(titleText)+published+`(p.date, p.id) < ($1, $2) ORDER BY p.date DESC, p.id DESC LIMIT 1) o
		UNION ALL SELECT * FROM (SELECT `+beginnings(titleText)+published+`(p.date, p.id) > ($1, $2) ORDER BY p.date, p.id LIMIT 1) n`, p.Date, p.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("find the neighbours of post %d: %w", p.ID, err)
	}
	full, err := s.full(ctx, list, 0)
	if err != nil {
		return nil, nil, err
	}
	for i := range full {
		before := full[i].Date.Before(p.Date) || full[i].Date.Equal(p.Date) && full[i].ID < p.ID
		if before {
			older = &full[i]
		} else {
			newer = &full[i]
		}
	}
	return older, newer, nil
}

// maxMenu is the largest number of pages in a menu.
const maxMenu = 12

// MenuPages returns the published pages without a parent in their authors'
// order.
func (s *Site) MenuPages(ctx context.Context) ([]FullPost, error) {
	var list []Post
	err := s.db.Select(ctx, &list, `SELECT `+beginnings(titleText)+` FROM posts p WHERE p.parent = 0 AND p.type = 'page' AND p.status = 'publish'
		ORDER BY p.menu_order, `+s.db.Sorted(`p.title`)+`, p.id LIMIT `+strconv.Itoa(maxMenu))
	if err != nil {
		return nil, fmt.Errorf("list the pages of the menu: %w", err)
	}
	return s.full(ctx, list, 0)
}

// addressed is the condition for posts and pages that search engines may know.
const addressed = `p.status = 'publish' AND p.password = ''`

// AddressPart is the number of ids in each part of ListAddresses.
const AddressPart = places.IDsInPart

// AddressParts returns the parts of ListAddresses in which something is
// published; few reports whether it is at most AddressPart in all.
func (s *Site) AddressParts(ctx context.Context) (parts []int64, few bool, err error) {
	counts, err := places.Count(ctx, s.db, []string{places.IDs(TypePost, StatusPublish), places.IDs(TypePage, StatusPublish)})
	var n int64
	for _, published := range counts {
		n += published
	}
	return slices.Sorted(maps.Keys(counts)), n <= AddressPart, err
}

// ListAddresses returns the published posts and pages without a password,
// sorted by id: their addresses and dates, without texts. It returns one part,
// by its number from 0, or, if part is negative, all of them, at most
// AddressPart.
func (s *Site) ListAddresses(ctx context.Context, part int64) ([]FullPost, error) {
	from, to := part*AddressPart+1, (part+1)*AddressPart+1
	if part < 0 {
		from, to = 0, math.MaxInt64
	}
	const columns = `SELECT p.id, p.type, p.status, p.name, p.author, p.parent, p.guid, p.date, p.date_gmt, p.modified, p.modified_gmt FROM posts p WHERE p.id >= $1 AND p.id < $2 AND `
	var list []Post
	err := s.db.Select(ctx, &list, columns+`p.type = 'post' AND `+addressed+` UNION ALL `+columns+`p.type = 'page' AND `+addressed+`
		ORDER BY id LIMIT `+strconv.Itoa(AddressPart), from, to)
	if err != nil {
		return nil, fmt.Errorf("list the addresses of the blog: %w", err)
	}
	return s.full(ctx, list, 0)
}

// MovedPost returns the published post that had an address before its name or
// its date was changed, or that the address most likely means; see likelyPost.
// It has no texts. Error: ErrNotFound.
func (s *Site) MovedPost(ctx context.Context, path string) (*FullPost, error) {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	tags, values, _ := permalink.Match(s.linker(opts).structure, path)
	var list []Post
	if at := slices.Index(tags, "%postname%"); at >= 0 {
		name := strings.ToLower(values[at])
		err = s.db.Select(ctx, &list, `SELECT `+postHeadColumns+` FROM posts p WHERE p.type = 'post' AND p.status = 'publish'
			AND p.id IN (SELECT post_id FROM post_meta WHERE key = '_wp_old_slug' AND value = $1) ORDER BY p.date DESC, p.id DESC LIMIT 1`, name)
		if err == nil && len(list) == 0 {
			list, err = s.movedInTime(ctx, name, tags, values)
		}
		if err != nil {
			return nil, fmt.Errorf("find a post by an old address: %w", err)
		}
	}
	if len(list) == 0 {
		if list, err = s.likelyPost(ctx, path, func(p *Post) bool { return p.Type != TypePost || sameDate(p.Date, tags, values) }); err != nil {
			return nil, fmt.Errorf("find the post that an address may mean: %w", err)
		}
	}
	if len(list) == 0 {
		return nil, ErrNotFound
	}
	full, err := s.full(ctx, list[:1], 0)
	if err != nil {
		return nil, err
	}
	return &full[0], nil
}

// movedInTime finds posts that still have their name but had the date in the
// address before, or have the date and other categories.
func (s *Site) movedInTime(ctx context.Context, name string, tags, values []string) ([]Post, error) {
	var named []Post
	err := s.db.Select(ctx, &named, `SELECT `+postHeadColumns+` FROM posts p WHERE p.name = $1 AND p.type = 'post' AND p.status = 'publish' ORDER BY p.id LIMIT 100`, name)
	if err != nil || len(named) == 0 {
		return nil, err
	}
	byID := postsByID(named)
	ids := make([]int64, len(named))
	for i, p := range named {
		if slices.Contains(tags, "%category%") && sameDate(p.Date, tags, values) {
			return []Post{p}, nil
		}
		ids[i] = p.ID
	}
	query, args, err := database.In(`SELECT post_id, value FROM post_meta WHERE key = ? AND post_id IN (?)`, metaOldDate, ids)
	if err != nil {
		return nil, err
	}
	var dates []metaOfPost
	if err := s.db.Select(ctx, &dates, query, args...); err != nil {
		return nil, err
	}
	for _, d := range dates {
		if day, err := time.Parse(time.DateOnly, d.Value); err == nil && sameDate(day, tags, values) {
			return []Post{*byID[d.Post]}, nil
		}
	}
	return nil, nil
}

// Author is what visitors may know about someone who has published something
// here.
type Author struct {
	ID                       int64
	Name, Nicename, Bio, URL string
	Link                     string // to the list of their posts
}

// Authors returns the authors with these ids; deleted accounts are missing. It
// is for the authors of posts that visitors see; its results for others must
// not be shown.
func (s *Site) Authors(ctx context.Context, ids []int64) (map[int64]Author, error) {
	out := make(map[int64]Author, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	users, err := s.users.List(ctx, auth.Filter{IDs: slices.Compact(ids)})
	if err != nil {
		return nil, fmt.Errorf("read the authors of posts: %w", err)
	}
	for _, u := range users {
		out[u.ID] = s.author(u, opts)
	}
	return out, nil
}

func (s *Site) author(u auth.User, o *options.Values) Author {
	a := Author{ID: u.ID, Name: u.DisplayName, Nicename: u.Nicename, Bio: u.Bio, URL: u.URL}
	a.Link = s.baseURL + "/?author=" + strconv.FormatInt(u.ID, 10)
	if lists := o.Lists(); lists.Pretty {
		a.Link = s.baseURL + lists.Front + "author/" + u.Nicename + lists.Slash
	}
	return a
}

// AuthorOfPosts finds an author by the name in URLs or, if that is empty, by
// id; a name in the spelling of other programs works too. The error is
// ErrNotFound for anyone who has not published a post, whether or not there is
// such an account.
func (s *Site) AuthorOfPosts(ctx context.Context, nicename string, id int64) (Author, error) {
	var user auth.User
	var err error
	if nicename != "" {
		user, err = s.users.ByNicename(ctx, strings.ToLower(nicename))
		if made := markup.Slug(strings.ReplaceAll(unescaped(nicename), "@", "-")); errors.Is(err, auth.ErrNotFound) && made != strings.ToLower(nicename) {
			user, err = s.users.ByNicename(ctx, made)
		}
	} else {
		user, err = s.users.Get(ctx, id)
	}
	if errors.Is(err, auth.ErrNotFound) {
		user.ID, err = -1, nil // the same queries for an unknown user
	}
	if err != nil {
		return Author{}, err
	}
	var posts []int64
	err = s.db.Select(ctx, &posts, `SELECT id FROM posts WHERE author = $1 AND type = 'post' AND status = 'publish' LIMIT 1`, user.ID)
	if err != nil {
		return Author{}, fmt.Errorf("look for posts of an author: %w", err)
	}
	if len(posts) == 0 {
		return Author{}, ErrNotFound
	}
	opts, err := s.options.Current(ctx)
	if err != nil {
		return Author{}, err
	}
	return s.author(user, opts), nil
}
