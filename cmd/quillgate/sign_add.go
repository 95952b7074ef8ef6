package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/quillgate/quillgate/signer/local"
)

type signAddCmd struct {
	URL        string `arg:"" help:"Address of the blog or of its endpoint."`
	Name       string `help:"Name of the blog on this computer. Default: its host name." placeholder:"NAME"`
	Public     string `help:"Public key of an existing pair." placeholder:"KEY"`
	SecretFile string `help:"File with the secret of that pair, or with its private key in PEM; - is the standard input." placeholder:"FILE"`
	Code       bool   `help:"Ask for an enrolment code, shown on the profile page of a Quillgate blog, instead of opening a browser."`
	CodeFile   string `help:"File with the enrolment code; - is the standard input." placeholder:"FILE"`
	User       string `help:"Ask for this user's password, use it once to create a key, and forget it. For a WordPress without the plugin: an application password, which is kept sealed." placeholder:"LOGIN"`
	PassFile   string `name:"password-file" help:"File with the password of --user; - is the standard input." placeholder:"FILE"`
	Again      bool   `help:"Replace the key of a blog that was added before, for the same user. Clients need no change."`
	NoBrowser  bool   `help:"Print the address of the blog's page instead of opening it."`
	Store      string `help:"What seals the keys: keyring, file (with --pass-phrase-file) or none. Default: the keyring, if there is one." enum:",keyring,file,none" default:"" placeholder:"WORD"`
	JSON       bool   `name:"json" help:"Print JSON and do not ask for input."`
}

// Help is shown by quillgate sign add --help.
func (signAddCmd) Help() string {
	return `Finds the blog's endpoint, creates a key for this computer, and prints what to enter in the publishing
client.

Without other flags, you approve the signer on the blog's own page in the browser. The private half of the key never
leaves this computer. A WordPress that cannot verify signatures gives an application password instead, which the
signer stores sealed.`
}

// sealing is how a new folder encrypts its keys.
func (c *signAddCmd) sealing(ctx context.Context, flags *signFlags) (local.Sealing, error) {
	switch c.Store {
	case "keyring":
		return local.SealedByKeyring, nil
	case "file":
		if flags.PassPhraseFile == "" {
			return "", usageError{errors.New("--store file needs --pass-phrase-file")}
		}
		return local.SealedByPassPhrase, nil
	case "none":
		return local.Unsealed, nil
	}
	if flags.PassPhraseFile != "" {
		return local.SealedByPassPhrase, nil
	}
	if err := (local.SystemKeyring{}).Available(ctx); err != nil {
		return "", fmt.Errorf("%w; use --store file with --pass-phrase-file to seal the keys without a keyring", err)
	}
	return local.SealedByKeyring, nil
}

func (c *signAddCmd) Run(ctx context.Context, flags *signFlags, s *settings, io streams, k *kong.Context) error {
	folder, at, err := flags.listening(k, s, io)
	if err != nil {
		return err
	}
	how, err := c.sealing(ctx, flags)
	if err != nil {
		return err
	}
	transport, err := local.NewTransport(flags.Roots, flags.Proxy)
	if err != nil {
		return err
	}
	e, err := local.NewEnrolment(ctx, c.URL, c.Name, transport, version)
	if err != nil {
		return err
	}
	if err := c.earlier(folder, e); err != nil {
		return err
	}
	if !c.JSON {
		fmt.Fprintf(io.out, "%s\n%s\n\n", e.Site.Endpoint, e.Site.Kind.Words())
	}
	secret, err := c.credential(ctx, e, io)
	if err != nil {
		return err
	}
	var password string
	if c.Again {
		password, err = folder.Again(ctx, e.Site, secret, how, transport, version)
	} else {
		password, err = folder.Add(ctx, e.Site, secret, how)
	}
	if c.Again && errors.Is(err, local.ErrNotRevoked) {
		fmt.Fprintf(io.err, "The new key is in use, but the old one may still work (%v): look for it on your profile page at the blog.\n", err)
	} else if err != nil {
		return err
	}
	return printSite(io, entry{at, &e.Site, password}, c.JSON)
}

// earlier compares the new entry with the one that the signer already has under
// this name, so that a blog is not replaced by accident, by another blog, or
// for another user.
func (c *signAddCmd) earlier(folder *local.Folder, e *local.Enrolment) error {
	old, err := folder.Book.Site(e.Site.Name)
	switch {
	case c.Again && err != nil:
		return err
	case c.Again && old.Endpoint != e.Site.Endpoint:
		return fmt.Errorf("%s is the blog at %s, not at %s: remove it first, or choose another --name", old.Name, old.Endpoint, e.Site.Endpoint)
	case c.Again:
		e.Owner = old.User
	case err == nil:
		return fmt.Errorf("there is already a blog called %s: use --again to replace its key, or choose another --name", e.Site.Name)
	}
	return nil
}

