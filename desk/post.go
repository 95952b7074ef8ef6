package desk

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/profiles"
	"github.com/quillgate/quillgate/site"
)

// maxPostForm is the size of the largest form for a post, in bytes as browsers
// encode it. Longer posts need a client.
const maxPostForm = 8 << 20

// Limits for the choices in the form.
const (
	maxCategories = 500
	maxPictures   = 100
	maxParents    = 500
)

// wallClock is the layout in which browsers send the date of a post;
// wallMinutes is that for dates without seconds.
const (
	wallClock   = "2006-01-02T15:04:05"
	wallMinutes = "2006-01-02T15:04"
)

// choice is a category or a picture in the form.
type choice struct {
	ID    int64
	Name  string
	Taken bool
}

// postPage is the data of the form for a post.
type postPage struct {
	kind
	Post       *site.FullPost
	Heading    string
	StatusName string
	Choose     string // the selected status; that of a scheduled post is "publish"
	Statuses   []choiceOf
	WallClock  string
	Modified   string // the time of the version that the form shows
	Categories []choice
	Tags       string
	Pictures   []choice
	Parents    []choice // the pages that can be its parent
	Picture    bool     // it is a picture, and has an alternative text
	Visible    bool
	Actions    []action
}

// choiceOf is a status in the form.
type choiceOf struct{ Name, Label string }

// post shows the form for a post.
func (d *desk) post(k kind) func(*profiles.Visit) error {
	return func(v *profiles.Visit) error {
		n, err := id(v)
		if err != nil {
			return err
		}
		return d.postForm(v, k, n)
	}
}

// read reads a post of a kind.
func (d *desk) read(v *profiles.Visit, k kind, id int64) (*site.FullPost, error) {
	p, err := d.site.GetPost(v.Context(), v.Who(), id, site.LoadTerms|site.LoadFields)
	if err == nil && p.Type != k.Type {
		err = site.ErrNotFound
	}
	return p, err
}

func (d *desk) postForm(v *profiles.Visit, k kind, n int64) error {
	p, err := d.read(v, k, n)
	if err != nil {
		return err
	}
	page := postPage{
		kind: k, Post: p, Heading: firstOf(plain(p.Title), v.T("(no title)")), StatusName: v.T(statusNames[p.Status]), Choose: chosenStatus(p),
		WallClock: p.Date.Format(wallClock), Modified: d.site.ModifiedMoment(&p.Post).UTC().Format(time.RFC3339Nano),
		Visible: p.Status == site.StatusPublish || p.Status == site.StatusInherit, Actions: postActionsFor(p.Type, p.Status), Tags: tagsOf(p),
		Picture:  p.Type == site.TypeAttachment && strings.HasPrefix(p.MimeType, "image/"),
		Statuses: []choiceOf{{site.StatusDraft, v.T("Draft")}, {site.StatusPending, v.T("Pending review")}},
	}
	if d.site.CanPublish(v.Who(), p.Type) || page.Choose == site.StatusPublish {
		page.Statuses = append(page.Statuses, choiceOf{site.StatusPublish, v.T("Published, or scheduled if the date is in the future")}, choiceOf{site.StatusPrivate, v.T("Private")})
	}
	if page.Categories, err = d.categories(v, p); err != nil {
		return err
	}
	if page.Pictures, err = d.pictures(v, p); err != nil {
		return err
	}
	if page.Parents, err = d.parents(v, p); err != nil {
		return err
	}
	return v.Show(v.T("Edit %s", page.Heading), "post", page)
}

// chosenStatus returns the status of a post as the form shows it.
func chosenStatus(p *site.FullPost) string {
	if p.Status == site.StatusFuture {
		return site.StatusPublish
	}
	return p.Status
}

// tagsOf returns the names of the tags, separated by commas.
func tagsOf(p *site.FullPost) string {
	var names []string
	for _, t := range p.Terms {
		if t.Taxonomy == site.PostTag {
			names = append(names, html.UnescapeString(t.Name))
		}
	}
	return strings.Join(names, ", ")
}

