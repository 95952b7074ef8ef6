package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/places"
)

// ImageMeta is the metadata in a picture's file.
type ImageMeta = media.Meta

// Attachment is an uploaded file: a post of type attachment, with the
// properties of its file.
type Attachment struct {
	Post
	File string // name below the uploads, such as "2024/01/red.png"
	// Original is the base name of the uploaded file if File is a smaller or
	// turned copy of it.
	Original string
	Size     int64 // of File in bytes
	// Width and Height are those of a picture in pixels, or 0 for other files.
	Width, Height int
	Versions      []media.Version // smaller versions of a picture
	Meta          ImageMeta
	Alt           string // the alternative text of a picture; only PicturesInText reads it
}

// IsPicture reports whether the file is a picture whose dimensions are known.
func (a *Attachment) IsPicture() bool { return a.Width > 0 && a.Height > 0 }

// Files returns the names of all stored files of the attachment.
func (a *Attachment) Files() []string {
	p := media.Picture{File: a.File, Original: a.Original, Versions: a.Versions}
	return p.Files()
}

// FileURL returns the address of the attachment's file.
func (s *Site) FileURL(a *Attachment) string { return s.UploadURL(a.File) }

// ThumbnailURL returns the address of the smallest cropped version of a
// picture, or of the file itself if there is none.
func (s *Site) ThumbnailURL(a *Attachment) string {
	for _, v := range a.Versions {
		if v.Name == "thumbnail" {
			return s.UploadURL(path.Join(path.Dir(a.File), v.File))
		}
	}
	return s.FileURL(a)
}

// AttachmentRow is the file of an attachment as stored in its table.
type AttachmentRow struct {
	Post     int64  `db:"post_id"`
	File     string `db:"file"`
	Original string `db:"original"`
	Size     int64  `db:"size"`
	Width    int64  `db:"width"`
	Height   int64  `db:"height"`
	Sizes    string `db:"sizes"`
	Meta     string `db:"image_meta"`
}

// AttachmentColumns lists the columns of an AttachmentRow, for a table named a.
const AttachmentColumns = `a.post_id, a.file, a.original, a.size, a.width, a.height, a.sizes, a.image_meta`

// versionJSON is a smaller version as stored in the column sizes, under its
// name.
type versionJSON struct {
	File   string `json:"file"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Type   string `json:"mime-type"`
	Size   int64  `json:"filesize"`
}

// NewAttachmentRow returns the row for a stored file; p is nil if it is not a
// picture.
func NewAttachmentRow(info media.Info, p *media.Picture) (AttachmentRow, error) {
	row := AttachmentRow{File: info.Name, Size: info.Size, Sizes: "{}", Meta: "{}"}
	if p == nil {
		return row, nil
	}
	versions := make(map[string]versionJSON, len(p.Versions))
	for _, v := range p.Versions {
		versions[v.Name] = versionJSON{v.File, v.Width, v.Height, v.Type, v.Size}
	}
	sizes, err := json.Marshal(versions)
	if err != nil {
		return row, fmt.Errorf("record the sizes of %q: %w", info.Name, err)
	}
	meta, err := json.Marshal(p.Meta)
	if err != nil {
		return row, fmt.Errorf("record the camera data of %q: %w", info.Name, err)
	}
	return AttachmentRow{
		File: p.File, Original: p.Original, Size: p.Size, Width: int64(p.Width), Height: int64(p.Height),
		Sizes: string(sizes), Meta: string(meta),
	}, nil
}

// InsertAttachmentRow inserts the file of the post whose id is in the row.
func InsertAttachmentRow(ctx context.Context, tx *database.Tx, r AttachmentRow) error {
	err := tx.Later(ctx, `INSERT INTO attachments (post_id, file, original, size, width, height, sizes, image_meta) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		r.Post, r.File, r.Original, r.Size, r.Width, r.Height, r.Sizes, r.Meta)
	if err != nil {
		return fmt.Errorf("insert the file of attachment %d: %w", r.Post, err)
	}
	return nil
}

// versionOrder is WordPress's order of the sizes; other names come last.
var versionOrder = []string{"medium", "large", "thumbnail", "medium_large", "1536x1536", "2048x2048"}

