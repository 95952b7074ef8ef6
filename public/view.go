package public

import (
	"html/template"

	"golang.org/x/net/html"
)

// Page is the data for the templates of a theme. Texts are plain text unless
// their type is template.HTML; HTML from outside has passed the policy. All
// addresses are complete.
type Page struct {
	Blog Blog
	// Kind is home, archive, search, post, page, attachment, missing or closed.
	Kind string
	// Title is that of the window. Heading is shown above a list, or on a page
	// without a post.
	Title, Heading string
	Intro          string // of the author or the category, below the heading
	Notice         string // what has just happened: a comment waits, a password was wrong
	Problem        bool   // that the notice is bad news
	Canonical      string
	Description    string
	Image          *Picture // for those who share the address
	NoIndex        bool     // search engines are to leave the page alone
	Search         string   // what was searched for
	Menu           []Link
	Feeds          []Feed // the blog's posts as RSS and as Atom, its comments, and what the page has of its own
	Posts          []Post // of a list
	Post           *Post
	// Newer and Older are the neighbours of a page of a list, or of a post.
	Newer, Older *Link
	Comments     *Comments
	Account      *Account // who is signed in; nil for visitors
	SignIn       string   // where visitors sign in; "" for who has
	// Endpoint means that the page names the endpoint in the relation pingback,
	// where publishing clients also find it.
	Endpoint bool
}

// Blog is the data about the blog on all pages.
type Blog struct {
	Title, Tagline string
	URL            string // of the home page
	Path           string // of the home page, without host and without a slash at its end
	Endpoint       string // where publishing programs go
	Generator      string
	Style          string // address of the style sheet
	Language       string
	Icon           string // address of the icon of the site; "" for none
}

// Account is the data for a visitor who is signed in.
type Account struct {
	Name    string
	URL     string // of the pages of the account
	SignOut string // where the form goes that signs out, by POST
}

// Link is an address with its name.
type Link struct {
	Text, URL string
	Current   bool // the page that is shown
}

// Feed is a feed with its name.
type Feed struct {
	Text, URL string
	Atom      bool // in place of RSS 2.0
}

// Post is a post, a page or an upload.
type Post struct {
	ID               int64
	Kind             string // post, page or attachment
	Title, Link      string
	Untitled         bool   // Title is only how the text begins
	Date             string // as the blog writes dates
	Stamp, Changed   string // for machines (RFC 3339)
	Author           *Link  // nil when no one is known; without an address when they have no page
	Categories, Tags []Link
	Content          template.HTML // the whole text; empty while Locked
	Summary          template.HTML // what lists show of it
	More             bool          // that there is more than the summary
	Continue         string        // what the link to the rest is called, in lists
	Pages            []Link        // of a post that its author has divided, on its own page
	Locked           bool          // the visitor has not shown the password
	Sticky           bool
	Picture          *Picture      // that illustrates it, or that it is
	File             *Link         // of an upload that is not a picture
	Player           template.HTML // of an upload that is a sound or a film
	EditLink         string        // where the visitor can correct it; "" when they may not
	CommentsLink     *Link         // how many comments there are; nil when none are there and none can come
	plain            string        // the text without markup, for descriptions
	comments         int64
	tree             *html.Node // the text, until it is rendered
	clip             bool       // the list decides how much of the text it shows
}

// Picture is a picture with its dimensions, so that the layout does not change
// when it loads.
type Picture struct {
	Src, Srcset, Sizes, Alt string
	Width, Height           int
}

// Comments are the comments on a post, and the form for another one.
type Comments struct {
	Heading string // how many
	List    []*Comment
	Open    bool // the form is there
	// SignIn is the address for signing in to comment, if only users who are
	// signed in may comment; otherwise "".
	SignIn string
	Form   CommentForm
}

// Comment is a comment with its replies.
type Comment struct {
	ID          int64
	Kind        string // comment, pingback or trackback
	Author, URL string
	ByAuthor    bool // the author of the post wrote it
	Held        bool // it awaits moderation, and only its writer sees it
	Date, Stamp string
	Link        string
	ReplyLink   string // "" when it cannot be answered
	Content     template.HTML
	Answers     []*Comment
}

// CommentForm is the content of the form, also after a rejected comment.
type CommentForm struct {
	Action                       string
	Post, Parent                 int64
	Answering                    string // whom the comment answers
	CancelLink                   string
	As                           string // who is signed in, and asked for no name; "" for visitors
	Author, Email, URL, Text     string
	RequireName                  bool
	MaxAuthor, MaxEmail, MaxText int
}
