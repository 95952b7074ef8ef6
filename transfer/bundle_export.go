package transfer

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// ExportOptions select what an export holds in addition to the content.
type ExportOptions struct {
	// Hashes includes the hashes of passwords and application passwords.
	// Secrets of application keys are never exported.
	Hashes bool
	// NoFiles omits the bytes of uploads.
	NoFiles bool
}

// Export writes the blog as a bundle, one object a line, in its state at one
// moment. It holds only a page of objects in memory at a time, and streams
// files.
//
// Import makes the same blog from it. The bundle omits passwords (or has only
// their hashes, if asked for), application keys, smaller versions of pictures,
// which Import makes again, and options that were never set.
//
// Only the operator of the server may call Export: it checks no role, and
// writes all posts.
func (s *Blog) Export(ctx context.Context, w io.Writer, opts ExportOptions) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	err := s.db.View(ctx, func(tx *database.Tx) error {
		return (&exporter{blog: s, tx: tx, w: buffered, opts: opts}).run(ctx)
	})
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return fmt.Errorf("export the blog: %w", err)
	}
	return nil
}

type exporter struct {
	blog *Blog
	tx   *database.Tx
	w    *bufio.Writer
	opts ExportOptions
}

// exportPage is how many objects are read at a time.
const exportPage = 500

func (ex *exporter) run(ctx context.Context) error {
	if err := ex.head(ctx); err != nil {
		return err
	}
	for _, list := range []struct {
		name  string
		write func(context.Context, func(any) error) error
	}{
		{"users", ex.users}, {"terms", ex.terms}, {"posts", ex.posts}, {"comments", ex.comments},
	} {
		if err := ex.list(ctx, list.name, list.write); err != nil {
			return fmt.Errorf("%s: %w", list.name, err)
		}
	}
	next, err := ex.nextIDs(ctx)
	if err != nil {
		return err
	}
	if err := ex.member("next_ids", next); err != nil {
		return err
	}
	_, err = ex.w.WriteString("\n}\n")
	return err
}

func (ex *exporter) head(ctx context.Context) error {
	o, err := options.Read(ctx, ex.tx)
	if err != nil {
		return err
	}
	theme := o.Theme()
	values := map[string]any{}
	for name, value := range o.Stored() {
		values[name] = options.BundleValue(name, value)
	}
	for _, name := range []string{"template", "stylesheet", "theme_supports", "page_templates", options.Address} {
		delete(values, name)
	}
	if o.Commenters() != options.CommentersNobody { // the older options express it too, and servers of earlier versions read them
		delete(values, options.WhoMayComment)
	}
	if _, err := ex.w.WriteString("{\n\"blog_id\": 1"); err != nil {
		return err
	}
	if err := ex.member("options", values); err != nil {
		return err
	}
	return ex.member("theme", theme)
}

func (ex *exporter) member(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(ex.w, ",\n%q: %s", name, text)
	return err
}

