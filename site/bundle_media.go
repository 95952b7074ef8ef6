package site

import (
	"context"
	"fmt"
)

// importedFiles are the files that an import has stored before its transaction.
type importedFiles struct{}

func (s *Site) importFiles(context.Context, *Bundle, map[string]string) (*importedFiles, error) {
	return &importedFiles{}, nil
}

func (f *importedFiles) undo(context.Context)                 {}
func (f *importedFiles) keep(context.Context, []string) error { return nil }

// attachmentRow is the file of an attachment as the table has it.
type attachmentRow struct {
	Post   int64  `db:"post_id"`
	File   string `db:"file"`
	Size   int64  `db:"size"`
	Width  int64  `db:"width"`
	Height int64  `db:"height"`
	Sizes  string `db:"sizes"`
	Meta   string `db:"image_meta"`
}

func (im *importer) importAttachments(ctx context.Context) error {
	there := map[int64]attachmentRow{}
	err := byIDs(ctx, im.tx, `SELECT post_id, file, size, width, height, sizes, image_meta FROM attachments WHERE post_id IN (?)`,
		idsOf(im.bundle.Posts, func(p *BundlePost) int64 { return p.ID }), func(r attachmentRow) { there[r.Post] = r })
	if err != nil {
		return fmt.Errorf("read the attachments: %w", err)
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
