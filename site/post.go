package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
)

// The statuses of a post, with WordPress's names and meanings.
const (
	StatusPublish   = "publish"
	StatusFuture    = "future" // becomes publish at its date
	StatusDraft     = "draft"
	StatusPending   = "pending" // awaits someone who may publish
	StatusPrivate   = "private"
	StatusTrash     = "trash"
	StatusInherit   = "inherit"    // attachments and revisions: as public as the parent
	StatusAutoDraft = "auto-draft" // begun and never saved
)

// Post is a row of the table of posts: a post, a page, an attachment or a
// revision.
type Post struct {
	ID            int64      `db:"id"`
	Type          string     `db:"type"`   // post, page, attachment, revision
	Status        string     `db:"status"` // one of the Status constants
	Title         string     `db:"title"`
	Name          string     `db:"name"` // the slug
	Author        int64      `db:"author"`
	Content       string     `db:"content"`
	Excerpt       string     `db:"excerpt"`
	Password      string     `db:"password"`
	Parent        int64      `db:"parent"`
	MenuOrder     int64      `db:"menu_order"`
	CommentStatus string     `db:"comment_status"` // open or closed
	PingStatus    string     `db:"ping_status"`    // open or closed
	MimeType      string     `db:"mime_type"`
	GUID          string     `db:"guid"` // "" means the plain address; see Site.GUID
	Sticky        bool       `db:"sticky"`
	CommentCount  int64      `db:"comment_count"`
	Date          time.Time  `db:"date"`     // the site's wall clock
	DateGMT       *time.Time `db:"date_gmt"` // nil where WordPress stores zeros: a draft without its own date
	Modified      time.Time  `db:"modified"` // the site's wall clock
	ModifiedGMT   *time.Time `db:"modified_gmt"`
	// TrashedFrom is the previous status of a trashed post (custom field
	// _wp_trash_meta_status), or "" if it was not loaded.
	TrashedFrom string `db:"-"`
}

// FullPost is a post with related data, as requested by Load flags.
type FullPost struct {
	Post
	// Link is the address of the post.
	Link string
	// Terms are the terms of all taxonomies, ordered by name. LoadTerms.
	Terms []Term
	// Format is the post format, "standard" if the post has none. LoadTerms.
	Format string
	// CustomFields are all custom fields, including protected ones, sorted by
	// key and id. LoadFields.
	CustomFields []CustomField
	// Thumbnail is the id of the attachment that illustrates the post, or 0.
	// LoadFields.
	Thumbnail int64
	// TermFields are those of TermFields for Terms, by the ids of the terms.
	// LoadTermFields with LoadTerms.
	TermFields map[int64][]CustomField
}

// Load selects the related data of a FullPost, and the parts of the row that
// may be left out. Related data costs one statement for all posts together.
type Load uint8

// The parts of a FullPost that must be requested, and those that a list can
// omit.
const (
	LoadTerms      Load = 1 << iota // Terms, Format
	LoadFields                      // CustomFields, Thumbnail
	LoadTermFields                  // TermFields, for users who may edit terms
	WithoutTexts                    // leaves Content and Excerpt empty in lists, without reading them
)

// public reports whether a visitor may see the post, ignoring its password.
func (p *Post) public() bool { return p.Status == StatusPublish }

// DropPrivatePassword removes the password of a private post: only users who
// may read private posts see it, and nobody should be asked for a forgotten
// password when it is published later (wp.editPost).
func (p *Post) DropPrivatePassword() {
	if p.Status == StatusPrivate {
		p.Password = ""
	}
}

// Floating reports whether a post with this status has no date of its own yet.
func Floating(status string) bool {
	return status == StatusDraft || status == StatusPending || status == StatusAutoDraft
}

// Moment returns the instant of the post's date: its GMT date or, for a draft
// without one, its local date in the site's current time zone.
func (s *Site) Moment(p *Post) time.Time {
	if p.DateGMT != nil {
		return *p.DateGMT
	}
	return s.options.UTC(p.Date)
}

