package site

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
)

// NewComment describes a comment to create. Author, Email and URL are used only
// for visitors.
type NewComment struct {
	Post    int64
	Parent  int64 // the comment that it replies to; an unknown one becomes 0
	Content string

	Author, Email, URL string

	// Token is the result of PasswordToken, if the visitor has entered the
	// password of the post; otherwise it is "".
	Token string

	// IP is the address of the client, and Agent its User-Agent.
	IP, Agent string
}

var (
	// ErrCommentsClosed means that a post accepts no comments.
	ErrCommentsClosed = errors.New("comments are closed")
	// ErrSignInToComment means that only signed-in users may comment here.
	ErrSignInToComment = errors.New("comments are for signed-in users")
	// ErrSame means that an edit would change nothing.
	ErrSame = errors.New("nothing to change")
)

// CreateComment adds a comment and returns its id. The option who_may_comment
// decides who may: nobody, users, or anybody. Errors: ErrSignInToComment,
// ErrNotFound, *Denied, ErrCommentsClosed, ErrDuplicateComment,
// ErrCommentFlood, *Invalid, *Repeated.
func (s *Site) CreateComment(ctx context.Context, who auth.Identity, in NewComment) (int64, error) {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return 0, err
	}
	switch commenters := opts.Commenters(); {
	case !who.LoggedIn() && commenters != options.CommentersAnybody:
		return 0, ErrSignInToComment
	case commenters == options.CommentersNobody:
		return 0, ErrCommentsClosed
	}
	p, err := readHead(ctx, s.db, in.Post)
	if err != nil {
		return 0, s.unlessMade(ctx, who, err)
	}
	opened, err := s.OpensPost(ctx, p, in.Token)
	if err != nil {
		return 0, err
	}
	if err := s.mayComment(who, p, opened); err != nil {
		return 0, s.unlessMade(ctx, who, err)
	}
	c, err := s.newComment(who, in, opts)
	if err != nil {
		return 0, err
	}
	err = s.create(ctx, who, commentLocks(&c), func(tx *database.Tx) (int64, error) {
		row := c
		if row.Parent, err = liveParent(ctx, tx, row); err != nil {
			return 0, err
		}
		if err := s.admitComment(ctx, tx, who, &row, p, opts); err != nil {
			return 0, err
		}
		if row.ID, err = insertComment(ctx, tx, row); err != nil {
			return 0, err
		}
		c.ID = row.ID
		return c.ID, s.tell(ctx, tx, CommentNews{row, p, opts, who.User.ID})
	})
	if err != nil {
		return 0, fmt.Errorf("comment on post %d: %w", in.Post, err)
	}
	return c.ID, nil
}

// CommentNews is a comment that is new, or that somebody has approved.
type CommentNews struct {
	Comment Comment
	Post    *Post // without texts
	Options *options.Values
	By      int64 // the user who did it; 0 for visitors and other sites
}

// OnComment registers fn to be called with each comment that is written or
// approved, in the transaction that does it. fn must use only tx. Call
// OnComment before the site is used.
func (s *Site) OnComment(fn func(context.Context, *database.Tx, CommentNews) error) { s.commented = fn }

// tell calls the function that OnComment registered.
func (s *Site) tell(ctx context.Context, tx *database.Tx, news CommentNews) error {
	if s.commented == nil {
		return nil
	}
	return s.commented(ctx, tx, news)
}

// mayComment reports whether a post accepts a comment from this caller. The
// caller must be able to read the post; as in WordPress, signed-in users may
// also comment on posts that are not published yet. opened means that the post
// has no password or the caller has entered it.
func (s *Site) mayComment(who auth.Identity, p *Post, opened bool) error {
	if p.CommentStatus != "open" || p.Type == TypeRevision {
		return ErrCommentsClosed
	}
	waits := p.Status == StatusDraft || p.Status == StatusPending || p.Status == StatusFuture
	if !(waits && who.LoggedIn()) && !s.CanRead(who, p, "") || p.Status == StatusPublish && !opened && !s.CanEdit(who, p) {
		return &Denied{Action: "comment on this post"}
	}
	return nil
}

