package wordpress

import (
	"context"
	"html"
	"iter"
	"regexp"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// This file holds what metaWeblog.*, blogger.*, mt.* and the wp.*Page methods
// share: their names for the parts of a post.

// moreTag separates the part of a post that the home page shows. It may hold a
// text for the link to the rest.
var moreTag = regexp.MustCompile(`<!--more(.*?)?-->`)

// oneLine matches a text of one line, to remove white space around it; it
// leaves texts of several lines unchanged.
var oneLine = regexp.MustCompile(`^\s*(.*)\s*$`)

// splitMore splits a text at its more tag.
func splitMore(text string) (intro, rest, link string) {
	trim := func(s string) string { return oneLine.ReplaceAllString(s, "$1") }
	at := moreTag.FindStringSubmatchIndex(text)
	if at == nil {
		return trim(text), "", ""
	}
	if at[2] >= 0 {
		link = text[at[2]:at[3]]
	}
	return trim(text[:at[0]]), trim(text[at[1]:]), trim(link)
}

// joinMore is the reverse: it appends the rest, if there is one, after a more
// tag.
func joinMore(intro, rest string) string {
	if rest == "" {
		return intro
	}
	return intro + "<!--more-->" + rest
}

// openFlag writes whether comments or pings are open.
func openFlag(status string) xmlrpc.Value {
	if status == "open" {
		return xmlrpc.Int(1)
	}
	return xmlrpc.Int(0)
}

// discussionOf reads mt_allow_comments and mt_allow_pings: 1 and "open" mean
// open, 0, 2 and "closed" mean closed, and anything else means the blog's
// setting.
func discussionOf(content xmlrpc.Value, name, setting string) *string {
	v := content.Get(name)
	switch text := textOf(v); {
	case v.IsZero():
		return nil
	case text == "open" || text == "1":
		return new("open")
	case text == "closed" || text == "0" || text == "2" || v.Kind() == xmlrpc.KindBool:
		return new("closed")
	}
	return &setting
}

// maxNames is the number of names after which a list in one text is no longer
// split; the site accepts fewer.
const maxNames = 2000

// keywordsOf reads mt_keywords: names separated by commas, or a list of names.
func keywordsOf(v xmlrpc.Value) []string {
	if v.Kind() == xmlrpc.KindArray || v.Kind() == xmlrpc.KindStruct {
		return namesOf(v)
	}
	return strings.SplitN(textOf(v), ",", maxNames)
}

// displayNames reads the names of users, each user once and all with one
// statement.
func (a *API) displayNames(ctx context.Context, ids []int64) (map[int64]string, error) {
	names := make(map[int64]string)
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return names, nil
	}
	users, err := a.users.List(ctx, auth.Filter{IDs: ids})
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		names[u.ID] = u.DisplayName
	}
	return names, nil
}

// authorNames returns the display names of the authors of posts.
func (a *API) authorNames(ctx context.Context, posts []site.FullPost) (map[int64]string, error) {
	ids := make([]int64, len(posts))
	for i := range posts {
		ids[i] = posts[i].Author
	}
	return a.displayNames(ctx, ids)
}

// namesOfTerms returns the names of a post's terms in one taxonomy.
func namesOfTerms(p *site.FullPost, taxonomy string) []string {
	var names []string
	for _, t := range p.Terms {
		if t.Taxonomy == taxonomy {
			names = append(names, t.Name)
		}
	}
	return names
}

// categoryNames writes the names of a post's categories.
func categoryNames(p *site.FullPost) xmlrpc.Value {
	return texts(namesOfTerms(p, site.Category))
}

var errNoPosts = &xmlrpc.Fault{Code: codeServerError, Message: "There are no posts yet."}

// somePosts returns errNoPosts on a blog without posts. blogger.getRecentPosts
// and mt.getRecentPostTitles fail there, and return an empty list if there are
// only posts that the caller may not edit; metaWeblog.getRecentPosts returns an
// empty list in both cases.
func (a *API) somePosts(ctx context.Context) error {
	some, err := a.site.HasPosts(ctx)
	if err == nil && !some {
		err = errNoPosts
	}
	return err
}

// recentPosts returns the newest posts of a dialect's list that the caller may
// edit: at most most, or ten.
func (a *API) recentPosts(ctx context.Context, who auth.Identity, most xmlrpc.Value, load site.Load) (iter.Seq2[[]site.FullPost, error], error) {
	return a.site.ListPosts(ctx, who, site.PostFilter{Limit: clampInt(intOf(most))}, load)
}