// credential creates a key in the way that the flags choose.
func (c *signAddCmd) credential(ctx context.Context, e *local.Enrolment, io streams) (local.Secret, error) {
	switch {
	case c.Public != "" || c.SecretFile != "":
		if c.Public == "" || c.SecretFile == "" {
			return local.Secret{}, usageError{errors.New("an existing key needs both --public and --secret-file")}
		}
		text, err := readSecret(io, c.SecretFile, "secret")
		if err != nil {
			return local.Secret{}, err
		}
		return e.Existing(ctx, c.Public, text)
	case c.Code || c.CodeFile != "":
		code, err := c.secretOf(ctx, io, c.CodeFile, "Enrolment code: ", "enrolment code")
		if err != nil {
			return local.Secret{}, err
		}
		return e.ByCode(ctx, strings.TrimSpace(code))
	case c.User != "":
		password, err := c.secretOf(ctx, io, c.PassFile, "Password of "+c.User+": ", "password")
		if err != nil {
			return local.Secret{}, err
		}
		return e.ByPassword(ctx, c.User, password)
	case c.JSON:
		return local.Secret{}, usageError{errors.New("--json does not ask for input: give --public and --secret-file, --code-file, or --user and --password-file")}
	}
	return c.inBrowser(ctx, e, io)
}

// secretOf reads a secret from a file, or asks for it.
func (c *signAddCmd) secretOf(ctx context.Context, io streams, file, prompt, what string) (string, error) {
	if file != "" {
		return readSecret(io, file, what)
	}
	if c.JSON {
		return "", usageError{fmt.Errorf("--json does not ask for input: give the %s in a file", what)}
	}
	return askSecret(ctx, io, prompt)
}

// inBrowser asks the user for consent on the blog's own page.
func (c *signAddCmd) inBrowser(ctx context.Context, e *local.Enrolment, io streams) (local.Secret, error) {
	consent, err := e.Ask(ctx)
	if err != nil {
		return local.Secret{}, err
	}
	defer consent.Close()
	fmt.Fprintf(io.out, "Approve the signer on this page of the blog:\n\n  %s\n\n", consent.Page)
	if !c.NoBrowser {
		openBrowser(consent.Page)
	}
	if !consent.Sends() {
		fmt.Fprintln(io.out, "The page then shows a password. Copy it and paste it here.")
		user, err := askLine(ctx, io, "User name: ")
		if err != nil {
			return local.Secret{}, err
		}
		password, err := askSecret(ctx, io, "Application password: ")
		if err != nil {
			return local.Secret{}, err
		}
		return e.ByPassword(ctx, user, password)
	}
	fmt.Fprintln(io.out, "Waiting for your answer in the browser …")
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, errors.New("no answer for 10 minutes; to approve in a browser on another computer, use --code"))
	defer cancel()
	return consent.Wait(ctx)
}

// entry is what a user enters in a publishing client.
type entry struct {
	at       string // where the signer listens
	site     *local.Site
	password string // "" if it must not be shown
}

func printSite(out streams, e entry, asJSON bool) error {
	endpoint := "http://" + e.at + e.site.LocalPath()
	if asJSON {
		shown := map[string]string{"endpoint": endpoint, "user": e.site.User}
		if e.password != "" {
			shown["password"] = e.password
		}
		return writeJSON(out.out, shown)
	}
	if e.password == "" {
		e.password = "(run \"quillgate sign show " + e.site.Name + " --password\" to see it)"
	}
	_, err := fmt.Fprintf(out.out, "Enter this in the publishing client:\n\n  address   %s\n  user      %s\n  password  %s\n\n%s\n", endpoint, e.site.User, e.password, e.site.Kind.Words())
	return err
}

type signListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *signListCmd) Run(flags *signFlags, io streams) error {
	sites, err := flags.sites(io)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(io.out, append([]local.Site{}, sites...))
	}
	for _, s := range sites {
		fmt.Fprintf(io.out, "%s\t%s\t%s\n", s.Name, s.Kind, s.Endpoint)
	}
	return nil
}

type signShowCmd struct {
	Name     string `arg:"" help:"Name of the blog."`
	Password bool   `help:"Also print the local password."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

func (c *signShowCmd) Run(ctx context.Context, flags *signFlags, s *settings, io streams, k *kong.Context) error {
	folder, at, err := flags.listening(k, s, io)
	if err != nil {
		return err
	}
	site, err := folder.Book.Site(c.Name)
	if err != nil {
		return err
	}
	password := ""
	if c.Password {
		secret, err := folder.Secret(ctx, c.Name)
		if err != nil {
			return err
		}
		password = secret.Local
	}
	return printSite(io, entry{at, &site, password}, c.JSON)
}