// Attachment combines the two rows.
func (r AttachmentRow) Attachment(p Post) (Attachment, error) {
	a := Attachment{Post: p, File: r.File, Original: r.Original, Size: r.Size, Width: int(r.Width), Height: int(r.Height)}
	var versions map[string]versionJSON
	if err := json.Unmarshal([]byte(r.Sizes), &versions); err != nil {
		return a, fmt.Errorf("read the sizes of attachment %d: %w", p.ID, err)
	}
	for name, v := range versions {
		a.Versions = append(a.Versions, media.Version{Name: name, File: v.File, Width: v.Width, Height: v.Height, Type: v.Type, Size: v.Size})
	}
	slices.SortFunc(a.Versions, func(v, w media.Version) int {
		i, j := slices.Index(versionOrder, v.Name), slices.Index(versionOrder, w.Name)
		if i == j {
			return strings.Compare(v.Name, w.Name)
		}
		return int(uint(i)%1000) - int(uint(j)%1000)
	})
	a.Meta = media.NoMeta()
	if err := json.Unmarshal([]byte(r.Meta), &a.Meta); err != nil {
		return a, fmt.Errorf("read the camera data of attachment %d: %w", p.ID, err)
	}
	return a, nil
}

// UploadName returns the name of the uploaded file. The attachment may show a
// copy of it.
func (r AttachmentRow) UploadName() string {
	if r.Original == "" {
		return r.File
	}
	return path.Join(path.Dir(r.File), r.Original)
}

// FileNames returns the names of all files of the attachment.
func (r AttachmentRow) FileNames() ([]string, error) {
	a, err := r.Attachment(Post{ID: r.Post})
	if err != nil {
		return nil, err
	}
	return a.Files(), nil
}

// Attachment returns one attachment. Errors: *Denied for callers who may not
// upload files, ErrNotFound.
func (s *Site) Attachment(ctx context.Context, who auth.Identity, id int64) (*Attachment, error) {
	if !who.Can(auth.UploadFiles) {
		return nil, errUpload
	}
	found, err := s.Attachments(ctx, []int64{id})
	if err != nil {
		return nil, err
	}
	a, ok := found[id]
	if !ok {
		return nil, ErrNotFound
	}
	return &a, nil
}

var errUpload = &Denied{Action: "upload files"}

// Attachments returns the attachments among the ids, without checking rights:
// it is for the pictures of posts that the caller may read.
func (s *Site) Attachments(ctx context.Context, ids []int64) (map[int64]Attachment, error) {
	out := make(map[int64]Attachment, len(ids))
	for part := range slices.Chunk(ids, maxIDs) {
		query, args, err := database.In(`SELECT `+postColumns+`, `+AttachmentColumns+`
			FROM posts p JOIN attachments a ON a.post_id = p.id WHERE p.id IN (?)`, part)
		if err != nil {
			return nil, err
		}
		list, err := s.readAttachments(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			out[a.ID] = a
		}
	}
	return out, nil
}

// maxIDs is the largest number of ids in one statement.
const maxIDs = 1000