// categories lists the categories that a post can have.
func (d *desk) categories(v *profiles.Visit, p *site.FullPost) (list []choice, err error) {
	if p.Type != site.TypePost {
		return nil, nil
	}
	pages, err := d.site.ListTerms(v.Context(), v.Who(), site.TermFilter{Taxonomy: site.Category, Limit: maxCategories})
	if err != nil {
		return nil, err
	}
	for terms, err := range pages {
		if err != nil {
			return nil, err
		}
		for _, t := range terms {
			has := slices.ContainsFunc(p.Terms, func(h site.Term) bool { return h.ID == t.ID && h.Taxonomy == site.Category })
			list = append(list, choice{t.ID, html.UnescapeString(t.Name), has})
		}
	}
	return list, nil
}

// pictures lists the newest pictures, from which a post can have one, and the
// one that it has.
func (d *desk) pictures(v *profiles.Visit, p *site.FullPost) ([]choice, error) {
	if p.Type == site.TypeAttachment || !v.Who().Can(auth.UploadFiles) {
		return nil, nil
	}
	pages, err := d.site.ListAttachments(v.Context(), v.Who(), site.AttachmentFilter{MimeType: "image", Limit: maxPictures})
	if err != nil {
		return nil, err
	}
	list := []choice{{0, v.T("None"), p.Thumbnail == 0}}
	for attachments, err := range pages {
		if err != nil {
			return nil, err
		}
		for _, a := range attachments {
			list = append(list, choice{a.ID, firstOf(plain(a.Title), a.File) + " (" + a.File + ")", a.ID == p.Thumbnail})
		}
	}
	if !slices.ContainsFunc(list, func(c choice) bool { return c.Taken }) {
		list = append(list, choice{p.Thumbnail, v.T("The present picture"), true})
	}
	return list, nil
}

// parents lists the published pages that can be the parent of a page. The
// current parent is always among them.
func (d *desk) parents(v *profiles.Visit, p *site.FullPost) ([]choice, error) {
	if p.Type != site.TypePage {
		return nil, nil
	}
	pages, err := d.site.ListPosts(v.Context(), v.Who(), site.PostFilter{Type: site.TypePage, Statuses: []string{site.StatusPublish}, Limit: maxParents}, site.WithoutTexts)
	if err != nil {
		return nil, err
	}
	list := []choice{{0, v.T("None"), p.Parent == 0}}
	for found, err := range pages {
		if err != nil {
			return nil, err
		}
		for _, above := range found {
			if above.ID != p.ID {
				list = append(list, choice{above.ID, firstOf(plain(above.Title), v.T("(no title)")), above.ID == p.Parent})
			}
		}
	}
	if !slices.ContainsFunc(list, func(c choice) bool { return c.Taken }) {
		list = append(list, choice{p.Parent, v.T("The present page"), true})
	}
	return list, nil
}

// save saves the changes to a post. Everything that was not changed in the form
// stays the same, byte for byte.
func (d *desk) save(k kind) func(*profiles.Visit) error {
	return func(v *profiles.Visit) error {
		n, err := id(v)
		if err != nil {
			return err
		}
		p, err := d.read(v, k, n)
		if err != nil {
			return err
		}
		e, ok := d.edit(v, p)
		if !ok {
			return d.postForm(v, k, n)
		}
		err = d.site.EditPost(v.Context(), v.Who(), n, e)
		var invalid *site.Invalid
		var denied *site.Denied
		switch {
		case err == nil:
			return v.Done(fmt.Sprintf("%s/%d", k.Path, n), v.T("Your changes were saved."))
		case errors.Is(err, site.ErrConflict):
			v.Refuse("", v.T("Somebody else has changed this since you opened it. To replace their version with yours, save again."))
		case errors.Is(err, site.ErrEmptyPost):
			v.Refuse("title", v.T("Enter a title or a text."))
		case errors.Is(err, site.ErrPostTermName):
			v.Refuse("tags", v.T("One of the tags cannot be created: it is blank or too long."))
		case errors.Is(err, site.ErrNoThumbnail):
			v.Refuse("thumbnail", v.T("This picture was deleted."))
		case errors.As(err, &invalid):
			v.Refuse("", invalid.Field+": "+invalid.Why+".")
		case errors.As(err, &denied):
			v.Refuse("", v.T("You may not %s.", denied.Action))
		default:
			return err
		}
		return d.postForm(v, k, n)
	}
}

