package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// importedFiles are the files of the attachments of a bundle. They are stored
// before the transaction that records them, because neither writing files nor
// scaling pictures belongs in a transaction.
type importedFiles struct {
	blog  *Blog
	order media.Order

	rows      map[int64]site.AttachmentRow // the new rows of the attachments of the bundle
	stored    []*media.Stored              // new files, pending in the store
	old       []string                     // files that no one has once the import is committed
	condemned media.Condemned              // those of old that no new one has taken
	backups   []backup                     // files whose names new ones have taken
	notes     []string
}

// backup is the content of a file that was replaced, to be restored if the
// import fails.
type backup struct {
	name string
	temp *os.File
}

// importFiles stores the files that the attachments of a bundle bring, and
// makes the smaller versions in the sizes of the bundle's options. It does not
// write files that are equal already. After an error, nothing has changed.
func (s *Blog) importFiles(ctx context.Context, b *Bundle, values map[string]string) (*importedFiles, error) {
	now, err := options.Read(ctx, s.db)
	if err != nil {
		return nil, err
	}
	f := &importedFiles{blog: s, order: site.PictureOrder(now.With(values)), rows: map[int64]site.AttachmentRow{}}
	f.order.Threshold = 0 // an imported picture keeps its name
	if s.media != nil {
		if err := s.media.Forget(ctx, bundleWriter); err != nil {
			return nil, fmt.Errorf("clear up after an import that was killed: %w", err)
		}
	}
	there := map[int64]site.AttachmentRow{}
	ids := make([]int64, 0, len(b.Posts))
	for _, p := range b.Posts {
		if p.Type == site.TypeAttachment {
			ids = append(ids, p.ID)
		}
	}
	if err := database.SelectIn(ctx, s.db, attachmentQuery, ids, func(r site.AttachmentRow) { there[r.Post] = r }); err != nil {
		return nil, fmt.Errorf("read the attachments: %w", err)
	}
	for i := range b.Posts {
		p := &b.Posts[i]
		if p.Type != site.TypeAttachment {
			continue
		}
		old, known := there[p.ID]
		if err := f.file(ctx, p, old, known); err != nil {
			f.undo(ctx)
			return nil, err
		}
	}
	return f, nil
}

// bundleWriter identifies bundle imports among the writers of files. One runs
// at a time.
const bundleWriter = "bundle"

const attachmentQuery = `SELECT ` + site.AttachmentColumns + ` FROM attachments a WHERE a.post_id IN (?)`

// file ensures that one attachment has its file.
func (f *importedFiles) file(ctx context.Context, p *BundlePost, old site.AttachmentRow, known bool) error {
	row := site.AttachmentRow{Post: p.ID, File: p.File, Sizes: "{}", Meta: "{}"}
	if f.blog.media == nil {
		if p.Image != nil {
			row.Width, row.Height = p.Image.Width, p.Image.Height
		}
		f.rows[p.ID] = row
		return nil
	}
	same := known && (old.File == p.File || old.UploadName() == p.File)
	if same {
		if equal, err := f.equal(ctx, p, old); err != nil || equal {
			f.rows[p.ID] = old
			return err
		}
	}
	content, err := p.content()
	if err != nil {
		return err
	}
	if content == nil && same {
		f.rows[p.ID] = old
		return nil
	}
	if known {
		names, err := old.FileNames()
		if err != nil {
			return err
		}
		f.old = append(f.old, names...)
	}
	adopted, err := f.makeRoom(ctx, p, old, same, content != nil)
	if err != nil {
		return err
	}
	if !adopted && content == nil {
		note(&f.notes, "post %d: file %q is neither in the bundle nor among the uploads", p.ID, p.File)
		f.rows[p.ID] = row
		return nil
	}
	return f.store(ctx, p, content, adopted)
}

// content returns the bytes of a file in a bundle: the bytes themselves, a grey
// picture of the given size, or nil.
func (p *BundlePost) content() (io.Reader, error) {
	switch {
	case p.Data != nil:
		return bytes.NewReader(p.Data), nil
	case p.spooled != nil:
		return io.NewSectionReader(p.spooled, 0, p.spooled.Size()), nil
	case p.Image != nil:
		picture, err := media.Blank(p.File, int(p.Image.Width), int(p.Image.Height))
		if err != nil {
			return nil, &BundleError{fmt.Sprintf("post %d", p.ID), "image", err.Error()}
		}
		return bytes.NewReader(picture), nil
	}
	return nil, nil
}

func (p *BundlePost) hasBytes() bool { return p.Data != nil || p.spooled != nil }

