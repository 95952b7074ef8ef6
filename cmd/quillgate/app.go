package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
)

type appCmd struct {
	Create appCreateCmd `cmd:"" help:"Make a key for a user, and show its secret once."`
	List   appListCmd   `cmd:"" help:"List keys."`
	Rename appRenameCmd `cmd:"" help:"Give a key another name."`
	Revoke appRevokeCmd `cmd:"" help:"End a key, for good."`
	Import appImportCmd `cmd:"" help:"Take over a key that was made elsewhere."`
}

// appShown is a key as --json shows it.
type appShown struct {
	User     string     `json:"user"`
	Name     string     `json:"name"`
	Public   string     `json:"public"`
	Secret   string     `json:"secret,omitempty"` // at its making only
	Hint     string     `json:"hint"`
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"last_used"`
	Revoked  *time.Time `json:"revoked"`
	Legacy   bool       `json:"legacy_signatures,omitempty"` // takes the older, weaker form of signatures too
}

func showApp(login string, a apps.App) appShown {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return appShown{User: login, Name: a.Name, Public: a.Public, Hint: a.Hint, Created: a.Created, LastUsed: moment(a.LastUse.At), Revoked: moment(a.Revoked), Legacy: a.LegacySignatures}
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

type appCreateCmd struct {
	User string `help:"User name." required:"" placeholder:"LOGIN"`
	Name string `help:"What the program is called, such as MarsEdit." required:""`
	JSON bool   `name:"json" help:"Answer in JSON."`
}

func (c *appCreateCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		user, err := userNamed(ctx, blog, c.User)
		if err != nil {
			return err
		}
		app, secret, err := blog.Apps.Create(ctx, audit.Operator, apps.New{UserID: user.ID, Name: c.Name})
		if err != nil {
			return err
		}
		if c.JSON {
			shown := showApp(user.Login, app)
			shown.Secret = secret.Reveal()
			return writeJSON(io.out, shown)
		}
		_, err = fmt.Fprintf(io.out, "Public key: %s\nSecret:     %s\n\nThe secret is shown this once. Requests signed with it are made in the name of %s.\n",
			app.Public, secret.Reveal(), user.Login)
		return err
	})
}

type appListCmd struct {
	User    string `help:"Only the keys of this user." placeholder:"LOGIN"`
	Revoked bool   `help:"Show revoked keys too."`
	JSON    bool   `name:"json" help:"Answer in JSON."`
}

func (c *appListCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		list, err := c.list(ctx, blog)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(io.out, list)
		}
		t := tabwriter.NewWriter(io.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "PUBLIC KEY\tUSER\tNAME\tCREATED\tLAST USED\tSTATE")
		for _, a := range list {
			used, state := "never", "in use"
			if a.LastUsed != nil {
				used = a.LastUsed.Format(time.DateTime)
			}
			switch {
			case a.Revoked != nil:
				state = "revoked"
			case a.Legacy:
				state = "in use, takes legacy signatures"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Public, a.User, a.Name, a.Created.Format(time.DateTime), used, state)
		}
		return t.Flush()
	})
}

func (c *appListCmd) list(ctx context.Context, blog *server.Blog) ([]appShown, error) {
	filter := apps.Filter{Revoked: c.Revoked, Limit: 1000}
	if c.User != "" {
		user, err := userNamed(ctx, blog, c.User)
		if err != nil {
			return nil, err
		}
		filter.UserID = user.ID
	}
	logins := make(map[int64]string)
	out := []appShown{}
	for {
		list, next, err := blog.Apps.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if _, known := logins[a.UserID]; !known {
				user, err := blog.Users.Get(ctx, a.UserID)
				if err != nil {
					return nil, err
				}
				logins[a.UserID] = user.Login
			}
			out = append(out, showApp(logins[a.UserID], a))
		}
		if next == "" {
			return out, nil
		}
		filter.After = next
	}
}

type appRenameCmd struct {
	Public string `arg:"" help:"Public key." name:"public-key"`
	Name   string `arg:"" help:"The new name."`
}

func (c *appRenameCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		app, err := appOf(ctx, blog, c.Public)
		if err != nil {
			return err
		}
		if err := blog.Apps.Rename(ctx, audit.Operator, app.UserID, app.Public, c.Name); err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "The key %s is now called %q.\n", app.Public, c.Name)
		return err
	})
}

type appRevokeCmd struct {
	Public string `arg:"" help:"Public key." name:"public-key"`
}

func (c *appRevokeCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		app, err := appOf(ctx, blog, c.Public)
		if err != nil {
			return err
		}
		if err := blog.Apps.Revoke(ctx, audit.Operator, app.UserID, app.Public); err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "The key %s (%s) is revoked. A running server refuses it within a second.\n", app.Public, app.Name)
		return err
	})
}

func appOf(ctx context.Context, blog *server.Blog, public string) (apps.App, error) {
	app, err := blog.Apps.Get(ctx, public)
	if errors.Is(err, apps.ErrNotFound) {
		return app, fmt.Errorf("there is no key %q; \"quillgate app list --revoked\" shows all", public)
	}
	return app, err
}

type appImportCmd struct {
	User       string `help:"User name." required:"" placeholder:"LOGIN"`
	Name       string `help:"What the program is called." required:""`
	Public     string `help:"Public key." required:"" placeholder:"KEY"`
	SecretFile string `help:"File with the secret; - is the standard input." required:"" placeholder:"FILE"`
	Legacy     bool   `name:"legacy-signatures" help:"Take the older, weaker form of signatures from this key too: one hash, in base64."`
	JSON       bool   `name:"json" help:"Answer in JSON."`
}

func (c *appImportCmd) Run(ctx context.Context, s *settings, io streams) error {
	secret, err := readSecret(io, c.SecretFile)
	if err != nil {
		return err
	}
	return withBlog(ctx, s, io, func(blog *server.Blog) error {
		user, err := userNamed(ctx, blog, c.User)
		if err != nil {
			return err
		}
		app, err := blog.Apps.Import(ctx, apps.Imported{
			UserID: user.ID, Name: c.Name, Public: c.Public, Secret: apps.NewSecret(secret), LegacySignatures: c.Legacy,
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(io.out, showApp(user.Login, app))
		}
		_, err = fmt.Fprintf(io.out, "The key %s signs for %s now.\n", app.Public, user.Login)
		return err
	})
}
