package main

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
)

type userSetUpLinkCmd struct {
	Login string `arg:"" help:"User name."`
}

// Help is shown by quillgate user set-up-link --help.
func (userSetUpLinkCmd) Help() string {
	return `Whoever opens the link chooses the user's password in the browser. The link works once, within a day. An
earlier link for the same user stops working. Use the same --base-url as the server.`
}

func (c *userSetUpLinkCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		user, err := userNamed(ctx, blog.Keys, c.Login)
		if err != nil {
			return err
		}
		code, err := blog.Users.NewSetUpCode(ctx, audit.Operator, user.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(io.out, setUpLink(blog.Site.BaseURL(), code.Reveal()))
		return err
	})
}

// setUpLink returns the address at which a set-up code is used.
func setUpLink(base, code string) string { return base + "/setup?code=" + code }