// equal reports whether an attachment already has the file that the bundle
// describes.
func (f *importedFiles) equal(ctx context.Context, p *BundlePost, old site.AttachmentRow) (bool, error) {
	if !p.hasBytes() {
		_, err := f.blog.media.Stat(ctx, p.File)
		if errors.Is(err, fs.ErrNotExist) {
			return p.Image == nil, nil
		}
		return p.Image == nil || p.Image.Width == old.Width && p.Image.Height == old.Height, err
	}
	return f.holds(ctx, p)
}

// holds reports whether the store has the bytes from the bundle under the same
// name.
func (f *importedFiles) holds(ctx context.Context, p *BundlePost) (bool, error) {
	stored, _, err := f.blog.media.Open(ctx, p.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("compare file %q: %w", p.File, err)
	}
	defer stored.Close()
	content, err := p.content()
	if err != nil {
		return false, err
	}
	equal, err := sameBytes(stored, content)
	if err != nil {
		return false, fmt.Errorf("compare file %q: %w", p.File, err)
	}
	return equal, nil
}

func sameBytes(a, b io.Reader) (bool, error) {
	bufA, bufB := make([]byte, 1<<15), make([]byte, 1<<15)
	for {
		n, errA := io.ReadFull(a, bufA)
		m, errB := io.ReadFull(b, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		endA, endB := errA == io.EOF || errA == io.ErrUnexpectedEOF, errB == io.EOF || errB == io.ErrUnexpectedEOF
		switch {
		case errA != nil && !endA:
			return false, errA
		case errB != nil && !endB:
			return false, errB
		case endA || endB:
			return endA == endB, nil
		}
	}
}

// makeRoom frees the name of a file. A file of this name that belongs to no
// attachment, such as one that someone has copied into the folder of uploads,
// is adopted unless the bundle brings other bytes.
func (f *importedFiles) makeRoom(ctx context.Context, p *BundlePost, old site.AttachmentRow, same, replace bool) (adopted bool, err error) {
	_, err = f.blog.media.Stat(ctx, p.File)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for file %q: %w", p.File, err)
	}
	if same {
		names, err := old.FileNames()
		if err != nil {
			return false, err
		}
		return false, f.setAside(ctx, names...)
	}
	owned, err := f.blog.KnownFile(ctx, p.File)
	if err != nil {
		return false, err
	}
	if owned {
		return false, &BundleError{fmt.Sprintf("post %d", p.ID), "file", fmt.Sprintf("%q is the file of another attachment, which the blog has already", p.File)}
	}
	if p.hasBytes() {
		if equal, err := f.holds(ctx, p); err != nil || equal {
			return equal, err
		}
		return false, f.setAside(ctx, p.File)
	}
	return true, nil
}

// setAside removes files and remembers their content.
func (f *importedFiles) setAside(ctx context.Context, names ...string) error {
	for _, name := range names {
		b, err := f.backup(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("set file %q aside: %w", name, err)
		}
		f.backups = append(f.backups, b)
		if err := f.blog.media.Remove(ctx, name); err != nil {
			return fmt.Errorf("set file %q aside: %w", name, err)
		}
	}
	return nil
}

func (f *importedFiles) backup(ctx context.Context, name string) (backup, error) {
	stored, _, err := f.blog.media.Open(ctx, name)
	if err != nil {
		return backup{}, err
	}
	defer stored.Close()
	temp, err := os.CreateTemp("", "quillgate-import-*")
	if err != nil {
		return backup{}, err
	}
	if _, err := io.Copy(temp, stored); err != nil {
		return backup{}, errors.Join(err, discardTemp(temp))
	}
	return backup{name, temp}, nil
}

