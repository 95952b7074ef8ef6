package transfer

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/options"
)

// A Bundle is a blog as one JSON object: the format that Import reads and
// Export writes. Every object has its id, so that a blog keeps its addresses
// when it moves.
//
//	{
//	  "blog_id": 1,
//	  "options":  {"blog_title": "My blog", "gmt_offset": 2, …},
//	  "theme":    {"template": …, "stylesheet": …, "supports": […], "page_templates": {…}},
//	  "users":    [{"id": 1, "login": "ada", "role": "administrator", "password": …}, …],
//	  "terms":    [{"term_id": 1, "taxonomy": "category", "name": …, "slug": …, "meta": […]}, …],
//	  "posts":    [{"id": 1, "type": "post", "status": "publish", "terms": [1], "meta": […]}, …],
//	  "comments": [{"id": 1, "post": 1, "status": "approve", …}, …],
//	  "next_ids": {"users": 100, "terms": 100, "posts": 100, "comments": 100, "postmeta": 100, "termmeta": 100}
//	}
//
// Every part may be missing. Posts include pages, attachments and revisions.
// Dates are in the time zone of the blog, or in UTC if their names end in _gmt;
// 0000-00-00 00:00:00 means that there is no date. The ids of new objects start
// at next_ids.
type Bundle struct {
	About    string            `json:"about,omitempty"`
	BlogID   int64             `json:"blog_id,omitempty"`
	Options  map[string]any    `json:"options,omitempty"` // numbers, booleans and text
	Users    []auth.ImportUser `json:"users,omitempty"`
	Terms    []BundleTerm      `json:"terms,omitempty"`
	Posts    []BundlePost      `json:"posts,omitempty"`
	Comments []BundleComment   `json:"comments,omitempty"`
	NextIDs  *BundleNextIDs    `json:"next_ids,omitempty"`
	Theme    *options.Theme    `json:"theme,omitempty"`
}

// BundleTerm is a category, a tag or a post format. A term and its entry in the
// taxonomy have one id here.
type BundleTerm struct {
	ID          int64        `json:"term_id"`
	TaxonomyID  int64        `json:"term_taxonomy_id,omitempty"`
	Taxonomy    string       `json:"taxonomy"`
	Name        string       `json:"name"`
	Slug        string       `json:"slug"`
	Parent      int64        `json:"parent"`
	Description string       `json:"description"`
	Group       int64        `json:"term_group"`
	Meta        []BundleMeta `json:"meta"`
}

