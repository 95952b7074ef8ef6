package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/places"
)

// The statuses of a comment, as spelled in wp.*. Comments of a post in the
// trash have another one, statusPostTrashed.
const (
	CommentApproved = "approve"
	CommentHeld     = "hold" // held for moderation
	CommentSpam     = "spam"
	CommentTrashed  = "trash"
)

// commentStatuses are the statuses that a comment can be given.
var commentStatuses = []string{CommentHeld, CommentApproved, CommentSpam, CommentTrashed}

// Comment is a comment, a pingback or a trackback.
type Comment struct {
	ID      int64     `db:"id"`
	Post    int64     `db:"post_id"`
	Parent  int64     `db:"parent"`  // the comment that it replies to; 0 for none
	UserID  int64     `db:"user_id"` // 0 for a visitor
	Status  string    `db:"status"`
	Type    string    `db:"type"` // comment, pingback or trackback
	Author  string    `db:"author"`
	Email   string    `db:"email"`
	URL     string    `db:"url"`
	IP      string    `db:"ip"`
	Agent   string    `db:"agent"`
	Content string    `db:"content"`
	Date    time.Time `db:"date"` // the site's wall clock
	DateGMT time.Time `db:"date_gmt"`
}

// Equal reports whether two comments are equal in all fields; times are
// compared as instants.
func (c Comment) Equal(other Comment) bool {
	if !c.Date.Equal(other.Date) || !c.DateGMT.Equal(other.DateGMT) {
		return false
	}
	c.Date, c.DateGMT = other.Date, other.DateGMT
	return c == other
}

// CommentColumns lists the columns of a Comment.
const CommentColumns = `id, post_id, parent, user_id, status, type, author, email, url, ip, agent, content, date, date_gmt`

// FullComment is a comment with the title and the address of its post.
type FullComment struct {
	Comment
	PostTitle string
	Link      string // of the comment on the page of its post
}

var (
	// ErrNoComment means that there is no such comment.
	ErrNoComment = fmt.Errorf("comment: %w", ErrNotFound)
	// ErrNoPostType means that there is no post type with a name, or that its
	// posts have no comments.
	ErrNoPostType = errors.New("no such post type")

	errModerate = &Denied{Action: "moderate or edit this comment"}
)

