package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
)

type appCmd struct {
	siteFlag

	Create appCreateCmd `cmd:"" help:"Create a key for a user, and show its secret once."`
	List   appListCmd   `cmd:"" help:"List keys."`
	Show   appShowCmd   `cmd:"" help:"Show everything about a key."`
	Rename appRenameCmd `cmd:"" help:"Rename a key."`
	Set    appSetCmd    `cmd:"" help:"Change the rights, networks or expiry of a key."`
	Rotate appRotateCmd `cmd:"" help:"Replace a key with a new one; the old one can keep working for a while."`
	Revoke appRevokeCmd `cmd:"" help:"Permanently revoke a key, or all keys of a user."`
	Enrol  appEnrolCmd  `cmd:"" help:"Register a client's verification key, or let a client register one itself."`
	Import appImportCmd `cmd:"" help:"Import a key that was created elsewhere."`
}

// appShown is a key as --json shows it.
type appShown struct {
	User      string     `json:"user"`
	Name      string     `json:"name"`
	Public    string     `json:"public"`
	Secret    string     `json:"secret,omitempty"` // only in the output of the command that creates it
	Hint      string     `json:"hint"`
	State     apps.State `json:"state"`
	Scope     []string   `json:"scope"`    // empty: everything that the user may
	Methods   []string   `json:"methods"`  // empty: all
	Networks  []string   `json:"networks"` // empty: anywhere
	Strict    bool       `json:"strict"`
	Algorithm string     `json:"algorithm"`
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires"`
	LastUsed  *time.Time `json:"last_used"`
	LastUse   *useShown  `json:"last_use"`
	Uses      int64      `json:"uses"`
	Revoked   *time.Time `json:"revoked"`
	Successor string     `json:"successor,omitempty"`
	Rotated   *time.Time `json:"rotated,omitempty"`
	// UsedAfterRotation means that a client still uses this key and must change
	// to the successor.
	UsedAfterRotation bool `json:"used_after_rotation,omitempty"`
	Legacy            bool `json:"legacy_signatures,omitempty"` // also accepts the older, weaker form of signatures
}

type useShown struct {
	Address string `json:"address"`
	Agent   string `json:"agent"`
	Method  string `json:"method"`
}

// timeOf returns a time for JSON: null for the zero time.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// textsOf returns the texts of rights or networks. If there are none, it
// returns an empty list, not nil, so that JSON has [].
func textsOf[T any](list []T) []string {
	texts := []string{}
	for _, x := range list {
		texts = append(texts, fmt.Sprint(x))
	}
	return texts
}

func showApp(keys *server.Keys, login string, a apps.App) appShown {
	return appShown{
		User: login, Name: a.Name, Public: a.Public, Hint: a.Hint, State: keys.Apps.State(a), Scope: textsOf(a.Scope.Rights),
		Methods: append([]string{}, a.Scope.Methods...), Networks: textsOf(a.Networks), Strict: a.Strict, Algorithm: a.Algorithm,
		Created: a.Created, Expires: timeOf(a.Expires), LastUsed: timeOf(a.LastUse.At), LastUse: showUse(a.LastUse), Uses: a.Uses, Revoked: timeOf(a.Revoked),
		Successor: a.Successor, Rotated: timeOf(a.Rotated), UsedAfterRotation: a.UsedAfterRotation(), Legacy: a.LegacySignatures,
	}
}

// showUse returns a last use for JSON, or nil if there is none.
func showUse(u apps.Use) *useShown {
	if u.At.IsZero() {
		return nil
	}
	shown := &useShown{Agent: u.Agent, Method: u.Method}
	if u.Addr.IsValid() {
		shown.Address = u.Addr.String()
	}
	return shown
}

type appCreateCmd struct {
	User string `help:"User name." required:"" placeholder:"LOGIN"`
	Name string `help:"Name of the application, such as Upload script." required:""`
	limitFlags
	Strict bool `help:"Accept RFC 9421 signatures only."`
	JSON   bool `name:"json" help:"Print JSON."`
}

