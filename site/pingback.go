package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// This file holds the part of pingbacks that concerns posts and comments.
// Package pingback determines what to store, and sends pingbacks.

var (
	// ErrPinged means that the post already has this pingback.
	ErrPinged = errors.New("pingback: already registered")
	// ErrPingSource means that the address of the linking page does not fit
	// into a comment.
	ErrPingSource = errors.New("pingback: source address")
)

// Pingback is a comment that another page causes by linking to a post.
type Pingback struct {
	Source         string // address of the page
	Title, Excerpt string // of the page; the excerpt is HTML text without elements
	// IP is the address of the client that sent the pingback, Agent its
	// User-Agent.
	IP, Agent string
}

// ValidPingSource reports whether the address of a page fits into a comment.
func ValidPingSource(source string) bool {
	address := webAddress(source)
	return address != "" && len(address) <= maxCommentURL
}

// TakesPings reports whether a post itself accepts pingbacks: it is public and
// its ping_status is open.
func (s *Site) TakesPings(p *Post) bool {
	return p.PingStatus == "open" && (p.public() || p.Type == TypeAttachment && p.Status == StatusInherit)
}

// AddPingback adds a pingback as a comment to a post for which TakesPings is
// true. It is held or approved like other comments by strangers. Errors:
// ErrPingSource, ErrPinged, ErrCommentFlood, ErrDuplicateComment.
func (s *Site) AddPingback(ctx context.Context, post *Post, p Pingback) error {
	opts, err := s.options.Current(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	c := Comment{
		Post: post.ID, Type: "pingback", Author: p.Title, URL: p.Source, IP: p.IP, Agent: p.Agent,
		Content: "[&#8230;] " + markup.EscapeTitle(p.Excerpt) + " [&#8230;]", DateGMT: now, Date: opts.Local(now),
	}
	s.filterCommentTexts(&c, false)
	c.Author = truncate(c.Author, maxCommentAuthor)
	if checkCommentLengths(&c) != nil || c.URL == "" {
		return ErrPingSource
	}
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		row := c
		if err := refusePinged(ctx, tx, post.ID, p.Source); err != nil {
			return err
		}
		// The author is the page, not the client that sent the pingback,
		// whatever that client may do.
		if err := s.admitComment(ctx, tx, auth.Identity{}, &row, post, opts); err != nil {
			return err
		}
		if row.ID, err = insertComment(ctx, tx, row); err != nil {
			return err
		}
		return s.tell(ctx, tx, CommentNews{Comment: row, Post: post, Options: opts})
	})
	if err != nil {
		return fmt.Errorf("pingback to post %d: %w", post.ID, err)
	}
	return nil
}

// RefusePinged returns ErrPinged if a post has a comment by the same page,
// whatever its status.
func (s *Site) RefusePinged(ctx context.Context, post int64, source string) error {
	return refusePinged(ctx, s.db, post, source)
}

func refusePinged(ctx context.Context, q database.Queryer, post int64, source string) error {
	var n int64
	if err := q.Get(ctx, &n, `SELECT COUNT(*) FROM comments WHERE post_id = $1 AND url IN ($2, $3)`, post, source, webAddress(source)); err != nil {
		return fmt.Errorf("look for the pingback: %w", err)
	}
	if n > 0 {
		return ErrPinged
	}
	return nil
}

// Pingbacks returns the addresses of the pages from which pingbacks to a post
// came, the oldest first, including those that await moderation. It reads them
// during the iteration. A post that strangers may not read has none. Error:
// ErrNotFound.
func (s *Site) Pingbacks(ctx context.Context, id int64) (iter.Seq2[[]string, error], error) {
	post, err := readHead(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	parent := ""
	if post.Status == StatusInherit && post.Parent != 0 {
		if parent, err = s.statusOf(ctx, post.Parent); err != nil {
			return nil, err
		}
	}
	if post.Type == TypeRevision || !s.CanRead(auth.Identity{}, post, parent) {
		return func(func([]string, error) bool) {}, nil
	}
	return walk(ctx, s.db, `SELECT id FROM comments WHERE post_id = $1 AND type = 'pingback' ORDER BY id`, []any{id}, slimRows, func(ids []int64) ([]string, error) {
		query, args, err := database.In(`SELECT url FROM comments WHERE id IN (?) ORDER BY id`, ids)
		if err != nil {
			return nil, err
		}
		var list []string
		err = s.db.Select(ctx, &list, query, args...)
		return list, err
	}), nil
}

// TellsOthers reports whether the pages that a post links to may learn of it.
func (p *Post) TellsOthers() bool { return p.Status == StatusPublish && p.Password == "" }

// toPingFor is how long a post waits to be searched for links. Older marks are
// from a time when pingbacks were off.
const toPingFor = 24 * time.Hour

// TakeToPing returns, within tx, posts that were published and not yet searched
// for links, with id and content, and removes their marks. It looks at up to
// limit posts; more reports whether others are waiting.
func (s *Site) TakeToPing(ctx context.Context, tx *database.Tx, limit int) (posts []Post, more bool, err error) {
	var marks []struct {
		ID   int64 `db:"id"`
		Post int64 `db:"post_id"`
	}
	err = tx.Select(ctx, &marks, `SELECT id, post_id FROM post_meta WHERE key = '`+MetaToPing+`' ORDER BY id LIMIT $1`, limit)
	if err != nil || len(marks) == 0 {
		return nil, false, err
	}
	var ids, of []int64
	for _, m := range marks {
		ids, of = append(ids, m.ID), append(of, m.Post)
	}
	now := s.now()
	recent := func(t *time.Time) bool { return t != nil && now.Sub(*t) < toPingFor }
	err = database.SelectIn(ctx, tx, `SELECT p.id, p.status, p.password, p.content, p.date_gmt, p.modified_gmt FROM posts p WHERE p.id IN (?)`, of, func(p Post) {
		if p.TellsOthers() && (recent(p.DateGMT) || recent(p.ModifiedGMT)) {
			posts = append(posts, p)
		}
	})
	if err != nil {
		return nil, false, err
	}
	return posts, len(marks) == limit, database.ExecIn(ctx, tx, `DELETE FROM post_meta WHERE id IN (?)`, ids)
}
