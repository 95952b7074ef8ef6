package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
)

type userCmd struct {
	siteFlag

	Add         userAddCmd         `cmd:"" help:"Add a user."`
	List        userListCmd        `cmd:"" help:"List the users."`
	SetPassword userSetPasswordCmd `cmd:"" help:"Set a user's password."`
	SetRole     userSetRoleCmd     `cmd:"" help:"Set a user's role."`
	Suspend     userSuspendCmd     `cmd:"" help:"Refuse a user's password, keys and tokens until resume."`
	Resume      userResumeCmd      `cmd:"" help:"Let a suspended user in again."`
	Delete      userDeleteCmd      `cmd:"" help:"Delete a user, whose posts another user gets."`

	SetUpLink         userSetUpLinkCmd         `cmd:"" help:"Create a link that lets a user choose a password in the browser."`
	ResetSecondFactor userResetSecondFactorCmd `cmd:"" help:"Remove a user's second factor and recovery codes."`
	SetPasswordMode   userSetPasswordModeCmd   `cmd:"" help:"Set how a user's password in calls is treated."`
	Policy            userPolicyCmd            `cmd:"" help:"Show or set the rules for all accounts."`
}

// roles lists the roles for the command line.
const roles = "administrator,editor,author,contributor,subscriber"

// passwordFlag is how a command receives a password: never as an argument,
// which other users of the machine can see.
type passwordFlag struct {
	PasswordFile string `help:"File with the password; - is the standard input. Without it, a random one is generated and shown once." placeholder:"FILE"`
}

// password reads the password or generates one.
func (p passwordFlag) password(io streams) (password string, made bool, err error) {
	if p.PasswordFile == "" {
		return rand.Text(), true, nil
	}
	password, err = readSecret(io, p.PasswordFile, "password")
	return password, false, err
}

// userShown is a user as --json shows it.
type userShown struct {
	ID          int64     `json:"id"`
	Login       string    `json:"login"`
	Email       string    `json:"email"`
	DisplayName string    `json:"display_name"`
	Role        string    `json:"role"`
	Registered  time.Time `json:"registered"`
	Password    string    `json:"password,omitempty"` // only a generated one, shown once
}

func showUser(u auth.User) userShown {
	return userShown{ID: u.ID, Login: u.Login, Email: u.Email, DisplayName: u.DisplayName, Role: string(u.Role), Registered: u.Registered}
}

type userAddCmd struct {
	Login       string `arg:"" help:"User name."`
	Email       string `help:"E-mail address."`
	Role        string `help:"One of ${enum}." enum:"${roles}" default:"author"`
	DisplayName string `help:"Name shown to readers. Empty: the user name." placeholder:"NAME"`
	passwordFlag
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *userAddCmd) Run(ctx context.Context, s *settings, io streams) error {
	password, made, err := c.password(io)
	if err != nil {
		return err
	}
	return withNewBlog(ctx, s, io, func(blog *server.Blog) error {
		user, err := blog.Users.Create(ctx, audit.Operator, auth.NewUser{Login: c.Login, Email: c.Email, Password: password, Role: auth.Role(c.Role), DisplayName: c.DisplayName})
		if err != nil {
			return err
		}
		return tellUser(io, user, password, made, c.JSON, "added")
	})
}

// tellUser prints what was done, and the password if it was generated here.
func tellUser(io streams, user auth.User, password string, made, asJSON bool, done string) error {
	shown := showUser(user)
	if made {
		shown.Password = password
	}
	if asJSON {
		return writeJSON(io.out, shown)
	}
	if _, err := fmt.Fprintf(io.out, "User %s (%s): %s.\n", user.Login, user.Role, done); err != nil || !made {
		return err
	}
	_, err := fmt.Fprintf(io.out, "Password: %s\n\nThe password is shown only once.\n", password)
	return err
}

type userListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *userListCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		users, err := keys.Users.List(ctx, auth.Filter{OrderBy: auth.ByID})
		if err != nil {
			return err
		}
		list := []userShown{}
		for _, u := range users {
			list = append(list, showUser(u))
		}
		return tellList(io, list, c.JSON, []any{"ID", "LOGIN", "ROLE", "NAME", "E-MAIL"}, func(u userShown) []any {
			return []any{u.ID, u.Login, u.Role, u.DisplayName, u.Email}
		})
	})
}

type userSetPasswordCmd struct {
	Login string `arg:"" help:"User name."`
	passwordFlag
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *userSetPasswordCmd) Run(ctx context.Context, s *settings, io streams) error {
	password, made, err := c.password(io)
	if err != nil {
		return err
	}
	return withUser(ctx, s, io, c.Login, func(keys *server.Keys, user auth.User) error {
		if err := keys.Users.SetPassword(ctx, audit.Operator, user.ID, password, ""); err != nil {
			return err
		}
		return tellUser(io, user, password, made, c.JSON, "the password was set")
	})
}

type userSetRoleCmd struct {
	Login string `arg:"" help:"User name."`
	Role  string `arg:"" help:"One of ${enum}." enum:"${roles}"`
}

func (c *userSetRoleCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withUser(ctx, s, io, c.Login, func(keys *server.Keys, user auth.User) error {
		if err := keys.Users.SetRole(ctx, audit.Operator, user.ID, auth.Role(c.Role)); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "User %s now has the role %s, which also applies to the user's keys.\n", user.Login, c.Role)
		return err
	})
}

type userResetSecondFactorCmd struct {
	Login string `arg:"" help:"User name."`
}

func (c *userResetSecondFactorCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withUser(ctx, s, io, c.Login, func(keys *server.Keys, user auth.User) error {
		if err := keys.Users.ResetSecondFactor(ctx, audit.Operator, user.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "User %s now signs in with the password alone, and can set up a new second factor.\n", user.Login)
		return err
	})
}

type userSetPasswordModeCmd struct {
	Login string `arg:"" help:"User name."`
	Mode  string `arg:"" help:"One of ${enum}. default follows the site. A user's mode can only be stricter than the site's." enum:"allow,warn,refuse,default"`
}

func (c *userSetPasswordModeCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withUser(ctx, s, io, c.Login, func(keys *server.Keys, user auth.User) error {
		if err := keys.Users.SetPasswordMode(ctx, audit.Operator, user.ID, modeOf(c.Mode)); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "The password mode of %s is now %s.\n", user.Login, c.Mode)
		return err
	})
}

// modeOf returns the mode that a word on the command line names.
func modeOf(word string) auth.Mode {
	if word == "default" {
		return auth.ModeDefault
	}
	return auth.Mode(word)
}

type userPolicyCmd struct {
	PasswordMode         string `name:"site-password-mode" help:"How passwords in calls are treated: ${enum}." enum:"allow,warn,refuse,default,keep" default:"keep" placeholder:"MODE"`
	Tokens               string `help:"Whether tokens may be used: ${enum}." enum:"on,off,keep" default:"keep" placeholder:"WORD"`
	ApplicationPasswords string `help:"Whether application passwords may be used: ${enum}." enum:"on,off,keep" default:"keep" placeholder:"WORD"`
}

func (c *userPolicyCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		p, err := keys.Users.Policy(ctx)
		if err != nil {
			return err
		}
		if c.PasswordMode != "keep" {
			p.PasswordMode = modeOf(c.PasswordMode)
		}
		for _, f := range []struct {
			word string
			set  *bool
		}{{c.Tokens, &p.Tokens}, {c.ApplicationPasswords, &p.ApplicationPasswords}} {
			if f.word != "keep" {
				*f.set = f.word == "on"
			}
		}
		if err := keys.Users.SetPolicy(ctx, audit.Operator, p); err != nil {
			return err
		}
		mode := string(p.PasswordMode)
		if mode == "" {
			mode = "default"
		}
		_, err = fmt.Fprintf(io.out, "Passwords in calls: %s\nTokens: %s\nApplication passwords: %s\n", mode, onOff(p.Tokens), onOff(p.ApplicationPasswords))
		return err
	})
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
