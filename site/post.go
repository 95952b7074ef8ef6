package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
)

// The statuses that a post may have. Names and meaning are WordPress's.
const (
	StatusPublish   = "publish"
	StatusFuture    = "future" // becomes publish when its date comes
	StatusDraft     = "draft"
	StatusPending   = "pending" // waits for someone who may publish
	StatusPrivate   = "private"
	StatusTrash     = "trash"
	StatusInherit   = "inherit"    // attachments and revisions: as public as their parent
	StatusAutoDraft = "auto-draft" // begun and never saved
)

// Post is one row of the posts: a post, a page, an attachment or a revision.
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
	GUID          string     `db:"guid"` // "" stands for the plain address; see Site.GUID
	Sticky        bool       `db:"sticky"`
	CommentCount  int64      `db:"comment_count"`
	Date          time.Time  `db:"date"`     // the site's wall clock
	DateGMT       *time.Time `db:"date_gmt"` // nil while WordPress would keep zeros: a draft without a date of its own
	Modified      time.Time  `db:"modified"` // the site's wall clock
	ModifiedGMT   *time.Time `db:"modified_gmt"`
	// TrashedFrom is the status that a trashed post had before (custom field _wp_trash_meta_status); "" when not loaded.
	TrashedFrom string `db:"-"`
}

// FullPost is a post with what belongs to it, as far as the Load flags asked for it.
type FullPost struct {
	Post
	// Link is the address of the post.
	Link string
	// Terms are the terms of all taxonomies, ordered by name. LoadTerms.
	Terms []Term
	// Format is the post format, "standard" when the post has none. LoadTerms.
	Format string
	// CustomFields are all custom fields, the protected ones too, ordered by key and id. LoadFields.
	CustomFields []CustomField
	// Thumbnail is the id of the attachment that illustrates the post, 0 for none. LoadFields.
	Thumbnail int64
}

// Load says what a FullPost brings along next to the row itself, and what of
// the row may be missing. What it brings along costs one statement for all
// posts together.
type Load uint8

// The parts of a FullPost that must be asked for, and those that a list can do without.
const (
	LoadTerms    Load = 1 << iota // Terms, Format
	LoadFields                    // CustomFields, Thumbnail
	WithoutTexts                  // Content and Excerpt stay empty in lists, and are not read
)

// public reports whether a visitor may see the post, were it not for its
// password.
func (p *Post) public() bool { return p.Status == StatusPublish }

// DropPrivatePassword takes the password away from a private post: only those
// who may read private posts see it, and no one is to be asked for a forgotten
// password when it is published later (wp.editPost).
func (p *Post) DropPrivatePassword() {
	if p.Status == StatusPrivate {
		p.Password = ""
	}
}

// Floating reports whether a post of this status has no date of its own yet.
func Floating(status string) bool {
	return status == StatusDraft || status == StatusPending || status == StatusAutoDraft
}

// Moment is the moment of the post's date: its GMT date or, for a draft without one, its local date in the site's
// present time zone.
func (s *Site) Moment(p *Post) time.Time {
	if p.DateGMT != nil {
		return *p.DateGMT
	}
	return s.UTC(p.Date)
}

// ModifiedMoment is the moment of the last change, found as Moment finds that of the date.
func (s *Site) ModifiedMoment(p *Post) time.Time {
	if p.ModifiedGMT != nil {
		return *p.ModifiedGMT
	}
	return s.UTC(p.Modified)
}

// postHeadColumns are those of a post without its texts, which may be as large as a request.
const postHeadColumns = `p.id, p.type, p.status, p.name, p.author, p.password, p.parent, p.menu_order, p.comment_status, p.ping_status, p.mime_type,
	p.guid, p.sticky, p.comment_count, p.date, p.date_gmt, p.modified, p.modified_gmt`

const postColumns = postHeadColumns + `, p.title, p.content, p.excerpt`

// readPost reads one post of any type without its large texts, which complete
// reads, and with TrashedFrom when it is in the trash. ErrNotFound when there
// is none. A text that no one looks at must not take the memory for those that
// are asked for, so callers find out first what someone may do with the post.
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

// PostHead reads a post of any type without its texts, whoever may see it. ErrNotFound.
func (s *Site) PostHead(ctx context.Context, id int64) (*Post, error) { return readHead(ctx, s.db, id) }

// PostHeads is PostHead for several posts, in no order; those that are not there are left out.
func (s *Site) PostHeads(ctx context.Context, q database.Queryer, ids []int64) (posts []Post, err error) {
	err = database.SelectIn(ctx, q, `SELECT `+postHeadColumns+` FROM posts p WHERE p.id IN (?)`, ids, func(p Post) { posts = append(posts, p) })
	return posts, err
}

// PublishedBySlug returns the id of a published post or page of that slug. ErrNotFound.
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

// readTrashedFrom fills in TrashedFrom of those posts that are in the trash.
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

// postsByID finds posts by their ids; it points into the slice.
func postsByID(posts []Post) map[int64]*Post {
	found := make(map[int64]*Post, len(posts))
	for i := range posts {
		found[posts[i].ID] = &posts[i]
	}
	return found
}
