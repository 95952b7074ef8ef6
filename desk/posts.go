package desk

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/site"
)

// kind is a type of posts with its own list.
type kind struct {
	Type, Path, Title string
	One, Many         string
}

// kinds lists the lists, in the order of the menu.
var kinds = []kind{
	{site.TypePost, "/admin/posts", "Posts", "post", "posts"},
	{site.TypePage, "/admin/pages", "Pages", "page", "pages"},
	{site.TypeAttachment, "/admin/media", "Media", "file", "files"},
}

// postTabs lists the parts of the lists of posts and pages.
var postTabs = []struct {
	name, label string
	statuses    []string
}{
	{"", "All", nil},
	{site.StatusPublish, "Published", []string{site.StatusPublish}},
	{site.StatusDraft, "Drafts", []string{site.StatusDraft, site.StatusPending}},
	{site.StatusFuture, "Scheduled", []string{site.StatusFuture}},
	{site.StatusPrivate, "Private", []string{site.StatusPrivate}},
	{site.StatusTrash, "Trash", []string{site.StatusTrash}},
}

// statusNames describes the statuses in words.
var statusNames = map[string]string{
	site.StatusPublish: "published", site.StatusFuture: "scheduled", site.StatusDraft: "draft", site.StatusPending: "pending review",
	site.StatusPrivate: "private", site.StatusTrash: "in the trash",
}

// postActions lists the actions for posts, with the messages for what was done.
var postActions = []struct{ name, label, done string }{
	{"trash", "Move to trash", "moved to the trash"},
	{"restore", "Restore as draft", "restored as drafts"},
	{"delete", "Delete for good", "deleted"},
}

// shownPost is a post as the lists show it.
type shownPost struct {
	site.FullPost
	Heading, Writer, StatusName string
	Small, File                 string // addresses of an upload
	Visible                     bool   // visitors can see it at Link
	Moment                      time.Time
	Actions                     []action
}

// postsPage is a page of a list.
type postsPage struct {
	kind
	Tabs           []tab
	Status, Search string
	List           []shownPost
	Actions        []action
	Number         int
	Previous, Next string
}

// at returns the address of a page of the list.
func (k kind) at(status, search string, page int) string {
	q := url.Values{}
	for name, value := range map[string]string{"status": status, "search": search} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return k.Path
	}
	return k.Path + "?" + q.Encode()
}

// postActionsFor returns the buttons for a post with a type and a status.
func postActionsFor(postType, status string) []action {
	switch {
	case postType == site.TypeAttachment:
		return []action{{"delete", "Delete for good", true}}
	case status == site.StatusTrash:
		return []action{{"restore", "Restore as draft", false}, {"delete", "Delete for good", true}}
	}
	return []action{{"trash", "Move to trash", false}}
}

// list shows the posts of a kind that the caller may edit.
func (d *desk) list(k kind) func(*profiles.Visit) error {
	return func(v *profiles.Visit) error {
		return d.posts(v, k, v.Query("status"), v.Query("search"), pageNumber(v, v.Query("page")))
	}
}

func (d *desk) posts(v *profiles.Visit, k kind, status, search string, n int) error {
	page := postsPage{kind: k, Search: search, Number: n}
	filter := site.PostFilter{Type: k.Type, Search: search, Limit: perPage + 1, Offset: (n - 1) * perPage}
	if k.Type == site.TypeAttachment {
		filter.Statuses = []string{site.StatusInherit}
	} else {
		for _, t := range postTabs {
			here := t.name == status
			page.Tabs = append(page.Tabs, tab{Name: v.T(t.label), Path: k.at(t.name, search, 1), Here: here})
			if here {
				page.Status, filter.Statuses = status, t.statuses
			}
		}
	}
	lists, err := d.site.ListPosts(v.Context(), v.Who(), filter, site.WithoutTexts)
	if err != nil {
		return err
	}
	for list, err := range lists {
		if err == nil {
			err = d.show(v, list, &page)
		}
		if err != nil {
			return err
		}
	}
	if n > 1 {
		page.Previous = k.at(page.Status, search, n-1)
	}
	if len(page.List) > perPage {
		page.List, page.Next = page.List[:perPage], k.at(page.Status, search, n+1)
	}
	page.Actions = postActionsFor(k.Type, page.Status)
	return v.Show(v.T(k.Title), "posts", page)
}

