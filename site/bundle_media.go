package site

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// importedFiles are the files that an import has stored before its transaction.
type importedFiles struct{}

func (s *Site) importFiles(context.Context, *Bundle, map[string]string) (*importedFiles, error) {
	return &importedFiles{}, nil
}

func (f *importedFiles) undo(context.Context)                 {}
func (f *importedFiles) keep(context.Context, []string) error { return nil }

const attachmentQuery = `SELECT ` + attachmentColumns + ` FROM attachments a WHERE a.post_id IN (?)`

func (im *importer) importAttachments(ctx context.Context) error {
	there := map[int64]attachmentRow{}
	err := byIDs(ctx, im.tx, attachmentQuery, idsOf(im.bundle.Posts, func(p *BundlePost) int64 { return p.ID }), func(r attachmentRow) { there[r.Post] = r })
	if err != nil {
		return fmt.Errorf("read the attachments: %w", err)
	}
	if err := im.checkFiles(ctx); err != nil {
		return err
	}
	for i := range im.bundle.Posts {
		p := &im.bundle.Posts[i]
		if p.Type != "attachment" {
			continue
		}
		row := attachmentRow{Post: p.ID, File: p.File, Sizes: "{}", Meta: "{}"}
		if p.Image != nil {
			row.Width, row.Height = p.Image.Width, p.Image.Height
		}
		if there[p.ID] == row {
			continue
		}
		_, err := im.tx.Exec(ctx, `INSERT INTO attachments (post_id, file, size, width, height, sizes, image_meta) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (post_id) DO UPDATE SET file = excluded.file, size = excluded.size, width = excluded.width, height = excluded.height,
			sizes = excluded.sizes, image_meta = excluded.image_meta`, row.Post, row.File, row.Size, row.Width, row.Height, row.Sizes, row.Meta)
		if err != nil {
			return fmt.Errorf("write the file of attachment %d: %w", p.ID, err)
		}
	}
	return nil
}

// checkFiles refuses names of files that attachments outside of the bundle have.
func (im *importer) checkFiles(ctx context.Context) error {
	wanted := map[string]int64{}
	inBundle := map[int64]bool{}
	var names []string
	for _, p := range im.bundle.Posts {
		inBundle[p.ID] = true
		if p.File != "" {
			wanted[p.File] = p.ID
			names = append(names, p.File)
		}
	}
	for len(names) > 0 {
		n := min(len(names), listChunk)
		query, args, err := database.In(`SELECT post_id, file FROM attachments WHERE file IN (?)`, names[:n])
		if err != nil {
			return err
		}
		var holders []attachmentRow
		if err := im.tx.Select(ctx, &holders, query, args...); err != nil {
			return fmt.Errorf("look for files: %w", err)
		}
		for _, h := range holders {
			if !inBundle[h.Post] {
				return &BundleError{fmt.Sprintf("post %d", wanted[h.File]), "file", fmt.Sprintf("%q is that of attachment %d, which the blog has already", h.File, h.Post)}
			}
		}
		names = names[n:]
	}
	return nil
}
