package transfer

import "time"

// The portable objects are content on its way from one blog to another: an Intake takes them in, Walk hands them out.
// Their ids and parents are those of the blog that they come from; people are named by login, terms by slug.

// PortableAuthor is a user who wrote something.
type PortableAuthor struct {
	ID                                             int64 // 0 when unknown
	Login, Email, DisplayName, FirstName, LastName string
}

// PortableTerm is a term of a taxonomy.
type PortableTerm struct {
	ID          int64 // 0 when unknown
	Taxonomy    string
	Slug        string // made from the name when empty
	Parent      string // slug of the parent, "" at the top
	Name        string
	Description string
	Meta        []PortableMeta
}

// PortableMeta is a custom field.
type PortableMeta struct{ Key, Value string }

// PortableTermRef says that a post has a term. A term that is not there is made of its slug and name.
type PortableTermRef struct{ Taxonomy, Slug, Name string }

// PortablePost is a post of any type, with its terms, custom fields and comments. The times are as in Post; those that
// are zero are made from the others.
type PortablePost struct {
	ID            int64 // 0 when unknown
	Type          string
	Status        string
	Title         string
	Name          string // the slug
	Author        string // login, "" for nobody
	Content       string
	Excerpt       string
	Password      string
	Parent        int64
	MenuOrder     int64
	CommentStatus string
	PingStatus    string
	GUID          string
	Sticky        bool
	Date          time.Time
	DateGMT       time.Time
	Modified      time.Time
	ModifiedGMT   time.Time
	Terms         []PortableTermRef
	Meta          []PortableMeta
	Comments      []PortableComment
	// File is an attachment's file: its name below the uploads. FileURL is its address.
	File    string
	FileURL string
	// Link is the address of the post's page. Walk gives it, an Intake does not look at it.
	Link string
}

// PortableComment is a comment, pingback or trackback.
type PortableComment struct {
	ID      int64
	Parent  int64
	UserID  int64
	Status  string // one of the Comment constants, or post-trashed
	Type    string // comment when empty
	Author  string
	Email   string
	URL     string
	IP      string
	Content string
	Date    time.Time
	DateGMT time.Time
	Meta    []PortableMeta
}
