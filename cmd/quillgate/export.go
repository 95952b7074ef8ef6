package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/site"
)

type exportCmd struct {
	File    string `arg:"" optional:"" default:"-" help:"Where to; - is the standard output."`
	Hashes  bool   `help:"With the hashes of passwords, so that they work after an import elsewhere. Secrets of keys are never exported."`
	NoFiles bool   `help:"Without the bytes of uploads: a small bundle, whose uploads stay where they are."`
}

// Help is shown by quillgate export --help.
func (exportCmd) Help() string {
	return `The bundle is what quillgate import reads. A file is written with mode 0600 and never over one that is there.`
}

func (c *exportCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		options := site.ExportOptions{Hashes: c.Hashes, NoFiles: c.NoFiles}
		if c.File == "-" {
			return blog.Site.Export(ctx, out.out, options)
		}
		f, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
		err = blog.Site.Export(ctx, f, options)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return errors.Join(err, os.Remove(c.File))
		}
		return nil
	})
}