// newComment assembles the comment, except for its id and its status.
func (s *Site) newComment(who auth.Identity, in NewComment, o *options.Values) (Comment, error) {
	now := s.now()
	c := Comment{
		Post: in.Post, Parent: in.Parent, UserID: who.User.ID, Type: "comment", Author: in.Author, Email: in.Email, URL: in.URL,
		IP: in.IP, Agent: in.Agent, Content: strings.TrimSpace(in.Content), DateGMT: now, Date: o.Local(now),
	}
	if who.LoggedIn() {
		c.Author, c.Email, c.URL = who.User.DisplayName, who.User.Email, who.User.URL
	} else if o.Bool("require_name_email") {
		switch email := strings.TrimSpace(in.Email); {
		case strings.TrimSpace(in.Author) == "" || len(email) < 6:
			return c, &Invalid{Field: "author", Why: "a comment needs the name and the e-mail address of its author"}
		case !validEmail(email):
			return c, &Invalid{Field: "author_email", Why: "this is not an e-mail address"}
		}
	}
	if c.Content == "" {
		return c, &Invalid{Field: "content", Why: "a comment needs text"}
	}
	if err := checkCommentLengths(&c); err != nil {
		return c, err // before the expensive filtering, which may lengthen the texts again
	}
	s.filterCommentTexts(&c, unfilteredComment(who.User))
	return c, checkCommentLengths(&c)
}