func (s *Site) readAttachments(ctx context.Context, query string, args ...any) ([]Attachment, error) {
	var rows []struct {
		Post
		AttachmentRow
	}
	if err := s.db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read attachments: %w", err)
	}
	out := make([]Attachment, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = r.Attachment(r.Post); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AttachmentFilter selects attachments.
type AttachmentFilter struct {
	Parent *int64 // the post that they belong to; 0 for none
	// MimeType is a media type, "image" or "image/*" for all of a kind, or
	// several of these separated by commas. "" means all.
	MimeType      string
	Limit, Offset int // a Limit of 0 means all
}

// ListAttachments returns attachments, the newest first, and reads them during
// the iteration. The error is *Denied for callers who may not upload files.
func (s *Site) ListAttachments(ctx context.Context, who auth.Identity, f AttachmentFilter) (iter.Seq2[[]Attachment, error], error) {
	if !who.Can(auth.UploadFiles) {
		return nil, errUpload
	}
	if f.Limit <= 0 {
		f.Limit = 1 << 31
	}
	arg := &arguments{}
	list := `SELECT p.id, p.date FROM posts p JOIN attachments a ON a.post_id = p.id WHERE p.type = 'attachment' AND p.status = 'inherit'`
	if f.Parent != nil {
		list += ` AND p.parent = ` + arg.add(*f.Parent)
	}
	if f.Parent == nil && f.MimeType == "" {
		from, err := places.From(ctx, s.db, []string{places.Posts(TypeAttachment, StatusInherit)}, `p.date`, true, &f.Offset, arg.add)
		if err != nil {
			return nil, err
		}
		list += from
	}
	lists := []string{list}
	if patterns := mimePatterns(f.MimeType); len(patterns) > 0 {
		types, err := s.mimeTypes(ctx, patterns)
		if err != nil {
			return nil, err
		}
		lists = []string{list + ` AND 1 = 0`}
		for _, t := range types {
			lists = append(lists, list+` AND p.mime_type = `+arg.add(t))
		}
	}
	query := `SELECT id FROM (` + merged(lists, `id, date`, ` ORDER BY date DESC, id DESC`, f.Limit, max(f.Offset, 0)) + `) AS page ORDER BY date DESC, id DESC`
	return walk(ctx, s.db, query, arg.list, shortList, func(ids []int64) ([]Attachment, error) {
		found, err := s.Attachments(ctx, ids)
		var list []Attachment
		for _, id := range ids {
			if a, ok := found[id]; ok {
				list = append(list, a)
			}
		}
		return list, err
	}), nil
}

// mimeTypes returns the media types of the blog's files that match one of the
// patterns. It goes from type to type in an index.
func (s *Site) mimeTypes(ctx context.Context, patterns []string) (types []string, err error) {
	const from = `(SELECT MIN(p.mime_type) FROM posts p WHERE p.type = 'attachment' AND p.status = 'inherit'`
	arg := &arguments{}
	either := make([]string, len(patterns))
	for i, pattern := range patterns {
		either[i] = `LOWER(mime) LIKE ` + arg.add(pattern) + ` ESCAPE '\'`
	}
	err = s.db.Select(ctx, &types, `WITH RECURSIVE found (mime) AS (SELECT `+from+`) UNION ALL SELECT `+from+` AND p.mime_type > f.mime) FROM found f WHERE f.mime IS NOT NULL)
		SELECT mime FROM found WHERE mime IS NOT NULL AND (`+strings.Join(either, ` OR `)+`)`, arg.list...)
	if err != nil {
		return nil, fmt.Errorf("list the media types of files: %w", err)
	}
	return types, nil
}

// maxMimeTypes is the largest number of media types in one filter.
const maxMimeTypes = 20

// mimePatterns converts the filter by media type to patterns for LIKE; none
// means all.
func mimePatterns(filter string) []string {
	var out []string
	for _, t := range strings.Split(filter, ",") {
		group, sub, _ := strings.Cut(strings.TrimSpace(t), "/")
		group, sub = mimeToken(group), mimeToken(sub)
		if group == "" && sub == "" || strings.Trim(group, "*") == "" && strings.Trim(sub, "*") == "" {
			return nil
		}
		if sub == "" {
			sub = "*"
		}
		out = append(out, strings.ReplaceAll(database.Like(strings.ToLower(group+"/"+sub)), "*", "%"))
	}
	return out[:min(len(out), maxMimeTypes)]
}

// mimeToken returns the characters that are valid in half of a media type, and
// the wildcard.
func mimeToken(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-+.*", c) {
			return c
		}
		return -1
	}, s)
}

// condemnFiles marks all files of an attachment for removal after the commit of
// tx. A post of another type has none.
func (s *Site) condemnFiles(ctx context.Context, tx *database.Tx, p *Post) (none media.Condemned, err error) {
	if p.Type != TypeAttachment || s.media == nil {
		return none, nil
	}
	var row AttachmentRow
	err = tx.Get(ctx, &row, `SELECT `+AttachmentColumns+` FROM attachments a WHERE a.post_id = $1`, p.ID)
	if errors.Is(err, database.ErrNoRows) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("read the files of attachment %d: %w", p.ID, err)
	}
	names, err := row.FileNames()
	if err != nil {
		return none, err
	}
	return s.media.Condemn(ctx, tx, names...)
}

// purgeFiles removes files that no longer belong to anything. A failure is the
// operator's concern, not the caller's, and the removal is tried again later.
func (s *Site) purgeFiles(ctx context.Context, files media.Condemned) {
	if s.media == nil {
		return
	}
	if err := s.media.Purge(ctx, files); err != nil {
		s.logger.WarnContext(ctx, "files of a deleted attachment were not removed yet", "error", err)
	}
}

// KnownFile reports whether an attachment has the file, as its own or as one of
// its versions.
func (s *Site) KnownFile(ctx context.Context, name string) (bool, error) {
	dir, base := path.Split(name)
	quoted, err := json.Marshal(base)
	if err != nil {
		return false, err
	}
	var one int
	err = s.db.Get(ctx, &one, `SELECT 1 FROM attachments WHERE file LIKE $1 ESCAPE '\' AND (file = $2 OR original = $3 OR sizes LIKE $4 ESCAPE '\') LIMIT 1`,
		database.Like(dir)+"%", name, base, "%"+database.Like(`"file":`+string(quoted))+"%")
	if errors.Is(err, database.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the attachment of a file: %w", err)
	}
	return true, nil
}

// EachFile calls fn with the name of every file of an attachment, including
// versions.
func (s *Site) EachFile(ctx context.Context, fn func(name string) error) error {
	for after := int64(0); ; {
		var rows []AttachmentRow
		err := s.db.Select(ctx, &rows, `SELECT `+AttachmentColumns+` FROM attachments a WHERE a.post_id > $1 ORDER BY a.post_id LIMIT $2`, after, maxIDs)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			names, err := row.FileNames()
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := fn(name); err != nil {
					return err
				}
			}
			after = row.Post
		}
	}
}