// edit returns the changes that the form makes to a post; ok reports whether
// the form could be read.
func (d *desk) edit(v *profiles.Visit, p *site.FullPost) (e site.PostEdit, ok bool) {
	sent := v.Sent()
	changed := func(field, was string) *string {
		is := unixLines(sent.Get(field))
		if !sent.Has(field) || is == unixLines(was) {
			return nil
		}
		return &is
	}
	e.Title, e.Content, e.Excerpt, e.Name = changed("title", p.Title), changed("content", p.Content), changed("excerpt", p.Excerpt), changed("name", p.Name)
	if p.Type == site.TypeAttachment {
		e.Alt = changed("alt", p.Alt())
	}
	e.Status = changed("status", chosenStatus(p))
	e.CommentStatus = changed("comments", p.CommentStatus)
	if tags := changed("tags", tagsOf(p)); tags != nil && p.Type == site.TypePost {
		names := []string{}
		for name := range strings.SplitSeq(*tags, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
		e.Tags = &names
	}
	if p.Type == site.TypePost && sent.Has("categories") {
		e.Categories = changedCategories(p, sent["category"])
	}
	if picture := changed("thumbnail", strconv.FormatInt(p.Thumbnail, 10)); picture != nil {
		id, err := strconv.ParseInt(*picture, 10, 64)
		if err != nil {
			v.Refuse("thumbnail", v.T("Choose one of the pictures."))
			return e, false
		}
		e.Thumbnail = &id
	}
	if sticky := sent.Has("sticky"); p.Type == site.TypePost && sent.Has("pinned") && sticky != p.Sticky {
		e.Sticky = &sticky
	}
	if parent := changed("parent", strconv.FormatInt(p.Parent, 10)); parent != nil && p.Type == site.TypePage {
		id, err := strconv.ParseInt(*parent, 10, 64)
		if err != nil {
			v.Refuse("parent", v.T("Choose one of the pages."))
			return e, false
		}
		e.Parent = &id
	}
	if at, err := time.Parse(time.RFC3339Nano, v.Form("modified")); err == nil {
		e.IfNotModifiedSince = &at
	}
	return e, d.editDate(v, p, &e)
}

// editDate reads the date, if it was changed.
func (d *desk) editDate(v *profiles.Visit, p *site.FullPost, e *site.PostEdit) bool {
	text, was := v.Form("date"), p.Date
	if text == "" || text == was.Format(wallClock) || text == was.Format(wallMinutes) && was.Second() == 0 {
		return true
	}
	date, err := time.Parse(wallClock, text)
	if err != nil {
		date, err = time.Parse(wallMinutes, text)
	}
	if err != nil || date.Year() < 1 || date.Year() > 9999 {
		v.Refuse("date", v.T("Enter the date as in 2026-01-31T18:30."))
		return false
	}
	e.Date = &site.PostDate{Time: date, Local: true}
	if p.Status == site.StatusFuture && e.Status == nil {
		e.Status = new(site.StatusPublish) // its new date makes it a scheduled post
	}
	return true
}

// changedCategories returns the selected categories, or nil if the post has
// exactly those.
func changedCategories(p *site.FullPost, ticked []string) *[]int64 {
	ids, had := []int64{}, []int64{}
	for _, text := range ticked {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	for _, t := range p.Terms {
		if t.Taxonomy == site.Category {
			had = append(had, t.ID)
		}
	}
	slices.Sort(ids)
	slices.Sort(had)
	if slices.Equal(ids, had) {
		return nil
	}
	return &ids
}

// unixLines converts line ends to those of Go and most clients. Browsers send
// CRLF, whatever the text had.
func unixLines(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}
