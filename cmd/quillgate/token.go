package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
)

type tokenCmd struct {
	siteFlag

	Create tokenCreateCmd `cmd:"" help:"Create a token or an application password for a user, and show it once."`
	List   tokenListCmd   `cmd:"" help:"List tokens and application passwords."`
	Show   tokenShowCmd   `cmd:"" help:"Show everything about a token."`
	Rename tokenRenameCmd `cmd:"" help:"Rename a token."`
	Set    tokenSetCmd    `cmd:"" help:"Change the rights, networks or expiry of a token."`
	Revoke tokenRevokeCmd `cmd:"" help:"Permanently revoke a token, or all tokens of a user."`
}

// tokenShown is a token as --json shows it.
type tokenShown struct {
	User     string     `json:"user"`
	Kind     string     `json:"kind"`
	Name     string     `json:"name"`
	ID       string     `json:"id"`
	Token    string     `json:"token,omitempty"` // only in the output of the command that creates it
	Hint     string     `json:"hint"`
	State    apps.State `json:"state"`
	Scope    []string   `json:"scope"`    // empty: everything that the user may
	Methods  []string   `json:"methods"`  // empty: all
	Networks []string   `json:"networks"` // empty: anywhere
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires"`
	LastUsed *time.Time `json:"last_used"`
	LastUse  *useShown  `json:"last_use"`
	Revoked  *time.Time `json:"revoked"`
}

func showToken(login string, t apps.Token) tokenShown {
	return tokenShown{
		User: login, Kind: string(t.Kind), Name: t.Name, ID: t.ID, Hint: t.Hint, State: t.State(time.Now()), Scope: textsOf(t.Scope.Rights),
		Methods: append([]string{}, t.Scope.Methods...), Networks: textsOf(t.Networks), Created: t.Created,
		Expires: timeOf(t.Expires), LastUsed: timeOf(t.LastUse.At), LastUse: showUse(t.LastUse), Revoked: timeOf(t.Revoked),
	}
}

type tokenCreateCmd struct {
	User string `help:"User name." required:"" placeholder:"LOGIN"`
	Name string `help:"Name of the application, such as MarsEdit." required:""`
	Kind string `help:"password, an application password, which WordPress clients accept in place of the user's password; or token, for HTTP Basic." enum:"password,token" default:"password" placeholder:"KIND"`
	limitFlags
	Days int  `hidden:"" help:"The old form of --expires."` // until the next release
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *tokenCreateCmd) Run(ctx context.Context, s *settings, io streams) error {
	if c.Days != 0 {
		if c.Days < 0 || c.Expires != "" {
			return usageError{errors.New("use --expires without --days")}
		}
		c.Expires = strconv.Itoa(c.Days) + "d"
	}
	terms, err := c.terms()
	if err != nil {
		return err
	}
	in := apps.NewToken{Kind: apps.TokenKind(c.Kind), Name: c.Name, Scope: terms.Scope, Networks: terms.Networks, Expires: terms.Expires}
	return withUser(ctx, s, io, c.User, func(keys *server.Keys, user auth.User) error {
		in.UserID = user.ID
		t, text, err := keys.Apps.CreateToken(ctx, audit.Operator, in)
		if err != nil {
			return err
		}
		warnBlind(io, t.Scope)
		if c.JSON {
			shown := showToken(user.Login, t)
			shown.Token = text.Reveal()
			return writeJSON(io.out, shown)
		}
		label, use := "Token:   ", "Use it as the user name of HTTP Basic, with any password, or as the password of "+user.Login+"."
		if t.Kind == apps.ApplicationPassword {
			label, use = "Password:", "Use it in place of the password of "+user.Login+", with or without its spaces."
		}
		_, err = fmt.Fprintf(io.out, "ID:       %s\n%s %s\n\nIt is shown only once. %s\n", t.ID, label, text.Reveal(), use)
		return err
	})
}

