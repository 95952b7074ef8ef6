package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// intakeFile is the file of an attachment. It is stored before the transaction
// that records it.
type intakeFile struct {
	row    site.AttachmentRow
	stored *media.Stored // pending in the store
}

// storeFiles stores the files of the batch's attachments that the blog does not
// have yet. The keys are indexes of posts.
func (in *Intake) storeFiles(ctx context.Context, posts []wxr.Post) (map[int]*intakeFile, error) {
	var list []intakePost
	for i := range posts {
		if p := newIntakePost(&posts[i], i); p.Type == site.TypeAttachment && media.CheckName(p.upload) == nil {
			list = append(list, p)
		}
	}
	if len(list) == 0 || in.blog.media == nil {
		return nil, nil
	}
	if err := in.matchPosts(ctx, in.blog.db, list); err != nil {
		return nil, err
	}
	var ids []int64
	for i := range list {
		if list[i].there {
			ids = append(ids, list[i].row.ID)
		}
	}
	complete := map[int64]bool{}
	err := database.SelectIn(ctx, in.blog.db, `SELECT post_id FROM attachments WHERE size > 0 AND post_id IN (?)`, ids, func(id int64) { complete[id] = true })
	if err != nil {
		return nil, fmt.Errorf("look for the files of attachments: %w", err)
	}
	files := map[int]*intakeFile{}
	for i := range list {
		p := &list[i]
		if p.there && complete[p.row.ID] {
			continue
		}
		f, err := in.storeFile(ctx, p)
		if err != nil {
			return nil, errors.Join(err, in.discardStored(ctx, files, nil))
		}
		if f != nil {
			files[p.index] = f
		}
	}
	return files, nil
}

// storeFile stores one file, or adopts one among the uploads that belongs to no
// attachment. It returns nil if there is neither.
func (in *Intake) storeFile(ctx context.Context, p *intakePost) (*intakeFile, error) {
	order := site.PictureOrder(in.options)
	order.Threshold = 0 // an imported picture keeps its name
	stored, err := in.bytes(ctx, p, order)
	if err != nil || stored == nil {
		return nil, err
	}
	f := &intakeFile{stored: stored}
	f.row, err = site.NewAttachmentRow(stored.Info, stored.Picture)
	return f, err
}

// bytes writes the bytes of a file to the store.
func (in *Intake) bytes(ctx context.Context, p *intakePost, order media.Order) (*media.Stored, error) {
	if in.cfg.Open != nil {
		r, err := in.cfg.Open(ctx, p.upload, p.AttachmentURL)
		if err == nil {
			defer r.Close()
			return in.blog.media.Store(ctx, media.Upload{Name: p.upload, Picture: &order, Writer: in.writer()}, r)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open file %q: %w", p.upload, err)
		}
	}
	owned, err := in.blog.KnownFile(ctx, p.upload)
	if err != nil || owned {
		return nil, err
	}
	stored, err := in.blog.media.Adopt(ctx, media.Upload{Name: p.upload, Picture: &order, Writer: in.writer()})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	return stored, err
}

// writer identifies the import of this source among the writers of files.
// Imports of other sources may run at the same time.
func (in *Intake) writer() string {
	return fmt.Sprintf("import%x", sha256.Sum256([]byte(in.cfg.Source)))
}

// takeFiles chooses the files of the batch's attachments. They are recorded
// after the posts.
func (b *intakeBatch) takeFiles(ctx context.Context) error {
	var ids []int64
	var names []string
	for i := range b.posts {
		p := &b.posts[i]
		if p.Type != site.TypeAttachment {
			continue
		}
		names = append(names, p.upload)
		if f := b.files[p.index]; f != nil {
			names = append(names, f.row.File)
		}
		if p.there {
			ids = append(ids, p.row.ID)
		}
	}
	if len(names) == 0 {
		return nil
	}
	b.complete = map[int64]bool{}
	type owner struct {
		Post int64  `db:"post_id"`
		File string `db:"file"`
		Size int64  `db:"size"`
	}
	has, owners := map[int64]owner{}, map[string]int64{}
	if err := database.SelectIn(ctx, b.tx, `SELECT post_id, file, size FROM attachments WHERE post_id IN (?)`, ids, func(o owner) { has[o.Post] = o }); err != nil {
		return fmt.Errorf("look for the files of attachments: %w", err)
	}
	err := database.SelectIn(ctx, b.tx, `SELECT post_id, file, size FROM attachments WHERE file IN (?)`, names, func(o owner) { owners[o.File] = o.Post })
	if err != nil {
		return fmt.Errorf("look for the names of files: %w", err)
	}
	for i := range b.posts {
		p := &b.posts[i]
		if p.Type != site.TypeAttachment {
			continue
		}
		if p.there && has[p.row.ID].Size > 0 {
			b.complete[p.row.ID] = true
			continue
		}
		if err := b.takeFile(ctx, p, owners); err != nil {
			return err
		}
	}
	return nil
}

