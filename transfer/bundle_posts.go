package transfer

import (
	"context"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/site"
)

const bundlePostColumns = `id, type, status, title, name, author, content, excerpt, password, parent, menu_order, comment_status, ping_status,
	mime_type, guid, sticky, comment_count, date, date_gmt, modified, modified_gmt`

// postRow is a post as a row of the table.
func (im *importer) postRow(p *BundlePost) site.Post {
	date, dateGMT := im.clocks(p.Date, p.DateGMT)
	row := site.Post{
		ID: p.ID, Type: p.Type, Status: p.Status, Title: p.Title, Name: p.Name, Author: p.Author, Content: p.Content, Excerpt: p.Excerpt,
		Password: p.Password, Parent: p.Parent, MenuOrder: p.MenuOrder, CommentStatus: p.CommentStatus, PingStatus: p.PingStatus,
		MimeType: p.MimeType, GUID: p.GUID, Sticky: p.Sticky, Date: date, DateGMT: dateGMT,
	}
	row.DropPrivatePassword()
	if p.Modified.IsZero() && p.ModifiedGMT.IsZero() {
		row.Modified, row.ModifiedGMT = date, dateGMT
	} else {
		row.Modified, row.ModifiedGMT = im.clocks(p.Modified, p.ModifiedGMT)
	}
	return row
}

// samePost reports whether a post is as the bundle describes it.
func samePost(a, b site.Post) bool {
	if !a.Date.Equal(b.Date) || !a.Modified.Equal(b.Modified) || !sameMoment(a.DateGMT, b.DateGMT) || !sameMoment(a.ModifiedGMT, b.ModifiedGMT) {
		return false
	}
	for _, p := range []*site.Post{&a, &b} {
		p.Date, p.Modified, p.DateGMT, p.ModifiedGMT, p.CommentCount = time.Time{}, time.Time{}, nil, nil, 0
	}
	return a == b
}

func sameMoment(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(*b)
}

func (im *importer) importPosts(ctx context.Context) error {
	posts := im.bundle.Posts
	ids := idsOf(posts, func(p *BundlePost) int64 { return p.ID })
	there := make(map[int64]bool, len(ids))
	rows := make(map[int64]*BundlePost, len(ids))
	for i := range posts {
		rows[posts[i].ID] = &posts[i]
	}
	same := make(map[int64]bool, len(ids))
	err := database.SelectIn(ctx, im.tx, `SELECT `+bundlePostColumns+` FROM posts WHERE id IN (?)`, ids, func(p site.Post) {
		there[p.ID], same[p.ID] = true, samePost(p, im.postRow(rows[p.ID]))
	})
	if err != nil {
		return fmt.Errorf("read the posts: %w", err)
	}
	if err := im.checkPosts(ctx); err != nil {
		return err
	}
	changed := map[int64]bool{}
	owners := make([]metaOwner, 0, len(posts))
	for i := range posts {
		p := &posts[i]
		owners = append(owners, metaOwner{p.ID, p.Meta})
		if same[p.ID] {
			continue
		}
		if err := im.writePost(ctx, im.postRow(p), there[p.ID]); err != nil {
			return err
		}
		changed[p.ID] = true
	}
	if err := im.importPostTerms(ctx, ids, changed); err != nil {
		return err
	}
	if err := im.importMeta(ctx, metaOfPosts, owners, changed); err != nil {
		return err
	}
	if err := im.importAttachments(ctx, changed); err != nil {
		return err
	}
	if err := im.importOld(ctx, changed); err != nil {
		return err
	}
	for _, id := range ids {
		im.report.Posts.add(there[id], changed[id])
	}
	return nil
}

func (im *importer) writePost(ctx context.Context, p site.Post, known bool) error {
	query := `INSERT INTO posts (id, type, status, title, name, author, content, excerpt, password, parent, menu_order, comment_status, ping_status,
		mime_type, guid, sticky, date, date_gmt, modified, modified_gmt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`
	if known {
		query = `UPDATE posts SET type = $2, status = $3, title = $4, name = $5, author = $6, content = $7, excerpt = $8, password = $9, parent = $10,
			menu_order = $11, comment_status = $12, ping_status = $13, mime_type = $14, guid = $15, sticky = $16, date = $17, date_gmt = $18,
			modified = $19, modified_gmt = $20 WHERE id = $1`
	}
	_, err := im.tx.Exec(ctx, query, p.ID, p.Type, p.Status, p.Title, p.Name, p.Author, p.Content, p.Excerpt, p.Password, p.Parent, p.MenuOrder,
		p.CommentStatus, p.PingStatus, p.MimeType, p.GUID, p.Sticky, p.Date, p.DateGMT, p.Modified, p.ModifiedGMT)
	if err != nil {
		return fmt.Errorf("write post %d: %w", p.ID, err)
	}
	return nil
}