func (c *appCreateCmd) Run(ctx context.Context, s *settings, io streams) error {
	in, err := c.newKey()
	if err != nil {
		return err
	}
	return withUser(ctx, s, io, c.User, func(keys *server.Keys, user auth.User) error {
		in.UserID, in.Name, in.Strict = user.ID, c.Name, c.Strict
		app, secret, err := keys.Apps.Create(ctx, audit.Operator, in)
		if err != nil {
			return err
		}
		warnBlind(io, app.Scope)
		return tellPair(io, keys, user.Login, app, secret, c.JSON)
	})
}

// tellPair prints a new pair. This is the only time that its secret can be
// seen.
func tellPair(io streams, keys *server.Keys, login string, app apps.App, secret apps.Secret, asJSON bool) error {
	if asJSON {
		shown := showApp(keys, login, app)
		shown.Secret = secret.Reveal()
		return writeJSON(io.out, shown)
	}
	if _, err := fmt.Fprintf(io.out, "Public key: %s\n", app.Public); err != nil {
		return err
	}
	if secret.IsEmpty() {
		_, err := fmt.Fprintf(io.out, "\nRequests signed with the private half act as %s.\n", login)
		return err
	}
	_, err := fmt.Fprintf(io.out, "Secret:     %s\n\nThe secret is shown only once. Requests signed with it act as %s.\n", secret.Reveal(), login)
	return err
}