// list writes a member that is a list, one object a line.
func (ex *exporter) list(ctx context.Context, name string, write func(context.Context, func(any) error) error) error {
	if _, err := fmt.Fprintf(ex.w, ",\n%q: [", name); err != nil {
		return err
	}
	comma := "\n"
	err := write(ctx, func(object any) error {
		if _, err := ex.w.WriteString(comma); err != nil {
			return err
		}
		comma = ",\n"
		if a, ok := object.(exportedFile); ok {
			return ex.attachment(ctx, a)
		}
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		_, err = ex.w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	_, err = ex.w.WriteString("\n]")
	return err
}

func (ex *exporter) users(ctx context.Context, each func(any) error) error {
	list, err := ex.blog.users.ExportUsers(ctx, ex.tx, ex.opts.Hashes)
	if err != nil {
		return err
	}
	for _, u := range list {
		if err := each(u); err != nil {
			return err
		}
	}
	return nil
}

// pages reads the rows of a query page by page. The arguments of the query are
// the last id of the page before, and the number of rows.
func pages[T any](ctx context.Context, tx *database.Tx, query string, id func(*T) int64, each func([]T) error) error {
	for after := int64(0); ; {
		var rows []T
		if err := tx.Select(ctx, &rows, query, after, exportPage); err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		after = id(&rows[len(rows)-1])
		if err := each(rows); err != nil {
			return err
		}
	}
}

func (ex *exporter) terms(ctx context.Context, each func(any) error) error {
	const query = `SELECT id, taxonomy, name, slug, parent, description, term_group FROM terms WHERE id > $1 ORDER BY id LIMIT $2`
	return pages(ctx, ex.tx, query, func(t *termRow) int64 { return t.ID }, func(rows []termRow) error {
		meta, err := ex.meta(ctx, metaOfTerms, idsOf(rows, func(t *termRow) int64 { return t.ID }))
		if err != nil {
			return err
		}
		for _, t := range rows {
			err := each(BundleTerm{
				ID: t.ID, TaxonomyID: t.ID, Taxonomy: t.Taxonomy, Name: t.Name, Slug: t.Slug, Parent: t.Parent,
				Description: t.Description, Group: t.Group, Meta: some(meta[t.ID]),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (ex *exporter) posts(ctx context.Context, each func(any) error) error {
	const query = `SELECT ` + bundlePostColumns + ` FROM posts WHERE id > $1 ORDER BY id LIMIT $2`
	return pages(ctx, ex.tx, query, func(p *site.Post) int64 { return p.ID }, func(rows []site.Post) error {
		ids := idsOf(rows, func(p *site.Post) int64 { return p.ID })
		meta, err := ex.meta(ctx, metaOfPosts, ids)
		if err != nil {
			return err
		}
		terms := make(map[int64][]int64)
		err = database.SelectIn(ctx, ex.tx, `SELECT post_id, term_id FROM post_terms WHERE post_id IN (?) ORDER BY post_id, term_id`, ids, func(p postTerm) {
			terms[p.Post] = append(terms[p.Post], p.Term)
		})
		if err != nil {
			return err
		}
		files := make(map[int64]site.AttachmentRow)
		err = database.SelectIn(ctx, ex.tx, attachmentQuery, ids, func(a site.AttachmentRow) { files[a.Post] = a })
		if err != nil {
			return err
		}
		old, err := ex.oldAddresses(ctx, ids)
		if err != nil {
			return err
		}
		for i := range rows {
			p := exportedPost(&rows[i], some(terms[rows[i].ID]), some(meta[rows[i].ID]))
			p.OldAddresses = old[p.ID]
			file, ok := files[p.ID]
			if !ok {
				err = each(p)
			} else {
				err = each(exportedFile{p, file})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func exportedPost(p *site.Post, terms []int64, meta []BundleMeta) BundlePost {
	return BundlePost{
		ID: p.ID, Type: p.Type, Status: p.Status, Title: p.Title, Name: p.Name, Author: p.Author, Content: p.Content, Excerpt: p.Excerpt,
		Password: p.Password, Parent: p.Parent, MenuOrder: p.MenuOrder, CommentStatus: p.CommentStatus, PingStatus: p.PingStatus,
		Date: BundleTime{p.Date}, DateGMT: bundleTime(p.DateGMT), Modified: BundleTime{p.Modified}, ModifiedGMT: bundleTime(p.ModifiedGMT),
		MimeType: p.MimeType, GUID: p.GUID, Sticky: p.Sticky, Terms: terms, Meta: meta,
	}
}

// exportedFile is an attachment and the location of its file.
type exportedFile struct {
	post BundlePost
	file site.AttachmentRow
}

// Attachment writes an attachment with its bytes at the end, so that they can
// be streamed.
func (ex *exporter) attachment(ctx context.Context, a exportedFile) error {
	a.post.File = a.file.File
	if a.file.Width > 0 && a.file.Height > 0 {
		a.post.Image = &BundleImage{Width: a.file.Width, Height: a.file.Height}
	}
	text, err := json.Marshal(a.post)
	if err != nil {
		return err
	}
	if ex.opts.NoFiles || ex.blog.media == nil {
		_, err := ex.w.Write(text)
		return err
	}
	f, _, err := ex.blog.media.Open(ctx, a.file.File)
	if errors.Is(err, fs.ErrNotExist) {
		_, err := ex.w.Write(text)
		return err
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := ex.w.Write(slices.Concat(text[:len(text)-1], []byte(`,"data_base64":"`))); err != nil {
		return err
	}
	encoder := base64.NewEncoder(base64.StdEncoding, ex.w)
	if _, err := io.Copy(encoder, f); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err = ex.w.WriteString(`"}`)
	return err
}

func (ex *exporter) comments(ctx context.Context, each func(any) error) error {
	const query = `SELECT ` + site.CommentColumns + ` FROM comments WHERE id > $1 ORDER BY id LIMIT $2`
	return pages(ctx, ex.tx, query, func(c *site.Comment) int64 { return c.ID }, func(rows []site.Comment) error {
		meta, err := ex.meta(ctx, metaOfComments, idsOf(rows, func(c *site.Comment) int64 { return c.ID }))
		if err != nil {
			return err
		}
		for _, c := range rows {
			err := each(BundleComment{
				ID: c.ID, Post: c.Post, Status: c.Status, Author: c.Author, Email: c.Email, URL: c.URL, IP: c.IP, Agent: c.Agent, Type: c.Type,
				Content: c.Content, Date: BundleTime{c.Date}, DateGMT: BundleTime{c.DateGMT}, Parent: c.Parent, UserID: c.UserID, Meta: meta[c.ID],
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (ex *exporter) meta(ctx context.Context, t metaTable, owners []int64) (map[int64][]BundleMeta, error) {
	meta := make(map[int64][]BundleMeta)
	query := `SELECT id, ` + t.owner + ` AS owner, key, value FROM ` + t.table + ` WHERE ` + t.owner + ` IN (?) ORDER BY id`
	err := database.SelectIn(ctx, ex.tx, query, owners, func(r metaRow) {
		meta[r.Owner] = append(meta[r.Owner], BundleMeta{ID: r.ID, Key: r.Key, Value: r.Value})
	})
	return meta, err
}

func (ex *exporter) nextIDs(ctx context.Context) (BundleNextIDs, error) {
	var next BundleNextIDs
	for _, t := range []struct {
		table string
		into  *int64
	}{
		{"users", &next.Users},
		{"terms", &next.Terms},
		{"posts", &next.Posts},
		{"comments", &next.Comments},
		{"post_meta", &next.PostMeta},
		{"term_meta", &next.TermMeta},
	} {
		id, err := database.NextID(ctx, ex.tx, t.table)
		if err != nil {
			return BundleNextIDs{}, err
		}
		*t.into = id
	}
	return next, nil
}

// some returns an empty list instead of nil, since the format has [] and not
// null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
