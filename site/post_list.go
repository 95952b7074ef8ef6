package site

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/places"
	"github.com/quillgate/quillgate/search"
)

// GetPost returns a post of any type to a caller who may edit it; for a
// revision, its parent decides. Errors: ErrNotFound, *Denied.
func (s *Site) GetPost(ctx context.Context, who auth.Identity, id int64, load Load) (*FullPost, error) {
	if id <= 0 {
		return nil, ErrNotFound
	}
	load = load.allowed(who)
	if !s.db.Shared() {
		switch kept, err := s.posts.Get(ctx, postKey{id, load &^ WithoutTexts}); {
		case err != nil:
			return nil, err
		case kept != nil && !s.CanEdit(who, &kept.Post):
			return nil, &Denied{Action: "edit this post"}
		case kept != nil:
			out := *kept
			return &out, nil
		}
	}
	row, err := readPost(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	p := &row.Post
	rights := p
	if p.Type == TypeRevision {
		if rights, err = readHead(ctx, s.db, p.Parent); err != nil {
			return nil, err
		}
	}
	if !s.CanEdit(who, rights) {
		return nil, &Denied{Action: "edit this post"}
	}
	if err := row.complete(ctx, s.db); err != nil {
		return nil, err
	}
	list, err := s.full(ctx, []Post{*p}, load)
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// postKey identifies a cached post with its related data.
type postKey struct {
	id   int64
	load Load
}

// keptText is the largest size of a cached post's texts, and of its custom
// fields.
const keptText = 8 << 10

// readKept reads a post for the cache of GetPost, or nil for a revision and for
// a large post.
func (s *Site) readKept(ctx context.Context, key postKey) (*FullPost, time.Time, error) {
	row, err := readPost(ctx, s.db, key.id)
	if err != nil || row.Type == TypeRevision || !row.whole() || row.Texts > keptText {
		return nil, time.Time{}, err
	}
	list, err := s.full(ctx, []Post{row.Post}, key.load)
	if err != nil {
		return nil, time.Time{}, err
	}
	size := 0
	for _, f := range list[0].CustomFields {
		size += len(f.Key) + len(f.Value)
	}
	if size > keptText {
		return nil, time.Time{}, nil
	}
	return &list[0], time.Time{}, nil
}

// PostFilter selects the posts that ListPosts returns, and their order.
type PostFilter struct {
	// Type is a post type; the default is post.
	Type string
	// Statuses are the requested statuses. "any" means all except trash and
	// auto-draft, which may be named in addition. As in WordPress, unknown ones
	// are ignored, and if all are unknown, every status is requested. An empty
	// list means draft, publish, future, pending and private.
	Statuses []string
	// Author restricts the list to posts of one author; 0 means all.
	Author int64
	// Search are words that title, excerpt or text must all contain; case is
	// ignored.
	Search string
	// OrderBy lists the sort keys, the most significant first, separated by
	// blanks: date, modified, title, ID, name, author, parent, menu_order and
	// comment_count. Unknown ones are ignored; the default is date.
	OrderBy string
	// Ascending reverses the order: oldest first.
	Ascending bool
	// Limit is 10 if it is 0 or negative; Offset skips posts.
	Limit, Offset int
}

// maxOffset is the largest offset.
const maxOffset = 10_000_000

// ListPosts returns the posts that match a filter and that the caller may edit,
// in pages that are read during the iteration. Search, order and limit ignore
// all others, since they would reveal texts that the caller may not read.
// Errors: Invalid for an unknown type; *Denied for callers who may not edit
// posts of the type.
//
// A page costs few statements. What they read grows with Limit, not with Offset or
// the number of posts, if the order is by date, modified, title, name or ID. For
// searches see package search.
func (s *Site) ListPosts(ctx context.Context, who auth.Identity, f PostFilter, load Load) (iter.Seq2[[]FullPost, error], error) {
	f, load = f.withDefaults(), load.allowed(who)
	t, known := postTypeNamed(f.Type)
	if !known {
		return nil, errPostType
	}
	if !s.CanEditType(who, f.Type) {
		return nil, &Denied{Action: "edit posts of this type"}
	}
	a := &arguments{}
	where := t.editable(at(who, &Post{Type: f.Type}), a)
	found, err := s.candidates(ctx, f.hunt(s.db, func(a *arguments) string { return t.editable(at(who, &Post{Type: f.Type}), a) }), a)
	if err != nil {
		return nil, err
	}
	if order, _ := f.order(s.db); where == "" && f.Author == 0 && f.Search == "" && len(order) <= 2 {
		from, err := places.From(ctx, s.db, f.counted(s.db, order[0]), order[0], !f.Ascending, &f.Offset, a.add)
		if err != nil {
			return nil, err
		}
		where = strings.TrimPrefix(from, ` AND `)
	}
	if f.Limit > shortList {
		query := f.statement(s.db, `p.id`, where, found, a)
		return func(yield func([]FullPost, error) bool) { s.walkPosts(ctx, load, query, a.list, yield) }, nil
	}
	query := f.statement(s.db, pageColumns(load), where, found, a)
	return func(yield func([]FullPost, error) bool) {
		var rows []pagePost
		err := database.Patient(ctx, func() error {
			rows = nil
			return s.db.Select(ctx, &rows, query, a.list...)
		})
		if err == nil {
			_, err = s.showPosts(ctx, rows, load, yield)
		}
		if err != nil {
			yield(nil, fmt.Errorf("list posts: %w", err))
		}
	}, nil
}

// shortList is how many posts one statement reads with their texts. For longer
// lists, the ids are read first.
const shortList = 100

func (f PostFilter) withDefaults() PostFilter {
	if f.Type == "" {
		f.Type = TypePost
	}
	if f.Limit <= 0 {
		f.Limit = 10
	}
	f.Offset = min(max(f.Offset, 0), maxOffset)
	return f
}

// listStatuses are the statuses of a list without Statuses.
var listStatuses = []string{StatusDraft, StatusPublish, StatusFuture, StatusPending, StatusPrivate}

// wanted returns the statuses to look for; none means every status.
func (f PostFilter) wanted() []string {
	if len(f.Statuses) == 0 {
		return listStatuses
	}
	if slices.Contains(f.Statuses, "any") {
		all := append(slices.Clone(listStatuses), StatusInherit)
		for _, status := range []string{StatusTrash, StatusAutoDraft} {
			if slices.Contains(f.Statuses, status) {
				all = append(all, status)
			}
		}
		return all
	}
	known := append([]string{StatusTrash, StatusAutoDraft, StatusInherit}, listStatuses...)
	var out []string
	for _, status := range f.Statuses {
		if slices.Contains(known, status) && !slices.Contains(out, status) {
			out = append(out, status)
		}
	}
	return out
}

// postOrders maps WordPress's names of orders, which are case-sensitive, to
// columns. The id breaks ties.
var postOrders = map[string]string{
	"date": "p.date", "modified": "p.modified", "title": "p.title", "name": "p.name", "author": "p.author", "parent": "p.parent",
	"post_date": "p.date", "post_modified": "p.modified", "post_title": "p.title", "post_name": "p.name", "post_author": "p.author",
	"post_parent": "p.parent", "ID": "p.id", "menu_order": "p.menu_order", "comment_count": "p.comment_count",
}

// order returns the sort keys of the list, the id last, and the direction.
// Titles and names are sorted ignoring case and accents.
func (f PostFilter) order(q database.Queryer) (columns []string, direction string) {
	for _, name := range strings.Fields(f.OrderBy) {
		column, known := postOrders[name]
		if column == "p.title" || column == "p.name" {
			column = q.Sorted(column)
		}
		if known && !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	if columns == nil {
		columns = []string{"p.date"}
	}
	if !slices.Contains(columns, "p.id") {
		columns = append(columns, "p.id")
	}
	if f.Ascending {
		return columns, " ASC"
	}
	return columns, " DESC"
}

// statement returns a statement that reads columns of the posts that match a
// filter and a condition. With several statuses, the rows of each are read in
// order from an index, and the databases merge them: a rare status must not
// cost a walk through all posts. Until the page is reached, only the index is
// read, so that a row that an offset skips is cheap.
//
// Statuses and limits are literals: SQLite does not look at the values of
// placeholders when it chooses an index (see database/numbered.go). They are
// constants of this program and numbers.
//
// found is the result of candidates: with it, the posts of a search are looked
// up and sorted; without it, they are found by walking through the list.
func (f PostFilter) statement(q database.Queryer, columns, condition, found string, a *arguments) string {
	where := f.where(condition, a)
	words := search.Parse(f.Search)
	order, direction := f.order(q)
	keys, names := make([]string, len(order)), make([]string, len(order))
	for i, column := range order {
		names[i] = "o" + strconv.Itoa(i)
		keys[i] = column + ` AS ` + names[i]
	}
	sorted := func(columns []string) string {
		return ` ORDER BY ` + strings.Join(columns, direction+`, `) + direction
	}
	from, parts := `posts p`, []string{where}
	statuses := f.wanted()
	among := f.among()
	switch {
	case found != "":
		from, parts[0] = `(`+found+`) AS found CROSS JOIN posts p`, `p.id = found.hit AND `+where+among
	case !words.Empty() && order[0] == "p.date": // a status may have no post that contains the words
		parts[0] += words.Often(q, a.add, among)
	case len(statuses) > 0:
		where += words.Often(q, a.add, ``)
		parts = nil
		for _, status := range statuses {
			parts = append(parts, where+` AND p.status = '`+status+`'`)
		}
	default:
		parts[0] += words.Often(q, a.add, ``)
	}
	for i, part := range parts {
		parts[i] = `SELECT p.id, ` + strings.Join(keys, `, `) + ` FROM ` + from + ` WHERE ` + part
	}
	var page string
	if found != "" {
		page = matching(parts[0]+sorted(names), `id`, words.Condition(q, a.add), f.Limit, f.Offset)
	} else {
		page = merged(parts, `id, `+strings.Join(names, `, `), sorted(names), f.Limit, f.Offset)
	}
	return `SELECT ` + columns + ` FROM posts p WHERE p.id IN (SELECT id FROM (` + page + `) AS page)` + sorted(order)
}

// where returns the conditions for posts of the list with any status.
func (f PostFilter) where(condition string, a *arguments) string {
	where := `p.type = ` + a.add(f.Type)
	if f.Author != 0 {
		where += ` AND p.author = ` + a.add(f.Author)
	}
	if condition != "" {
		where += ` AND ` + condition
	}
	return where
}

// among returns the condition for the statuses, preceded by AND.
func (f PostFilter) among() string {
	if statuses := f.wanted(); len(statuses) > 0 {
		return ` AND p.status IN ('` + strings.Join(statuses, `', '`) + `')`
	}
	return ``
}

// hunt returns the search of the filter. condition returns what a post must
// fulfil in addition, or "".
func (f PostFilter) hunt(q database.Queryer, condition func(a *arguments) string) hunt {
	h := hunt{words: search.Parse(f.Search)}
	statuses := f.wanted()
	if order, _ := f.order(q); order[0] == "p.date" && len(order) == 2 && !f.Ascending && len(statuses) > 0 {
		h.newest = f.Offset + f.Limit
	}
	for _, status := range statuses {
		h.lists = append(h.lists, listed{f.Type, status})
	}
	h.where = func(a *arguments) string { return f.where(condition(a), a) + f.among() }
	return h
}

// merged returns a statement for a page of several merged lists. Each is read
// in order from its index, and both databases merge them up to the page:
// PostgreSQL if each list is sorted by itself; SQLite, which then skips that,
// if the sort keys are columns that this statement returns. For a near page,
// PostgreSQL must know the limit, or it sorts a whole list whose order is not
// that of a column.
func merged(lists []string, columns, order string, limit, offset int) string {
	near := ``
	if end := limit + offset; end <= nearPage {
		near = ` LIMIT ` + strconv.Itoa(end)
	}
	each := make([]string, len(lists))
	for i, list := range lists {
		each[i] = `SELECT * FROM (` + list + order + near + `) AS list` + strconv.Itoa(i)
	}
	return `SELECT ` + columns + ` FROM (` + strings.Join(each, ` UNION ALL `) + `) AS lists` + order + ` LIMIT ` + strconv.Itoa(limit) + ` OFFSET ` + strconv.Itoa(offset)
}

// nearPage is the offset up to which SQLite may sort a page once more.
const nearPage = 5000

// counted returns the lists of the filter's statuses that package places counts
// in an order.
func (f PostFilter) counted(q database.Queryer, order string) (lists []string) {
	list := map[string]func(kind, status string) string{
		"p.date": places.Posts, "p.modified": places.Modified, "p.id": places.IDs, "p.author": places.Authors,
		q.Sorted("p.title"): places.Titles, q.Sorted("p.name"): places.Names,
	}[order]
	if list == nil {
		return nil
	}
	for _, status := range f.wanted() {
		lists = append(lists, list(f.Type, status))
	}
	return lists
}

// HasPosts reports whether the blog has a post that a list without statuses
// shows, ignoring rights.
func (s *Site) HasPosts(ctx context.Context) (bool, error) {
	query, args, err := database.In(`SELECT COUNT(*) FROM (SELECT 1 FROM posts WHERE type = 'post' AND status IN (?) LIMIT 1) AS one`, listStatuses)
	if err != nil {
		return false, err
	}
	var n int
	if err := s.db.Get(ctx, &n, query, args...); err != nil {
		return false, fmt.Errorf("look for a post: %w", err)
	}
	return n > 0, nil
}

// arguments collects the arguments of a statement.
type arguments struct{ list []any }

// add appends an argument and returns its placeholder.
func (a *arguments) add(v any) string {
	a.list = append(a.list, v)
	return "$" + strconv.Itoa(len(a.list))
}

// PostCounts returns how many posts each user has published, by the user's id;
// private ones count for callers who may read them.
func (s *Site) PostCounts(ctx context.Context, who auth.Identity) (map[int64]int64, error) {
	lists := []string{places.Authors(TypePost, StatusPublish)}
	if who.Can(auth.ReadPrivatePosts) {
		lists = append(lists, places.Authors(TypePost, StatusPrivate))
	}
	return places.Count(ctx, s.db, lists)
}

// full loads related data of posts.
func (s *Site) full(ctx context.Context, list []Post, load Load) ([]FullPost, error) {
	out := make([]FullPost, len(list))
	if len(list) == 0 {
		return out, nil
	}
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	links := s.linker(opts)
	ids := make([]int64, len(list))
	for i, p := range list {
		ids[i] = p.ID
		out[i] = FullPost{Post: p, Format: "standard"}
	}
	r, err := s.relatedTo(ctx, ids, load)
	if err != nil {
		return nil, err
	}
	for i := range out {
		p := &out[i]
		if load&LoadTerms != 0 {
			p.Terms, p.Format, p.TermFields = r.terms[p.ID], formatOf(p.Type, r.terms[p.ID]), r.termFields
		}
		if load&LoadFields != 0 {
			p.CustomFields, p.Thumbnail = r.fields[p.ID], thumbnailOf(r.fields[p.ID])
		}
	}
	if err := links.prepare(ctx, list); err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Link = links.link(&out[i].Post)
	}
	return out, nil
}

func formatOf(postType string, terms []Term) string {
	for _, t := range terms {
		if format, ok := strings.CutPrefix(t.Slug, formatPrefix); ok && t.Taxonomy == PostFormat && postType == TypePost {
			return format
		}
	}
	return "standard"
}

func thumbnailOf(fields []CustomField) int64 {
	for _, f := range fields {
		if f.Key == metaThumbnail {
			id, err := strconv.ParseInt(strings.TrimSpace(f.Value), 10, 64)
			if err == nil && id > 0 {
				return id
			}
		}
	}
	return 0
}
