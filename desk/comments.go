package desk

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/site"
)

// perPage is the number of entries on a page of a list.
const perPage = 25

// tab is a part of a list: the entries with a status.
type tab struct {
	Name, Path string
	Count      int64
	Here       bool
}

// commentTabs lists the parts of the queue in their order, with the texts for
// empty ones.
var commentTabs = []struct{ status, name, empty string }{
	{site.CommentHeld, "Held", "No comments are awaiting moderation."},
	{site.CommentApproved, "Approved", "There are no approved comments."},
	{site.CommentSpam, "Spam", "There is no spam."},
	{site.CommentTrashed, "Trash", "The trash is empty."},
}

// commentActions lists the actions for comments, with the messages for what was
// done.
var commentActions = []struct{ name, label, one, many string }{
	{"approve", "Approve", "comment was approved.", "comments were approved."},
	{"hold", "Hold for review", "comment is held for review.", "comments are held for review."},
	{"spam", "Mark as spam", "comment was marked as spam.", "comments were marked as spam."},
	{"trash", "Move to trash", "comment was moved to the trash.", "comments were moved to the trash."},
	{"delete", "Delete for good", "comment was deleted.", "comments were deleted."},
}

// action is a button.
type action struct {
	Name, Label string
	Danger      bool
}

// actionsFor returns the buttons for comments with a status.
func actionsFor(status string) (list []action) {
	over := status == site.CommentSpam || status == site.CommentTrashed
	for _, a := range commentActions {
		switch {
		case a.name == status, a.name == "hold" && status == site.CommentHeld, a.name == "delete" && !over:
			continue
		}
		list = append(list, action{a.name, a.label, a.name == "delete"})
	}
	return list
}

// shownComment is a comment as the pages show it, as plain text.
type shownComment struct {
	site.FullComment
	Text      string
	Title     string // the title of its post
	Addresses []string
	Actions   []action
}

// StatusName describes the status in words.
func (c shownComment) StatusName() string {
	for _, t := range commentTabs {
		if t.status == c.Status {
			return strings.ToLower(t.name)
		}
	}
	return c.Status
}

// Whence lists what is known about where the comment comes from.
func (c shownComment) Whence() (list []string) {
	for _, text := range []string{c.Email, c.URL, c.IP} {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}

// maxShown is the number of bytes of a comment that the queue shows.
const maxShown = 2000

// maxAddresses limits the addresses that are listed for a comment.
const maxAddresses = 10

func showComment(c site.FullComment) shownComment {
	s := shownComment{FullComment: c, Text: plain(c.Content), Title: plain(c.PostTitle), Actions: actionsFor(c.Status)}
	s.Author = plain(c.Author)
	markup.AddRel(c.Content, func(l markup.Link) []string {
		if l.Address != "" && len(s.Addresses) < maxAddresses && !slices.Contains(s.Addresses, l.Address) {
			s.Addresses = append(s.Addresses, l.Address)
		}
		return nil
	})
	return s
}

// commentsPage is a page of the queue.
type commentsPage struct {
	Tabs           []tab
	Status, Search string
	Empty          string
	List           []shownComment
	Actions        []action
	Number         int
	Previous, Next string // paths of the previous and the next page
	Post           int64
}

// commentsAt returns the address of a page of the queue.
func commentsAt(status, search string, post int64, page int) string {
	q := url.Values{"status": {status}}
	if search != "" {
		q.Set("search", search)
	}
	if post != 0 {
		q.Set("post", strconv.FormatInt(post, 10))
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	return "/admin/comments?" + q.Encode()
}

// mayModerate refuses callers who have no posts whose comments they could
// moderate.
func mayModerate(v *profiles.Visit) error {
	if !v.Who().Can(auth.EditPosts) {
		return &site.Denied{Action: "moderate comments"}
	}
	return nil
}

// comments shows the queue.
func (d *desk) comments(v *profiles.Visit) error {
	return d.queue(v, v.Query("status"), v.Query("search"), v.Query("post"), pageNumber(v, v.Query("page")))
}

func (d *desk) queue(v *profiles.Visit, status, search, postText string, n int) error {
	if err := mayModerate(v); err != nil {
		return err
	}
	post, _ := strconv.ParseInt(postText, 10, 64) // anything but a number means all posts
	page := commentsPage{Status: status, Search: search, Number: n, Post: post}
	counts, err := d.site.CountModerated(v.Context(), v.Who(), site.CommentFilter{Status: "any", Search: page.Search, Post: post})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(commentTabs, func(t struct{ status, name, empty string }) bool { return t.status == page.Status }) {
		page.Status = site.CommentHeld
	}
	for _, t := range commentTabs {
		page.Tabs = append(page.Tabs, tab{Name: v.T(t.name), Path: commentsAt(t.status, search, post, 1), Count: counts[t.status], Here: t.status == page.Status})
		if t.status == page.Status {
			page.Empty = v.T(t.empty)
		}
	}
	if search != "" {
		page.Empty = v.T("No comments match the search.")
	}
	lists, err := d.site.ListComments(v.Context(), v.Who(), site.CommentFilter{
		Status: page.Status, Search: search, Post: post, Moderated: true, Limit: perPage + 1, Offset: (n - 1) * perPage,
	})
	if err != nil {
		return err
	}
	for list, err := range lists {
		if err != nil {
			return err
		}
		for _, c := range list {
			shown := showComment(c)
			shown.Text = clip(shown.Text, maxShown)
			page.List = append(page.List, shown)
		}
	}
	if n > 1 {
		page.Previous = commentsAt(page.Status, search, post, n-1)
	}
	if len(page.List) > perPage {
		page.List, page.Next = page.List[:perPage], commentsAt(page.Status, search, post, n+1)
	}
	page.Actions = actionsFor(page.Status)
	return v.Show(v.T("Comments"), "comments", page)
}

// chosen returns the action that was requested for a list, and its entries: the
// one whose button was pressed, or the selected ones.
func chosen(v *profiles.Visit) (do string, ids []string) {
	if do, id, single := strings.Cut(v.Form("one"), " "); single {
		return do, []string{id}
	}
	return v.Form("do"), v.Sent()["id"]
}

// moderate applies an action to one comment, or to the selected ones.
func (d *desk) moderate(v *profiles.Visit) error {
	status, search, post, n := v.Form("status"), v.Form("search"), v.Form("post"), pageNumber(v, v.Form("page"))
	do, ids := chosen(v)
	if len(ids) == 0 {
		v.Refuse("", v.T("No comment is selected. Tick one or more first."))
		return d.queue(v, status, search, post, n)
	}
	done := int64(0)
	for _, text := range ids[:min(len(ids), 4*perPage)] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return profiles.NothingHere
		}
		switch err := d.act(v, do, id); {
		case errors.Is(err, site.ErrNoComment), errors.Is(err, site.ErrSame): // somebody else did it first
		case err != nil:
			return err
		default:
			done++
		}
	}
	number, _ := strconv.ParseInt(post, 10, 64)
	return v.Done(commentsAt(status, search, number, n), v.T(said(do, done)))
}

