package site

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
)

// write stores the post and everything that follows from the change.
func (w *edit) write(ctx context.Context) error {
	if err := w.nameIt(ctx); err != nil {
		return err
	}
	if err := w.writeRow(ctx); err != nil {
		return err
	}
	if err := w.writeTrash(ctx); err != nil {
		return err
	}
	if err := w.writeFields(ctx); err != nil {
		return err
	}
	if err := w.writeTerms(ctx); err != nil {
		return err
	}
	if CountsInTerms(&w.post) {
		if err := markPublished(ctx, w.tx, []int64{w.post.ID}); err != nil {
			return err
		}
	}
	if w.old == nil || w.Content != nil && (!w.whole || w.post.Content != w.old.Content) {
		if err := w.s.adoptUploads(ctx, w.tx, &w.post); err != nil {
			return err
		}
	}
	switch {
	case w.old != nil:
		if err := w.saveRevision(ctx); err != nil {
			return err
		}
		return w.rememberAddress(ctx)
	case w.FirstRevision:
		return w.addRevision(ctx)
	}
	return nil
}

// nameIt sets the slug: the desired one, the current one, or one made from the
// title when the post becomes public.
func (w *edit) nameIt(ctx context.Context) error {
	p := &w.post
	wanted := p.Name
	switch {
	case w.Name != nil:
		wanted = *w.Name
	case w.leavesTrash():
		desired, err := desiredSlug(ctx, w.tx, w.old)
		if err != nil {
			return err
		}
		wanted = desired
	case w.entersTrash():
		wanted = trashedSlug(p.Name)
	}
	if p.Status == StatusPending && !w.s.CanPublish(w.who, p.Type) {
		wanted = "" // callers who may not publish do not choose the address
	}
	slug := givenSlug(wanted)
	if !Floating(p.Status) {
		if slug == "" {
			title, err := w.title(ctx)
			if err != nil {
				return err
			}
			slug = markup.Slug(title)
		}
		if slug == "" && p.ID != 0 {
			slug = strconv.FormatInt(p.ID, 10)
		}
	}
	if w.old != nil && slug == w.old.Name && p.Parent == w.old.Parent && !Floating(w.old.Status) && w.old.Status != StatusTrash {
		p.Name = slug
		return nil
	}
	var err error
	p.Name, err = UniqueSlug(ctx, w.tx, p, slug, w.opts.Text("permalink_structure"))
	return err
}

// title returns the future title of the post.
func (w *edit) title(ctx context.Context) (string, error) {
	if w.Title != nil || w.old == nil || w.whole || w.post.Title != "" {
		return w.post.Title, nil
	}
	var title string
	if err := w.tx.Get(ctx, &title, `SELECT title FROM posts WHERE id = $1`, w.old.ID); err != nil {
		return "", fmt.Errorf("read the title of post %d: %w", w.old.ID, err)
	}
	return title, nil
}

func (w *edit) entersTrash() bool {
	return w.old != nil && w.old.Status != StatusTrash && w.post.Status == StatusTrash
}

func (w *edit) leavesTrash() bool {
	return w.old != nil && w.old.Status == StatusTrash && w.post.Status != StatusTrash
}

func (w *edit) writeRow(ctx context.Context) error {
	p := &w.post
	if w.old != nil {
		return w.updateRow(ctx)
	}
	if err := insertPost(ctx, w.tx, p); err != nil {
		return err
	}
	if p.Name != "" || Floating(p.Status) {
		return nil
	}
	// Without letters in the title, the address is the id, which was unknown
	// before.
	var err error
	p.Name, err = UniqueSlug(ctx, w.tx, p, strconv.FormatInt(p.ID, 10), w.opts.Text("permalink_structure"))
	if err != nil {
		return err
	}
	if err := w.tx.Later(ctx, `UPDATE posts SET name = $2 WHERE id = $1`, p.ID, p.Name); err != nil {
		return fmt.Errorf("name post %d: %w", p.ID, err)
	}
	return nil
}

// insertPost inserts a row and sets its ID.
func insertPost(ctx context.Context, tx *database.Tx, p *Post) error {
	err := tx.Get(ctx, &p.ID, `INSERT INTO posts (type, status, title, name, author, content, excerpt, password, parent, menu_order,
			comment_status, ping_status, mime_type, guid, sticky, comment_count, date, date_gmt, modified, modified_gmt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING id`,
		p.Type, p.Status, p.Title, p.Name, p.Author, p.Content, p.Excerpt, p.Password, p.Parent, p.MenuOrder,
		p.CommentStatus, p.PingStatus, p.MimeType, p.GUID, p.Sticky, p.CommentCount, p.Date, p.DateGMT, p.Modified, p.ModifiedGMT)
	if err != nil {
		return fmt.Errorf("insert a post: %w", err)
	}
	return nil
}

