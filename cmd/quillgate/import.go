package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/quillgate/quillgate/server"
)

type importCmd struct {
	File string `arg:"" help:"Site bundle (JSON); - is the standard input."`
	JSON bool   `name:"json" help:"Answer in JSON."`
}

// Help is shown by quillgate import --help.
func (importCmd) Help() string {
	return `Users, terms, posts, pages, media, comments and options come in with their ids, in one transaction: all or nothing.
A second import of the same bundle changes nothing. It works before the first start and while the server runs.`
}

func (c *importCmd) Run(ctx context.Context, s *settings, out streams) error {
	in := out.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the bundle: %w", err)
		}
		defer f.Close()
		in = f
	}
	return withBlog(ctx, s, out, func(blog *server.Blog) error { return c.load(ctx, blog, in, out) })
}

func (c *importCmd) load(ctx context.Context, blog *server.Blog, in io.Reader, out streams) error {
	report, err := blog.Site.Import(ctx, in)
	if err != nil {
		return fmt.Errorf("import %s: %w", c.File, err)
	}
	if c.JSON {
		return writeJSON(out.out, report)
	}
	for _, note := range report.Notes {
		fmt.Fprintf(out.err, "Note: %s\n", note)
	}
	if report.Unchanged() {
		_, err = fmt.Fprintln(out.out, "Everything was there already.")
		return err
	}
	_, err = fmt.Fprintf(out.out, "Imported (added, changed, as before): users %v, terms %v, posts %v, comments %v, options %v\n",
		report.Users, report.Terms, report.Posts, report.Comments, report.Options)
	return err
}
