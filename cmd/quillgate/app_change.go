package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/server"
)

// limitFlags are the limits of a new key or token.
type limitFlags struct {
	Scope   []string `help:"Rights, separated by commas: read, draft, publish, media, comments, users, options. Empty or all: everything its user may do." placeholder:"RIGHTS"`
	Preset  string   `help:"A set of rights instead of --scope: ${presets}." placeholder:"NAME"`
	Method  []string `help:"Methods it may call, separated by commas. Empty: all." aliases:"methods" placeholder:"METHODS"`
	Network []string `help:"Networks and addresses it may be used from, separated by commas. Empty: anywhere." aliases:"networks" placeholder:"NETWORKS"`
	Expires string   `help:"When it expires: a number of days, a date such as 2027-01-31, or never. Default: 365d, as on the pages." placeholder:"DAYS|DATE"`
}

// terms reads the flags.
func (f limitFlags) terms() (t apps.Terms, err error) {
	list := func(flag []string) string { return unlessAll(strings.Join(flag, " ")) }
	if t.Scope, err = apps.ParseScope(list(f.Scope), list(f.Method)); err != nil {
		return t, usageError{err}
	}
	if f.Preset != "" {
		p, known := apps.PresetNamed(f.Preset)
		switch {
		case !known:
			return t, usageError{fmt.Errorf("%q is not one of %s", f.Preset, presetNames())}
		case len(f.Scope) > 0:
			return t, usageError{errors.New("use --preset without --scope")}
		}
		t.Scope.Rights = p.Rights
	}
	if t.Networks, err = apps.ParseNetworks(list(f.Network)); err != nil {
		return t, usageError{err}
	}
	if t.Expires, err = expiryOf(cmp.Or(f.Expires, suggestedLife()), time.Now()); err != nil {
		return t, usageError{err}
	}
	return t, nil
}