// updateRow updates the row of the post. Texts that are not part of the edit
// stay.
func (w *edit) updateRow(ctx context.Context) error {
	p := &w.post
	err := w.tx.Later(ctx, `UPDATE posts SET status = $2, title = COALESCE($3, title), name = $4, author = $5, content = COALESCE($6, content),
			excerpt = COALESCE($7, excerpt), password = $8, parent = $9, menu_order = $10, comment_status = $11, ping_status = $12, sticky = $13, date = $14, date_gmt = $15,
			modified = $16, modified_gmt = $17
		WHERE id = $1`,
		p.ID, p.Status, w.Title, p.Name, p.Author, w.Content, w.Excerpt, p.Password, p.Parent, p.MenuOrder, p.CommentStatus,
		p.PingStatus, p.Sticky, p.Date, p.DateGMT, p.Modified, p.ModifiedGMT)
	if err != nil {
		return fmt.Errorf("update post %d: %w", p.ID, err)
	}
	return nil
}

// writeTrash stores the previous state of a post that enters the trash, and
// restores it when the post leaves.
func (w *edit) writeTrash(ctx context.Context) error {
	switch {
	case w.entersTrash():
		return enterTrash(ctx, w.tx, w.old, w.now)
	case w.leavesTrash():
		return leaveTrash(ctx, w.tx, w.post.ID)
	}
	return nil
}

func (w *edit) writeFields(ctx context.Context) error {
	id := w.post.ID
	if w.Thumbnail != nil && (w.old != nil || *w.Thumbnail != 0) {
		value := ""
		if *w.Thumbnail != 0 {
			value = strconv.FormatInt(*w.Thumbnail, 10)
		}
		if err := setField(ctx, w.tx, id, metaThumbnail, value); err != nil {
			return err
		}
	}
	if w.Alt != nil && w.post.Type == TypeAttachment {
		if err := setField(ctx, w.tx, id, metaAlt, strings.Join(strings.Fields(*w.Alt), " ")); err != nil {
			return err
		}
	}
	if w.Template != nil {
		template := *w.Template
		if template == "default" {
			template = ""
		}
		if err := setField(ctx, w.tx, id, metaTemplate, template); err != nil {
			return err
		}
	}
	if err := editFields(ctx, w.tx, id, w.CustomFields); err != nil {
		return err
	}
	if w.Enclosure != nil {
		return addEnclosure(ctx, w.tx, id, *w.Enclosure)
	}
	return nil
}

// writeTerms sets the terms and updates their counts: for new terms according
// to the new status, for old ones according to the change of status.
func (w *edit) writeTerms(ctx context.Context) error {
	p := &w.post
	was := w.old != nil && CountsInTerms(w.old)
	for _, t := range taxonomies() {
		ids, changed := w.terms[t.Name]
		if !changed {
			continue
		}
		err := checkTermNumber(len(ids))
		if w.old == nil && err == nil { // it has none
			_, err = giveTerms(ctx, w.tx, p.ID, t.Name, ids)
		} else if err == nil {
			err = setPostTerms(ctx, w.tx, p.ID, was, t.Name, ids)
		}
		if err != nil {
			return err
		}
	}
	return countPost(ctx, w.tx, p.ID, was, CountsInTerms(p))
}

// rememberAddress stores the previous slug and day of a published post, so that
// its old addresses still lead to it.
func (w *edit) rememberAddress(ctx context.Context) error {
	p, old := &w.post, w.old
	if p.Type != TypePost || p.Status != StatusPublish || old.Status != StatusPublish {
		return nil
	}
	if err := rememberOld(ctx, w.tx, p.ID, MetaOldSlug, old.Name, p.Name); err != nil {
		return err
	}
	return rememberOld(ctx, w.tx, p.ID, metaOldDate, old.Date.Format(time.DateOnly), p.Date.Format(time.DateOnly))
}

// adoptUploads makes the post the parent of the files in its text that belong
// to no post yet.
func (s *Site) adoptUploads(ctx context.Context, tx *database.Tx, p *Post) error {
	files := markup.FilesBelow(p.Content, s.UploadURL(""), maxAdopted)
	if len(files) == 0 || p.Type == TypeAttachment {
		return nil
	}
	err := database.ExecIn(ctx, tx, `UPDATE posts SET parent = ? WHERE type = 'attachment' AND parent = 0
		AND id IN (SELECT post_id FROM attachments WHERE file IN (?))`, files, p.ID)
	if err != nil {
		return fmt.Errorf("adopt the uploads that post %d shows: %w", p.ID, err)
	}
	return nil
}

// maxAdopted is the largest number of files that are looked up for one text.
const maxAdopted = 1000
