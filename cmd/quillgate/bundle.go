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

type versionCmd struct{}

func (versionCmd) Run(out streams) error {
	_, err := fmt.Fprintln(out.out, "quillgate "+version)
	return err
}

type optionCmd struct {
	List optionListCmd `cmd:"" help:"List the options."`
	Get  optionGetCmd  `cmd:"" help:"Print one option."`
	Set  optionSetCmd  `cmd:"" help:"Set an option."`
}

type optionListCmd struct {
	JSON bool `name:"json" help:"Answer in JSON."`
}

func (c *optionListCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		list, err := blog.Site.ListOptions(ctx)
		if err != nil {
			return err
		}
		values := make(map[string]string, len(list))
		for _, o := range list {
			values[o.Name] = o.Value
			if !c.JSON {
				fmt.Fprintf(out.out, "%s = %s\n", o.Name, o.Value)
			}
		}
		if c.JSON {
			return writeJSON(out.out, values)
		}
		return nil
	})
}

type optionGetCmd struct {
	Name string `arg:"" help:"Name of the option."`
}

func (c *optionGetCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		list, err := blog.Site.ListOptions(ctx)
		if err != nil {
			return err
		}
		for _, o := range list {
			if o.Name == c.Name {
				_, err := fmt.Fprintln(out.out, o.Value)
				return err
			}
		}
		return fmt.Errorf("there is no option %q; \"quillgate option list\" shows them", c.Name)
	})
}

type optionSetCmd struct {
	Name  string `arg:"" help:"Name of the option."`
	Value string `arg:"" help:"Its new value."`
}

func (c *optionSetCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		return blog.Site.SetOption(ctx, c.Name, c.Value)
	})
}
