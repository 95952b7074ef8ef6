package public

import (
	"net/http"
	"net/url"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
)

// Visitors who are signed in get their own pages, which are made for each
// request and not cached. All others get cached pages; without a session cookie
// no session is looked up.

// visitor returns the user who sends the request, or the zero Identity if
// nobody is signed in.
func (p *Pages) visitor(r *http.Request) (auth.Identity, error) {
	if p.signedIn == nil {
		return auth.Identity{}, nil
	}
	return p.signedIn(r)
}

// The pages of the account, below the address of the blog. Browsers keep the
// session for the host that they have used, so these addresses have no host.
const (
	signInPath  = "/signin"
	signOutPath = "/signout"
	accountPath = "/profile"
)

// editPaths are the addresses of the edit forms, by type.
var editPaths = map[string]string{site.TypePost: "/admin/posts/", site.TypePage: "/admin/pages/", site.TypeAttachment: "/admin/media/"}

// account returns the data for a visitor who is signed in, or nil.
func (p *Pages) account(who auth.Identity) *Account {
	if !who.LoggedIn() {
		return nil
	}
	return &Account{Name: who.User.DisplayName, URL: p.basePath + accountPath, SignOut: p.basePath + signOutPath}
}

// signIn returns the address for signing in, from which the visitor returns to
// a post (0: to no post). It is "" if visitors cannot sign in or have done so.
func (p *Pages) signIn(who auth.Identity, post int64, fragment string) string {
	switch {
	case p.signedIn == nil || who.LoggedIn():
		return ""
	case post == 0:
		return p.basePath + signInPath
	}
	return p.basePath + signInPath + "?next=" + url.QueryEscape("/?p="+itoa(post)+fragment)
}

// editLink returns the address of the edit form of a post, or "" if the visitor
// may not edit it.
func (p *Pages) editLink(who auth.Identity, post *site.Post) string {
	path := editPaths[post.Type]
	if path == "" || !who.LoggedIn() || !p.site.CanEdit(who, post) {
		return ""
	}
	return p.basePath + path + itoa(post.ID)
}
