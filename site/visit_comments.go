package site

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
)

// maxVisibleComments is the largest number of comments on one page.
const maxVisibleComments = 2000

// VisibleComments returns the approved comments of a post, with pingbacks and
// trackbacks, the oldest first and at most 2000. The caller must check that the
// visitor may see the post.
func (s *Site) VisibleComments(ctx context.Context, post int64) ([]Comment, error) {
	var list []Comment
	err := s.db.Select(ctx, &list, `SELECT `+CommentColumns+` FROM comments WHERE post_id = $1 AND status = 'approve' ORDER BY date_gmt, id LIMIT `+strconv.Itoa(maxVisibleComments), post)
	if err != nil {
		return nil, fmt.Errorf("read the comments of post %d: %w", post, err)
	}
	return list, nil
}

// LatestComments returns the newest approved comments on posts and pages that
// everyone can read, the newest first: on one post, or on all if post is 0.
func (s *Site) LatestComments(ctx context.Context, post int64, limit int) ([]FullComment, error) {
	a := &arguments{}
	where := `c.status = 'approve' AND p.status = 'publish' AND p.password = '' AND p.type IN ('post', 'page')`
	if post != 0 {
		where += ` AND c.post_id = ` + a.add(post)
	}
	// A cross join keeps SQLite from starting with all posts.
	var rows []Comment
	err := s.db.Select(ctx, &rows, `SELECT c.id, c.post_id, c.parent, c.user_id, c.status, c.type, c.author, c.email, c.url, c.ip, c.agent, c.content, c.date, c.date_gmt
		FROM comments c CROSS JOIN posts p WHERE p.id = c.post_id AND `+where+` ORDER BY c.date_gmt DESC, c.id DESC LIMIT `+strconv.Itoa(min(max(limit, 1), maxPosts)), a.list...)
	if err != nil {
		return nil, fmt.Errorf("list the latest comments: %w", err)
	}
	return s.fullComments(ctx, rows)
}

// CommentersOf returns who may comment on a post that someone is reading, a
// value of OptionCommenters; opened means that they have entered its password.
// CreateComment decides by the same rules.
func (s *Site) CommentersOf(ctx context.Context, who auth.Identity, p *Post, opened bool) (string, error) {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return options.CommentersNobody, err
	}
	if p.Status != StatusPublish || s.mayComment(who, p, opened || p.Password == "") != nil {
		return options.CommentersNobody, nil
	}
	return opts.Commenters(), nil
}

// heldShown is how long the writer of a held comment can see it.
const heldShown = 24 * time.Hour

// CommentShown reports whether a comment that a visitor has just written is
// visible. If it is held for moderation, token lets its writer call
// HeldComment.
func (s *Site) CommentShown(ctx context.Context, id int64) (shown bool, token string, err error) {
	var status string
	err = s.db.Get(ctx, &status, `SELECT status FROM comments WHERE id = $1`, id)
	if err == nil && status == CommentHeld {
		token, err = s.visitorToken(ctx, "held comment", strconv.FormatInt(id, 10))
	}
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return false, "", fmt.Errorf("read the status of comment %d: %w", id, err)
	}
	return status == CommentApproved, token, nil
}

// HeldComment returns a held comment of a post, for a day, to the visitor with
// the token from CommentShown. The error is ErrNoComment if the comment is no
// longer held, or the token is wrong.
func (s *Site) HeldComment(ctx context.Context, post, id int64, token string) (Comment, error) {
	want, err := s.visitorToken(ctx, "held comment", strconv.FormatInt(id, 10))
	if err != nil {
		return Comment{}, err
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(token)) != 1 {
		return Comment{}, ErrNoComment
	}
	var c Comment
	err = s.db.Get(ctx, &c, `SELECT `+CommentColumns+` FROM comments WHERE id = $1 AND post_id = $2 AND status = 'hold' AND date_gmt > $3`,
		id, post, s.now().Add(-heldShown))
	if errors.Is(err, database.ErrNoRows) {
		return c, ErrNoComment
	}
	return c, err
}

// PicturesInText returns the attachments for the addresses and ids of pictures
// in texts: by id, and by the name of the file, without their descriptions. It
// costs two statements.
func (s *Site) PicturesInText(ctx context.Context, ids []int64, files []string) (map[int64]Attachment, map[string]Attachment, error) {
	byID, byFile := make(map[int64]Attachment), make(map[string]Attachment)
	if len(ids) == 0 && len(files) == 0 {
		return byID, byFile, nil
	}
	ids, files = ids[:min(len(ids), maxAdopted)], files[:min(len(files), maxAdopted)]
	if len(ids) == 0 {
		ids = []int64{-1}
	}
	if len(files) == 0 {
		files = []string{""}
	}
	query, args, err := database.In(`SELECT `+postHeadColumns+`, p.title, p.excerpt, `+AttachmentColumns+` FROM posts p JOIN attachments a ON a.post_id = p.id
		WHERE a.post_id IN (?) OR a.file IN (?)`, ids, files)
	if err != nil {
		return nil, nil, err
	}
	list, err := s.readAttachments(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	alts, err := s.alternatives(ctx, list)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range list {
		a.Alt = alts[a.ID]
		byID[a.ID], byFile[a.File] = a, a
	}
	return byID, byFile, nil
}

// alternatives reads the alternative texts of pictures.
func (s *Site) alternatives(ctx context.Context, list []Attachment) (map[int64]string, error) {
	out := make(map[int64]string)
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	err := database.SelectIn(ctx, s.db, `SELECT post_id, value FROM post_meta WHERE key = '`+metaAlt+`' AND post_id IN (?)`, ids,
		func(m metaOfPost) { out[m.Post] = m.Value })
	if err != nil {
		return nil, fmt.Errorf("read what pictures show: %w", err)
	}
	return out, nil
}

// MediaOf returns the ids of the pictures and of the audio and video files
// attached to each of the posts, in their authors' order.
func (s *Site) MediaOf(ctx context.Context, posts []int64) (map[int64][]int64, error) {
	out := make(map[int64][]int64)
	if len(posts) == 0 {
		return out, nil
	}
	query, args, err := database.In(`SELECT id, parent FROM posts WHERE parent IN (?) AND type = 'attachment' AND (mime_type LIKE 'image/%' OR mime_type LIKE 'audio/%' OR mime_type LIKE 'video/%')
		ORDER BY menu_order, id LIMIT `+strconv.Itoa(maxAdopted), posts)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID     int64 `db:"id"`
		Parent int64 `db:"parent"`
	}
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("list the media of posts: %w", err)
	}
	for _, r := range rows {
		out[r.Parent] = append(out[r.Parent], r.ID)
	}
	return out, nil
}
