package site

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/network"
	"github.com/quillgate/quillgate/options"
)

// commentPause is the least time between two comments of someone who may not
// moderate.
const commentPause = 15 * time.Second

var (
	// ErrDuplicateComment means that the same author has already made the same
	// comment on the same post.
	ErrDuplicateComment = errors.New("the comment already exists")
	// ErrCommentFlood means that the author's last comment is only seconds old.
	ErrCommentFlood = errors.New("comments come too quickly")
)

// admitComment applies the rules of wp_allow_comment to a comment before it is
// written: it refuses duplicates and floods, and sets the status.
func (s *Site) admitComment(ctx context.Context, tx *database.Tx, who auth.Identity, c *Comment, p *Post, o *options.Values) error {
	if err := refuseDuplicate(ctx, tx, c); err != nil {
		return err
	}
	moderator := who.Can(auth.ModerateComments)
	if !moderator {
		if err := refuseFlood(ctx, tx, c); err != nil {
			return err
		}
	}
	if moderator || c.UserID != 0 && c.UserID == p.Author {
		c.Status = CommentApproved
		return nil
	}
	if mentions(c, o.Text("disallowed_keys")) {
		c.Status = CommentTrashed
		return nil
	}
	approved, err := approveUnseen(ctx, tx, c, o)
	if err != nil {
		return err
	}
	c.Status = CommentHeld
	if approved {
		c.Status = CommentApproved
	}
	return nil
}

// refuseDuplicate looks for a comment with the same text, ignoring case and
// accents as WordPress's databases do.
func refuseDuplicate(ctx context.Context, tx *database.Tx, c *Comment) error {
	var n int64
	err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM comments WHERE post_id = $1 AND parent = $2 AND status <> 'trash'
		AND (`+tx.Folded("author")+` = `+tx.Folded("$3")+` OR (LOWER(email) = LOWER($4) AND email <> ''))
		AND `+tx.Folded("content")+` = `+tx.Folded("$5"), c.Post, c.Parent, c.Author, c.Email, c.Content)
	if err != nil {
		return fmt.Errorf("look for a comment that says the same: %w", err)
	}
	if n > 0 {
		return ErrDuplicateComment
	}
	return nil
}

// refuseFlood looks for the last comment of the same user (or from the same
// network, for visitors) and for one with the same e-mail address. There are
// few comments within the pause, so networks are compared here.
func refuseFlood(ctx context.Context, tx *database.Tx, c *Comment) error {
	var last []struct {
		User  int64  `db:"user_id"`
		IP    string `db:"ip"`
		Email string `db:"email"`
	}
	err := tx.Select(ctx, &last, `SELECT DISTINCT user_id, ip, email FROM comments WHERE date_gmt > $1`, c.DateGMT.Add(-commentPause))
	if err != nil {
		return fmt.Errorf("look for the last comment: %w", err)
	}
	for _, l := range last {
		same := sameNetwork(l.IP, c.IP)
		if c.UserID != 0 {
			same = l.User == c.UserID
		}
		if same || c.Email != "" && l.Email == c.Email {
			return ErrCommentFlood
		}
	}
	return nil
}

// sameNetwork reports whether two addresses count as one client. Texts that are
// not addresses must be equal.
func sameNetwork(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return a == b || errX == nil && errY == nil && network.Of(x) == network.Of(y)
}

// approveUnseen decides by the options whether a comment appears before a
// moderator has seen it, as WordPress's check_comment does.
func approveUnseen(ctx context.Context, tx *database.Tx, c *Comment, o *options.Values) (bool, error) {
	if o.Bool("comment_moderation") {
		return false, nil
	}
	if most := o.Int("comment_max_links"); most > 0 && markup.CountLinks(c.Content) >= most {
		return false, nil
	}
	if mentions(c, o.Text("moderation_keys")) {
		return false, nil
	}
	if !o.Bool("comment_previously_approved") {
		return true, nil
	}
	if c.Type != "comment" || c.Author == "" || c.Email == "" {
		return false, nil
	}
	query, args := `SELECT COUNT(*) FROM (SELECT 1 FROM comments WHERE author = $1 AND email = $2 AND status = 'approve' LIMIT 1) AS one`, []any{c.Author, c.Email}
	if c.UserID != 0 {
		query, args = `SELECT COUNT(*) FROM (SELECT 1 FROM comments WHERE user_id = $1 AND status = 'approve' LIMIT 1) AS one`, []any{c.UserID}
	}
	var before int64
	if err := tx.Get(ctx, &before, query, args...); err != nil {
		return false, fmt.Errorf("look for approved comments of the same author: %w", err)
	}
	return before > 0, nil
}

// mentions reports whether a comment contains one of the words, ignoring case.
// words has one word on each line.
func mentions(c *Comment, words string) bool {
	for line := range strings.Lines(words) {
		word := strings.TrimSpace(line)
		if word == "" {
			continue
		}
		pattern, err := regexp.Compile(`(?i)` + regexp.QuoteMeta(word))
		if err != nil {
			continue
		}
		for _, text := range []string{c.Author, c.Email, c.URL, c.Content, c.IP, c.Agent} {
			if pattern.MatchString(text) {
				return true
			}
		}
	}
	return false
}
