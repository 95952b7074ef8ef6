package public

import (
	"net/http"
	"net/url"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
)

// Visitors who are signed in get pages of their own, which are made for each request and kept by no one. Everyone else
// gets the kept ones: without a session's cookie nothing is asked.

// visitor returns who sends the request, the zero Identity when no one is signed in.
func (p *Pages) visitor(r *http.Request) (auth.Identity, error) {
	if p.signedIn == nil {
		return auth.Identity{}, nil
	}
	return p.signedIn(r)
}

// The pages of the account, below the address of the blog. Browsers keep the session for the host that they have come
// by, so these addresses have no host.
const (
	signInPath  = "/signin"
	signOutPath = "/signout"
	accountPath = "/profile"
)

// editPaths are the forms for corrections, by type.
var editPaths = map[string]string{site.TypePost: "/admin/posts/", site.TypePage: "/admin/pages/", site.TypeAttachment: "/admin/media/"}

// account is what a page says to whoever is signed in; nil for everyone else.
func (p *Pages) account(who auth.Identity) *Account {
	if !who.LoggedIn() {
		return nil
	}
	return &Account{Name: who.User.DisplayName, URL: p.basePath + accountPath, SignOut: p.basePath + signOutPath}
}

// signIn is where visitors sign in, to come back to a post (0: not to one); "" when they cannot, or have.
func (p *Pages) signIn(who auth.Identity, post int64, fragment string) string {
	switch {
	case p.signedIn == nil || who.LoggedIn():
		return ""
	case post == 0:
		return p.basePath + signInPath
	}
	return p.basePath + signInPath + "?next=" + url.QueryEscape("/?p="+itoa(post)+fragment)
}

// editLink is where who can correct a post, "" when they may not.
func (p *Pages) editLink(who auth.Identity, post *site.Post) string {
	path := editPaths[post.Type]
	if path == "" || !who.LoggedIn() || !p.site.CanEdit(who, post) {
		return ""
	}
	return p.basePath + path + itoa(post.ID)
}
