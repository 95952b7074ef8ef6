package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/media"
)

// Upload is a file that a client sends.
type Upload struct {
	Name   string    // as the client calls it; its extension decides whether the file is taken
	Type   string    // the media type that the client says; it is reported back and decides nothing
	Parent int64     // the post that the file belongs to, 0 for none
	Bytes  io.Reader // read once, to its end
}

// Errors of uploads next to *Denied.
var (
	// ErrNoFileName says that nothing of the name of an upload can be used.
	ErrNoFileName = errors.New("empty file name")
	// ErrFileType says that files of this type are not taken.
	ErrFileType = errors.New("file type that may not be uploaded")
)

// CreateAttachment stores a file, makes the smaller versions when it is a picture, and makes the attachment that
// describes it. When it returns, all of that is durable; when it fails, nothing is left of it. It returns *Repeated for a request that comes again. Memory does not depend
// on the size of the file; pictures are decoded within the budget of the site's media.Imager.
func (s *Site) CreateAttachment(ctx context.Context, who auth.Identity, u Upload) (*Attachment, error) {
	if !who.Can(auth.UploadFiles) {
		return nil, errUpload
	}
	if err := s.made(ctx, who); err != nil {
		return nil, err
	}
	rules := media.Rules{Active: who.Can(auth.UnfilteredHTML)}
	title := rules.Clean(u.Name)
	if title == "" {
		return nil, ErrNoFileName
	}
	if _, ok := rules.Type(title); !ok {
		return nil, ErrFileType
	}
	if u.Parent != 0 {
		parent, err := readHead(ctx, s.db, u.Parent)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err != nil || !s.CanEdit(who, parent) {
			return nil, &Denied{Action: "edit this post"}
		}
	}
	opts, err := s.Options(ctx)
	if err != nil {
		return nil, err
	}
	name := media.LowerExtension(title)
	if opts.Bool("uploads_use_yearmonth_folders") {
		name = opts.Local(s.now()).Format("2006/01/") + name
	}
	stored, err := s.storeFile(ctx, opts, name, u.Type, u.Bytes)
	if err != nil {
		return nil, err
	}
	u.Name = title
	a, err := s.insertAttachment(ctx, who, opts, u, stored)
	if err != nil {
		return nil, errors.Join(err, s.discardFiles(ctx, stored))
	}
	s.keepFiles(ctx, stored)
	return a, nil
}

// storedFile is a file that is stored with its versions, and pending in the store.
type storedFile struct {
	upload string // the name that the uploaded bytes got
	row    AttachmentRow
	files  []string
}

// storeFile stores bytes under a name or the next free one and makes the smaller versions of a picture. mimeType is
// what the client says of the file, "" for nothing.
func (s *Site) storeFile(ctx context.Context, opts *Options, name, mimeType string, r io.Reader) (*storedFile, error) {
	info, err := s.media.Create(ctx, name, r)
	if err != nil {
		return nil, err
	}
	stored := &storedFile{upload: info.Name, files: []string{info.Name}}
	byName, _ := media.Rules{}.Type(info.Name)
	var picture *media.Picture
	if named := strings.HasPrefix(byName, "image/"); named || strings.HasPrefix(mimeType, "image/") {
		order := media.Order{}
		if named {
			order = opts.PictureOrder()
		}
		if picture, err = s.imager.Process(ctx, s.media, info.Name, order); err != nil {
			return nil, errors.Join(err, s.discardFiles(ctx, stored))
		}
	}
	if picture != nil {
		stored.files = picture.Files()
	}
	if stored.row, err = NewAttachmentRow(info, picture); err != nil {
		return nil, errors.Join(err, s.discardFiles(ctx, stored))
	}
	return stored, nil
}

// PictureOrder is what the options say is to be made of pictures.
func (o *Options) PictureOrder() media.Order {
	size := func(name string, crop bool) media.Size {
		return media.Size{Name: name, Width: int(o.Int(name + "_size_w")), Height: int(o.Int(name + "_size_h")), Crop: crop}
	}
	return media.Order{
		Sizes: []media.Size{
			size("medium", false), size("large", false), size("thumbnail", o.Bool("thumbnail_crop")), size("medium_large", false),
			{Name: "1536x1536", Width: 1536, Height: 1536},
			{Name: "2048x2048", Width: 2048, Height: 2048},
		},
		Threshold: media.DefaultThreshold,
	}
}

// insertAttachment writes the two rows.
func (s *Site) insertAttachment(ctx context.Context, who auth.Identity, opts *Options, u Upload, stored *storedFile) (*Attachment, error) {
	now := s.now()
	post := Post{
		Type: TypeAttachment, Status: StatusInherit, Title: u.Name, Author: who.User.ID, Parent: u.Parent,
		CommentStatus: opts.Text("default_comment_status"), PingStatus: "closed", MimeType: mimeType(u.Type),
		GUID: s.UploadURL(stored.upload), Date: opts.Local(now), DateGMT: &now, Modified: opts.Local(now), ModifiedGMT: &now,
	}
	var saved Post
	err := s.create(ctx, who, func(tx *database.Tx) (int64, error) {
		p := post
		var err error
		if p.Name, err = UniqueSlug(ctx, tx, &p, markup.Slug(p.Title), opts.Text("permalink_structure")); err != nil {
			return 0, err
		}
		if err := insertPost(ctx, tx, &p); err != nil {
			return 0, err
		}
		row := stored.row
		row.Post = p.ID
		saved = p
		return p.ID, InsertAttachmentRow(ctx, tx, row)
	})
	if err != nil {
		return nil, fmt.Errorf("record the upload %q: %w", stored.upload, err)
	}
	a, err := stored.row.Attachment(saved)
	return &a, err
}

// mimeType keeps of a client's media type the characters that one consists of.
func mimeType(s string) string {
	group, sub, slash := strings.Cut(s, "/")
	if !slash {
		return mimeToken(s)
	}
	return mimeToken(group) + "/" + mimeToken(sub)
}

// discardFiles takes back what was stored for an upload that could not be recorded. When the database does not say
// whether it was, after a connection lost in the middle of a commit, the files stay pending: the next start asks again.
func (s *Site) discardFiles(ctx context.Context, stored *storedFile) error {
	ctx = context.WithoutCancel(ctx)
	if known, err := s.KnownFile(ctx, stored.upload); err != nil || known {
		return err
	}
	return s.media.Remove(ctx, stored.files...)
}

// keepFiles tells the store that the files are recorded. Not to be able to costs nothing but a question at the next
// start.
func (s *Site) keepFiles(ctx context.Context, stored *storedFile) {
	if err := s.media.Keep(context.WithoutCancel(ctx), stored.files...); err != nil {
		s.logger.WarnContext(ctx, "a recorded upload is still marked as pending", "file", path.Base(stored.upload), "error", err)
	}
}
