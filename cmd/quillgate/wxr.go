package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/transfer"
	"github.com/quillgate/quillgate/wxr"
)

// headSize is how much of the beginning of a file tells it from others, together with its size.
const headSize = 64 << 10 // bytes

// isWXR tells an export of WordPress, which is XML, from a bundle.
func isWXR(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<"))
}

// A batch ends behind the item with which it has this much. It is one transaction, for which others wait.
const (
	batchRows  = 1500
	batchBytes = 4 << 20
	// fileRows is what an attachment counts beside its rows, so that few files are stored anew after an interruption.
	fileRows = 100
)

// wxrImport is the import of one export of WordPress.
type wxrImport struct {
	blog  *server.Blog
	cmd   *importCmd
	in    io.Reader // from its beginning; an io.ReadSeeker when the file can be read from elsewhere
	head  []byte
	size  int64 // -1 when unknown
	show  *progress
	files *attachmentFiles // nil: none are looked for

	reader *wxr.Reader
	intake *transfer.Intake
	batch  transfer.IntakeBatch
	rows   int
	begun  int64 // position behind the last batch
}

// run imports the file to its end.
func (im *wxrImport) run(ctx context.Context) error {
	im.reader = wxr.NewReader(im.in)
	first, err := im.reader.Next()
	if err != nil {
		return err
	}
	head, ok := first.(*wxr.Site)
	if !ok {
		return errors.New("the file does not begin with the head of an export")
	}
	authors, err := im.cmd.authors()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(im.head)
	config := transfer.IntakeConfig{
		Source: source(head), File: fmt.Sprintf("%d %s", im.size, hex.EncodeToString(sum[:])), Authors: authors, Date: head.PubDate,
	}
	if im.files, err = im.cmd.openFiles(ctx, im.blog.Site); err != nil {
		return err
	}
	if im.files != nil {
		defer im.files.close()
		config.Open = im.files.open
	}
	if im.intake, err = transfer.New(im.blog.Site).OpenIntake(ctx, config); err != nil {
		return err
	}
	im.batch.Position = im.intake.Position()
	if im.batch.Position > im.reader.InputOffset() {
		if err := im.resume(ctx); err != nil {
			return err
		}
	}
	if err := im.read(ctx); err != nil {
		return err
	}
	return im.intake.Finish(ctx)
}

// source is the address of the blog that an export is of.
func source(s *wxr.Site) string {
	for _, address := range []string{s.BaseBlogURL, s.Link, s.BaseSiteURL} {
		if address = strings.TrimRight(address, "/"); address != "" {
			return address
		}
	}
	return "unknown"
}

// resume goes on behind what an earlier run has taken in. A file that cannot be read from there is read from its
// beginning and passed over.
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
		// Another file of the same size and head. What is there already is found again.
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		im.reader = wxr.NewReader(file)
		im.batch.Position = 0
		return im.intake.Rewind(ctx)
	}
	for im.reader.InputOffset() < at {
		if _, err := im.reader.Next(); err != nil {
			if _, skipped := errors.AsType[*wxr.ItemError](err); !skipped {
				return err
			}
		}
	}
	return nil
}

