package site

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// Why a pingback is not taken, as Pingback 1.0 and WordPress tell the cases apart.
var (
	// ErrPingSource says that the address of the page that links is none that a comment can hold.
	ErrPingSource = errors.New("pingback: source address")
	// ErrPingElsewhere says that the target is not on this blog.
	ErrPingElsewhere = errors.New("pingback: target elsewhere")
	// ErrPingSelf says that source and target are the same post.
	ErrPingSelf = errors.New("pingback: source is target")
	// ErrPingTarget says that the target is not a post that takes
	// pingbacks.
	ErrPingTarget = errors.New("pingback: the target does not accept pingbacks")
	// ErrPingNoPost says that the target would be a post, but there is none of that id.
	ErrPingNoPost = errors.New("pingback: no such post")
	// ErrPinged says that the pingback already exists.
	ErrPinged = errors.New("pingback: already registered")
	// ErrPingTitle says that the page has no title.
	ErrPingTitle = errors.New("pingback: source without title")
	// ErrPingLink says that the page has no link to the target.
	ErrPingLink = errors.New("pingback: source without link")
)

// Pingback is what someone says about a page: that it links to a post of this
// blog.
type Pingback struct {
	// Source is the page, Target the address of the post as the page spells it.
	Source, Target string
	// Where the news comes from: the address of the client and what its program calls itself.
	IP, Agent string
}

// NewPingback reads the two addresses as clients send them, where & may have become &amp;.
func NewPingback(source, target string) Pingback {
	plain := func(s string) string {
		return strings.TrimSpace(strings.ReplaceAll(database.CleanText(s), "&amp;", "&"))
	}
	return Pingback{Source: plain(source), Target: plain(target)}
}

// CheckPingback reports whether the page is worth a look: that the target is a
// post which takes pingbacks and has none from this page yet. Errors:
// ErrPingSource, ErrPingElsewhere, ErrPingSelf, ErrPingTarget, ErrPinged.
func (s *Site) CheckPingback(ctx context.Context, p Pingback) error {
	post, err := s.pingTarget(ctx, p)
	if err != nil {
		return err
	}
	return refusePinged(ctx, s.db, post.ID, p)
}

// AddPingback makes a comment of a pingback out of the text of its source. The
// comment's author is the title of the page, and its content what stands around
// the link. Whether it appears at once is decided like that of other comments
// by strangers. Next to the errors of CheckPingback: ErrPingTitle, ErrPingLink,
// ErrCommentFlood, ErrDuplicateComment.
func (s *Site) AddPingback(ctx context.Context, p Pingback, page string) error {
	opts, err := s.Options(ctx)
	if err != nil {
		return err
	}
	post, err := s.pingTarget(ctx, p)
	if err != nil {
		return err
	}
	title, excerpt, err := readSource(page, p.Target)
	if err != nil {
		return err
	}
	now := s.now()
	c := Comment{
		Post: post.ID, Type: "pingback", Author: title, URL: p.Source, IP: p.IP, Agent: p.Agent,
		Content: "[&#8230;] " + escapeTitle(excerpt) + " [&#8230;]", DateGMT: now, Date: opts.Local(now),
	}
	s.filterCommentTexts(&c, false)
	c.Author = truncate(c.Author, maxCommentAuthor)
	if checkCommentLengths(&c) != nil || c.URL == "" {
		return ErrPingSource
	}
	err = s.db.Update(ctx, func(tx *database.Tx) error {
		row := c
		if err := refusePinged(ctx, tx, post.ID, p); err != nil {
			return err
		}
		// The page speaks, not the one who brings the news, whatever that one may do.
		if err := s.admitComment(ctx, tx, auth.Identity{}, &row, post, opts); err != nil {
			return err
		}
		_, err := insertComment(ctx, tx, row)
		return err
	})
	if err != nil {
		return fmt.Errorf("pingback to post %d: %w", post.ID, err)
	}
	return nil
}

// pingTarget finds the post and refuses it when it takes no pingbacks.
func (s *Site) pingTarget(ctx context.Context, p Pingback) (*Post, error) {
	if address := webAddress(p.Source); address == "" || len(address) > maxCommentURL {
		return nil, ErrPingSource
	}
	id, err := s.pingedPost(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	post, err := readHead(ctx, s.db, id)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrPingTarget
	}
	if err != nil {
		return nil, err
	}
	switch from, err := s.postAt(ctx, p.Source); {
	case err == nil && from == id:
		return nil, ErrPingSelf
	case err != nil && !errors.Is(err, ErrNotFound):
		return nil, err
	}
	if !s.TakesPings(post) {
		return nil, ErrPingTarget
	}
	return post, nil
}

