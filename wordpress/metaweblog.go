package wordpress

import (
	"context"
	"slices"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

var (
	errDialectType  = &xmlrpc.Fault{Code: codeNotAllowed, Message: "Only posts and pages can be written with this method."}
	errChangeType   = &xmlrpc.Fault{Code: codeNotAllowed, Message: "A post cannot become a page, and a page cannot become a post."}
	errNoFormat     = &xmlrpc.Fault{Code: codeNotFound, Message: "There is no such post format."}
	errNoTemplate   = &xmlrpc.Fault{Code: codeServerError, Message: "There is no such page template."}
	errPublishTypes = map[string]error{
		site.TypePost: &site.Denied{Action: "publish posts"},
		site.TypePage: &site.Denied{Action: "publish pages"},
	}
)

// metaWeblogNewPost answers metaWeblog.newPost(blog, user, password, content,
// publish).
func (a *API) metaWeblogNewPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	postType := site.TypePost
	if name := textOf(p.at("content").Get("post_type")); name != "" {
		postType = name
	}
	if postType != site.TypePost && postType != site.TypePage {
		return xmlrpc.Value{}, errDialectType
	}
	return a.newFromContent(ctx, who, p.at("content"), postType, p.truth("publish"))
}

// newFromContent creates a post or page for metaWeblog.newPost and wp.newPage.
// Users who may not publish must not send the publish flag, even together with
// a status that does not publish.
func (a *API) newFromContent(ctx context.Context, who auth.Identity, content xmlrpc.Value, postType string, publish bool) (xmlrpc.Value, error) {
	content, err := contentOf(content)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	publish = publish || textOf(content.Get(postType+"_status")) == site.StatusPublish
	if !a.site.CanEditType(who, postType) || publish && !a.site.CanPublish(who, postType) {
		return xmlrpc.Value{}, errPublishTypes[postType]
	}
	e, err := a.contentEdit(ctx, who, content, postType, publish)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	e.Type = &postType
	e.FirstRevision = true
	if author := content.Get("wp_author_id"); !author.IsZero() && e.Author == nil {
		e.Author = new(int64(-1)) // nobody has such an id
	}
	e.Content = new(joinMore(textOf(content.Get("description")), textOf(content.Get("mt_text_more"))))
	if keywords := content.Get("mt_keywords"); !keywords.IsZero() && postType == site.TypePost {
		e.Tags = new(keywordsOf(keywords))
	}
	id, err := made(a.site.CreatePost(ctx, who, e))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return idText(id), nil
}

// contentEdit reads the members that the content structs for new and for old
// posts share. The status in the content takes precedence over the publish
// flag.
func (a *API) contentEdit(ctx context.Context, who auth.Identity, content xmlrpc.Value, postType string, publish bool) (site.PostEdit, error) {
	status := site.StatusDraft
	if publish {
		status = site.StatusPublish
	}
	switch named := textOf(content.Get(postType + "_status")); named {
	case site.StatusDraft, site.StatusPending, site.StatusPrivate, site.StatusPublish:
		status = named
	}
	opts, err := a.site.Options().Current(ctx)
	if err != nil {
		return site.PostEdit{}, err
	}
	comments, pings := site.Discussion(opts, postType)
	e := site.PostEdit{
		Status:        &status,
		Title:         optional(content, "title", textOf),
		Excerpt:       optional(content, "mt_excerpt", textOf),
		Name:          optional(content, "wp_slug", textOf),
		Password:      optional(content, "wp_password", textOf),
		Parent:        optional(content, "wp_page_parent_id", intOf),
		MenuOrder:     optional(content, "wp_page_order", intOf),
		CommentStatus: discussionOf(content, "mt_allow_comments", comments),
		PingStatus:    discussionOf(content, "mt_allow_pings", pings),
		CustomFields:  fieldEdits(content.Get("custom_fields")),
		Enclosure:     enclosureOf(content.Get("enclosure")),
		Thumbnail:     optional(content, "wp_post_thumbnail", thumbnailOf),
	}
	e.Date = contentDate(content)
	if author := content.Get("wp_author_id"); truthOf(author) {
		e.Author = new(intOf(author))
	}
	format := optional(content, "wp_post_format", formatOf)
	if format != nil && !slices.Contains(a.site.Formats(), *format) { // even for a page, which has no format
		return e, errNoFormat
	}
	if postType == site.TypePage {
		return e, a.pageTemplate(who, content, &e)
	}
	e.Format = format
	e.Sticky = optional(content, "sticky", switchOf)
	if names := content.Get("categories"); names.Kind() == xmlrpc.KindArray || names.Kind() == xmlrpc.KindStruct {
		ids, err := a.site.CategoriesNamed(ctx, namesOf(names))
		if err != nil {
			return e, err
		}
		e.Categories = &ids
	}
	return e, nil
}

