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
	File    string `arg:"" optional:"" default:"-" help:"File to write; - is the standard output."`
	Format  string `help:"One of ${enum}: a site bundle, or an export that WordPress can import." enum:"bundle,wxr" default:"bundle"`
	Hashes  bool   `help:"Bundle: include password hashes, so that passwords work after an import elsewhere. Secrets of keys are never exported."`
	NoFiles bool   `help:"Bundle: leave out the contents of uploads, which must be copied separately."`
	Quiet   bool   `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate export --help.
func (exportCmd) Help() string {
	return `"quillgate import" reads both formats. A bundle contains everything. The format wxr leaves out options, passwords, roles, revisions and the contents of uploads. A file is written with mode 0600, and never overwrites another.`
}

func (c *exportCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		p := newProgress(out.err, c.Quiet || c.File == "-" && onTerminal(out.out))
		defer p.end()
		if c.File == "-" {
			return c.write(ctx, blog, p.counting(out.out))
		}
		f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		err = c.write(ctx, blog, p.counting(f))
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
