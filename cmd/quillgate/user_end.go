package main

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
)

type userSuspendCmd struct {
	Login string `arg:"" help:"User name."`
}

func (c *userSuspendCmd) Run(ctx context.Context, s *settings, io streams) error {
	return suspendUser(ctx, s, io, c.Login, true, "is suspended: password, keys and tokens are refused")
}

type userResumeCmd struct {
	Login string `arg:"" help:"User name."`
}

func (c *userResumeCmd) Run(ctx context.Context, s *settings, io streams) error {
	return suspendUser(ctx, s, io, c.Login, false, "may sign in again")
}

func suspendUser(ctx context.Context, s *settings, io streams, login string, on bool, done string) error {
	return withUser(ctx, s, io, login, func(keys *server.Keys, user auth.User) error {
		if err := keys.Users.Suspend(ctx, audit.Operator, user.ID, on); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "User %s %s.\n", user.Login, done)
		return err
	})
}

type userDeleteCmd struct {
	Login   string `arg:"" help:"User name."`
	PostsTo string `help:"User name of the person who gets the posts, pages and files." required:"" placeholder:"LOGIN"`
}

// Help is shown by quillgate user delete --help.
func (userDeleteCmd) Help() string {
	return `The account, its keys, tokens and second factors are deleted for good. Comments keep the name that they were written
under. To lock somebody out for a while, use quillgate user suspend.`
}

func (c *userDeleteCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		user, err := userNamed(ctx, blog.Keys, c.Login)
		if err != nil {
			return err
		}
		heir, err := userNamed(ctx, blog.Keys, c.PostsTo)
		if err != nil {
			return err
		}
		if err := blog.DeleteUser(ctx, audit.Operator, user.ID, heir.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "User %s was deleted. The posts went to %s.\n", user.Login, heir.Login)
		return err
	})
}