type tokenListCmd struct {
	User    string `help:"Only those of this user." placeholder:"LOGIN"`
	Revoked bool   `help:"Include revoked ones."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c *tokenListCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		list, err := c.list(ctx, keys)
		if err != nil {
			return err
		}
		heading := []any{"ID", "KIND", "USER", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED", "STATE"}
		return tellList(io, list, c.JSON, heading, func(t tokenShown) []any {
			return []any{t.ID, t.Kind, t.User, t.Name, scopeText(t.Scope, t.Methods), t.Created.Format(time.DateTime), timeText(t.Expires), useText(t.LastUsed, t.LastUse), t.State}
		})
	})
}

func (c *tokenListCmd) list(ctx context.Context, keys *server.Keys) ([]tokenShown, error) {
	filter := apps.TokenFilter{Revoked: c.Revoked}
	if c.User != "" {
		user, err := userNamed(ctx, keys, c.User)
		if err != nil {
			return nil, err
		}
		filter.UserID = user.ID
	}
	tokens, err := keys.Apps.Tokens(ctx, filter)
	if err != nil {
		return nil, err
	}
	users, err := keys.Users.List(ctx, auth.Filter{})
	if err != nil {
		return nil, err
	}
	logins := make(map[int64]string)
	for _, u := range users {
		logins[u.ID] = u.Login
	}
	out := []tokenShown{}
	for _, t := range tokens {
		out = append(out, showToken(logins[t.UserID], t))
	}
	return out, nil
}

type tokenShowCmd struct {
	ID   string `arg:"" help:"ID, as list shows it."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c *tokenShowCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withToken(ctx, s, io, c.ID, func(keys *server.Keys, t apps.Token) error {
		return tellToken(ctx, io, keys, t, c.JSON)
	})
}

// tellToken prints a token, for people one property a line.
func tellToken(ctx context.Context, io streams, keys *server.Keys, token apps.Token, asJSON bool) error {
	user, err := keys.Users.Get(ctx, token.UserID)
	if err != nil {
		return err
	}
	t := showToken(user.Login, token)
	if asJSON {
		return writeJSON(io.out, t)
	}
	return describe(io, []described{
		{"ID", t.ID},
		{"Kind", t.Kind},
		{"Name", t.Name},
		{"User", fmt.Sprintf("%s (%s)", user.Login, user.Role)},
		{"State", string(t.State)},
		{"Ends in", t.Hint},
		{"Scope", orAll(t.Scope, "everything the user may do")},
		{"Methods", orAll(t.Methods, "all")},
		{"Networks", orAll(t.Networks, "anywhere")},
		{"Created", timeText(&t.Created)},
		{"Expires", timeText(t.Expires)},
		{"Last used", useText(t.LastUsed, t.LastUse)},
	})
}

type tokenSetCmd struct {
	ID string `arg:"" help:"ID, as list shows it."`
	changeFlags
}

func (c *tokenSetCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withToken(ctx, s, io, c.ID, func(keys *server.Keys, t apps.Token) error {
		change, err := c.change(t.Scope)
		if err != nil {
			return usageError{err}
		}
		if t, err = keys.Apps.UpdateToken(ctx, audit.Operator, t.UserID, t.ID, change); err != nil {
			return err
		}
		warnBlind(io, t.Scope)
		return tellToken(ctx, io, keys, t, false)
	})
}

type tokenRenameCmd struct {
	ID   string `arg:"" help:"ID, as list shows it."`
	Name string `arg:"" help:"The new name."`
}

func (c *tokenRenameCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withToken(ctx, s, io, c.ID, func(keys *server.Keys, t apps.Token) error {
		if err := keys.Apps.RenameToken(ctx, audit.Operator, t.UserID, t.ID, c.Name); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "%s was renamed to %q.\n", t.ID, c.Name)
		return err
	})
}

type tokenRevokeCmd struct {
	ID    string `arg:"" optional:"" help:"ID, as list shows it."`
	AllOf string `help:"All tokens and application passwords of this user." placeholder:"LOGIN"`
}

func (c *tokenRevokeCmd) Run(ctx context.Context, s *settings, io streams) error {
	if (c.ID == "") == (c.AllOf == "") {
		return usageError{errors.New("give a token, or a user with --all-of")}
	}
	if c.AllOf != "" {
		return revokeAllOf(ctx, s, io, c.AllOf, "tokens and application passwords", func(keys *server.Keys) revokeAll { return keys.Apps.RevokeTokens })
	}
	return withToken(ctx, s, io, c.ID, func(keys *server.Keys, t apps.Token) error {
		if err := keys.Apps.RevokeToken(ctx, audit.Operator, t.UserID, t.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "%s (%s) is revoked. Running servers refuse it within a second.\n", t.ID, t.Name)
		return err
	})
}

// withToken runs fn on a token whose ID was given on the command line.
func withToken(ctx context.Context, s *settings, io streams, id string, fn func(*server.Keys, apps.Token) error) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		t, err := keys.Apps.Token(ctx, id)
		if errors.Is(err, apps.ErrNoToken) {
			return fmt.Errorf("there is no token %q; \"quillgate token list --revoked\" lists all tokens", id)
		}
		if err != nil {
			return err
		}
		return fn(keys, t)
	})
}