// show adds posts to a page, with the names of their authors and the addresses
// of their files.
func (d *desk) show(v *profiles.Visit, list []site.FullPost, page *postsPage) error {
	files := map[int64]site.Attachment{}
	if page.Type == site.TypeAttachment {
		var ids []int64
		for _, p := range list {
			ids = append(ids, p.ID)
		}
		var err error
		if files, err = d.site.Attachments(v.Context(), ids); err != nil {
			return err
		}
	}
	writers := make(map[int64]string)
	for _, p := range list {
		s := shownPost{FullPost: p, Heading: firstOf(plain(p.Title), v.T("(no title)")), StatusName: v.T(statusNames[p.Status]), Actions: postActionsFor(p.Type, p.Status), Moment: d.site.Moment(&p.Post)}
		s.Visible = p.Status == site.StatusPublish || p.Status == site.StatusInherit
		var err error
		if s.Writer, err = d.writer(v.Context(), writers, p.Author); err != nil {
			return err
		}
		if a, ok := files[p.ID]; ok {
			s.File = d.site.FileURL(&a)
			if a.IsPicture() {
				s.Small = d.site.ThumbnailURL(&a)
			}
		}
		page.List = append(page.List, s)
	}
	return nil
}

// writer returns the name of a user, or "" if there is no such user.
func (d *desk) writer(ctx context.Context, known map[int64]string, id int64) (string, error) {
	if name, ok := known[id]; ok || id == 0 {
		return name, nil
	}
	user, err := d.users.Get(ctx, id)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return "", err
	}
	known[id] = user.DisplayName
	return user.DisplayName, nil
}

// change applies an action to one post, or to the selected ones.
func (d *desk) change(k kind) func(*profiles.Visit) error {
	return func(v *profiles.Visit) error {
		status, search, n := v.Form("status"), v.Form("search"), pageNumber(v, v.Form("page"))
		do, ids := chosen(v)
		at := slices.IndexFunc(postActions, func(a struct{ name, label, done string }) bool { return a.name == do })
		if at < 0 {
			return profiles.NothingHere
		}
		if len(ids) == 0 {
			v.Refuse("", v.T("Nothing is selected. Tick one or more first."))
			return d.posts(v, k, status, search, n)
		}
		done := int64(0)
		for _, text := range ids[:min(len(ids), 4*perPage)] {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return profiles.NothingHere
			}
			switch err := d.actOn(v, k, do, id); {
			case errors.Is(err, site.ErrNotFound), errors.Is(err, site.ErrSame): // somebody else did it first
			case err != nil:
				return err
			default:
				done++
			}
		}
		what := v.T(k.Many)
		if done == 1 {
			what = v.T(k.One)
		}
		return v.Done(k.at(status, search, n), v.T("%d %s: %s.", done, what, v.T(postActions[at].done)))
	}
}

// actOn applies an action to a post of a kind.
func (d *desk) actOn(v *profiles.Visit, k kind, do string, id int64) error {
	p, err := d.site.GetPost(v.Context(), v.Who(), id, site.WithoutTexts)
	if err != nil {
		return err
	}
	if p.Type != k.Type {
		return site.ErrNotFound
	}
	if !slices.ContainsFunc(postActionsFor(p.Type, p.Status), func(a action) bool { return a.Name == do }) {
		return site.ErrSame
	}
	if do == "restore" {
		return d.site.EditPost(v.Context(), v.Who(), id, site.PostEdit{Status: new(site.StatusDraft)})
	}
	return d.site.DeletePost(v.Context(), v.Who(), id)
}