type appListCmd struct {
	User    string `help:"Only the keys of this user." placeholder:"LOGIN"`
	Revoked bool   `help:"Include revoked keys."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (c *appListCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		list, err := c.list(ctx, keys)
		if err != nil {
			return err
		}
		heading := []any{"PUBLIC KEY", "USER", "NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED", "STATE"}
		return tellList(io, list, c.JSON, heading, func(a appShown) []any {
			return []any{a.Public, a.User, a.Name, scopeText(a.Scope, a.Methods), a.Created.Format(time.DateTime), timeText(a.Expires), useText(a.LastUsed, a.LastUse), a.stateText()}
		})
	})
}

func timeText(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.DateTime)
}

// scopeText returns in one line what a key or token may do.
func scopeText(rights, methods []string) string {
	text := strings.Join(rights, ",")
	if text == "" {
		text = "all"
	}
	if len(methods) > 0 {
		text += fmt.Sprintf(", %d methods", len(methods))
	}
	return text
}

// useText returns the last use in one line. The client chooses the name in it,
// so it is not trusted.
func useText(at *time.Time, use *useShown) string {
	if at == nil || use == nil {
		return "never"
	}
	text := timeText(at)
	for _, part := range []struct{ word, value string }{{" from ", use.Address}, {" by ", use.Agent}, {": ", use.Method}} {
		if part.value != "" {
			text += part.word + strings.NewReplacer("\n", " ", "\t", " ").Replace(visibleText(part.value))
		}
	}
	return text
}

func (a appShown) stateText() string {
	text := string(a.State)
	if a.Algorithm != "hmac-sha256" {
		text += ", " + a.Algorithm
	} else if a.Strict {
		text += ", strict"
	}
	if a.UsedAfterRotation && a.State.Works() {
		text += ", still used"
	}
	if a.Legacy && a.State.Works() {
		text += ", accepts legacy signatures"
	}
	return text
}

func (c *appListCmd) list(ctx context.Context, keys *server.Keys) ([]appShown, error) {
	filter := apps.Filter{Revoked: c.Revoked, Limit: 1000}
	if c.User != "" {
		user, err := userNamed(ctx, keys, c.User)
		if err != nil {
			return nil, err
		}
		filter.UserID = user.ID
	}
	logins := make(map[int64]string)
	out := []appShown{}
	for {
		list, next, err := keys.Apps.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if _, known := logins[a.UserID]; !known {
				user, err := keys.Users.Get(ctx, a.UserID)
				if err != nil {
					return nil, err
				}
				logins[a.UserID] = user.Login
			}
			out = append(out, showApp(keys, logins[a.UserID], a))
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
	return withApp(ctx, s, io, c.Public, func(keys *server.Keys, app apps.App) error {
		if err := keys.Apps.Rename(ctx, audit.Operator, app.UserID, app.Public, c.Name); err != nil {
			return err
		}
		_, err := fmt.Fprintf(io.out, "The key %s was renamed to %q.\n", app.Public, c.Name)
		return err
	})
}

type appRevokeCmd struct {
	Public string `arg:"" optional:"" help:"Public key." name:"public-key"`
	AllOf  string `help:"All keys of this user." placeholder:"LOGIN"`
}

func (c *appRevokeCmd) Run(ctx context.Context, s *settings, io streams) error {
	if (c.Public == "") == (c.AllOf == "") {
		return usageError{errors.New("give a key, or a user with --all-of")}
	}
	if c.AllOf != "" {
		return revokeAllOf(ctx, s, io, c.AllOf, "keys", func(keys *server.Keys) revokeAll { return keys.Apps.RevokeAll })
	}
	return withApp(ctx, s, io, c.Public, func(keys *server.Keys, app apps.App) error {
		if err := keys.Apps.Revoke(ctx, audit.Operator, app.UserID, app.Public); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(io.out, "The key %s (%s) is revoked. Running servers refuse it within a second.\n", app.Public, app.Name); err != nil {
			return err
		}
		heir, err := heirOf(ctx, keys, app)
		if err == nil && heir != "" {
			_, err = fmt.Fprintf(io.out, "Its successor, the key %s, still works. Anyone with the old key may have created it: revoke it too, unless you know who uses it.\n", heir)
		}
		return err
	})
}

// heirOf returns the key that still works among the successors of a key, or an
// empty one if none does. Anyone who has a key can rotate it, so an operator
// who revokes a leaked key must know about its successor.
func heirOf(ctx context.Context, keys *server.Keys, app apps.App) (heir string, err error) {
	for app.Successor != "" {
		if app, err = keys.Apps.Get(ctx, app.Successor); err != nil {
			return "", err
		}
		if keys.Apps.State(app).Works() {
			heir = app.Public
		}
	}
	return heir, nil
}

// revokeAll is a function that revokes all of a user's credentials of one kind,
// and returns how many there were.
type revokeAll func(ctx context.Context, by audit.Actor, userID int64) (int, error)

// revokeAllOf revokes all of a user's credentials of one kind; what is the
// plural of the kind's name.
func revokeAllOf(ctx context.Context, s *settings, io streams, login, what string, revoke func(*server.Keys) revokeAll) error {
	return withUser(ctx, s, io, login, func(keys *server.Keys, user auth.User) error {
		n, err := revoke(keys)(ctx, audit.Operator, user.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "Revoked %d %s of %s. Running servers refuse them within a second.\n", n, what, user.Login)
		return err
	})
}

// withApp runs fn on a key that was named on the command line.
func withApp(ctx context.Context, s *settings, io streams, public string, fn func(*server.Keys, apps.App) error) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		app, err := keys.Apps.Get(ctx, public)
		if errors.Is(err, apps.ErrNotFound) {
			return fmt.Errorf("there is no key %q; \"quillgate app list --revoked\" lists all keys", public)
		}
		if err != nil {
			return err
		}
		return fn(keys, app)
	})
}

type appImportCmd struct {
	User       string `help:"User name." required:"" placeholder:"LOGIN"`
	Name       string `help:"Name of the application." required:""`
	Public     string `help:"Public key." required:"" placeholder:"KEY"`
	SecretFile string `help:"File with the secret; - is the standard input." required:"" placeholder:"FILE"`
	Legacy     bool   `name:"legacy-signatures" help:"Also accept the older, weaker form of signatures from this key: one hash, in base64."`
	JSON       bool   `name:"json" help:"Print JSON."`
}

func (c *appImportCmd) Run(ctx context.Context, s *settings, io streams) error {
	secret, err := readSecret(io, c.SecretFile, "secret")
	if err != nil {
		return err
	}
	return withUser(ctx, s, io, c.User, func(keys *server.Keys, user auth.User) error {
		app, err := keys.Apps.Import(ctx, apps.Imported{
			UserID: user.ID, Name: c.Name, Public: c.Public, Secret: apps.NewSecret(secret), LegacySignatures: c.Legacy,
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(io.out, showApp(keys, user.Login, app))
		}
		_, err = fmt.Fprintf(io.out, "The key %s now signs for %s.\n", app.Public, user.Login)
		return err
	})
}