// pageTemplate reads the template of a page.
func (a *API) pageTemplate(who auth.Identity, content xmlrpc.Value, e *site.PostEdit) error {
	name := textOf(content.Get("wp_page_template"))
	if name == "" {
		return nil
	}
	templates, err := a.site.PageTemplates(who)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(templates, func(t site.PageTemplate) bool { return t.Name == name }) {
		return errNoTemplate
	}
	e.Template = &name
	return nil
}

// metaWeblogEditPost answers metaWeblog.editPost(post, user, password, content,
// publish).
func (a *API) metaWeblogEditPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	return a.editFromContent(ctx, who, p.int("post_id"), p.at("content"), textOf(p.at("content").Get("post_type")), p.truth("publish"))
}

// editFromContent changes a post or page as metaWeblog.editPost and wp.editPage
// do. Missing members stay as they are, except for two: without the publish
// flag the post becomes a draft, and without mt_keywords it loses its tags.
// postType is the type that the client expects, if it names one.
func (a *API) editFromContent(ctx context.Context, who auth.Identity, id int64, content xmlrpc.Value, postType string, publish bool) (xmlrpc.Value, error) {
	content, err := contentOf(content)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	old, err := a.site.GetPost(ctx, who, id, 0)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	if old.Type != site.TypePost && old.Type != site.TypePage {
		return xmlrpc.Value{}, errDialectType
	}
	if postType != "" && postType != old.Type {
		return xmlrpc.Value{}, errChangeType
	}
	e, err := a.contentEdit(ctx, who, content, old.Type, publish)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	text := old.Content
	if description := content.Get("description"); !description.IsZero() {
		text = textOf(description)
	}
	if text = joinMore(text, textOf(content.Get("mt_text_more"))); text != old.Content {
		e.Content = &text
	}
	if old.Type == site.TypePost {
		e.Tags = new(keywordsOf(content.Get("mt_keywords")))
	}
	if e.Categories != nil && len(namesOf(content.Get("categories"))) == 0 {
		e.Categories = nil // an empty list leaves an old post as it is
	}
	if err := a.site.EditPost(ctx, who, id, e); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// metaWeblogGetPost answers metaWeblog.getPost(post, user, password).
func (a *API) metaWeblogGetPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	post, err := a.site.GetPost(ctx, who, p.int("post_id"), site.LoadTerms|site.LoadFields)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	names, err := a.displayNames(ctx, []int64{post.Author})
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return a.metaWeblogStruct(post, names[post.Author], xmlrpc.Int(post.ID), true), nil
}

// metaWeblogGetRecentPosts answers metaWeblog.getRecentPosts(blog, user,
// password, most).
func (a *API) metaWeblogGetRecentPosts(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	posts, err := a.recentPosts(ctx, who, p.at("number"), site.LoadTerms|site.LoadFields)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(posts, func(page []site.FullPost) ([]xmlrpc.Value, error) {
		names, err := a.authorNames(ctx, page)
		if err != nil {
			return nil, err
		}
		out := make([]xmlrpc.Value, len(page))
		for i := range page {
			out[i] = a.metaWeblogStruct(&page[i], names[page[i].Author], idText(page[i].ID), false)
		}
		return out, nil
	}), nil
}

// metaWeblogGetCategories answers metaWeblog.getCategories(blog, user,
// password), also called wp.getCategories.
func (a *API) metaWeblogGetCategories(ctx context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	return a.categories(ctx, who, site.TermFilter{}, categoryStruct)
}
