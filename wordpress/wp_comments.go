package wordpress

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

var (
	errNoComment      = &xmlrpc.Fault{Code: codeNotFound, Message: "There is no comment with this id."}
	errNoCommentsType = &xmlrpc.Fault{Code: codeNotFound, Message: "There is no such post type, or its posts have no comments."}
	errCommentStatus  = &xmlrpc.Fault{Code: codeNotAllowed, Message: "There is no such comment status."}
)

// commentFault gives refusals the code of the comment methods. As in WordPress,
// a forbidden action is fault 403 there, and so is a comment without text, or
// without a required name and e-mail address.
func commentFault(err error) error {
	var denied *site.Denied
	var invalid *site.Invalid
	switch {
	case errors.As(err, &denied):
		return &xmlrpc.Fault{Code: codeForbidden, Message: "You are not allowed to " + denied.Action + "."}
	case errors.As(err, &invalid):
		return &xmlrpc.Fault{Code: codeForbidden, Message: "The comment was rejected: " + invalid.Why + "."}
	}
	return err
}

// commentStruct writes a comment.
func commentStruct(c *site.FullComment) xmlrpc.Value {
	status, kind := c.Status, c.Type
	if kind == "" {
		kind = "comment"
	}
	return xmlrpc.Struct(
		xmlrpc.M("date_created_gmt", dateTime(c.DateGMT)),
		xmlrpc.M("user_id", idText(c.UserID)),
		xmlrpc.M("comment_id", idText(c.ID)),
		xmlrpc.M("parent", idText(c.Parent)),
		xmlrpc.M("status", xmlrpc.String(status)),
		xmlrpc.M("content", xmlrpc.String(c.Content)),
		xmlrpc.M("link", xmlrpc.String(c.Link)),
		xmlrpc.M("post_id", idText(c.Post)),
		xmlrpc.M("post_title", xmlrpc.String(c.PostTitle)),
		xmlrpc.M("author", xmlrpc.String(c.Author)),
		xmlrpc.M("author_url", xmlrpc.String(c.URL)),
		xmlrpc.M("author_email", xmlrpc.String(c.Email)),
		xmlrpc.M("author_ip", xmlrpc.String(c.IP)),
		xmlrpc.M("type", xmlrpc.String(kind)),
	)
}

// getComment answers wp.getComment(blog, user, password, id).
func (a *API) getComment(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	c, err := a.site.GetComment(ctx, who, p.int("comment_id"))
	if err != nil {
		return xmlrpc.Value{}, commentFault(err)
	}
	return commentStruct(c), nil
}

// commentsPerPage is the number of comments in an answer to wp.getComments
// without a number.
const commentsPerPage = 10

// getComments answers wp.getComments(blog, user, password, filter).
func (a *API) getComments(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	filter := p.at("filter")
	f := site.CommentFilter{
		Status: textOf(filter.Get("status")), Post: int64(count(filter.Get("post_id"))), PostType: optional(filter, "post_type", textOf),
		Limit: commentsPerPage, Offset: count(filter.Get("offset")),
	}
	if v, ok := filter.Member("number"); ok {
		if f.Limit = count(v); f.Limit == 0 {
			f.Offset = 0 // as in WordPress, a list without a limit starts at the beginning
		}
	}
	list, err := a.site.ListComments(ctx, who, f)
	var denied *site.Denied
	switch {
	case errors.As(err, &denied):
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: codeNotAllowed, Message: "You are not allowed to " + denied.Action + "; ask for status approve to read the approved ones."}
	case err != nil:
		return xmlrpc.Value{}, err
	}
	return streamed(list, each(commentStruct)), nil
}

// deleteComment answers wp.deleteComment(blog, user, password, id).
func (a *API) deleteComment(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.site.DeleteComment(ctx, who, p.int("comment_id")); err != nil {
		return xmlrpc.Value{}, commentFault(err)
	}
	return xmlrpc.Bool(true), nil
}

