package site

import "time"

// Post is one row of the posts: a post, a page, an attachment or a revision.
type Post struct {
	ID            int64      `db:"id"`
	Type          string     `db:"type"`   // post, page, attachment, revision
	Status        string     `db:"status"` // publish, future, draft, pending, private, trash, auto-draft, inherit
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
	GUID          string     `db:"guid"`
	Sticky        bool       `db:"sticky"`
	CommentCount  int64      `db:"comment_count"`
	Date          time.Time  `db:"date"`     // the site's wall clock
	DateGMT       *time.Time `db:"date_gmt"` // nil while WordPress would keep zeros: a draft without a date of its own
	Modified      time.Time  `db:"modified"` // the site's wall clock
	ModifiedGMT   *time.Time `db:"modified_gmt"`
	// TrashedFrom is the status that a trashed post had before (custom field _wp_trash_meta_status); "" when not loaded.
	TrashedFrom string `db:"-"`
}
