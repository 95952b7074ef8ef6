package wordpress

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// In this dialect a post is a single text, in which two elements hold data for
// which Blogger had no place:
//
//	<title>A title</title><category>2,3</category>The text
var (
	bloggerTitle    = regexp.MustCompile(`(?is)<title>(.+?)</title>`)
	bloggerCategory = regexp.MustCompile(`(?is)<category>(.+?)</category>`)
)

// bloggerText parses such a text. As in WordPress, an element without text
// inside does not count as one. Without a category, the post keeps its
// categories.
func bloggerText(text string) site.PostEdit {
	var title string
	if m := bloggerTitle.FindStringSubmatch(text); m != nil {
		title = m[1]
	}
	e := site.PostEdit{Title: &title}
	if m := bloggerCategory.FindStringSubmatch(text); m != nil {
		ids := []int64{}
		for _, id := range strings.SplitN(strings.Trim(m[1], ","), ",", maxNames) {
			n := loose.LeadingInt(id)
			switch {
			case id == "" || id == "0":
				continue
			case n == 0:
				n = -1 // a text is never the id of a category
			}
			ids = append(ids, n)
		}
		e.Categories = &ids
	}
	text = bloggerCategory.ReplaceAllString(bloggerTitle.ReplaceAllString(text, ""), "")
	e.Content = new(strings.TrimSpace(text))
	return e
}

// bloggerStruct writes a post. As in WordPress, backslashes are removed, and
// the characters after them stay.
func bloggerStruct(p *site.FullPost) xmlrpc.Value {
	var ids []string
	for _, t := range p.Terms {
		if t.Taxonomy == site.Category {
			ids = append(ids, strconv.FormatInt(t.ID, 10))
		}
	}
	text := "<title>" + withoutBackslashes(p.Title) + "</title><category>" + strings.Join(ids, ",") + "</category>" + withoutBackslashes(p.Content)
	return xmlrpc.Struct(
		xmlrpc.M("userid", idText(p.Author)),
		xmlrpc.M("dateCreated", dateTime(p.Date)),
		xmlrpc.M("content", xmlrpc.String(text)),
		xmlrpc.M("postid", idText(p.ID)))
}

var backslash = regexp.MustCompile(`(?s)\\(.?)`)

func withoutBackslashes(s string) string { return backslash.ReplaceAllString(s, "$1") }

// bloggerGetUsersBlogs answers blogger.getUsersBlogs(key, user, password), also
// called metaWeblog.getUsersBlogs.
func (a *API) bloggerGetUsersBlogs(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	return a.blogs(ctx, who)
}

// bloggerGetUserInfo answers blogger.getUserInfo(key, user, password).
func (a *API) bloggerGetUserInfo(_ context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	return a.userInfo(who)
}

// bloggerGetPost answers blogger.getPost(key, post, user, password).
func (a *API) bloggerGetPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	post, err := a.site.GetPost(ctx, who, p.int("post_id"), site.LoadTerms)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return bloggerStruct(post), nil
}

// bloggerGetRecentPosts answers blogger.getRecentPosts(key, blog, user,
// password, most).
func (a *API) bloggerGetRecentPosts(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	posts, err := a.recentPosts(ctx, who, p.at("number"), site.LoadTerms)
	if err == nil {
		err = a.somePosts(ctx)
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(posts, each(bloggerStruct)), nil
}

// bloggerNewPost answers blogger.newPost(key, blog, user, password, text,
// publish).
func (a *API) bloggerNewPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	e := bloggerText(p.text("text"))
	e.Status = new(site.StatusDraft)
	if p.truth("publish") {
		e.Status = new(site.StatusPublish)
	}
	id, err := made(a.site.CreatePost(ctx, who, e))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Int(id), nil
}

// bloggerEditPost answers blogger.editPost(key, post, user, password, text,
// publish). If a user who may not publish sends the publish flag, the post is
// submitted for review. WordPress accepts the flag from such a user too, but
// publishes.
func (a *API) bloggerEditPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	id := p.int("post_id")
	if err := a.wantType(ctx, id, site.TypePost); err != nil {
		return xmlrpc.Value{}, err
	}
	var e site.PostEdit
	if p.given("text") {
		e = bloggerText(p.text("text"))
	}
	switch {
	case !p.truth("publish"):
		e.Status = new(site.StatusDraft)
	case a.site.CanPublish(who, site.TypePost):
		e.Status = new(site.StatusPublish)
	default:
		e.Status = new(site.StatusPending)
	}
	if err := a.site.EditPost(ctx, who, id, e); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// bloggerDeletePost answers blogger.deletePost(key, post, user, password,
// publish), also called metaWeblog.deletePost.
func (a *API) bloggerDeletePost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	id := p.int("post_id")
	if err := a.wantType(ctx, id, site.TypePost); err != nil {
		return xmlrpc.Value{}, err
	}
	if err := a.site.DeletePost(ctx, who, id); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// wantType refuses a post of another type than a method is for, as if it did
// not exist.
func (a *API) wantType(ctx context.Context, id int64, postType string) error {
	is, err := a.site.TypeOf(ctx, id)
	if err != nil {
		return err
	}
	if is != postType {
		return site.ErrNotFound
	}
	return nil
}
