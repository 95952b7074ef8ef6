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
	Moved    bool `help:"The same blog has moved to a new address." xor:"what" required:""`
	Copy     bool `help:"This is a copy of a blog that continues elsewhere, such as one for testing." xor:"what" required:""`
	KeepKeys bool `help:"Keep the keys, tokens and application passwords of the original valid in the copy. By default they are revoked here."`
}

// Help is shown by quillgate relocate --help.
func (relocateCmd) Help() string {
	return `A blog remembers the address it was served at, and does not start at another one until this command has
confirmed what the new address means. Give it the same settings as serve, above all --base-url, and do not
run a server on this database meanwhile. An address that is stored with the blog (option blog_address) is changed
to the new one if the blog has moved. A copy forgets it.

In a copy, it drops what a copy must not share with the original: sessions, nonces, one-time codes, pingbacks waiting
to be sent, records of repeated requests, TLS certificates, and the key that signs answers. Passwords and second
factors stay.`
}

func (c *relocateCmd) Run(ctx context.Context, s *settings, io streams) error {
	if c.KeepKeys && !c.Copy {
		return usageError{errors.New("--keep-keys is for --copy: a blog that has moved always keeps its keys")}
	}
	if c.Copy && s.BaseURL == "" { // the stored address belongs to the original
		var err error
		if s.BaseURL, err = s.home(s.Listen, s.TLSListen); err != nil {
			return err
		}
	}
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		if c.Copy {
			return c.copied(ctx, blog, io)
		}
		if blog.Site.IsLocal() {
			return usageError{fmt.Errorf("%s is a local address of this machine: give the new address of the blog with --base-url", blog.Site.BaseURL())}
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
	fmt.Fprintf(io.out, "This is now a copy of %s, at %s.\n", known(parted.Was), blog.Site.BaseURL())
	if c.KeepKeys {
		fmt.Fprintln(io.out, "It accepts the same keys, tokens and application passwords.")
	} else {
		fmt.Fprintf(io.out, "Revoked in the copy: %d keys, %d tokens and application passwords.\n", parted.Keys, parted.Tokens)
	}
	_, err = fmt.Fprintln(io.out, "Its secrets are still sealed with the master key of the original; \"quillgate keys rotate --drop-old\" gives it its own.")
	return err
}

func known(address string) string {
	if address == "" {
		return "an unknown address"
	}
	return address
}

// arrive returns an error if the database belongs to a blog at another address.
func arrive(ctx context.Context, blog *server.Blog) error {
	err := blog.Site.Arrive(ctx)
	if elsewhere, ok := errors.AsType[*site.Elsewhere](err); ok {
		text := fmt.Sprintf("this database was last served at %s, but is now to be served at %s: if the blog has moved, run \"quillgate relocate --moved\"; if this is a copy, run \"quillgate relocate --copy\"; use the same settings as for this start",
			elsewhere.Was, elsewhere.Now)
		if blog.AddressIsStored() {
			text += fmt.Sprintf(". The new address is stored with the blog; if it is wrong, run \"quillgate option set blog_address %s\"", elsewhere.Was)
		}
		return errors.New(text)
	}
	return err
}