// editComment answers wp.editComment(blog, user, password, id, content). As in
// WordPress, an edit that changes nothing is fault 500; clients take that as
// success.
func (a *API) editComment(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	content := p.at("content")
	text := func(name string) *string { return optionalText(content, name) }
	e := site.CommentEdit{Status: text("status"), Content: text("content"), Author: text("author"), Email: text("author_email"), URL: text("author_url")}
	e.DateGMT = momentOf(content.Get("date_created_gmt"))
	err := a.site.EditComment(ctx, who, p.int("comment_id"), e)
	var invalid *site.Invalid
	switch {
	case errors.As(err, &invalid) && invalid.Field == "status":
		return xmlrpc.Value{}, errCommentStatus
	case errors.As(err, &invalid):
		return xmlrpc.Value{}, &xmlrpc.Fault{Code: codeServerError, Message: "The comment was not changed: " + invalid.Why + "."}
	case err != nil:
		return xmlrpc.Value{}, commentFault(err)
	}
	return xmlrpc.Bool(true), nil
}

// newComment answers wp.newComment(blog, user, password, post, content) with
// the id of the comment, an int. The post is an id or an address. Without user
// name and password it comments anonymously, if the options allow that.
func (a *API) newComment(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	at := p.origin()
	post, err := a.postNamed(ctx, who, p.at("post_id"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	content := p.at("content")
	id, err := made(a.site.CreateComment(ctx, who, site.NewComment{
		Post: post, Parent: int64(count(content.Get("comment_parent"))), Content: textOf(content.Get("content")),
		Author: textOf(content.Get("author")), Email: textOf(content.Get("author_email")), URL: textOf(content.Get("author_url")),
		IP: at.ip, Agent: at.agent,
	}))
	if err != nil {
		return xmlrpc.Value{}, commentFault(err)
	}
	return xmlrpc.Int(id), nil
}

// postNamed returns the id of a post, given its id or its address.
func (a *API) postNamed(ctx context.Context, who auth.Identity, v xmlrpc.Value) (int64, error) {
	if text := textOf(v); v.Kind() == xmlrpc.KindString && text != "" && !numeric(text) {
		found, err := a.site.FindPost(ctx, who, text, 0)
		if err != nil {
			return 0, err
		}
		return found.ID, nil
	}
	return int64(count(v)), nil
}

// numeric reports whether a text is a number.
func numeric(text string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return err == nil
}

// commentStatusWords are the names of the statuses for people.
var commentStatusWords = map[string]string{
	site.CommentHeld: "Unapproved", site.CommentApproved: "Approved", site.CommentSpam: "Spam", site.CommentTrashed: "Trash",
}

// getCommentStatusList answers wp.getCommentStatusList(blog, user, password).
func (a *API) getCommentStatusList(_ context.Context, who auth.Identity, _ *call) (xmlrpc.Value, error) {
	list, err := a.site.CommentStatuses(who)
	if err != nil {
		return xmlrpc.Value{}, commentFault(err)
	}
	members := make([]xmlrpc.Member, len(list))
	for i, status := range list {
		members[i] = xmlrpc.M(status, xmlrpc.String(commentStatusWords[status]))
	}
	return xmlrpc.Struct(members...), nil
}

// getCommentCount answers wp.getCommentCount(blog, user, password, post).
func (a *API) getCommentCount(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	n, err := a.site.CountComments(ctx, who, p.int("post_id"))
	if err != nil {
		return xmlrpc.Value{}, commentFault(err)
	}
	return xmlrpc.Struct(
		xmlrpc.M("approved", xmlrpc.Int(n.Approved)),
		xmlrpc.M("awaiting_moderation", xmlrpc.Int(n.Held)),
		xmlrpc.M("spam", xmlrpc.Int(n.Spam)),
		xmlrpc.M("total_comments", xmlrpc.Int(n.Total)),
	), nil
}
