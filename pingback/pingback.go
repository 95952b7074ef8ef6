// Package pingback implements Pingback 1.0 for a blog, in both directions. It
// fetches the pages that claim to link to a post and turns them into comments,
// and it notifies the pages that published posts link to.
//
// Both send requests to addresses that strangers choose. Package fetch bounds
// each request; this package bounds their number.
package pingback

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/site"
)

// Reasons why a pingback is refused, as Pingback 1.0 and WordPress distinguish
// them. Others are site.ErrPinged, site.ErrPingSource, site.ErrCommentFlood,
// site.ErrDuplicateComment, fetch.ErrURL and fetch.ErrUnreachable.
var (
	// ErrElsewhere means that the target is not on this blog.
	ErrElsewhere = errors.New("pingback: target elsewhere")
	// ErrSelf means that source and target are the same post.
	ErrSelf = errors.New("pingback: source is target")
	// ErrTarget means that the target is not a post that accepts pingbacks.
	ErrTarget = errors.New("pingback: the target does not accept pingbacks")
	// ErrNoPost means that the target names a post by its id, and there is no
	// such post.
	ErrNoPost = errors.New("pingback: no such post")
	// ErrEmpty means that the source is an empty page.
	ErrEmpty = errors.New("pingback: nothing at the source")
	// ErrTitle means that the source has no title.
	ErrTitle = errors.New("pingback: source without title")
	// ErrLink means that the source does not link to the target.
	ErrLink = errors.New("pingback: source without link")
	// ErrWait means that this process has fetched too many pages lately.
	ErrWait = errors.New("pingback: too many looks at sources")
)

// Config holds the parts that pingbacks need. All except Fetch and Logger are
// required.
type Config struct {
	Site *site.Site
	// Fetch makes the requests. The default is a client with the default
	// limits.
	Fetch  *fetch.Client
	Logger *slog.Logger
}

// Blog receives and sends the pingbacks of a blog. It is safe for concurrent
// use.
type Blog struct {
	site   *site.Site
	db     *database.DB
	fetch  *fetch.Client
	clock  func() time.Time // of the blog
	logger *slog.Logger
	looks  *looks
}

// New returns a Blog that receives and sends pingbacks.
func New(cfg Config) *Blog {
	parts := cfg.Site.Parts()
	b := &Blog{site: cfg.Site, db: parts.DB, clock: parts.Clock, fetch: cfg.Fetch, logger: cfg.Logger, looks: newLooks(time.Now)}
	if b.fetch == nil {
		b.fetch = fetch.New(fetch.Config{UserAgent: "Mozilla/5.0 (compatible; Quillgate; +" + cfg.Site.BaseURL() + "/)"})
	}
	if b.logger == nil {
		b.logger = slog.New(slog.DiscardHandler)
	}
	return b
}

// now returns the current time in the precision of the database.
func (b *Blog) now() time.Time { return b.clock().UTC().Truncate(time.Second) }

// Ping is a notification that a page links to a post of this blog.
type Ping struct {
	// Source is the address of the page, Target that of the post as the page
	// spells it.
	Source, Target string
	// IP is the address of the client that sent the pingback, Agent its
	// User-Agent.
	IP, Agent string
}

// NewPing returns a Ping for two addresses as clients send them, with &
// possibly written as &amp;.
func NewPing(source, target string) Ping {
	return Ping{Source: plainAddress(source), Target: plainAddress(target)}
}

func plainAddress(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(database.CleanText(s), "&amp;", "&"))
}

// Receive turns a pingback into a comment. It checks everything it can without
// a request, and then fetches the source once. The comment's author is the
// title of the page, and its content is the text around the link. The comment
// is held or approved like those of other strangers. While the option pingback
// is off, no post accepts pingbacks.
func (b *Blog) Receive(ctx context.Context, p Ping) error {
	opts, err := b.site.Options().Current(ctx)
	if err != nil {
		return err
	}
	if !opts.Bool("pingback") {
		return ErrTarget
	}
	networks := opts.PingbackNetworks()
	if err := fetch.Check(p.Source, networks); err != nil {
		return err
	}
	post, err := b.check(ctx, p)
	if err != nil {
		return err
	}
	return b.looks.once(p, func() error {
		page, err := b.fetch.Do(ctx, fetch.Request{URL: p.Source, Networks: networks})
		if err != nil {
			return err
		}
		// As in WordPress, redirects are not followed here, and the status does
		// not need to be 200.
		if len(page.Body) == 0 {
			return ErrEmpty
		}
		return b.add(ctx, post, p, page.Text())
	})
}