// presetNames lists the presets in one line.
func presetNames() string {
	var names []string
	for _, p := range apps.Presets() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// presetHelp lists the presets with their rights, for the help.
func presetHelp() string {
	var texts []string
	for _, p := range apps.Presets() {
		rights, _ := p.Scope().Format()
		texts = append(texts, p.Name+" ("+cmp.Or(rights, "no limit")+")")
	}
	return strings.Join(texts, ", ")
}

// warnBlind warns about a key or token that may write posts but not read them.
func warnBlind(io streams, s apps.Scope) {
	if s.WritesBlindly() {
		fmt.Fprintln(io.err, "Warning: it may write posts but not read. Most clients read first, and their first refresh will fail. Add the right read, unless you know that this client only writes.")
	}
}

// suggestedLife is how long a key or token works by default. The pages suggest
// the same.
func suggestedLife() string { return strconv.Itoa(int(apps.SuggestedLife.Hours()/24)) + "d" }

// newKey reads the flags for a key.
func (f limitFlags) newKey() (apps.New, error) {
	t, err := f.terms()
	return apps.New{Scope: t.Scope, Networks: t.Networks, Expires: t.Expires}, err
}

// unlessAll turns the word for no limit into an empty list.
func unlessAll(list string) string {
	if list == "all" {
		return ""
	}
	return list
}

// expiryOf reads a number of days, a date or a time. The word never and the
// empty text give the zero time. A key that expires on a day works until the
// end of that day, in UTC.
func expiryOf(text string, now time.Time) (time.Time, error) {
	if text == "" || text == "never" {
		return time.Time{}, nil
	}
	if digits, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.Atoi(digits); err == nil && days > 0 && days <= 36500 {
			return now.Add(time.Duration(days) * 24 * time.Hour), nil
		}
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not an expiry: use 365d, 2027-01-31 or never", text)
}

// changeFlags are the properties of a key or token that can be changed.
type changeFlags struct {
	Name    *string `help:"The new name."`
	Scope   *string `help:"Rights, separated by commas; all removes the limit." placeholder:"RIGHTS"`
	Method  *string `help:"Methods it may call, separated by commas; all removes the limit." placeholder:"METHODS"`
	Network *string `help:"Networks it may be used from, separated by commas; all removes the limit." placeholder:"NETWORKS"`
	Expires *string `help:"When it expires: 365d, a date such as 2027-01-31, or never." placeholder:"DAYS|DATE"`
}

type appSetCmd struct {
	Public string `arg:"" help:"Public key." name:"public-key"`
	changeFlags
	Strict *bool `help:"Accept RFC 9421 signatures only." negatable:""`
}

func (c *appSetCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withApp(ctx, s, io, c.Public, func(keys *server.Keys, app apps.App) error {
		change, err := c.change(app.Scope)
		if err != nil {
			return usageError{err}
		}
		change.Strict = c.Strict
		if app, err = keys.Apps.Update(ctx, audit.Operator, app.UserID, app.Public, change); err != nil {
			return err
		}
		warnBlind(io, app.Scope)
		return describeApp(ctx, io, keys, app)
	})
}

// change reads the flags; scope is the current scope.
func (c *changeFlags) change(scope apps.Scope) (change apps.Change, err error) {
	change.Name = c.Name
	if c.Scope != nil || c.Method != nil {
		if c.Scope != nil {
			read, err := apps.ParseScope(unlessAll(*c.Scope), "")
			if err != nil {
				return change, err
			}
			scope.Rights = read.Rights
		}
		if c.Method != nil {
			read, err := apps.ParseScope("", unlessAll(*c.Method))
			if err != nil {
				return change, err
			}
			scope.Methods = read.Methods
		}
		change.Scope = &scope
	}
	if c.Network != nil {
		networks, err := apps.ParseNetworks(unlessAll(*c.Network))
		if err != nil {
			return change, err
		}
		change.Networks = &networks
	}
	if c.Expires != nil {
		expires, err := expiryOf(*c.Expires, time.Now())
		if err != nil {
			return change, err
		}
		change.Expires = &expires
	}
	return change, nil
}

type appShowCmd struct {
	Public string `arg:"" help:"Public key." name:"public-key"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

func (c *appShowCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withApp(ctx, s, io, c.Public, func(keys *server.Keys, app apps.App) error {
		if c.JSON {
			user, err := keys.Users.Get(ctx, app.UserID)
			if err != nil {
				return err
			}
			return writeJSON(io.out, showApp(keys, user.Login, app))
		}
		return describeApp(ctx, io, keys, app)
	})
}

// describeApp prints a key for people, one property a line.
func describeApp(ctx context.Context, io streams, keys *server.Keys, app apps.App) error {
	user, err := keys.Users.Get(ctx, app.UserID)
	if err != nil {
		return err
	}
	a := showApp(keys, user.Login, app)
	return describe(io, []described{
		{"Public key", a.Public},
		{"Name", a.Name},
		{"User", fmt.Sprintf("%s (%s)", user.Login, user.Role)},
		{"State", a.stateText()},
		{"Algorithm", a.Algorithm},
		{"Secret ends in", a.Hint},
		{"Scope", orAll(a.Scope, "everything the user may do")},
		{"Methods", orAll(a.Methods, "all")},
		{"Networks", orAll(a.Networks, "anywhere")},
		{"Created", timeText(&a.Created)},
		{"Expires", timeText(a.Expires)},
		{"Last used", useText(a.LastUsed, a.LastUse)},
		{"Uses", strconv.FormatInt(a.Uses, 10)},
		{"Successor", a.Successor},
	})
}

// described is one printed property of a key or token.
type described struct{ name, value string }

func orAll(list []string, all string) string {
	if len(list) == 0 {
		return all
	}
	return strings.Join(list, " ")
}

// describe prints the properties that have a value.
func describe(io streams, lines []described) error {
	for _, l := range lines {
		if l.value == "" {
			continue
		}
		if _, err := fmt.Fprintf(io.out, "%-15s %s\n", l.name+":", l.value); err != nil {
			return err
		}
	}
	return nil
}

// keyFlags name a verification key.
type keyFlags struct {
	Algorithm string `help:"Signature algorithm of the key, by its name in RFC 9421: ${enum}." enum:",ed25519,ecdsa-p256-sha256,rsa-pss-sha512,rsa-v1_5-sha256" default:"" placeholder:"NAME"`
	Key       string `help:"File with the public half (PEM); - is the standard input." placeholder:"FILE"`
}

// read reads the key; ok is false if the flags name none.
func (f keyFlags) read(io streams) (key apps.VerificationKey, ok bool, err error) {
	if (f.Key == "") != (f.Algorithm == "") {
		return key, false, usageError{errors.New("--key and --algorithm must be given together")}
	}
	if f.Key == "" {
		return key, false, nil
	}
	text, err := readSecret(io, f.Key, "key")
	if err != nil {
		return key, false, err
	}
	key, err = apps.ParseVerificationKey(f.Algorithm, []byte(text))
	return key, err == nil, err
}

type appRotateCmd struct {
	Public  string        `arg:"" help:"Public key." name:"public-key"`
	Overlap time.Duration `help:"How long the old pair keeps working, at most 720h." default:"24h" placeholder:"DURATION"`
	Now     bool          `help:"Revoke the old pair at once, because it has leaked."`
	keyFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *appRotateCmd) Run(ctx context.Context, s *settings, io streams) error {
	key, asymmetric, err := c.read(io)
	if err != nil {
		return err
	}
	if c.Now {
		c.Overlap = 0
	}
	return withApp(ctx, s, io, c.Public, func(keys *server.Keys, old apps.App) error {
		user, err := keys.Users.Get(ctx, old.UserID)
		if err != nil {
			return err
		}
		var app apps.App
		var secret apps.Secret
		if asymmetric {
			app, err = keys.Apps.RotateKey(ctx, audit.Operator, old.UserID, old.Public, c.Overlap, key)
		} else {
			app, secret, err = keys.Apps.Rotate(ctx, audit.Operator, old.UserID, old.Public, c.Overlap)
		}
		if err != nil {
			return err
		}
		if err := tellPair(io, keys, user.Login, app, secret, c.JSON); err != nil || c.JSON {
			return err
		}
		if c.Overlap == 0 {
			_, err = fmt.Fprintf(io.out, "The old key %s is revoked.\n", old.Public)
			return err
		}
		if old, err = keys.Apps.Get(ctx, old.Public); err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "The old key %s works until %s UTC.\n", old.Public, old.Expires.Format(time.DateTime))
		return err
	})
}

type appEnrolCmd struct {
	User string `help:"User name." required:"" placeholder:"LOGIN"`
	Name string `help:"Name of the application."`
	keyFlags
	Open bool          `help:"Open an enrolment: print a code with which one client can enrol its own key through xmlrpcs.enrol. An enrolment that is already open for the user is closed."`
	For  time.Duration `help:"How long the enrolment stays open, at most 1h." default:"15m" placeholder:"DURATION"`
	limitFlags
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *appEnrolCmd) Run(ctx context.Context, s *settings, io streams) error {
	key, given, err := c.read(io)
	switch {
	case err != nil:
		return err
	case given == c.Open:
		return usageError{errors.New("give --algorithm and --key, or --open")}
	case given && c.Name == "":
		return usageError{errors.New("give the name of the application with --name")}
	}
	in, err := c.newKey()
	if err != nil {
		return err
	}
	return withUser(ctx, s, io, c.User, func(keys *server.Keys, user auth.User) error {
		in.UserID, in.Name = user.ID, c.Name
		if c.Open {
			return c.open(ctx, io, keys, user, in)
		}
		app, err := keys.Apps.Enrol(ctx, audit.Operator, in, key)
		if err != nil {
			return err
		}
		return tellPair(io, keys, user.Login, app, apps.Secret{}, c.JSON)
	})
}

func (c *appEnrolCmd) open(ctx context.Context, io streams, keys *server.Keys, user auth.User, in apps.New) error {
	code, until, err := keys.Apps.OpenEnrolment(ctx, audit.Operator, in, c.For)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(io.out, struct {
			Code  string    `json:"code"`
			Until time.Time `json:"until"`
		}{code.Reveal(), until})
	}
	_, err = fmt.Fprintf(io.out, "Code: %s\n\nUntil %s UTC, one client can use it to enrol its key for %s through xmlrpcs.enrol.\n",
		code.Reveal(), until.Format(time.DateTime), user.Login)
	return err
}