// takeFile chooses the file of one attachment: the stored one, otherwise only
// the name.
func (b *intakeBatch) takeFile(ctx context.Context, p *intakePost, owners map[string]int64) error {
	f := b.files[p.index]
	if f != nil {
		if owner := owners[f.row.File]; owner == 0 || owner == p.row.ID {
			b.used[p.index] = true
			owners[f.row.File] = p.row.ID
			p.file = &f.row
			p.added = p.there
			b.report.Files++
			return nil
		}
	}
	b.differs(p.object(), "its file was not found")
	if p.there {
		return nil
	}
	name, err := b.freeFileName(ctx, p.upload, owners)
	if err != nil {
		return err
	}
	owners[name] = p.row.ID
	p.file = &site.AttachmentRow{File: name, Sizes: "{}", Meta: "{}"}
	return nil
}

// freeFileName returns the name, or the first of name-1, name-2 … that no
// attachment uses. owners maps names to the attachments of the batch that use
// them, and the name to any attachment that does.
func (b *intakeBatch) freeFileName(ctx context.Context, name string, owners map[string]int64) (string, error) {
	if owners[name] == 0 {
		return name, nil
	}
	stem, extension := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	numbered := func(n int) string { return stem + "-" + strconv.Itoa(n) + extension }
	n, err := database.FirstFree(ctx, 1, math.MaxInt32, numbered, func(ctx context.Context, names []string) (used []string, err error) {
		for _, name := range names {
			if owners[name] != 0 {
				used = append(used, name)
			}
		}
		err = database.SelectIn(ctx, b.tx, `SELECT file FROM attachments WHERE file IN (?)`, names, func(name string) { used = append(used, name) })
		return used, err
	})
	if err != nil {
		return "", fmt.Errorf("look for the name of a file: %w", err)
	}
	return numbered(n), nil
}

// writeFiles records the files.
func (b *intakeBatch) writeFiles(ctx context.Context) error {
	rows := database.NewRows("attachments", "post_id, file, original, size, width, height, sizes, image_meta")
	var replaced []int64
	for i := range b.posts {
		p := &b.posts[i]
		if p.file == nil {
			continue
		}
		if p.there {
			replaced = append(replaced, p.row.ID)
		}
		f := p.file
		rows.Add(p.row.ID, f.File, f.Original, f.Size, f.Width, f.Height, f.Sizes, f.Meta)
	}
	if err := database.ExecIn(ctx, b.tx, `DELETE FROM attachments WHERE post_id IN (?)`, replaced); err != nil {
		return fmt.Errorf("replace the files of attachments: %w", err)
	}
	if err := rows.Insert(ctx, b.tx); err != nil {
		return err
	}
	if err := b.keepFiles(ctx); err != nil {
		return err
	}
	return b.rememberAddresses(ctx)
}

// keepFiles tells the store, within the transaction, which files are recorded.
func (b *intakeBatch) keepFiles(ctx context.Context) error {
	var kept []*media.Stored
	for i, f := range b.files {
		if b.used[i] {
			kept = append(kept, f.stored)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return b.blog.media.Keep(ctx, b.tx, kept...)
}

// discardStored removes stored files that no batch has recorded.
func (in *Intake) discardStored(ctx context.Context, files map[int]*intakeFile, used map[int]bool) error {
	var errs []error
	for i, f := range files {
		if !used[i] {
			errs = append(errs, in.blog.media.Discard(ctx, f.stored))
		}
	}
	return errors.Join(errs...)
}
