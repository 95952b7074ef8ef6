package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/options"
)

// Upload is a file that a client sends.
type Upload struct {
	Name   string    // the client's name; its extension decides whether the file is accepted
	Type   string    // the client's media type; it is returned and decides nothing
	Parent int64     // the post that the file belongs to; 0 for none
	Bytes  io.Reader // read once, to its end
}

// Errors of uploads in addition to *Denied.
var (
	// ErrNoFileName means that the name of an upload contains nothing usable.
	ErrNoFileName = errors.New("empty file name")
	// ErrFileType means that files of this type are refused.
	ErrFileType = errors.New("file type that may not be uploaded")
	// ErrMedia means that the store of uploads does not answer at the moment.
	ErrMedia = media.ErrUnavailable
)

// CreateAttachment stores a file, creates smaller versions if it is a picture,
// and creates the attachment that describes it. When it returns, all of that is
// durable; if it fails, nothing is left. Memory does not depend on the size of
// the file; pictures are decoded within the budget of the media.Imager. Errors:
// *Repeated for a repeated request; ErrMedia if the store of uploads does not
// answer.
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
	opts, err := s.options.Current(ctx)
	if err != nil {
		return nil, err
	}
	name := media.LowerExtension(title)
	if opts.Bool("uploads_use_yearmonth_folders") {
		name = opts.Local(s.now()).Format("2006/01/") + name
	}
	stored, err := s.media.Store(ctx, media.Upload{Name: name, Picture: pictureOrder(opts, name, u.Type)}, u.Bytes)
	if err != nil {
		return nil, err
	}
	u.Name = title
	a, err := s.insertAttachment(ctx, who, opts, u, stored)
	if err != nil {
		return nil, errors.Join(err, s.media.Discard(ctx, stored))
	}
	return a, nil
}

// pictureOrder returns what to make of a file that may be a picture according
// to its name or the client, or nil.
func pictureOrder(o *options.Values, name, mimeType string) *media.Order {
	if byName, _ := (media.Rules{}).Type(name); strings.HasPrefix(byName, "image/") {
		order := PictureOrder(o)
		return &order
	}
	if strings.HasPrefix(mimeType, "image/") {
		return &media.Order{}
	}
	return nil
}

// PictureOrder returns what to make of pictures according to the options.
func PictureOrder(o *options.Values) media.Order {
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
func (s *Site) insertAttachment(ctx context.Context, who auth.Identity, opts *options.Values, u Upload, stored *media.Stored) (*Attachment, error) {
	now := s.now()
	file, err := NewAttachmentRow(stored.Info, stored.Picture)
	if err != nil {
		return nil, err
	}
	post := Post{
		Type: TypeAttachment, Status: StatusInherit, Title: u.Name, Author: who.User.ID, Parent: u.Parent,
		CommentStatus: opts.Text("default_comment_status"), PingStatus: "closed", MimeType: mimeType(u.Type),
		GUID: s.UploadURL(stored.Info.Name), Date: opts.Local(now), DateGMT: &now, Modified: opts.Local(now), ModifiedGMT: &now,
	}
	var saved Post
	err = s.create(ctx, who, []database.Lock{slugLock(markup.Slug(post.Title))}, func(tx *database.Tx) (int64, error) {
		p := post
		var err error
		if p.Name, err = UniqueSlug(ctx, tx, &p, markup.Slug(p.Title), opts.Text("permalink_structure")); err != nil {
			return 0, err
		}
		if err := insertPost(ctx, tx, &p); err != nil {
			return 0, err
		}
		file.Post = p.ID
		saved = p
		if err := InsertAttachmentRow(ctx, tx, file); err != nil {
			return 0, err
		}
		return p.ID, s.media.Keep(ctx, tx, stored)
	})
	if err != nil {
		return nil, fmt.Errorf("record the upload %q: %w", stored.Info.Name, err)
	}
	a, err := file.Attachment(saved)
	return &a, err
}

// mimeType returns the characters of a client's media type that are valid in
// one.
func mimeType(s string) string {
	group, sub, slash := strings.Cut(s, "/")
	if !slash {
		return mimeToken(s)
	}
	return mimeToken(group) + "/" + mimeToken(sub)
}
