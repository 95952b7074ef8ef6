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
	// Title is the title of the window. Heading is shown above a list, or
	// on a page without a post.
	Title, Heading string
	Intro          string // the description of the author or the category, below the heading
	Notice         string // an event, such as a held comment or a wrong password
	Problem        bool   // the notice is an error
	Canonical      string
	Description    string
	Image          *Picture // for visitors who share the address
	NoIndex        bool     // search engines should not list the page
	Search         string   // the words of a search
	Menu           []Link
	Feeds          []Feed // the posts of the blog as RSS and as Atom, its comments, and the feeds of the page
	Posts          []Post // the pages of a list
	Post           *Post
	// Newer and Older are the neighbours of a page of a list, or of a post.
	Newer, Older *Link
	Comments     *Comments
	Account      *Account // the user who is signed in; nil: nobody
	SignIn       string   // the address to sign in; "" if somebody is signed in
	// Endpoint means that the page names the endpoint in the relation pingback,
	// where publishing clients also find it.
	Endpoint bool
}

// Blog is the data about the blog on all pages.
type Blog struct {
	Title, Tagline string
	URL            string // the address of the home page
	Path           string // the address of the home page without the host and a trailing slash
	Endpoint       string // the address for publishing clients
	Generator      string
	Style          string // the address of the style sheet
	Language       string
	Icon           string // the address of the icon of the site; "" if there is none
}

// Account is the data for a visitor who is signed in.
type Account struct {
	Name    string
	URL     string // the address of the account pages
	SignOut string // the target of the form to sign out, by POST
}

// Link is an address with a name.
type Link struct {
	Text, URL string
	Current   bool // it is the current page
}

// Feed is a feed with a name.
type Feed struct {
	Text, URL string
	Atom      bool // in place of RSS 2.0
}

// Post is a post, a page or an upload.
type Post struct {
	ID               int64
	Kind             string // post, page or attachment
	Title, Link      string
	Untitled         bool   // Title is only the beginning of the text
	Date             string // in the format of the blog
	Stamp, Changed   string // for machines (RFC 3339)
	Author           *Link  // nil if the author is unknown; without an address if they have no page
	Categories, Tags []Link
	Content          template.HTML // the whole text; empty if Locked
	Summary          template.HTML // the part that lists show
	More             bool          // the text is longer than the summary
	Continue         string        // the name of the link to the rest, in lists
	Pages            []Link        // the pages of a post that its author has divided, on its own page
	Locked           bool          // the visitor has not entered the password
	Sticky           bool
	Picture          *Picture      // the featured picture, or the picture that the post is
	File             *Link         // an upload that is not a picture
	Player           template.HTML // a player for an upload that is a sound or a video
	EditLink         string        // the address to edit it; "" if the visitor may not
	CommentsLink     *Link         // the number of comments; nil if there are none and none can be added
	plain            string        // the text without markup, for descriptions
	comments         int64
	tree             *html.Node // the text before it is rendered
	clip             bool       // the list decides how much of the text is shown
}

// Picture is a picture with its dimensions, so that the layout does not change
// when it loads.
type Picture struct {
	Src, Srcset, Sizes, Alt string
	Width, Height           int
}

// Comments are the comments on a post, and the form for another one.
type Comments struct {
	Heading string // the number of comments
	List    []*Comment
	Open    bool // there is a form for comments
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
	ByAuthor    bool // written by the author of the post
	Held        bool // it is held, and shown to its author only
	Date, Stamp string
	Link        string
	ReplyLink   string // "" if replies are not possible
	Content     template.HTML
	Answers     []*Comment
}

// CommentForm is the content of the form, also after a rejected comment.
type CommentForm struct {
	Action                       string
	Post, Parent                 int64
	Answering                    string // the author of the comment that this one replies to
	CancelLink                   string
	As                           string // the user who is signed in, and need not enter a name; "" for visitors
	Author, Email, URL, Text     string
	RequireName                  bool
	MaxAuthor, MaxEmail, MaxText int
}