// GetComment returns one comment. The caller needs the right to edit its post.
// Errors: ErrNoComment, *Denied.
func (s *Site) GetComment(ctx context.Context, who auth.Identity, id int64) (*FullComment, error) {
	c, p, err := readComment(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	if !s.canModerate(who, p) {
		return nil, errModerate
	}
	list, err := s.fullComments(ctx, []Comment{c})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// readComment reads a comment and its post.
func readComment(ctx context.Context, q database.Queryer, id int64) (Comment, *Post, error) {
	var c Comment
	err := q.Get(ctx, &c, `SELECT `+CommentColumns+` FROM comments WHERE id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return c, nil, ErrNoComment
	}
	if err != nil {
		return c, nil, fmt.Errorf("read comment %d: %w", id, err)
	}
	p, err := readHead(ctx, q, c.Post)
	if err != nil {
		return c, nil, fmt.Errorf("read the post of comment %d: %w", id, err)
	}
	return c, p, nil
}

// canModerate reports whether who may see and change all comments on a post,
// which is the right to edit the post.
func (s *Site) canModerate(who auth.Identity, p *Post) bool { return s.CanEdit(who, p) }

// CommentFilter selects the comments that ListComments returns.
type CommentFilter struct {
	// Status is one of the statuses, or several separated by commas or spaces;
	// "" and "all" mean approved and held ones, "any" means every comment. An
	// unknown status matches nothing.
	Status   string
	Post     int64   // only on this post; 0 for all
	PostType *string // only on posts of this type; nil for all
	// Moderated restricts the list to posts whose comments the caller may
	// moderate, with every status.
	Moderated bool
	// Search are words that the comment must all contain: in its text, or in
	// the name, the addresses or the network of its author. Case is ignored.
	Search string
	Limit  int // at most this many; 0 for all
	Offset int
}

// commentsAtOnce is the number of comments that are read at once.
const commentsAtOnce = 100

// ListComments returns comments, the newest first, and reads them during the
// iteration. Signed-in users may see the approved ones on their own posts and
// on posts that everyone can read; only users who may moderate comments see all
// others. E-mail addresses and networks are for users who write posts. Errors:
// *Denied, ErrNoPostType.
func (s *Site) ListComments(ctx context.Context, who auth.Identity, f CommentFilter) (iter.Seq2[[]FullComment, error], error) {
	if !who.LoggedIn() || f.Status != CommentApproved && !f.Moderated && !who.Can(auth.ModerateComments) {
		return nil, &Denied{Action: "see comments of this status"}
	}
	if f.PostType != nil {
		if t, known := postTypeNamed(*f.PostType); !known || !t.SupportsFeature("comments") {
			return nil, ErrNoPostType
		}
	}
	query, args, err := f.query(ctx, s.db, who)
	if err != nil {
		return nil, err
	}
	return walk(ctx, s.db, query, args, commentsAtOnce, func(ids []int64) ([]FullComment, error) {
		rows, err := inOrder(ctx, s.db, `SELECT `+CommentColumns+` FROM comments WHERE id IN (?)`, ids, func(c *Comment) int64 { return c.ID })
		if err != nil {
			return nil, fmt.Errorf("list comments: %w", err)
		}
		list, err := s.fullComments(ctx, rows)
		for i := range list {
			if c := &list[i]; !who.Can(auth.EditPosts) && c.UserID != who.User.ID {
				c.Email, c.IP = "", ""
			}
		}
		return list, err
	}), nil
}

// query returns the statement for ids. The comments of each status are read in
// order from an index, and merged.
func (f CommentFilter) query(ctx context.Context, db database.Queryer, who auth.Identity) (string, []any, error) {
	a := &arguments{}
	var counted []string
	if f.Post == 0 && f.PostType == nil && f.Search == "" && who.Can(auth.ModerateComments) && (!f.Moderated || editablePosts(who, &arguments{}) == "") {
		for _, status := range f.statuses() {
			counted = append(counted, places.Comments(status))
		}
	}
	from, err := places.From(ctx, db, counted, `c.date_gmt`, true, &f.Offset, a.add)
	if err != nil {
		return "", nil, err
	}
	parts := []CommentFilter{f}
	if statuses := f.statuses(); len(statuses) > 1 {
		parts = nil
		for _, status := range statuses {
			one := f
			one.Status = status
			parts = append(parts, one)
		}
	}
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = `SELECT c.id AS hit, c.date_gmt AS told FROM comments c` + part.condition(db, who, a) + from
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 1 << 31
	}
	const order = ` ORDER BY told DESC, hit DESC`
	return `SELECT hit FROM (` + merged(texts, `hit, told`, order, limit, max(f.Offset, 0)) + `) AS page` + order, a.list, nil
}

// maxSearchWords is the largest number of words in a search for comments.
const maxSearchWords = 9

// condition returns the SQL condition for the comments c of the list.
func (f CommentFilter) condition(db database.Queryer, who auth.Identity, a *arguments) string {
	var on []string
	switch {
	case f.Moderated:
		if editable := editablePosts(who, a); editable != "" {
			on = append(on, editable)
		}
	case !who.Can(auth.ModerateComments):
		// A file is as public as its post.
		on = append(on, `(p.password = '' AND (p.status = 'publish' OR p.status = 'inherit' AND NOT EXISTS (SELECT 1 FROM posts up
			WHERE up.id = p.parent AND (up.status <> 'publish' OR up.password <> ''))) OR p.author = `+a.add(who.User.ID)+`)`)
	}
	if f.PostType != nil {
		on = append(on, `p.type = `+a.add(*f.PostType))
	}
	join, where := "", []string{`1 = 1`}
	if on != nil {
		join = ` CROSS JOIN posts p` // keeps SQLite from starting with the posts
		where = append(append(where, `p.id = c.post_id`), on...)
	}
	if statuses := f.statuses(); len(statuses) == 1 {
		where = append(where, `c.status = `+a.add(statuses[0]))
	} else if statuses != nil {
		places := make([]string, len(statuses))
		for i, status := range statuses {
			places[i] = a.add(status)
		}
		where = append(where, `c.status IN (`+strings.Join(places, `, `)+`)`)
	}
	if f.Post != 0 {
		where = append(where, `c.post_id = `+a.add(f.Post))
	}
	for _, word := range strings.Fields(f.Search)[:min(len(strings.Fields(f.Search)), maxSearchWords)] {
		pattern := db.Folded(a.add("%" + database.Like(strings.ToLower(word)) + "%"))
		var either []string
		for _, column := range []string{"content", "author", "email", "url", "ip"} {
			either = append(either, db.Folded(`c.`+column)+` LIKE `+pattern+` ESCAPE '\'`)
		}
		where = append(where, `(`+strings.Join(either, ` OR `)+`)`)
	}
	return join + ` WHERE ` + strings.Join(where, ` AND `)
}

// editablePosts returns the SQL condition for posts p with comments that the
// caller may edit, or "" for all of them.
func editablePosts(who auth.Identity, a *arguments) string {
	var either []string
	all := true
	for _, name := range []string{TypePost, TypePage, TypeAttachment} {
		t, _ := postTypeNamed(name)
		condition := t.editable(at(who, &Post{Type: name}), a)
		if condition == "" {
			either = append(either, `p.type = '`+name+`'`)
			continue
		}
		all = false
		either = append(either, `p.type = '`+name+`' AND `+condition)
	}
	if all {
		return ""
	}
	return `(` + strings.Join(either, ` OR `) + `)`
}

// CountModerated returns the number of comments that match a filter by status,
// on posts whose comments the caller may moderate.
func (s *Site) CountModerated(ctx context.Context, who auth.Identity, f CommentFilter) (map[string]int64, error) {
	f.Moderated = true
	a := &arguments{}
	condition, from := f.condition(s.db, who, a), ` FROM comments c`
	if f.Post == 0 && f.PostType == nil && f.Search == "" {
		if editablePosts(who, &arguments{}) == "" {
			return s.totalComments(ctx, f.statuses())
		}
		// Most callers have written few of the posts.
		from, condition = ` FROM posts p CROSS JOIN comments c`, strings.TrimPrefix(condition, ` CROSS JOIN posts p`)
	}
	var rows []struct {
		Status string `db:"status"`
		Count  int64  `db:"n"`
	}
	err := s.db.Select(ctx, &rows, `SELECT c.status, COUNT(*) AS n`+from+condition+` GROUP BY c.status`, a.list...)
	if err != nil {
		return nil, fmt.Errorf("count comments: %w", err)
	}
	counts := make(map[string]int64)
	for _, r := range rows {
		counts[r.Status] = r.Count
	}
	return counts, nil
}

// totalComments returns how many comments of the whole blog have each of the
// statuses.
func (s *Site) totalComments(ctx context.Context, statuses []string) (map[string]int64, error) {
	if statuses == nil {
		statuses = append(slices.Clone(commentStatuses), CommentPostTrashed)
	}
	var lists []string
	for _, status := range statuses {
		lists = append(lists, places.Comments(status))
	}
	totals, err := places.Totals(ctx, s.db, lists)
	counts := make(map[string]int64)
	for i, status := range statuses {
		if n := totals[lists[i]]; n > 0 {
			counts[status] = n
		}
	}
	return counts, err
}

// maxStatuses is the largest number of statuses in one filter.
const maxStatuses = 10

// statuses returns the statuses of the filter; nil means all. WordPress stores
// approved and held comments as 1 and 0.
func (f CommentFilter) statuses() []string {
	words := strings.FieldsFunc(f.Status, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n' })
	if len(words) == 0 {
		words = []string{"all"}
	}
	var out []string
	for _, word := range words[:min(len(words), maxStatuses)] {
		switch word {
		case "any":
			return nil
		case "all":
			out = append(out, CommentApproved, CommentHeld)
		case "1":
			out = append(out, CommentApproved)
		case "0":
			out = append(out, CommentHeld)
		default:
			out = append(out, word)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fullComments adds the properties of posts to their comments, with a bounded
// number of statements.
func (s *Site) fullComments(ctx context.Context, rows []Comment) ([]FullComment, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, c := range rows {
		ids = append(ids, c.Post)
	}
	slices.Sort(ids)
	var posts []Post
	err = database.SelectIn(ctx, s.db, `SELECT p.id, p.type, p.status, p.title, p.name, p.author, p.password, p.parent, p.date FROM posts p WHERE p.id IN (?)`,
		slices.Compact(ids), func(p Post) { posts = append(posts, p) })
	if err != nil {
		return nil, fmt.Errorf("read the posts of comments: %w", err)
	}
	l := s.linker(opts)
	if err := l.prepare(ctx, posts); err != nil {
		return nil, err
	}
	byID := postsByID(posts)
	list := make([]FullComment, len(rows))
	for i, c := range rows {
		list[i].Comment = c
		if p := byID[c.Post]; p != nil {
			list[i].PostTitle = titleOnPage(p)
			list[i].Link = fmt.Sprintf("%s#comment-%d", l.link(p), c.ID)
		}
	}
	return list, nil
}

// titleOnPage returns the title as pages and wp.getComment show it, with a note
// if the post is not for everyone.
func titleOnPage(p *Post) string {
	title := markup.EscapeAmpersands(p.Title, "&#038;")
	switch {
	case p.Password != "":
		return "Protected: " + title
	case p.Status == StatusPrivate:
		return "Private: " + title
	}
	return title
}

// CommentCounts are the numbers of comments on a post. Total excludes the
// trash.
type CommentCounts struct{ Approved, Held, Spam, Total int64 }

// CountComments returns the numbers of comments on a post. The caller needs the
// right to edit it. Errors: ErrNotFound, *Denied.
func (s *Site) CountComments(ctx context.Context, who auth.Identity, post int64) (CommentCounts, error) {
	p, err := readHead(ctx, s.db, post)
	if err != nil {
		return CommentCounts{}, err
	}
	if !s.canModerate(who, p) {
		return CommentCounts{}, &Denied{Action: "see details of this post"}
	}
	by, err := s.CountModerated(ctx, who, CommentFilter{Status: "any", Post: post})
	n := CommentCounts{Approved: by[CommentApproved], Held: by[CommentHeld], Spam: by[CommentSpam]}
	n.Total = n.Approved + n.Held + n.Spam
	return n, err
}

// CommentStatuses returns the statuses that a comment can be given, to users
// who may publish posts. Error: *Denied.
func (s *Site) CommentStatuses(who auth.Identity) ([]string, error) {
	if !who.Can(auth.PublishPosts) {
		return nil, &Denied{Action: "see details of this site"}
	}
	return slices.Clone(commentStatuses), nil
}

// countPostComments updates the number of approved comments in the row of a
// post.
func countPostComments(ctx context.Context, tx *database.Tx, post int64) error {
	err := tx.Later(ctx, `UPDATE posts SET comment_count = (SELECT COUNT(*) FROM comments c WHERE c.post_id = $1 AND c.status = 'approve') WHERE id = $1`, post)
	if err != nil {
		return fmt.Errorf("count the comments of post %d: %w", post, err)
	}
	return nil
}
