package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/site"
)

type relocateCmd struct {
	Moved    bool `help:"It is the same blog, at a new address." xor:"what" required:""`
	Copy     bool `help:"It is a copy of a blog that goes on elsewhere, such as one to try things out." xor:"what" required:""`
	KeepKeys bool `help:"Leave the keys, tokens and application passwords of the original in force in the copy; without it they are revoked here."`
}

// Help is shown by quillgate relocate --help.
func (relocateCmd) Help() string {
	return `A blog remembers the address that it was served at, and does not start at another one before this command has said what that
means. Give it the same settings as serve, above all --base-url, and let no server run on this database meanwhile.

A copy gets a life of its own: sessions, nonces, one-time codes, pingbacks that were still to be sent, what requests have made, TLS
certificates and the key that signs answers are dropped. Passwords and second factors stay as they are.`
}

func (c *relocateCmd) Run(ctx context.Context, s *settings, io streams) error {
	if c.KeepKeys && !c.Copy {
		return usageError{errors.New("--keep-keys belongs to --copy: a blog that has moved keeps its keys anyway")}
	}
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		if c.Copy {
			return c.copied(ctx, blog, io)
		}
		if blog.Site.IsLocal() {
			return usageError{fmt.Errorf("%s is an address of this machine alone: say with --base-url where the blog is now", blog.Site.BaseURL())}
		}
		was, err := blog.Moved(ctx, audit.Operator)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "The blog has moved from %s to %s.\n", known(was), blog.Site.BaseURL())
		return err
	})
}

func (c *relocateCmd) copied(ctx context.Context, blog *server.Blog, io streams) error {
	parted, err := blog.Copied(ctx, audit.Operator, c.KeepKeys)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "This is a copy of %s now, at %s.\n", known(parted.Was), blog.Site.BaseURL())
	if c.KeepKeys {
		fmt.Fprintln(io.out, "It takes the same keys, tokens and application passwords.")
	} else {
		fmt.Fprintf(io.out, "Revoked in it: %d keys, %d tokens and application passwords.\n", parted.Keys, parted.Tokens)
	}
	_, err = fmt.Fprintln(io.out, "Its secrets are sealed under the master key of the original still; \"quillgate keys rotate --drop-old\" gives it one of its own.")
	return err
}

func known(address string) string {
	if address == "" {
		return "an address that is not known"
	}
	return address
}

// arrive refuses to serve a database that belongs to another address.
func arrive(ctx context.Context, blog *server.Blog) error {
	err := blog.Site.Arrive(ctx)
	if elsewhere, ok := errors.AsType[*site.Elsewhere](err); ok {
		return fmt.Errorf("this database was last served at %s, and is to be served at %s: if the blog has moved, run \"quillgate relocate --moved\"; if this is a copy of it, run \"quillgate relocate --copy\"; each with the settings of this start",
			elsewhere.Was, elsewhere.Now)
	}
	return err
}
