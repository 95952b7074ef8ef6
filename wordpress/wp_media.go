package wordpress

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/xmlrpc"
)

var (
	errNoAttachment = &xmlrpc.Fault{Code: codeNotFound, Message: "There is no uploaded file with this id."}
	errMayNotUpload = &xmlrpc.Fault{Code: codeForbidden, Message: "You are not allowed to upload files."}
	errNoFileName   = &xmlrpc.Fault{Code: codeServerError, Message: "The file has no usable name."}
	errFileType     = &xmlrpc.Fault{Code: codeServerError, Message: "Files of this type may not be uploaded."}
)

// getMediaItem answers wp.getMediaItem. As in WordPress, its fault for users
// who may not upload has another code than in other methods.
func (a *API) getMediaItem(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	item, err := a.site.Attachment(ctx, who, p.int("attachment_id"))
	if _, denied := errors.AsType[*site.Denied](err); denied {
		return xmlrpc.Value{}, errMayNotUpload
	}
	if errors.Is(err, site.ErrNotFound) {
		return xmlrpc.Value{}, errNoAttachment
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return a.attachmentStruct(item), nil
}

// getMediaLibrary answers wp.getMediaLibrary, with the members number, offset,
// parent_id and mime_type of its filter. As in WordPress, a list without a
// number ignores the offset.
func (a *API) getMediaLibrary(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	filter := p.at("filter")
	f := site.AttachmentFilter{MimeType: strings.Join(namesOf(filter.Get("mime_type")), ",")}
	if v, ok := filter.Member("parent_id"); ok {
		f.Parent = new(absOf(v))
	}
	if v, ok := filter.Member("number"); ok {
		switch n := intOf(v); n {
		case -1: // all, as without a number
		case 0:
			f.Limit, f.Offset = defaultMediaCount, clampInt(intOf(filter.Get("offset")))
		default:
			f.Limit, f.Offset = clampInt(n), clampInt(intOf(filter.Get("offset")))
		}
	}
	list, err := a.site.ListAttachments(ctx, who, f)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	return streamed(list, each(a.attachmentStruct)), nil
}

// defaultMediaCount is the number of files for the number 0: as many as
// WordPress shows posts on a page.
const defaultMediaCount = 10

// noPost is an id that no post has.
const noPost = -1

// newMediaObject answers metaWeblog.newMediaObject and wp.uploadFile, with the
// members name, type, bits and, if the file belongs to a post, post_id. As in
// WordPress, overwrite has no effect: a name that is taken gets a number.
func (a *API) newMediaObject(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	data := p.at("file")
	bits, err := bitsOf(data.Get("bits"))
	if err != nil {
		return xmlrpc.Value{}, err
	}
	defer bits.Close()
	parent := intOf(data.Get("post_id"))
	if parent == 0 && truthOf(data.Get("post_id")) {
		parent = noPost // a text that is not a number names a post that does not exist
	}
	item, err := a.site.CreateAttachment(ctx, who, site.Upload{
		Name: textOf(data.Get("name")), Type: textOf(data.Get("type")), Parent: parent, Bytes: bits,
	})
	if again := (*site.Repeated)(nil); errors.As(err, &again) {
		item, err = a.site.Attachment(ctx, who, again.ID)
	}
	if err != nil {
		return xmlrpc.Value{}, err
	}
	// The last three are older than the struct; file is the title there.
	members := append(a.attachmentStruct(item).Members(),
		xmlrpc.M("id", idText(item.ID)),
		xmlrpc.M("file", xmlrpc.String(item.Title)),
		xmlrpc.M("url", xmlrpc.String(a.site.FileURL(item))))
	return xmlrpc.Struct(members...), nil
}

// bitsOf returns the bytes of a file: base64, or text from a client that sends
// text unencoded.
func bitsOf(v xmlrpc.Value) (io.ReadCloser, error) {
	if v.Kind() == xmlrpc.KindBase64 {
		return v.Open()
	}
	return io.NopCloser(strings.NewReader(textOf(v))), nil
}

// deleteFile answers wp.deleteFile, another name for wp.deletePost.
func (a *API) deleteFile(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	if err := a.site.DeletePost(ctx, who, p.int("attachment_id")); err != nil {
		return xmlrpc.Value{}, err
	}
	return xmlrpc.Bool(true), nil
}

// attachmentStruct writes an attachment in the form of every method, including
// post_thumbnail of a post.
func (a *API) attachmentStruct(item *site.Attachment) xmlrpc.Value {
	return xmlrpc.Struct(
		xmlrpc.M("attachment_id", idText(item.ID)),
		xmlrpc.M("date_created_gmt", dateTime(a.site.Moment(&item.Post))),
		xmlrpc.M("parent", xmlrpc.Int(item.Parent)),
		xmlrpc.M("link", xmlrpc.String(a.site.FileURL(item))),
		xmlrpc.M("title", xmlrpc.String(item.Title)),
		xmlrpc.M("caption", xmlrpc.String(item.Excerpt)),
		xmlrpc.M("description", xmlrpc.String(item.Content)),
		xmlrpc.M("metadata", fileMetadata(item)),
		xmlrpc.M("type", xmlrpc.String(item.MimeType)),
		xmlrpc.M("thumbnail", xmlrpc.String(a.site.ThumbnailURL(item))),
	)
}

// thumbnailsOf reads the thumbnails of posts, by the ids of their attachments,
// unless the answer does not include them.
func (a *API) thumbnailsOf(ctx context.Context, posts []site.FullPost, f fields) (map[int64]xmlrpc.Value, error) {
	var ids []int64
	for _, p := range posts {
		if p.Thumbnail != 0 {
			ids = append(ids, p.Thumbnail)
		}
	}
	if len(ids) == 0 || !f.has("post", "post_thumbnail") {
		return nil, nil
	}
	slices.Sort(ids)
	found, err := a.site.Attachments(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	out := make(map[int64]xmlrpc.Value, len(found))
	for id, item := range found {
		out[id] = a.attachmentStruct(&item)
	}
	return out, nil
}

// fileMetadata describes the file itself. For a file that is not a picture,
// only the size is known.
func fileMetadata(item *site.Attachment) xmlrpc.Value {
	size := xmlrpc.M("filesize", xmlrpc.Int(item.Size))
	if !item.IsPicture() {
		return xmlrpc.Struct(size)
	}
	sizes := make([]xmlrpc.Member, len(item.Versions))
	for i, v := range item.Versions {
		sizes[i] = xmlrpc.M(v.Name, xmlrpc.Struct(
			xmlrpc.M("file", xmlrpc.String(v.File)),
			xmlrpc.M("width", xmlrpc.Int(int64(v.Width))),
			xmlrpc.M("height", xmlrpc.Int(int64(v.Height))),
			xmlrpc.M("mime-type", xmlrpc.String(v.Type)),
			xmlrpc.M("filesize", xmlrpc.Int(v.Size)),
		))
	}
	members := []xmlrpc.Member{
		xmlrpc.M("width", xmlrpc.Int(int64(item.Width))),
		xmlrpc.M("height", xmlrpc.Int(int64(item.Height))),
		xmlrpc.M("file", xmlrpc.String(item.File)),
		size,
		xmlrpc.M("sizes", structOf(sizes...)),
		xmlrpc.M("image_meta", imageMeta(item.Meta)),
	}
	if item.Original != "" {
		members = append(members, xmlrpc.M("original_image", xmlrpc.String(path.Base(item.Original))))
	}
	return xmlrpc.Struct(members...)
}

func imageMeta(m site.ImageMeta) xmlrpc.Value {
	keywords := make([]xmlrpc.Value, len(m.Keywords))
	for i, k := range m.Keywords {
		keywords[i] = xmlrpc.String(k)
	}
	text := func(name, value string) xmlrpc.Member { return xmlrpc.M(name, xmlrpc.String(value)) }
	return xmlrpc.Struct(
		text("aperture", m.Aperture), text("credit", m.Credit), text("camera", m.Camera), text("caption", m.Caption),
		text("created_timestamp", m.Created), text("copyright", m.Copyright), text("focal_length", m.FocalLength), text("iso", m.ISO),
		text("shutter_speed", m.ShutterSpeed), text("title", m.Title), text("orientation", m.Orientation),
		xmlrpc.M("keywords", xmlrpc.Array(keywords...)),
	)
}
