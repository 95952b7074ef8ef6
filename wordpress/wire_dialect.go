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

// What metaWeblog.*, blogger.*, mt.* and the wp.*Page methods share: the names that a post's parts have there.

// moreTag divides what the home page shows of a post from the rest. It may hold a text for the link between them.
var moreTag = regexp.MustCompile(`<!--more(.*?)?-->`)

// oneLine takes white space off both ends of a text that is one line, and leaves texts of several lines as they are.
var oneLine = regexp.MustCompile(`^\s*(.*)\s*$`)

// splitMore divides a text at its more tag.
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

// joinMore is the reverse: a rest that is there follows the intro behind a more tag.
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

// discussionOf reads mt_allow_comments and mt_allow_pings: 1 and "open" are open, 0, 2 and "closed" are closed, and
// everything else asks for the blog's setting.
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

// maxNames is where the splitting of a list in one text ends; the site takes fewer.
const maxNames = 2000

// keywordsOf reads mt_keywords: names between commas, or a list of names.
func keywordsOf(v xmlrpc.Value) []string {
	if v.Kind() == xmlrpc.KindArray || v.Kind() == xmlrpc.KindStruct {
		return namesOf(v)
	}
	return strings.SplitN(textOf(v), ",", maxNames)
}

// displayNames reads the names of users, each user once and all with one statement.
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

// authorNames are the display names of the authors of posts.
func (a *API) authorNames(ctx context.Context, posts []site.FullPost) (map[int64]string, error) {
	ids := make([]int64, len(posts))
	for i := range posts {
		ids[i] = posts[i].Author
	}
	return a.displayNames(ctx, ids)
}

// namesOfTerms are the names of a post's terms of one taxonomy.
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

// somePosts refuses with errNoPosts on a blog without posts. blogger.getRecentPosts and mt.getRecentPostTitles answer so
// there, and an empty list when there are posts that the caller may not edit; metaWeblog.getRecentPosts answers an
// empty list to both.
func (a *API) somePosts(ctx context.Context) error {
	some, err := a.site.HasPosts(ctx)
	if err == nil && !some {
		err = errNoPosts
	}
	return err
}

// recentPosts are the newest posts of a dialect's list that the caller may edit: most of them, or ten.
func (a *API) recentPosts(ctx context.Context, who auth.Identity, most xmlrpc.Value, load site.Load) (iter.Seq2[[]site.FullPost, error], error) {
	return a.site.ListPosts(ctx, who, site.PostFilter{Limit: clampInt(intOf(most))}, load)
}

// metaWeblogStruct writes a post as metaWeblog.getPost has it. The id is a number there and a text in
// metaWeblog.getRecentPosts, which knows no enclosure either.
func (a *API) metaWeblogStruct(p *site.FullPost, author string, id xmlrpc.Value, enclosure bool) xmlrpc.Value {
	intro, rest, link := splitMore(p.Content)
	status := p.Status
	if status == site.StatusFuture {
		status = site.StatusPublish // clients find out by the date
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

// pageStruct writes a page as wp.getPage has it.
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

// categoryStruct writes a category as metaWeblog.getCategories has it.
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

// termLinks makes the addresses of a term's posts and of their feed.
type termLinks func(site.Term) (page, feed string)

// of writes them with & as an entity, as WordPress does here.
func (l termLinks) of(t site.Term) (page, feed xmlrpc.Value) {
	p, f := l(t)
	return xmlrpc.String(html.EscapeString(p)), xmlrpc.String(html.EscapeString(f))
}