// BundleMeta is a custom field. A field without an id gets the id of an equal
// field that exists, otherwise a new one.
type BundleMeta struct {
	ID    int64  `json:"id,omitempty"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// BundlePost is a post, a page, an attachment or a revision.
type BundlePost struct {
	ID            int64        `json:"id"`
	Type          string       `json:"type"`
	Status        string       `json:"status"`
	Title         string       `json:"title"`
	Name          string       `json:"name"`
	Author        int64        `json:"author"`
	Content       string       `json:"content"`
	Excerpt       string       `json:"excerpt"`
	Password      string       `json:"password"`
	Parent        int64        `json:"parent"`
	MenuOrder     int64        `json:"menu_order"`
	CommentStatus string       `json:"comment_status"`
	PingStatus    string       `json:"ping_status"`
	Date          BundleTime   `json:"date"`
	DateGMT       BundleTime   `json:"date_gmt"`
	Modified      BundleTime   `json:"modified"`
	ModifiedGMT   BundleTime   `json:"modified_gmt"`
	MimeType      string       `json:"mime_type"`
	GUID          string       `json:"guid,omitempty"`
	Sticky        bool         `json:"sticky"`
	Terms         []int64      `json:"terms"`
	Meta          []BundleMeta `json:"meta"`
	// OldAddresses are paths that the post had elsewhere, in the form of
	// permalink.Old, at most site.MaxOldAddresses. If there are none, the post
	// keeps those it has.
	OldAddresses []string `json:"old_addresses,omitempty"`
	// File is the name of an attachment's file below the folder of uploads.
	// Image is the size of a picture. An attachment without Data gets a plain
	// grey picture of that size.
	File  string       `json:"file,omitempty"`
	Image *BundleImage `json:"image,omitempty"`
	Data  []byte       `json:"data_base64,omitempty"`

	spooled *io.SectionReader // Data, if the bundle was read from a file
}

// BundleImage is the size of a picture in pixels.
type BundleImage struct {
	Width  int64 `json:"width"`
	Height int64 `json:"height"`
}

// BundleComment is a comment, a pingback or a trackback. Status is approve, hold, spam or trash.
type BundleComment struct {
	ID      int64        `json:"id"`
	Post    int64        `json:"post"`
	Status  string       `json:"status"`
	Author  string       `json:"author"`
	Email   string       `json:"email"`
	URL     string       `json:"url"`
	IP      string       `json:"ip"`
	Agent   string       `json:"agent,omitempty"`
	Type    string       `json:"type"`
	Content string       `json:"content"`
	Date    BundleTime   `json:"date"`
	DateGMT BundleTime   `json:"date_gmt"`
	Parent  int64        `json:"parent"`
	UserID  int64        `json:"user_id"`
	Meta    []BundleMeta `json:"meta,omitempty"`
}

// BundleNextIDs holds the lowest ids that new objects may get.
type BundleNextIDs struct {
	Users    int64 `json:"users,omitempty"`
	Terms    int64 `json:"terms,omitempty"`
	Posts    int64 `json:"posts,omitempty"`
	Comments int64 `json:"comments,omitempty"`
	PostMeta int64 `json:"postmeta,omitempty"`
	TermMeta int64 `json:"termmeta,omitempty"`
}

// BundleTime is a time in the format of bundles, 2006-01-02 15:04:05; the zero
// time is 0000-00-00 00:00:00.
type BundleTime struct{ time.Time }

const (
	bundleTimeLayout = "2006-01-02 15:04:05"
	bundleTimeZero   = "0000-00-00 00:00:00"
)

// MarshalJSON writes the time.
func (t BundleTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return json.Marshal(bundleTimeZero)
	}
	return json.Marshal(t.Format(bundleTimeLayout))
}

// UnmarshalJSON reads a time; "" is the zero time, as the zeros are.
func (t *BundleTime) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*t = BundleTime{}
	if text == "" || text == bundleTimeZero {
		return nil
	}
	at, err := time.Parse(bundleTimeLayout, text)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 2024-01-31 10:00:00", text)
	}
	t.Time = at
	return nil
}

// moment returns nil for the zero time.
func (t BundleTime) moment() *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}

func bundleTime(t *time.Time) BundleTime {
	if t == nil {
		return BundleTime{}
	}
	return BundleTime{t.UTC()}
}

// A BundleError names the part of a bundle that is invalid. The import has then
// changed nothing.
type BundleError struct {
	Object string // such as "post 12" or "options"
	Field  string // the member, or "" for the object itself
	Why    string
}

func (e *BundleError) Error() string {
	where := e.Object
	if e.Field != "" {
		where += ", " + e.Field
	}
	return "bundle: " + where + ": " + e.Why
}

// Report is the result of an import.
type Report struct {
	Users, Terms, Posts, Comments, Options Tally
	// Notes describe what was changed or ignored while reading: members that
	// the format does not have, and references to objects that do not exist.
	Notes []string
}

// Tally counts objects of one kind.
type Tally struct{ Added, Changed, Same int }

// Unchanged reports whether the import changed nothing.
func (r Report) Unchanged() bool {
	for _, t := range []Tally{r.Users, r.Terms, r.Posts, r.Comments, r.Options} {
		if t.Added+t.Changed > 0 {
			return false
		}
	}
	return true
}