// ModifiedMoment returns the instant of the last change, as Moment does for the
// date.
func (s *Site) ModifiedMoment(p *Post) time.Time {
	if p.ModifiedGMT != nil {
		return *p.ModifiedGMT
	}
	return s.options.UTC(p.Modified)
}

// postHeadColumns are the columns of a post without its texts, which may be as
// large as a request.
const postHeadColumns = `p.id, p.type, p.status, p.name, p.author, p.password, p.parent, p.menu_order, p.comment_status, p.ping_status, p.mime_type,
	p.guid, p.sticky, p.comment_count, p.date, p.date_gmt, p.modified, p.modified_gmt`

const postColumns = postHeadColumns + `, p.title, p.content, p.excerpt`

// readPost reads a post of any type without its large texts, which complete
// reads, and with TrashedFrom if it is in the trash. Error: ErrNotFound. A text
// that nobody uses must not take memory from those that are used, so callers
// check rights first.
func readPost(ctx context.Context, q database.Queryer, id int64) (*pagePost, error) {
	var row pagePost
	err := q.Get(ctx, &row, `SELECT `+postPageColumns+` FROM posts p WHERE p.id = $1`, id)
	if errors.Is(err, database.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read post %d: %w", id, err)
	}
	if row.Status == StatusTrash {
		if err := readTrashedFrom(ctx, q, []*Post{&row.Post}); err != nil {
			return nil, err
		}
	}
	return &row, nil
}

// readHead is readPost for callers that need no large text.
func readHead(ctx context.Context, q database.Queryer, id int64) (*Post, error) {
	row, err := readPost(ctx, q, id)
	if err != nil {
		return nil, err
	}
	return &row.Post, nil
}

// PostHead returns a post of any type without its texts, without checking
// rights. Error: ErrNotFound.
func (s *Site) PostHead(ctx context.Context, id int64) (*Post, error) { return readHead(ctx, s.db, id) }

// PostHeads is PostHead for several posts, in no particular order, without
// missing ones.
func (s *Site) PostHeads(ctx context.Context, q database.Queryer, ids []int64) (posts []Post, err error) {
	err = database.SelectIn(ctx, q, `SELECT `+postHeadColumns+` FROM posts p WHERE p.id IN (?)`, ids, func(p Post) { posts = append(posts, p) })
	return posts, err
}

// PublishedBySlug returns the id of a published post or page with a slug.
// Error: ErrNotFound.
func (s *Site) PublishedBySlug(ctx context.Context, slug string) (id int64, err error) {
	if slug == "" {
		return 0, ErrNotFound
	}
	err = s.db.Get(ctx, &id, `SELECT id FROM posts WHERE name = $1 AND type IN ('post', 'page') AND status = 'publish' ORDER BY id LIMIT 1`, slug)
	if errors.Is(err, database.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("find a post by its slug: %w", err)
	}
	return id, nil
}

// metaOfPost is a custom field of a known name.
type metaOfPost struct {
	Post  int64  `db:"post_id"`
	Value string `db:"value"`
}

// readTrashedFrom sets TrashedFrom of the posts that are in the trash.
func readTrashedFrom(ctx context.Context, q database.Queryer, posts []*Post) error {
	byID := make(map[int64]*Post)
	ids := make([]int64, 0, len(posts))
	for _, p := range posts {
		if p.Status == StatusTrash {
			byID[p.ID] = p
			ids = append(ids, p.ID)
		}
	}
	err := database.SelectIn(ctx, q, `SELECT post_id, value FROM post_meta WHERE key = ? AND post_id IN (?)`, ids,
		func(m metaOfPost) { byID[m.Post].TrashedFrom = m.Value }, metaTrashStatus)
	if err != nil {
		return fmt.Errorf("read what trashed posts were: %w", err)
	}
	return nil
}

// postsByID indexes posts by their ids; the pointers point into the slice.
func postsByID(posts []Post) map[int64]*Post {
	found := make(map[int64]*Post, len(posts))
	for i := range posts {
		found[posts[i].ID] = &posts[i]
	}
	return found
}