func discardTemp(temp *os.File) error {
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

// store stores the bytes under their name if they do not exist yet, and creates
// the smaller versions.
func (f *importedFiles) store(ctx context.Context, p *BundlePost, content io.Reader, adopted bool) error {
	var stored *media.Stored
	var err error
	if adopted {
		stored, err = f.blog.media.Adopt(ctx, media.Upload{Name: p.File, Picture: &f.order, Writer: bundleWriter})
	} else {
		stored, err = f.blog.media.Store(ctx, media.Upload{Name: p.File, Picture: &f.order, Writer: bundleWriter}, content)
	}
	if err != nil {
		return fmt.Errorf("store file %q: %w", p.File, err)
	}
	f.stored = append(f.stored, stored)
	if stored.Info.Name != p.File {
		return fmt.Errorf("store file %q: another writer has taken the name in the meantime", p.File)
	}
	row, err := site.NewAttachmentRow(stored.Info, stored.Picture)
	if err != nil {
		return err
	}
	row.Post = p.ID
	f.rows[p.ID] = row
	if p.Image != nil && (row.Width != p.Image.Width || row.Height != p.Image.Height) {
		note(&f.notes, "post %d: the picture is %d by %d pixels, not %d by %d", p.ID, row.Width, row.Height, p.Image.Width, p.Image.Height)
	}
	return nil
}

// undo removes the stored files after a transaction that was rolled back.
func (f *importedFiles) undo(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, stored := range f.stored {
		if err := f.blog.media.Discard(ctx, stored); err != nil {
			f.blog.logger.ErrorContext(ctx, "files of a failed import were not removed", "error", err)
		}
	}
	for _, b := range f.backups {
		if err := f.restore(ctx, b); err != nil {
			f.blog.logger.ErrorContext(ctx, "a file that an import replaced was lost", "file", b.name, "error", err)
		}
	}
}

func (f *importedFiles) restore(ctx context.Context, b backup) error {
	_, err := b.temp.Seek(0, io.SeekStart)
	var stored *media.Stored
	if err == nil {
		stored, err = f.blog.media.Store(ctx, media.Upload{Name: b.name, Writer: bundleWriter}, b.temp)
	}
	if err == nil {
		err = f.blog.db.Update(ctx, func(tx *database.Tx) error { return f.blog.media.Keep(ctx, tx, stored) })
	}
	return errors.Join(err, discardTemp(b.temp))
}

// record records within tx that the attachments have the new files, and that
// the old ones belong to no attachment any more.
func (f *importedFiles) record(ctx context.Context, tx *database.Tx) (err error) {
	if f.blog.media == nil {
		return nil
	}
	if err := f.blog.media.Keep(ctx, tx, f.stored...); err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, stored := range f.stored {
		taken[stored.Info.Name] = true
		for _, name := range stored.Names() {
			taken[name] = true
		}
	}
	old := slices.DeleteFunc(slices.Clone(f.old), func(name string) bool { return taken[name] })
	f.condemned, err = f.blog.media.Condemn(ctx, tx, old...)
	return err
}

// keep finishes an import that was committed. If it cannot clean up, that is a
// matter for the operator; the import has still succeeded.
func (f *importedFiles) keep(ctx context.Context) {
	var errs []error
	if f.blog.media != nil {
		errs = append(errs, f.blog.media.Purge(ctx, f.condemned))
	}
	for _, b := range f.backups {
		errs = append(errs, discardTemp(b.temp))
	}
	if err := errors.Join(errs...); err != nil {
		f.blog.logger.WarnContext(ctx, "files of an import were not cleaned up", "error", err)
	}
}

// importAttachments records the files, and marks the posts that have changed.
func (im *importer) importAttachments(ctx context.Context, changed map[int64]bool) error {
	there := map[int64]site.AttachmentRow{}
	ids := idsOf(im.bundle.Posts, func(p *BundlePost) int64 { return p.ID })
	if err := database.SelectIn(ctx, im.tx, attachmentQuery, ids, func(r site.AttachmentRow) { there[r.Post] = r }); err != nil {
		return fmt.Errorf("read the attachments: %w", err)
	}
	for _, p := range im.bundle.Posts {
		row, wanted := im.files.rows[p.ID]
		if !wanted || there[p.ID] == row {
			continue
		}
		if err := im.checkFile(ctx, row); err != nil {
			return err
		}
		if _, err := im.tx.Exec(ctx, `DELETE FROM attachments WHERE post_id = $1`, row.Post); err != nil {
			return fmt.Errorf("replace the file of attachment %d: %w", row.Post, err)
		}
		if err := site.InsertAttachmentRow(ctx, im.tx, row); err != nil {
			return err
		}
		changed[p.ID] = true
	}
	return im.files.record(ctx, im.tx)
}

// checkFile rejects a name that another attachment uses.
func (im *importer) checkFile(ctx context.Context, row site.AttachmentRow) error {
	var others []int64
	if err := im.tx.Select(ctx, &others, `SELECT post_id FROM attachments WHERE file = $1 AND post_id <> $2`, row.File, row.Post); err != nil {
		return fmt.Errorf("look for file %q: %w", row.File, err)
	}
	if len(others) > 0 {
		return &BundleError{fmt.Sprintf("post %d", row.Post), "file", fmt.Sprintf("%q is that of attachment %d, which the blog has already", row.File, others[0])}
	}
	return nil
}