// TakesPings reports whether a post takes pingbacks as far as the post itself
// is concerned: it is public and its ping_status is open.
func (s *Site) TakesPings(p *Post) bool {
	return p.PingStatus == "open" && (p.public() || p.Type == TypeAttachment && p.Status == StatusInherit)
}

var (
	pathID     = regexp.MustCompile(`p/([0-9]{1,18})`)
	queryID    = regexp.MustCompile(`p=([0-9]{1,18})`)
	fragmentID = regexp.MustCompile(`^(?:.*post-)?([0-9]{1,18})`)
)

// pingedPost finds the post that a target names: by its address or, as pingback.ping of WordPress does, by an id that
// stands in the path (p/12), in the query (p=12) or in the fragment (#12, #post-12), or by a fragment that is the slug
// of a post or its title.
func (s *Site) pingedPost(ctx context.Context, target string) (int64, error) {
	at, err := url.Parse(target)
	if err != nil {
		return 0, ErrPingElsewhere
	}
	base, err := url.Parse(s.baseURL)
	if err != nil {
		return 0, fmt.Errorf("read the base URL: %w", err)
	}
	plain := func(host string) string { return strings.TrimPrefix(strings.ToLower(host), "www.") }
	if at.Scheme != "http" && at.Scheme != "https" || plain(at.Host) != plain(base.Host) || !strings.HasPrefix(at.EscapedPath(), base.EscapedPath()) {
		return 0, ErrPingElsewhere
	}
	at.Scheme, at.Host = base.Scheme, base.Host
	if id, err := s.postAt(ctx, at.String()); !errors.Is(err, ErrNotFound) {
		return id, err
	}
	for _, place := range []struct {
		id   *regexp.Regexp
		text string
	}{{pathID, at.Path}, {queryID, at.RawQuery}, {fragmentID, at.Fragment}} {
		if m := place.id.FindStringSubmatch(place.text); m != nil {
			id, err := strconv.ParseInt(m[1], 10, 64)
			if err == nil && id > 0 {
				return id, nil
			}
		}
	}
	slug := markup.Slug(at.Fragment)
	if slug == "" {
		return 0, ErrPingTarget
	}
	var id int64
	err = s.db.Get(ctx, &id, `SELECT id FROM posts WHERE name = $1 AND type IN ('post', 'page') AND status = 'publish' ORDER BY id LIMIT 1`, slug)
	if errors.Is(err, database.ErrNoRows) {
		return 0, ErrPingTarget
	}
	if err != nil {
		return 0, fmt.Errorf("find a post by its slug: %w", err)
	}
	return id, nil
}

// refusePinged looks for a comment on the post by the same page, of whatever status.
func refusePinged(ctx context.Context, q database.Queryer, post int64, p Pingback) error {
	var n int64
	if err := q.Get(ctx, &n, `SELECT COUNT(*) FROM comments WHERE post_id = $1 AND url IN ($2, $3)`, post, p.Source, webAddress(p.Source)); err != nil {
		return fmt.Errorf("look for the pingback: %w", err)
	}
	if n > 0 {
		return ErrPinged
	}
	return nil
}

// Pingbacks returns the pages that have said to link to the post at an address, the oldest first, read while they are
// walked through; those that wait for a moderator too, as pingback.extensions.getPingbacks of WordPress does. A post that strangers may not
// read has none, where WordPress tells who links to it. Errors: ErrPingTarget when no post has such an address, ErrPingNoPost when
// there is no post of the id in it.
func (s *Site) Pingbacks(ctx context.Context, address string) (iter.Seq2[[]string, error], error) {
	id, err := s.postAt(ctx, strings.ReplaceAll(database.CleanText(address), "&amp;", "&"))
	if errors.Is(err, ErrNotFound) {
		return nil, ErrPingTarget
	}
	if err != nil {
		return nil, err
	}
	post, err := readHead(ctx, s.db, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrPingNoPost
	case err != nil:
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
