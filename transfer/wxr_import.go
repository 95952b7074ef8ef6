package transfer

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wxr"
)

// WXRConfig describes how a WordPress export is imported.
type WXRConfig struct {
	// Authors maps logins in the source to logins in this blog; see
	// IntakeConfig.
	Authors map[string]string
	// Folder is the folder with the uploads of the source, or "".
	Folder string
	// Fetch requests uploads that are not in the folder from the addresses in
	// the file, if these are public.
	Fetch bool
	// UserAgent is the User-Agent of these requests.
	UserAgent string
	// Progress, if not nil, is called after each batch with the number of bytes
	// read from the file, and the number of objects.
	Progress func(bytes int64, objects int)
}

// A batch ends after the item with which it reaches one of these limits. It is
// one transaction, for which other writers wait.
const (
	batchRows  = 1500
	batchBytes = 4 << 20
	// fileRows is how many rows the file of an attachment counts as, so that
	// few files are stored again after an interruption.
	fileRows = 100
)

// wxrImport is the import of one WordPress export.
type wxrImport struct {
	blog  *Blog
	cfg   WXRConfig
	in    io.Reader // from its beginning; an io.ReadSeeker if the file can be read from any position
	head  []byte
	size  int64            // -1 when unknown
	mark  string           // tells the file from others of the same head; see Export
	known []*Intake        // of files that were read before
	files *attachmentFiles // nil: files are not searched

	reader *wxr.Reader
	intake *Intake
	batch  IntakeBatch
	rows   int
	begun  int64 // position behind the last batch
}

// open reads the head of the file, and determines its size if possible.
func (im *wxrImport) open(r io.Reader) error {
	file, seeks := r.(io.ReadSeeker)
	if !seeks {
		buffered := bufio.NewReaderSize(r, HeadSize)
		im.in = buffered
		var err error
		if im.head, err = buffered.Peek(HeadSize); err != nil && err != io.EOF {
			return err
		}
		return nil
	}
	im.in = file
	im.head = make([]byte, HeadSize)
	n, err := io.ReadFull(file, im.head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	im.head = im.head[:n]
	if im.size, err = file.Seek(0, io.SeekEnd); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return err
}

// run imports the whole file, except for the references that Finish follows.
// The intake stays nil if this import has read the same file before.
func (im *wxrImport) run(ctx context.Context) error {
	im.reader = wxr.NewReader(im.in)
	first, err := im.reader.Next()
	if err != nil {
		return err
	}
	head, ok := first.(*wxr.Site)
	if !ok {
		return errors.New("the file does not begin with the header of an export")
	}
	sum := sha256.Sum256(im.head)
	config := IntakeConfig{
		Source: source(head), Title: head.Title, Tagline: head.Description, Addresses: homes(head), File: strings.TrimSpace(fmt.Sprintf("%d %s %s", im.size, hex.EncodeToString(sum[:]), im.mark)), Authors: im.cfg.Authors, Date: head.PubDate,
	}
	if im.again(config) {
		return nil
	}
	if im.files, err = im.blog.openFiles(ctx, im.cfg); err != nil {
		return err
	}
	if im.files != nil {
		defer im.files.close()
		config.Open = im.files.open
	}
	if im.intake, err = im.blog.OpenIntake(ctx, config); err != nil {
		return err
	}
	im.batch.Position = im.intake.Position()
	if im.batch.Position > im.reader.InputOffset() {
		if err := im.resume(ctx); err != nil {
			return err
		}
	}
	return im.read(ctx)
}

// homes returns the addresses of the blog that an export is from.
func homes(s *wxr.Site) (list []string) {
	for _, address := range []string{s.BaseBlogURL, s.Link, s.BaseSiteURL} {
		if address = strings.TrimRight(address, "/"); address != "" {
			list = append(list, address)
		}
	}
	return list
}

// source returns the address of the blog that an export is from.
func source(s *wxr.Site) string { return cmp.Or(append(homes(s), "unknown")...) }

// resume continues after what an earlier run has imported. A file that cannot
// be read from that position is read from its beginning, and skipped up to
// there.
func (im *wxrImport) resume(ctx context.Context) error {
	at := im.batch.Position
	if file, ok := im.in.(io.ReadSeeker); ok {
		reader, err := wxr.Resume(file, at)
		if err == nil {
			im.reader = reader
			return nil
		}
		if !errors.Is(err, wxr.ErrOffset) {
			return err
		}
		// Another file with the same size and head. Objects that exist are
		// found again.
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		im.reader = wxr.NewReader(file)
		im.batch.Position = 0
		return im.intake.Rewind(ctx)
	}
	for im.reader.InputOffset() < at {
		if _, err := im.reader.Next(); err == io.EOF {
			break // the whole file was read
		} else if err != nil {
			if _, skipped := errors.AsType[*wxr.ItemError](err); !skipped {
				return err
			}
		}
	}
	return nil
}

// read imports all items from here on.
func (im *wxrImport) read(ctx context.Context) error {
	im.begun = im.reader.InputOffset()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		item, err := im.reader.Next()
		if err == io.EOF {
			return im.flush(ctx)
		}
		if bad, skipped := errors.AsType[*wxr.ItemError](err); skipped {
			im.problem(Problem{Object: fmt.Sprintf("%s %d at byte %d", bad.Kind, bad.ID, bad.Offset), Reason: bad.Err.Error()})
		} else if err != nil {
			// Committed batches stay, and the next run continues after them.
			return errors.Join(err, im.flush(ctx))
		}
		im.add(item)
		if im.rows >= batchRows || im.reader.InputOffset()-im.begun >= batchBytes {
			if err := im.flush(ctx); err != nil {
				return err
			}
		}
	}
}