// said describes what was done with n comments.
func said(do string, n int64) string {
	for _, a := range commentActions {
		if a.name == do {
			return count(n, a.one, a.many)
		}
	}
	return ""
}

// act applies an action to a comment.
func (d *desk) act(v *profiles.Visit, do string, id int64) error {
	ctx, who := v.Context(), v.Who()
	switch do {
	case "approve", "hold", "spam":
		return d.site.EditComment(ctx, who, id, site.CommentEdit{Status: &do})
	case "trash", "delete":
		c, err := d.site.GetComment(ctx, who, id)
		if err != nil {
			return err
		}
		if do == "trash" && c.Status == site.CommentSpam { // DeleteComment would delete it permanently
			return d.site.EditComment(ctx, who, id, site.CommentEdit{Status: new(site.CommentTrashed)})
		}
		if over := c.Status == site.CommentSpam || c.Status == site.CommentTrashed; over != (do == "delete") {
			return site.ErrSame
		}
		return d.site.DeleteComment(ctx, who, id)
	}
	return profiles.NothingHere
}

// visited returns the comment that the address of a page names.
func (d *desk) visited(v *profiles.Visit) (*site.FullComment, error) {
	n, err := id(v)
	if err != nil {
		return nil, err
	}
	return d.site.GetComment(v.Context(), v.Who(), n)
}

// comment shows a comment, with the forms to edit it and to reply.
func (d *desk) comment(v *profiles.Visit) error {
	c, err := d.visited(v)
	if err != nil {
		return err
	}
	return v.Show(v.T("Comment by %s", firstOf(plain(c.Author), v.T("an anonymous visitor"))), "comment", showComment(*c))
}

// editComment changes the text and the author of a comment.
func (d *desk) editComment(v *profiles.Visit) error {
	n, err := id(v)
	if err != nil {
		return err
	}
	err = d.site.EditComment(v.Context(), v.Who(), n, site.CommentEdit{
		Content: new(v.Form("content")), Author: new(v.Form("author")), Email: new(v.Form("email")), URL: new(v.Form("url")),
	})
	if err != nil && !errors.Is(err, site.ErrSame) {
		if err := refused(v, "content", err); err != nil {
			return err
		}
		return d.comment(v)
	}
	return v.Done(v.Path(), v.T("The comment was saved."))
}

// reply posts a reply to a comment. If the comment is held, it approves it.
func (d *desk) reply(v *profiles.Visit) error {
	c, err := d.visited(v)
	if err != nil {
		return err
	}
	addr, agent := v.From()
	made, err := d.site.CreateComment(v.Context(), v.Who(), site.NewComment{Post: c.Post, Parent: c.ID, Content: v.Form("reply"), IP: addr, Agent: agent})
	if err != nil {
		if err := refused(v, "reply", err); err != nil {
			return err
		}
		return d.comment(v)
	}
	if c.Status == site.CommentHeld {
		if err := d.act(v, "approve", c.ID); err != nil && !errors.Is(err, site.ErrSame) {
			return err
		}
	}
	return v.Done("/admin/comments/"+strconv.FormatInt(made, 10), v.T("The reply was posted."))
}