// liveParent returns the parent if it is a comment that can be replied to,
// otherwise 0. As in WordPress, it may be on another post.
func liveParent(ctx context.Context, tx *database.Tx, c Comment) (int64, error) {
	if c.Parent == 0 {
		return 0, nil
	}
	var n int64
	err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM comments WHERE id = $1 AND status IN ('approve', 'hold')`, c.Parent)
	if err != nil {
		return 0, fmt.Errorf("look for comment %d: %w", c.Parent, err)
	}
	if n == 0 {
		return 0, nil
	}
	return c.Parent, nil
}

// insertComment writes a new comment, counts it and returns its id.
func insertComment(ctx context.Context, tx *database.Tx, c Comment) (id int64, err error) {
	err = tx.Get(ctx, &id, `INSERT INTO comments (post_id, parent, user_id, status, type, author, email, url, ip, agent, content, date, date_gmt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id`,
		c.Post, c.Parent, c.UserID, c.Status, c.Type, c.Author, c.Email, c.URL, c.IP, c.Agent, c.Content, c.Date, c.DateGMT)
	if err != nil {
		return 0, fmt.Errorf("write a comment: %w", err)
	}
	if c.Status != CommentApproved {
		return id, nil
	}
	return id, countPostComments(ctx, tx, c.Post)
}

// CommentEdit is a change to a comment. Nil fields stay as they are.
type CommentEdit struct {
	Status                      *string
	Content, Author, Email, URL *string
	DateGMT                     *time.Time
}

// EditComment changes a comment. The caller needs the right to edit its post.
// Errors: ErrNoComment, *Denied, *Invalid for an unknown status, ErrSame.
func (s *Site) EditComment(ctx context.Context, who auth.Identity, id int64, e CommentEdit) error {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return err
	}
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		old, p, err := readComment(ctx, tx, id)
		if err != nil {
			return err
		}
		if !s.canModerate(who, p) {
			return errModerate
		}
		c := old
		if err := s.applyCommentEdit(ctx, who, &c, e, opts); err != nil {
			return err
		}
		if c.Equal(old) {
			return ErrSame
		}
		err = tx.Later(ctx, `UPDATE comments SET status = $2, author = $3, email = $4, url = $5, content = $6, date = $7, date_gmt = $8 WHERE id = $1`,
			c.ID, c.Status, c.Author, c.Email, c.URL, c.Content, c.Date, c.DateGMT)
		if err != nil || c.Status == old.Status {
			return err
		}
		if err := countPostComments(ctx, tx, c.Post); err != nil || c.Status != CommentApproved {
			return err
		}
		return s.tell(ctx, tx, CommentNews{c, p, opts, who.User.ID})
	})
	if err != nil {
		return fmt.Errorf("edit comment %d: %w", id, err)
	}
	return nil
}

func (s *Site) applyCommentEdit(ctx context.Context, who auth.Identity, c *Comment, e CommentEdit, o *options.Values) error {
	if e.Status != nil {
		if !slices.Contains(commentStatuses, *e.Status) {
			return &Invalid{Field: "status", Why: "there is no such comment status"}
		}
		c.Status = *e.Status
	}
	if e.Author != nil {
		c.Author = plainLine(*e.Author)
	}
	if e.Email != nil {
		c.Email = strings.TrimSpace(database.CleanText(*e.Email))
	}
	if e.URL != nil {
		c.URL = webAddress(*e.URL)
	}
	if e.DateGMT != nil {
		c.DateGMT = e.DateGMT.UTC().Truncate(time.Second)
		c.Date = o.Local(c.DateGMT)
	}
	if e.Content == nil {
		return checkCommentLengths(c)
	}
	// The text is filtered with the rights of its author, who may be allowed
	// less than the editor.
	unfiltered := false
	if who.Can(auth.UnfilteredHTML) && c.UserID != 0 {
		author, err := s.users.Get(ctx, c.UserID)
		if err != nil && !errors.Is(err, auth.ErrNotFound) {
			return err
		}
		unfiltered = unfilteredComment(author)
	}
	c.Content = *e.Content
	if err := checkCommentLengths(c); err != nil {
		return err
	}
	c.Content = s.filterCommentContent(c.Content, unfiltered)
	return checkCommentLengths(c)
}

// Custom fields that keep the previous state of a comment in the trash.
const (
	metaCommentTrashStatus = "_wp_trash_meta_status"
	metaCommentTrashTime   = "_wp_trash_meta_time"
)

// DeleteComment moves a comment to the trash or, if it is already there or is
// spam, deletes it permanently; replies to it then become replies to its
// parent. Errors: ErrNoComment, *Denied.
func (s *Site) DeleteComment(ctx context.Context, who auth.Identity, id int64) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		c, p, err := readComment(ctx, tx, id)
		if err != nil {
			return err
		}
		if !s.canModerate(who, p) {
			return &Denied{Action: "delete this comment"}
		}
		if c.Status == CommentTrashed || c.Status == CommentSpam {
			if err := deleteComment(ctx, tx, c); err != nil {
				return err
			}
		} else if err := s.trashComment(ctx, tx, c); err != nil {
			return err
		}
		return countPostComments(ctx, tx, c.Post)
	})
	if err != nil {
		return fmt.Errorf("delete comment %d: %w", id, err)
	}
	return nil
}

func deleteComment(ctx context.Context, tx *database.Tx, c Comment) error {
	if err := tx.Later(ctx, `UPDATE comments SET parent = $2 WHERE parent = $1 AND parent <> 0`, c.ID, c.Parent); err != nil {
		return fmt.Errorf("move the answers up: %w", err)
	}
	err := tx.Later(ctx, `DELETE FROM comments WHERE id = $1`, c.ID)
	return err
}

func (s *Site) trashComment(ctx context.Context, tx *database.Tx, c Comment) error {
	if err := tx.Later(ctx, `UPDATE comments SET status = $2 WHERE id = $1`, c.ID, CommentTrashed); err != nil {
		return err
	}
	err := tx.Later(ctx, `INSERT INTO comment_meta (comment_id, key, value) VALUES ($1, $2, $3), ($1, $4, $5)`,
		c.ID, metaCommentTrashStatus, c.Status, metaCommentTrashTime, fmt.Sprint(s.now().Unix()))
	return err
}
