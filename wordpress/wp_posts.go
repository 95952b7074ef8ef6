package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

// newPost answers wp.newPost. In WordPress a post is created from an automatic
// draft, which is why comments are closed unless the client opens them, and why
// the post has a revision at once.
func (a *API) newPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content, err := contentOf(p.at("content"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	e := postEdit(content)
	e.Date = newDate(content)
	e.FirstRevision = true
	if e.CommentStatus == nil || *e.CommentStatus != "open" {
		e.CommentStatus = new("closed")
	}
	id, err := made(a.site.CreatePost(ctx, who, e))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return idText(id), nil
}

// editPost answers wp.editPost. It changes the members of a post that the
// client sends.
func (a *API) editPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content, err := contentOf(p.at("content"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	e := postEdit(content)
	e.FromMoment = true
	e.Date = editDate(content)
	e.IfNotModifiedSince = momentOf(content.Get("if_not_modified_since"))
	if err := a.site.EditPost(ctx, who, p.int("post_id"), e); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

func (a *API) deletePost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.site.DeletePost(ctx, who, p.int("post_id")); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

func (a *API) getPost(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	fields, err := fieldsOf(p, "post", "terms", "custom_fields")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	post, err := a.site.GetPost(ctx, who, p.int("post_id"), fields.load())
	if err != nil {
		return xmlrpc.Value{}, err
	}
	list, err := a.postStructs(ctx, []site.FullPost{*post}, fields)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return list[0], nil
}

func (a *API) getPosts(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	filter := p.at("filter")
	f := site.PostFilter{
		Statuses: statusesOf(filter),
		Search:   textOf(filter.Get("s")),
		Limit:    clampInt(intOf(filter.Get("number"))),
		Offset:   clampInt(intOf(filter.Get("offset"))),
	}
	if t := filter.Get("post_type"); !t.IsZero() {
		// An empty name matches no type.
		if f.Type = textOf(t); f.Type == "" {
			f.Type = "?"
		}
	}
	if by := filter.Get("orderby"); !by.IsZero() {
		f.OrderBy = textOf(by)
		f.Ascending = equalFold(textOf(filter.Get("order")), "asc")
	}
	fields, err := fieldsOf(p, "post", "terms", "custom_fields")
	if err != nil {
		return xmlrpc.Value{}, err
	}
	posts, err := a.site.ListPosts(ctx, who, f, fields.load())
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(posts, func(page []site.FullPost) ([]xmlrpc.Value, error) { return a.postStructs(ctx, page, fields) }), nil
}

// getPostStatusList returns the statuses of posts, with their names for people.
func (a *API) getPostStatusList(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if !who.Can(auth.EditPosts) {
		return xmlrpc.Value{}, errSiteDetails
	}
	return xmlrpc.Struct(
		xmlrpc.M("draft", xmlrpc.String("Draft")),
		xmlrpc.M("pending", xmlrpc.String("Pending Review")),
		xmlrpc.M("private", xmlrpc.String("Private")),
		xmlrpc.M("publish", xmlrpc.String("Published")),
	), nil
}
