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

// perPage is how many rows a list shows.
const perPage = 25

// tab is a part of a list, by status.
type tab struct {
	Name, Path string
	Count      int64
	Here       bool
}

// commentTabs are the parts of the queue, in their order, and what their empty list says.
var commentTabs = []struct{ status, name, empty string }{
	{site.CommentHeld, "Held", "No comments are awaiting moderation."},
	{site.CommentApproved, "Approved", "There are no approved comments."},
	{site.CommentSpam, "Spam", "There is no spam."},
	{site.CommentTrashed, "Trash", "The trash is empty."},
}

// commentActions are what the buttons do, and what is said afterwards.
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

// actionsFor are the buttons of comments of a status.
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

// shownComment is a comment as the pages show it: as text.
type shownComment struct {
	site.FullComment
	Text      string
	Title     string // of its post
	Addresses []string
	Actions   []action
}

// StatusName is the status in words.
func (c shownComment) StatusName() string {
	for _, t := range commentTabs {
		if t.status == c.Status {
			return strings.ToLower(t.name)
		}
	}
	return c.Status
}

// Whence is where the comment comes from, as far as it is known.
func (c shownComment) Whence() (list []string) {
	for _, text := range []string{c.Email, c.URL, c.IP} {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}

// maxShown is how much of a comment the queue shows, in bytes.
const maxShown = 2000

// maxAddresses bounds the addresses that are listed of one comment.
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
	Previous, Next string // paths of the pages next to this one
	Post           int64
}

// at is the address of a page of the queue.
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

// mayModerate refuses those who have no posts of which they could moderate the comments.
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
	post, _ := strconv.ParseInt(postText, 10, 64) // what is not a number means all
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

// chosen is what a list is told to do, and with which of its entries: the one whose button was pressed, or those that are ticked.
func chosen(v *profiles.Visit) (do string, ids []string) {
	if do, id, single := strings.Cut(v.Form("one"), " "); single {
		return do, []string{id}
	}
	return v.Form("do"), v.Sent()["id"]
}

// moderate does what a button of the queue says: with one comment, or with those that are ticked.
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
		case errors.Is(err, site.ErrNoComment), errors.Is(err, site.ErrSame): // somebody was quicker
		case err != nil:
			return err
		default:
			done++
		}
	}
	number, _ := strconv.ParseInt(post, 10, 64)
	return v.Done(commentsAt(status, search, number, n), v.T(said(do, done)))
}

// said is what was done with a number of comments.
func said(do string, n int64) string {
	for _, a := range commentActions {
		if a.name == do {
			return count(n, a.one, a.many)
		}
	}
	return ""
}

// act does one thing with a comment.
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
		if do == "trash" && c.Status == site.CommentSpam { // DeleteComment would delete it for good
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

// comment shows one, with the forms to change and to answer it.
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

// reply answers a comment, and approves one that waits.
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
