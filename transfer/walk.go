package transfer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// Visitor receives the content of a blog from Walk, in this order: authors,
// terms, posts. A nil function is skipped; an error of a function ends the
// walk.
type Visitor struct {
	Author func(*wxr.Author) error
	Term   func(*wxr.Term) error // of every taxonomy, categories and tags first; parents before their children
	Post   func(*wxr.Post) error // by id
}

// walkPage is how many posts are read at a time, with everything that belongs
// to them.
const walkPage = 100

// Walk passes on all content of the blog in its state at one moment, in the
// form that other blogs import. It holds a page of posts with their comments in
// memory at a time, and all terms at once. Authors are the users who have
// written posts or comments. Revisions and unsaved drafts are left out.
//
// Only the operator of the server may call it, since it checks no role.
func (s *Blog) Walk(ctx context.Context, v Visitor) error {
	opts, err := s.Options().Current(ctx)
	if err != nil {
		return err
	}
	err = s.db.View(ctx, func(tx *database.Tx) error {
		w := &walker{exporter: exporter{blog: s, tx: tx}, visitor: v, options: opts}
		for _, step := range []func(context.Context) error{w.authors, w.terms, w.posts} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("walk through the blog: %w", err)
	}
	return nil
}

type walker struct {
	exporter
	visitor Visitor
	options *options.Values
	logins  map[int64]string
	refs    map[int64]wxr.PostTerm
}

func (w *walker) authors(ctx context.Context) error {
	w.logins = map[int64]string{}
	var ids []int64
	err := w.tx.Select(ctx, &ids, `SELECT author FROM posts WHERE type <> 'revision' AND status <> 'auto-draft' UNION SELECT user_id FROM comments`)
	if err != nil {
		return fmt.Errorf("look for authors: %w", err)
	}
	return w.blog.users.Among(ctx, w.tx, ids, func(u auth.User) error {
		w.logins[u.ID] = u.Login
		if w.visitor.Author == nil {
			return nil
		}
		return w.visitor.Author(&wxr.Author{
			ID: u.ID, Login: u.Login, Email: u.Email, DisplayName: u.DisplayName, FirstName: u.FirstName, LastName: u.LastName,
		})
	})
}

// terms passes on categories, tags and the other taxonomies in turn, each from
// the top of its tree down.
func (w *walker) terms(ctx context.Context) error {
	var all []termRow
	err := w.tx.Select(ctx, &all, `SELECT id, taxonomy, name, slug, parent, description, term_group FROM terms ORDER BY id`)
	if err != nil {
		return fmt.Errorf("read the terms: %w", err)
	}
	w.refs = make(map[int64]wxr.PostTerm, len(all))
	for _, t := range all {
		w.refs[t.ID] = wxr.PostTerm{Taxonomy: t.Taxonomy, Slug: t.Slug, Name: t.Name}
	}
	children := map[int64][]termRow{}
	tops := map[string][]termRow{site.Category: nil, site.PostTag: nil}
	others := []string{}
	for _, t := range all {
		if _, known := tops[t.Taxonomy]; !known {
			tops[t.Taxonomy] = nil
			others = append(others, t.Taxonomy)
		}
		if up, there := w.refs[t.Parent]; there && up.Taxonomy == t.Taxonomy {
			children[t.Parent] = append(children[t.Parent], t)
		} else {
			tops[t.Taxonomy] = append(tops[t.Taxonomy], t)
		}
	}
	if w.visitor.Term == nil {
		return nil
	}
	for _, taxonomy := range append([]string{site.Category, site.PostTag}, others...) {
		for level := tops[taxonomy]; len(level) > 0; {
			var next []termRow
			for part := range slices.Chunk(level, exportPage) {
				if err := w.showTerms(ctx, part); err != nil {
					return err
				}
				for _, t := range part {
					next = append(next, children[t.ID]...)
				}
			}
			level = next
		}
	}
	return nil
}

func (w *walker) showTerms(ctx context.Context, list []termRow) error {
	meta, err := w.meta(ctx, metaOfTerms, idsOf(list, func(t *termRow) int64 { return t.ID }))
	if err != nil {
		return err
	}
	for _, t := range list {
		err := w.visitor.Term(&wxr.Term{
			ID: t.ID, Taxonomy: t.Taxonomy, Slug: t.Slug, Parent: w.refs[t.Parent].Slug, Name: t.Name, Description: t.Description, Meta: metaOf(meta[t.ID]),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func metaOf(list []BundleMeta) []wxr.Meta {
	var out []wxr.Meta
	for _, m := range list {
		out = append(out, wxr.Meta{Key: m.Key, Value: m.Value})
	}
	return out
}

func (w *walker) posts(ctx context.Context) error {
	if w.visitor.Post == nil {
		return nil
	}
	const query = `SELECT ` + bundlePostColumns + ` FROM posts WHERE id > $1 AND type <> 'revision' AND status <> 'auto-draft' ORDER BY id LIMIT $2`
	for after := int64(0); ; {
		var rows []site.Post
		if err := w.tx.Select(ctx, &rows, query, after, walkPage); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].ID
		if err := w.showPosts(ctx, rows); err != nil {
			return err
		}
	}
}

func (w *walker) showPosts(ctx context.Context, rows []site.Post) error {
	ids := idsOf(rows, func(p *site.Post) int64 { return p.ID })
	link, err := w.blog.PostLinks(ctx, w.options, rows)
	if err != nil {
		return err
	}
	meta, err := w.meta(ctx, metaOfPosts, ids)
	if err != nil {
		return err
	}
	terms := map[int64][]wxr.PostTerm{}
	err = database.SelectIn(ctx, w.tx, `SELECT post_id, term_id FROM post_terms WHERE post_id IN (?) ORDER BY post_id, term_id`, ids, func(p postTerm) {
		terms[p.Post] = append(terms[p.Post], w.refs[p.Term])
	})
	if err != nil {
		return err
	}
	files := map[int64]string{}
	if err := database.SelectIn(ctx, w.tx, attachmentQuery, ids, func(a site.AttachmentRow) { files[a.Post] = a.File }); err != nil {
		return err
	}
	old, err := w.oldAddresses(ctx, ids)
	if err != nil {
		return err
	}
	comments, err := w.comments(ctx, ids)
	if err != nil {
		return err
	}
	for i := range rows {
		p := &rows[i]
		out := &wxr.Post{
			ID: p.ID, Type: p.Type, Status: p.Status, Title: p.Title, Name: p.Name, Creator: w.logins[p.Author], Content: p.Content, Excerpt: p.Excerpt,
			Password: p.Password, Parent: p.Parent, MenuOrder: p.MenuOrder, CommentStatus: p.CommentStatus, PingStatus: p.PingStatus, GUID: w.blog.GUID(p),
			Sticky: p.Sticky, Date: p.Date, Modified: p.Modified, Terms: terms[p.ID], Meta: metaOf(meta[p.ID]), Comments: comments[p.ID],
			Link: link(p),
		}
		if file := files[p.ID]; file != "" {
			out.AttachmentURL = w.blog.UploadURL(file)
			out.Meta = append(out.Meta, wxr.Meta{Key: fieldAttached, Value: file})
		}
		for _, address := range old[p.ID] {
			out.Meta = append(out.Meta, wxr.Meta{Key: fieldOldAddress, Value: address})
		}
		if p.DateGMT != nil {
			out.DateGMT = *p.DateGMT
		}
		if p.ModifiedGMT != nil {
			out.ModifiedGMT = *p.ModifiedGMT
		}
		if err := w.visitor.Post(out); err != nil {
			return err
		}
	}
	return nil
}

// comments reads the comments of a page of posts.
func (w *walker) comments(ctx context.Context, posts []int64) (map[int64][]wxr.Comment, error) {
	var list []site.Comment
	err := database.SelectIn(ctx, w.tx, `SELECT `+site.CommentColumns+` FROM comments WHERE post_id IN (?) ORDER BY id`, posts, func(c site.Comment) { list = append(list, c) })
	if err != nil {
		return nil, fmt.Errorf("read the comments: %w", err)
	}
	meta, err := w.meta(ctx, metaOfComments, idsOf(list, func(c *site.Comment) int64 { return c.ID }))
	if err != nil {
		return nil, err
	}
	out := map[int64][]wxr.Comment{}
	for _, c := range list {
		out[c.Post] = append(out[c.Post], wxr.Comment{
			ID: c.ID, Parent: c.Parent, UserID: c.UserID, Approved: cmp.Or(approved[c.Status], c.Status), Type: c.Type, Author: c.Author, AuthorEmail: c.Email,
			AuthorURL: c.URL, AuthorIP: c.IP,
			Content: c.Content, Date: c.Date, DateGMT: c.DateGMT, Meta: metaOf(meta[c.ID]),
		})
	}
	return out, nil
}