// checkPosts rejects posts whose author or terms do not exist. Their parent may
// be missing, as in any blog.
func (im *importer) checkPosts(ctx context.Context) error {
	authors := map[int64]bool{}
	for _, p := range im.bundle.Posts {
		authors[p.Author] = true
		for _, term := range p.Terms {
			if im.terms[term] == "" {
				return &BundleError{fmt.Sprintf("post %d", p.ID), "terms", fmt.Sprintf("there is no term %d", term)}
			}
		}
	}
	known, err := im.knownUsers(ctx, authors)
	if err != nil {
		return err
	}
	for _, p := range im.bundle.Posts {
		if !known[p.Author] {
			return &BundleError{fmt.Sprintf("post %d", p.ID), "author", fmt.Sprintf("there is no user %d", p.Author)}
		}
	}
	return im.checkAncestors(ctx)
}

// checkAncestors rejects posts that are their own ancestors, and revisions
// without a post.
func (im *importer) checkAncestors(ctx context.Context) error {
	parents := make(map[int64]int64, len(im.bundle.Posts))
	for _, p := range im.bundle.Posts {
		parents[p.ID] = p.Parent
	}
	for _, p := range im.bundle.Posts {
		steps := 0
		for up := p.Parent; up != 0; up = parents[up] {
			if steps++; up == p.ID || steps > len(parents) {
				return &BundleError{fmt.Sprintf("post %d", p.ID), "parent", "the post is its own ancestor"}
			}
		}
	}
	var outside []int64
	for _, p := range im.bundle.Posts {
		if _, inside := parents[p.Parent]; p.Type == "revision" && !inside {
			outside = append(outside, p.Parent)
		}
	}
	known := map[int64]bool{}
	if err := database.SelectIn(ctx, im.tx, `SELECT id FROM posts WHERE id IN (?)`, outside, func(id int64) { known[id] = true }); err != nil {
		return fmt.Errorf("look for the posts of revisions: %w", err)
	}
	for _, p := range im.bundle.Posts {
		if _, inside := parents[p.Parent]; p.Type == "revision" && !inside && !known[p.Parent] {
			return &BundleError{fmt.Sprintf("post %d", p.ID), "parent", fmt.Sprintf("there is no post %d", p.Parent)}
		}
	}
	return nil
}

// knownUsers returns which of the ids belong to users. It includes 0, which
// stands for no user.
func (im *importer) knownUsers(ctx context.Context, ids map[int64]bool) (map[int64]bool, error) {
	list := make([]int64, 0, len(ids))
	for id := range ids {
		list = append(list, id)
	}
	known, err := im.blog.users.Known(ctx, im.tx, list)
	if err != nil {
		return nil, err
	}
	known[0] = true
	return known, nil
}

// postTerm is a term that a post has.
type postTerm struct {
	Post int64 `db:"post_id"`
	Term int64 `db:"term_id"`
}

// importPostTerms gives the posts the terms in the bundle.
func (im *importer) importPostTerms(ctx context.Context, ids []int64, changed map[int64]bool) error {
	there := map[postTerm]bool{}
	if err := database.SelectIn(ctx, im.tx, `SELECT post_id, term_id FROM post_terms WHERE post_id IN (?)`, ids, func(p postTerm) { there[p] = true }); err != nil {
		return fmt.Errorf("read the terms of the posts: %w", err)
	}
	wanted := make(map[postTerm]bool, len(there))
	for _, p := range im.bundle.Posts {
		for _, term := range p.Terms {
			at := postTerm{p.ID, term}
			if wanted[at] {
				continue
			}
			wanted[at] = true
			if there[at] {
				continue
			}
			if _, err := im.tx.Exec(ctx, `INSERT INTO post_terms (post_id, term_id) VALUES ($1, $2)`, p.ID, term); err != nil {
				return fmt.Errorf("give post %d term %d: %w", p.ID, term, err)
			}
			changed[p.ID] = true
		}
	}
	for gone := range there {
		if wanted[gone] {
			continue
		}
		if _, err := im.tx.Exec(ctx, `DELETE FROM post_terms WHERE post_id = $1 AND term_id = $2`, gone.Post, gone.Term); err != nil {
			return fmt.Errorf("take term %d from post %d: %w", gone.Term, gone.Post, err)
		}
		changed[gone.Post] = true
	}
	return nil
}
