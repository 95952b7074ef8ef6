package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/transfer"
)

type exportCmd struct {
	File    string `arg:"" optional:"" default:"-" help:"Where to; - is the standard output."`
	Format  string `help:"One of ${enum}: a site bundle, or an export as WordPress writes it and its importer reads it." enum:"bundle,wxr" default:"bundle"`
	Hashes  bool   `help:"Bundle: with the hashes of passwords, so that they work after an import elsewhere. Secrets of keys are never exported."`
	NoFiles bool   `help:"Bundle: without the bytes of uploads: a small bundle, whose uploads stay where they are."`
}

// Help is shown by quillgate export --help.
func (exportCmd) Help() string {
	return `quillgate import reads both formats. A bundle holds everything; the format wxr has no options, passwords, roles, revisions and bytes of uploads. A file is written with mode 0600 and never over one that is there.`
}

func (c *exportCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		if c.File == "-" {
			return c.write(ctx, blog, out.out)
		}
		f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		err = c.write(ctx, blog, f)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return errors.Join(err, os.Remove(c.File))
		}
		return nil
	})
}

func (c *exportCmd) write(ctx context.Context, blog *server.Blog, w io.Writer) error {
	if c.Format == "wxr" {
		return transfer.New(blog.Site).ExportWXR(ctx, w, "quillgate "+version)
	}
	return transfer.New(blog.Site).Export(ctx, w, transfer.ExportOptions{Hashes: c.Hashes, NoFiles: c.NoFiles})
}