// read takes in all items from here on.
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
			im.problem(transfer.Problem{Object: fmt.Sprintf("%s %d at byte %d", bad.Kind, bad.ID, bad.Offset), Reason: bad.Err.Error()})
		} else if err != nil {
			// What was read stays read: the next run goes on behind it.
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

func (im *wxrImport) problem(p transfer.Problem) {
	im.batch.Problems = append(im.batch.Problems, p)
	im.rows++
}

// add puts an item into the batch.
func (im *wxrImport) add(item wxr.Item) {
	object := ""
	switch item := item.(type) {
	case *wxr.Author:
		object = fmt.Sprintf("author %q", item.Login)
		im.batch.Authors = append(im.batch.Authors, transfer.PortableAuthor(*item))
	case *wxr.Category:
		object = fmt.Sprintf("category %q", item.Name)
		im.batch.Terms = append(im.batch.Terms, transfer.PortableTerm{
			ID: item.ID, Taxonomy: site.Category, Slug: item.Slug, Parent: item.Parent, Name: item.Name, Description: item.Description, Meta: portable(item.Meta),
		})
	case *wxr.Tag:
		object = fmt.Sprintf("tag %q", item.Name)
		im.batch.Terms = append(im.batch.Terms, transfer.PortableTerm{
			ID: item.ID, Taxonomy: site.PostTag, Slug: item.Slug, Name: item.Name, Description: item.Description, Meta: portable(item.Meta),
		})
	case *wxr.Term:
		object = fmt.Sprintf("%s %q", item.Taxonomy, item.Name)
		im.batch.Terms = append(im.batch.Terms, transfer.PortableTerm{
			ID: item.ID, Taxonomy: item.Taxonomy, Slug: item.Slug, Parent: item.Parent, Name: item.Name, Description: item.Description, Meta: portable(item.Meta),
		})
	case *wxr.Post:
		object = fmt.Sprintf("%s %d", item.Type, item.ID)
		post := portablePost(item)
		im.rows += len(post.Terms) + len(post.Meta)
		for i := range post.Comments {
			im.rows += 1 + len(post.Comments[i].Meta)
		}
		if post.Type == site.TypeAttachment && im.files != nil {
			im.rows += fileRows
		}
		im.batch.Posts = append(im.batch.Posts, post)
	}
	im.rows++
	for _, n := range im.reader.Notes() {
		reason := n.Problem
		if n.Field != "" {
			reason = n.Field + ": " + reason
		}
		if object != "" {
			im.problem(transfer.Problem{Object: object, Reason: reason, Taken: true})
		}
	}
}

// flush takes the batch in.
func (im *wxrImport) flush(ctx context.Context) error {
	im.batch.Position = im.reader.InputOffset()
	if im.batch.Position > im.intake.Position() {
		if err := im.intake.Add(ctx, im.batch); err != nil {
			return err
		}
	}
	im.begun, im.rows, im.batch = im.reader.InputOffset(), 0, transfer.IntakeBatch{}
	report := im.intake.Report()
	items := 0
	for _, t := range []transfer.Tally{report.Users, report.Terms, report.Posts, report.Comments} {
		items += t.Added + t.Changed + t.Same
	}
	im.show.update(im.begun, im.size, items)
	return nil
}

// commentStatus is the status of a comment here, by what WordPress's database says of it.
var commentStatus = map[string]string{"1": site.CommentApproved, "0": site.CommentHeld}

func portablePost(p *wxr.Post) transfer.PortablePost {
	out := transfer.PortablePost{
		ID: p.ID, Type: p.Type, Status: p.Status, Title: p.Title, Name: p.Name, Author: p.Creator, Content: p.Content, Excerpt: p.Excerpt,
		Password: p.Password, Parent: p.Parent, MenuOrder: p.MenuOrder, CommentStatus: p.CommentStatus, PingStatus: p.PingStatus, GUID: p.GUID,
		Sticky: p.Sticky, Date: p.Date, DateGMT: p.DateGMT, Modified: p.Modified, ModifiedGMT: p.ModifiedGMT, Meta: portable(p.Meta),
		FileURL: p.AttachmentURL, Link: p.Link,
	}
	if out.Type == "" {
		out.Type = site.TypePost
	}
	if out.Type == site.TypeAttachment {
		out.File = uploadName(p)
	}
	for _, t := range p.Terms {
		out.Terms = append(out.Terms, transfer.PortableTermRef(t))
	}
	for _, c := range p.Comments {
		status := c.Approved
		if known, ok := commentStatus[status]; ok {
			status = known
		}
		out.Comments = append(out.Comments, transfer.PortableComment{
			ID: c.ID, Parent: c.Parent, UserID: c.UserID, Status: status, Type: c.Type, Author: c.Author, Email: c.AuthorEmail, URL: c.AuthorURL,
			IP: c.AuthorIP, Content: c.Content, Date: c.Date, DateGMT: c.DateGMT, Meta: portable(c.Meta),
		})
	}
	return out
}

func portable(list []wxr.Meta) []transfer.PortableMeta {
	var out []transfer.PortableMeta
	for _, m := range list {
		out = append(out, transfer.PortableMeta(m))
	}
	return out
}

// uploadName is the name of an attachment's file below the uploads.
func uploadName(p *wxr.Post) string {
	attached := ""
	if i := slices.IndexFunc(p.Meta, func(m wxr.Meta) bool { return m.Key == "_wp_attached_file" }); i >= 0 {
		attached = p.Meta[i].Value
	}
	return transfer.UploadName(attached, cmp.Or(p.AttachmentURL, p.GUID))
}

// problems tells what could not be taken: how often each, and all of them to the file that was asked for.
func (im *wxrImport) problems(ctx context.Context, out streams) (counts map[string]int, err error) {
	counts = map[string]int{}
	var list *os.File
	if im.cmd.Report != "" {
		if list, err = os.OpenFile(im.cmd.Report, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
			return nil, fmt.Errorf("write the report: %w", err)
		}
		defer func() { err = errors.Join(err, list.Close()) }()
	}
	var order []string
	err = im.intake.Problems(ctx, func(p transfer.Problem) error {
		words := "left out: "
		if p.Taken {
			words = "differs: "
		}
		words += p.Reason
		if counts[words]++; counts[words] == 1 {
			order = append(order, words)
		}
		if list == nil {
			return nil
		}
		return json.NewEncoder(list).Encode(p)
	})
	if err != nil || im.cmd.JSON {
		return counts, err
	}
	for _, words := range order {
		fmt.Fprintf(out.err, "%6d × %s\n", counts[words], words)
	}
	if len(order) > 0 && list == nil {
		fmt.Fprintln(out.err, "--report FILE lists each of them.")
	}
	return counts, nil
}
