package main

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/server"
)

type optionCmd struct {
	List optionListCmd `cmd:"" help:"List the options."`
	Get  optionGetCmd  `cmd:"" help:"Print one option."`
	Set  optionSetCmd  `cmd:"" help:"Set an option."`
}

type optionListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *optionListCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		opts, err := blog.Site.Options().Current(ctx)
		if err != nil {
			return err
		}
		list := opts.List()
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
		value, err := optionNamed(ctx, blog, c.Name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out.out, value)
		return err
	})
}

// optionNamed returns the value of an option.
func optionNamed(ctx context.Context, blog *server.Blog, name string) (string, error) {
	opts, err := blog.Site.Options().Current(ctx)
	if err != nil {
		return "", err
	}
	value, known := opts.Get(name)
	if !known {
		return "", fmt.Errorf("there is no option %q; \"quillgate option list\" shows them", name)
	}
	return value, nil
}

type optionSetCmd struct {
	Name  string   `arg:"" help:"Name of the option."`
	Value argument `arg:"" help:"Its new value."`
}

func (c *optionSetCmd) Run(ctx context.Context, s *settings, out streams) error {
	return withBlog(ctx, s, out, func(blog *server.Blog) error {
		if _, err := optionNamed(ctx, blog, c.Name); err != nil {
			return err
		}
		if err := blog.Site.Options().Set(ctx, c.Name, c.Value.text()); err != nil {
			return err
		}
		value, err := optionNamed(ctx, blog, c.Name) // in stored form: "on" may have become 1
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out.out, "%s = %s\n", c.Name, value); err != nil || c.Name != options.Address {
			return err
		}
		explainAddress(out, s)
		return nil
	})
}

// explainAddress says when a new address of the blog takes effect.
func explainAddress(out streams, s *settings) {
	if s.BaseURL != "" {
		fmt.Fprintf(out.err, "The setting base-url, here %s, takes precedence over this option.\n", s.BaseURL)
		return
	}
	fmt.Fprintln(out.err, `A server uses the new address after a restart. If it has served the blog at another host before, run "quillgate relocate --moved" first.`)
}
