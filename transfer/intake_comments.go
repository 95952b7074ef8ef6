package transfer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// commentKey identifies an existing comment: nobody writes two comments on a
// post in the same second.
type commentKey struct {
	post   int64
	author string
	at     int64
}

// newComment is a comment that the batch adds.
type newComment struct {
	*wxr.Comment
	post *intakePost
	id   int64
	date time.Time
	gmt  time.Time
}

// takeComments adds the comments of the batch's posts that do not exist yet.
func (b *intakeBatch) takeComments(ctx context.Context) error {
	list, at, err := b.newComments(ctx)
	if err != nil {
		return err
	}
	wishes := make([]int64, len(list))
	for i := range list {
		wishes[i] = list[i].ID
	}
	ids, err := database.NewIDs(ctx, b.tx, "comments", wishes, database.TakenIn("comments"))
	if err != nil {
		return err
	}
	for i := range list {
		c := &list[i]
		c.id = ids.Give(c.ID)
		if key := (commentAt{c.post.index, c.ID}); c.ID > 0 && at[key] == 0 {
			at[key] = c.id
		}
	}
	comments, meta := database.NewRows("comments", site.CommentColumns), database.NewRows("comment_meta", "comment_id, key, value")
	var grown []int64
	for i := range list {
		c := &list[i]
		b.addComment(c, at[commentAt{c.post.index, c.Parent}], comments)
		for _, m := range c.Meta {
			if m.Key != "" {
				meta.Add(c.id, database.CleanText(m.Key), database.CleanText(m.Value))
			}
		}
		if c.post.there {
			c.post.added = true
			grown = append(grown, c.post.row.ID)
		}
		b.report.Comments.Added++
	}
	if err := comments.Insert(ctx, b.tx); err != nil {
		return err
	}
	if err := meta.Insert(ctx, b.tx); err != nil {
		return err
	}
	for i := range b.posts {
		if p := &b.posts[i]; p.there && p.added {
			b.report.Posts.Same--
			b.report.Posts.Changed++
		}
	}
	return b.countComments(ctx, grown)
}

// commentAt is a comment in the source: its number, and the post of the batch
// that it is on.
type commentAt struct {
	post int
	id   int64
}

// newComments finds the comments to be added, and the ids in this blog of those
// that exist.
func (b *intakeBatch) newComments(ctx context.Context) ([]newComment, map[commentAt]int64, error) {
	var old []int64
	for i := range b.posts {
		if p := &b.posts[i]; p.there && len(p.Comments) > 0 {
			old = append(old, p.row.ID)
		}
	}
	type row struct {
		ID      int64     `db:"id"`
		Post    int64     `db:"post_id"`
		Author  string    `db:"author"`
		DateGMT time.Time `db:"date_gmt"`
	}
	there, byID := map[commentKey][]int64{}, map[int64]commentKey{}
	err := database.SelectIn(ctx, b.tx, `SELECT id, post_id, author, date_gmt FROM comments WHERE post_id IN (?) ORDER BY id`, old, func(r row) {
		key := commentKey{r.Post, r.Author, r.DateGMT.Unix()}
		there[key] = append(there[key], r.ID)
		byID[r.ID] = key
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look for comments: %w", err)
	}
	var list []newComment
	at := map[commentAt]int64{}
	for i := range b.posts {
		p := &b.posts[i]
		for j := range p.Comments {
			c := newComment{Comment: &p.Comments[j], post: p}
			c.date, c.gmt = b.commentClocks(p, c.Comment)
			key := commentKey{p.row.ID, database.CleanText(c.Author), c.gmt.Unix()}
			if old := byID[c.ID]; c.Date.IsZero() && c.DateGMT.IsZero() && old.post == key.post && old.author == key.author {
				key = old // without a date, only the id identifies it
			}
			found := there[key]
			if len(found) == 0 {
				list = append(list, c)
				continue
			}
			n := max(slices.Index(found, c.ID), 0)
			at[commentAt{p.index, c.ID}] = found[n]
			there[key] = slices.Delete(found, n, n+1)
			b.report.Comments.Same++
		}
	}
	return list, at, nil
}

// commentClocks fills in the missing local or UTC date of a comment. A comment
// without a date gets the date of its post.
func (b *intakeBatch) commentClocks(p *intakePost, c *wxr.Comment) (date, gmt time.Time) {
	date, gmt = c.Date, c.DateGMT
	if date.IsZero() && gmt.IsZero() {
		if date = p.Date; date.IsZero() {
			date = b.in.options.Local(b.in.cfg.Date)
		}
	}
	if date.IsZero() {
		date = b.in.options.Local(gmt)
	}
	if gmt.IsZero() {
		gmt = b.in.options.UTC(date)
	}
	return date, gmt
}

// approved is the status of a comment in WordPress's database for an approved
// one. The other statuses have the same names there as here.
var approved = map[string]string{site.CommentApproved: "1", site.CommentHeld: "0"}

// commentStatus returns the status of a comment in this blog, or the text in
// the file if it is not a status.
func commentStatus(c *wxr.Comment) string {
	for status, there := range approved {
		if c.Approved == there {
			return status
		}
	}
	return c.Approved
}

func (b *intakeBatch) addComment(c *newComment, parent int64, into *database.Rows) {
	status, kind := commentStatus(c.Comment), c.Type
	if kind == "" {
		kind = "comment"
	}
	object := "comment " + strconv.FormatInt(c.ID, 10) + " on " + c.post.object()
	if !slices.Contains(bundleCommentStatuses, status) {
		b.differs(object, fmt.Sprintf("unknown status %q: it awaits moderation", status))
		status = site.CommentHeld
	}
	if parent == c.id {
		parent = 0
	}
	if parent == 0 && c.Parent > 0 {
		b.differs(object, "the comment that it replies to does not exist")
	}
	into.Add(c.id, c.post.row.ID, parent, b.userIDs[c.UserID], status, database.CleanText(kind), database.CleanText(c.Author), database.CleanText(c.AuthorEmail), database.CleanText(c.AuthorURL),
		database.CleanText(c.AuthorIP), "", database.CleanText(c.Content), c.date, c.gmt)
}

// countComments updates the comment counts of posts that existed before the
// batch.
func (b *intakeBatch) countComments(ctx context.Context, posts []int64) error {
	slices.Sort(posts)
	err := database.ExecIn(ctx, b.tx, `UPDATE posts SET comment_count = (SELECT COUNT(*) FROM comments c WHERE c.post_id = posts.id AND c.status = 'approve') WHERE id IN (?)`,
		slices.Compact(posts))
	if err != nil {
		return fmt.Errorf("count the comments: %w", err)
	}
	return nil
}
