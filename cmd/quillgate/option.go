package main

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/server"
)

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
