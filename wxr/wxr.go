// Package wxr reads and writes WordPress export files (WXR, "WordPress eXtended
// RSS") as a stream: RSS 2.0 with one channel, and the namespaces wp, excerpt,
// content and dc.
//
//	<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/" …>
//	<channel>
//	  <title>…</title> … <wp:wxr_version>1.2</wp:wxr_version>     Site
//	  <wp:author>…</wp:author>                                    Author, any number
//	  <wp:category>…</wp:category>                                Category, any number
//	  <wp:tag>…</wp:tag>                                          Tag, any number
//	  <wp:term>…</wp:term>                                        Term, any number
//	  <item>…</item>                                              Post, any number: every post type, with its terms,
//	</channel>                                                    custom fields and comments
//	</rss>
//
// A [Reader] accepts versions 1.0 to 1.2 and holds one item at a time, whatever
// the size of the file. It tolerates what real exports contain (control
// characters, bytes in the wrong character set, unknown elements, HTML
// entities, zero dates) and lists what it tolerated in [Reader.Notes]. An item
// that it cannot read is an [ItemError], after which it continues with the
// next. A [Writer] writes version 1.2 in WordPress's order, so that WordPress's
// importer can read it.
//
// A Reader returns what a Writer wrote, with these exceptions: characters that
// XML forbids are left out; dates have whole seconds; white space around slugs,
// logins, links, states and the like is removed (from all fields except titles,
// texts, names of people and terms, custom fields and the post's password); in
// a PostTerm, an empty taxonomy becomes category, "tag" becomes post_tag, and a
// term without a slug is dropped if it also exists with one.
package wxr

import (
	"errors"
	"fmt"
	"time"
)

// A Kind is the kind of an item.
type Kind string

// The kinds of items.
const (
	KindSite     Kind = "site"
	KindAuthor   Kind = "author"
	KindCategory Kind = "category"
	KindTag      Kind = "tag"
	KindTerm     Kind = "term"
	KindPost     Kind = "post"
)

// An Item is one of *Site, *Author, *Category, *Tag, *Term and *Post.
type Item interface {
	Kind() Kind
}

// A Site is the head of the channel.
type Site struct {
	Title       string
	Link        string
	Description string
	PubDate     time.Time // when the export was made; zero if absent
	Language    string    // "en-US"
	Version     string    // of the format; the Writer always writes 1.2
	BaseSiteURL string    // root of the installation or network
	BaseBlogURL string    // of this blog; links and attachments in texts begin with it
	Generator   string    // the software that made the file; WordPress writes it after the terms, so it may be missing here: see Reader.Site
}

// An Author is a user who wrote posts of the export. Version 1.0 has no
// authors; there, only Post.Creator is known.
type Author struct {
	ID          int64
	Login       string
	Email       string
	DisplayName string
	FirstName   string
	LastName    string
}

// A Category is a term of the taxonomy "category".
type Category struct {
	ID          int64  // 0 in version 1.0
	Slug        string // category_nicename
	Parent      string // slug of the parent, "" at the top
	Name        string
	Description string
	Meta        []Meta
}

// A Tag is a term of the taxonomy "post_tag".
type Tag struct {
	ID          int64 // 0 in version 1.0
	Slug        string
	Name        string
	Description string
	Meta        []Meta
}

// A Term is a term of any other taxonomy, including navigation menus.
type Term struct {
	ID          int64
	Taxonomy    string
	Slug        string
	Parent      string // slug of the parent, "" at the top
	Name        string
	Description string
	Meta        []Meta
}

// A Post is one item of the channel: a post, page, attachment, revision, menu
// entry or any other post type.
//
// Date and Modified hold the wall clock of the blog as if it were UTC; DateGMT
// and ModifiedGMT are the instants. All four are zero where WordPress writes
// 0000-00-00 00:00:00.
type Post struct {
	ID            int64
	Title         string
	Link          string
	Creator       string // login of the author
	GUID          string
	Content       string
	Excerpt       string
	Date          time.Time
	DateGMT       time.Time // from pubDate if the file has no wp:post_date_gmt
	Modified      time.Time // zero in exports older than WordPress 5.7
	ModifiedGMT   time.Time
	CommentStatus string // open or closed
	PingStatus    string // open or closed
	Name          string // the slug
	Status        string // publish, draft, pending, private, future, trash, inherit …
	Parent        int64  // ID of the parent post; 0 if none
	MenuOrder     int64
	Type          string // post, page, attachment, nav_menu_item …
	Password      string
	Sticky        bool
	AttachmentURL string     // of attachments only
	Terms         []PostTerm // of all taxonomies, in the file's order
	Meta          []Meta     // custom fields, in the file's order; keys may repeat
	Comments      []Comment
}