// check finds the post of a pingback. It refuses a post that accepts no
// pingbacks, and one that already has this pingback.
func (b *Blog) check(ctx context.Context, p Ping) (*site.Post, error) {
	if !site.ValidPingSource(p.Source) {
		return nil, site.ErrPingSource
	}
	id, err := b.find(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	post, err := b.site.PostHead(ctx, id)
	if errors.Is(err, site.ErrNotFound) {
		return nil, ErrTarget
	}
	if err != nil {
		return nil, err
	}
	switch from, err := b.site.PostAt(ctx, p.Source); {
	case err == nil && from == id:
		return nil, ErrSelf
	case err != nil && !errors.Is(err, site.ErrNotFound):
		return nil, err
	}
	if !b.site.TakesPings(post) {
		return nil, ErrTarget
	}
	return post, b.site.RefusePinged(ctx, id, p.Source)
}

// add reads the source of a pingback and stores the comment.
func (b *Blog) add(ctx context.Context, post *site.Post, p Ping, page string) error {
	title, excerpt, err := readSource(page, p.Target)
	if err != nil {
		return err
	}
	return b.site.AddPingback(ctx, post, site.Pingback{Source: p.Source, Title: title, Excerpt: excerpt, IP: p.IP, Agent: p.Agent})
}

var (
	pathID     = regexp.MustCompile(`p/([0-9]{1,18})`)
	queryID    = regexp.MustCompile(`p=([0-9]{1,18})`)
	fragmentID = regexp.MustCompile(`^(?:.*post-)?([0-9]{1,18})`)
)

// find returns the post that a target names: by its address or, as
// pingback.ping of WordPress does, by an id in the path (p/12), the query
// (p=12) or the fragment (#12, #post-12), or by a fragment that is the slug or
// the title of a post.
func (b *Blog) find(ctx context.Context, target string) (int64, error) {
	at, err := url.Parse(target)
	if err != nil {
		return 0, ErrElsewhere
	}
	base, err := url.Parse(b.site.BaseURL())
	if err != nil {
		return 0, fmt.Errorf("read the base URL: %w", err)
	}
	plain := func(host string) string { return strings.TrimPrefix(strings.ToLower(host), "www.") }
	if at.Scheme != "http" && at.Scheme != "https" || plain(at.Host) != plain(base.Host) || !strings.HasPrefix(at.EscapedPath(), base.EscapedPath()) {
		return 0, ErrElsewhere
	}
	at.Scheme, at.Host = base.Scheme, base.Host
	if id, err := b.site.PostAt(ctx, at.String()); !errors.Is(err, site.ErrNotFound) {
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
	id, err := b.site.PublishedBySlug(ctx, markup.Slug(at.Fragment))
	if errors.Is(err, site.ErrNotFound) {
		return 0, ErrTarget
	}
	return id, err
}

// Of returns the pages that link to the post at an address according to their
// pingbacks, the oldest first. It reads them during the iteration. It includes
// pages that await moderation, as pingback.extensions.getPingbacks of WordPress
// does. For a post that strangers may not read it returns none; WordPress
// reveals them. Errors: ErrTarget if no post has the address, ErrNoPost if the
// address names an id and there is no such post.
func (b *Blog) Of(ctx context.Context, address string) (iter.Seq2[[]string, error], error) {
	id, err := b.site.PostAt(ctx, strings.ReplaceAll(database.CleanText(address), "&amp;", "&"))
	if errors.Is(err, site.ErrNotFound) {
		return nil, ErrTarget
	}
	if err != nil {
		return nil, err
	}
	list, err := b.site.Pingbacks(ctx, id)
	if errors.Is(err, site.ErrNotFound) {
		return nil, ErrNoPost
	}
	return list, err
}