// metaWeblogStruct writes a post in the form of metaWeblog.getPost. The id is a
// number there and a text in metaWeblog.getRecentPosts, which also omits the
// enclosure.
func (a *API) metaWeblogStruct(p *site.FullPost, author string, id xmlrpc.Value, enclosure bool) xmlrpc.Value {
	intro, rest, link := splitMore(p.Content)
	status := p.Status
	if status == site.StatusFuture {
		status = site.StatusPublish // clients recognize it by its date
	}
	members := []xmlrpc.Member{
		xmlrpc.M("dateCreated", dateTime(p.Date)),
		xmlrpc.M("userid", idText(p.Author)),
		xmlrpc.M("postid", id),
		xmlrpc.M("description", xmlrpc.String(intro)),
		xmlrpc.M("title", xmlrpc.String(p.Title)),
		xmlrpc.M("link", xmlrpc.String(p.Link)),
		xmlrpc.M("permaLink", xmlrpc.String(p.Link)),
		xmlrpc.M("categories", categoryNames(p)),
		xmlrpc.M("mt_excerpt", xmlrpc.String(p.Excerpt)),
		xmlrpc.M("mt_text_more", xmlrpc.String(rest)),
		xmlrpc.M("wp_more_text", xmlrpc.String(link)),
		xmlrpc.M("mt_allow_comments", openFlag(p.CommentStatus)),
		xmlrpc.M("mt_allow_pings", openFlag(p.PingStatus)),
		xmlrpc.M("mt_keywords", xmlrpc.String(strings.Join(namesOfTerms(p, site.PostTag), ", "))),
		xmlrpc.M("wp_slug", xmlrpc.String(p.Name)),
		xmlrpc.M("wp_password", xmlrpc.String(p.Password)),
		xmlrpc.M("wp_author_id", idText(p.Author)),
		xmlrpc.M("wp_author_display_name", xmlrpc.String(author)),
		xmlrpc.M("date_created_gmt", dateTime(a.site.Moment(&p.Post))),
		xmlrpc.M("post_status", xmlrpc.String(status)),
		xmlrpc.M("custom_fields", openFields(p.CustomFields)),
		xmlrpc.M("wp_post_format", xmlrpc.String(p.Format)),
		xmlrpc.M("sticky", xmlrpc.Bool(p.Sticky && p.Type == site.TypePost)),
		xmlrpc.M("date_modified", dateTime(p.Modified)),
		xmlrpc.M("date_modified_gmt", dateTime(a.site.ModifiedMoment(&p.Post))),
	}
	if _, has := p.Enclosure(); has && enclosure {
		members = append(members, xmlrpc.M("enclosure", enclosureStruct(p)))
	}
	return xmlrpc.Struct(append(members, xmlrpc.M("wp_post_thumbnail", xmlrpc.Int(p.Thumbnail)))...)
}

// pageStruct writes a page in the form of wp.getPage.
func (a *API) pageStruct(p *site.FullPost, author, parentTitle string) xmlrpc.Value {
	intro, rest, _ := splitMore(p.Content)
	return xmlrpc.Struct(
		xmlrpc.M("dateCreated", dateTime(p.Date)),
		xmlrpc.M("userid", idText(p.Author)),
		xmlrpc.M("page_id", xmlrpc.Int(p.ID)),
		xmlrpc.M("page_status", xmlrpc.String(p.Status)),
		xmlrpc.M("description", xmlrpc.String(intro)),
		xmlrpc.M("title", xmlrpc.String(p.Title)),
		xmlrpc.M("link", xmlrpc.String(p.Link)),
		xmlrpc.M("permaLink", xmlrpc.String(p.Link)),
		xmlrpc.M("categories", categoryNames(p)),
		xmlrpc.M("excerpt", xmlrpc.String(p.Excerpt)),
		xmlrpc.M("text_more", xmlrpc.String(rest)),
		xmlrpc.M("mt_allow_comments", openFlag(p.CommentStatus)),
		xmlrpc.M("mt_allow_pings", openFlag(p.PingStatus)),
		xmlrpc.M("wp_slug", xmlrpc.String(p.Name)),
		xmlrpc.M("wp_password", xmlrpc.String(p.Password)),
		xmlrpc.M("wp_author", xmlrpc.String(author)),
		xmlrpc.M("wp_page_parent_id", xmlrpc.Int(p.Parent)),
		xmlrpc.M("wp_page_parent_title", xmlrpc.String(parentTitle)),
		xmlrpc.M("wp_page_order", xmlrpc.Int(p.MenuOrder)),
		xmlrpc.M("wp_author_id", idText(p.Author)),
		xmlrpc.M("wp_author_display_name", xmlrpc.String(author)),
		xmlrpc.M("date_created_gmt", dateTime(a.site.Moment(&p.Post))),
		xmlrpc.M("custom_fields", openFields(p.CustomFields)),
		xmlrpc.M("wp_page_template", xmlrpc.String(p.Template())))
}

// categoryStruct writes a category in the form of metaWeblog.getCategories.
func categoryStruct(t site.Term, links termLinks) xmlrpc.Value {
	page, feed := links.of(t)
	return xmlrpc.Struct(
		xmlrpc.M("categoryId", xmlrpc.Int(t.ID)),
		xmlrpc.M("parentId", xmlrpc.Int(t.Parent)),
		xmlrpc.M("description", xmlrpc.String(t.Name)),
		xmlrpc.M("categoryDescription", xmlrpc.String(t.Description)),
		xmlrpc.M("categoryName", xmlrpc.String(t.Name)),
		xmlrpc.M("htmlUrl", page),
		xmlrpc.M("rssUrl", feed))
}

// termLinks returns the addresses of a term's page and of its feed.
type termLinks func(site.Term) (page, feed string)

// of writes them with & as an entity, as WordPress does here.
func (l termLinks) of(t site.Term) (page, feed xmlrpc.Value) {
	p, f := l(t)
	return xmlrpc.String(html.EscapeString(p)), xmlrpc.String(html.EscapeString(f))
}