// A PostTerm assigns a term to a post.
type PostTerm struct {
	Taxonomy string // category, post_tag, post_format …
	Slug     string // "" if the file gives only the name
	Name     string
}

// A Meta is a custom field of a post, a comment or a term. The value is as in
// the database of WordPress, and may be serialized PHP.
type Meta struct {
	Key   string
	Value string
}

// A Comment is a comment, pingback or trackback of a post.
type Comment struct {
	ID          int64
	Author      string
	AuthorEmail string
	AuthorURL   string
	AuthorIP    string
	Date        time.Time // the blog's wall clock as if it were UTC
	DateGMT     time.Time
	Content     string
	Approved    string // 1, 0, spam, trash or post-trashed
	Type        string // "" or comment, pingback, trackback …
	Parent      int64  // ID of the comment that this one replies to; 0 if none
	UserID      int64  // ID of the author if it is a user; otherwise 0
	Meta        []Meta
}

// Kind returns KindSite.
func (*Site) Kind() Kind { return KindSite }

// Kind returns KindAuthor.
func (*Author) Kind() Kind { return KindAuthor }

// Kind returns KindCategory.
func (*Category) Kind() Kind { return KindCategory }

// Kind returns KindTag.
func (*Tag) Kind() Kind { return KindTag }

// Kind returns KindTerm.
func (*Term) Kind() Kind { return KindTerm }

// Kind returns KindPost.
func (*Post) Kind() Kind { return KindPost }

// Errors of a file as a whole (in a *FormatError) or of one item (in an
// *ItemError).
var (
	ErrNotExport = errors.New("not a WordPress export")
	ErrDoctype   = errors.New("document type and other markup declarations are not allowed")
	ErrCharset   = errors.New("character set not supported")
	ErrTrailing  = errors.New("elements after the end of the channel")
	ErrOffset    = errors.New("not an offset between two items")
	ErrTooLarge  = errors.New("larger than the limit")
	ErrTooDeep   = errors.New("elements nested deeper than the limit")
	ErrTooMany   = errors.New("more terms, custom fields and comments than the limit")
	ErrUnclosed  = errors.New("item without an end")
	ErrOrder     = errors.New("written out of order")
)

// An ItemError is an item that cannot be read. The Reader has skipped it: the
// next call of Next continues with the following item.
type ItemError struct {
	Offset int64 // of the item's start tag, in bytes from the beginning of the file
	Kind   Kind
	ID     int64 // the item's own number if it could be determined; otherwise 0
	Err    error // ErrTooLarge, ErrTooDeep, ErrTooMany, ErrDoctype, ErrUnclosed or an XML error
}

func (e *ItemError) Error() string {
	if e.ID == 0 {
		return fmt.Sprintf("%s at byte %d: %v", e.Kind, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s %d at byte %d: %v", e.Kind, e.ID, e.Offset, e.Err)
}

func (e *ItemError) Unwrap() error { return e.Err }

// A FormatError ends the reading: the file is not an export, is truncated
// (io.ErrUnexpectedEOF), or its source could not be read.
type FormatError struct {
	Offset int64 // in bytes from the beginning of the file
	Err    error
}

func (e *FormatError) Error() string { return fmt.Sprintf("export at byte %d: %v", e.Offset, e.Err) }

func (e *FormatError) Unwrap() error { return e.Err }

// A Note describes something in an item that was tolerated: the item differs
// from the file in this.
type Note struct {
	Field   string // the element, such as "wp:post_date"; "" for the whole item
	Problem string // for a report
}

// dateLayout is how WordPress writes dates outside pubDate.
const dateLayout = "2006-01-02 15:04:05"

const zeroDate = "0000-00-00 00:00:00"