func (im *wxrImport) problem(p Problem) {
	im.batch.Problems = append(im.batch.Problems, p)
	im.rows++
}

// add adds an item to the batch.
func (im *wxrImport) add(item wxr.Item) {
	object := ""
	switch item := item.(type) {
	case *wxr.Author:
		object = fmt.Sprintf("author %q", item.Login)
		im.batch.Authors = append(im.batch.Authors, *item)
	case *wxr.Category:
		object = fmt.Sprintf("category %q", item.Name)
		im.batch.Terms = append(im.batch.Terms, wxr.Term{
			ID: item.ID, Taxonomy: site.Category, Slug: item.Slug, Parent: item.Parent, Name: item.Name, Description: item.Description, Meta: item.Meta,
		})
	case *wxr.Tag:
		object = fmt.Sprintf("tag %q", item.Name)
		im.batch.Terms = append(im.batch.Terms, wxr.Term{
			ID: item.ID, Taxonomy: site.PostTag, Slug: item.Slug, Name: item.Name, Description: item.Description, Meta: item.Meta,
		})
	case *wxr.Term:
		object = fmt.Sprintf("%s %q", item.Taxonomy, item.Name)
		im.batch.Terms = append(im.batch.Terms, *item)
	case *wxr.Post:
		item.Type = cmp.Or(item.Type, site.TypePost)
		object = fmt.Sprintf("%s %d", item.Type, item.ID)
		im.rows += len(item.Terms) + len(item.Meta)
		for i := range item.Comments {
			im.rows += 1 + len(item.Comments[i].Meta)
		}
		if item.Type == site.TypeAttachment && im.files != nil {
			im.rows += fileRows
		}
		im.batch.Posts = append(im.batch.Posts, *item)
	}
	im.rows++
	for _, n := range im.reader.Notes() {
		reason := n.Problem
		if n.Field != "" {
			reason = n.Field + ": " + reason
		}
		if object != "" {
			im.problem(Problem{Object: object, Reason: reason, Taken: true})
		}
	}
}

// flush imports the batch.
func (im *wxrImport) flush(ctx context.Context) error {
	im.batch.Position = im.reader.InputOffset()
	if im.batch.Position > im.intake.Position() {
		if err := im.intake.Add(ctx, im.batch); err != nil {
			return err
		}
	}
	im.begun, im.rows, im.batch = im.reader.InputOffset(), 0, IntakeBatch{}
	if im.cfg.Progress == nil {
		return nil
	}
	im.cfg.Progress(im.begun, im.intake.Report().objects())
	return nil
}

// objects returns how many objects a report counts.
func (r IntakeReport) objects() (n int) {
	for _, t := range []Tally{r.Users, r.Terms, r.Posts, r.Comments} {
		n += t.Added + t.Changed + t.Same
	}
	return n
}
