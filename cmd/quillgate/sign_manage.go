package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/quillgate/quillgate/signer/local"
)

// withSigner opens the signer's folder, and returns it with the transport for
// calls to the blogs.
func (f *signFlags) withSigner(io streams) (*local.Folder, *local.Wakeful, error) {
	folder, err := f.folder(io)
	if err != nil {
		return nil, nil, err
	}
	transport, err := local.NewTransport(f.Roots, f.Proxy)
	return folder, transport, err
}

// sites are the blogs in the signer's folder.
func (f *signFlags) sites(io streams) ([]local.Site, error) {
	folder, err := f.folder(io)
	if err != nil {
		return nil, err
	}
	return folder.Book.Sites()
}

type signRemoveCmd struct {
	Name   string `arg:"" help:"Name of the blog."`
	Forget bool   `help:"Remove the blog without revoking its key there."`
}

// Help is shown by quillgate sign remove --help.
func (signRemoveCmd) Help() string {
	return `Revokes the key at the blog first, then removes the blog here. If the blog does not answer, nothing is
removed, so that you can try again.`
}

func (c *signRemoveCmd) Run(ctx context.Context, flags *signFlags, io streams) error {
	folder, transport, err := flags.withSigner(io)
	if err != nil {
		return err
	}
	if c.Forget {
		if _, err := folder.Book.Site(c.Name); err != nil {
			return err
		}
		if err := folder.Forget(c.Name); err != nil {
			return err
		}
		fmt.Fprintf(io.out, "%s was removed. Its key was not revoked: delete it on your profile page at the blog.\n", c.Name)
		return nil
	}
	switch err := folder.Remove(ctx, c.Name, transport, version); {
	case errors.Is(err, local.ErrByHand):
		fmt.Fprintf(io.out, "%s: %v.\n", c.Name, local.ErrByHand)
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintf(io.out, "The key of %s was revoked at the blog and removed here.\n", c.Name)
	return nil
}

type signRotateCmd struct {
	Name string `arg:"" help:"Name of the blog."`
}

func (c *signRotateCmd) Run(ctx context.Context, flags *signFlags, io streams) error {
	folder, transport, err := flags.withSigner(io)
	if err != nil {
		return err
	}
	switch err := folder.Rotate(ctx, c.Name, transport, version); {
	case errors.Is(err, local.ErrByHand):
		fmt.Fprintf(io.out, "%s has a new key. The blog has no way to revoke the old one: delete it on your profile page there.\n", c.Name)
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintf(io.out, "%s has a new key. Clients need no change.\n", c.Name)
	return nil
}

type signSealCmd struct {
	Store string `help:"What seals the keys from now on: keyring, file (with --pass-phrase-file) or none. Default: the keyring, if there is one." enum:",keyring,file,none" default:"" placeholder:"WORD"`
}

// Help is shown by quillgate sign seal --help.
func (signSealCmd) Help() string {
	return `Seals all keys at once, including any that were stored unsealed, or moves them from a pass-phrase to the
keyring or back. It either seals all of them or changes nothing, and can be run again at any time.`
}

func (c *signSealCmd) Run(ctx context.Context, flags *signFlags, io streams) error {
	folder, err := flags.folder(io)
	if err != nil {
		return err
	}
	how, err := (&signAddCmd{Store: c.Store}).sealing(ctx, flags)
	if err != nil {
		return err
	}
	n, err := folder.Vault.Seal(ctx, how)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "Sealed %d keys with: %s.\n", n, how)
	return nil
}

type signExportCmd struct{}

// Help is shown by quillgate sign export --help.
func (signExportCmd) Help() string {
	return `Prints the settings of all blogs as JSON, without any secret. Import them on another computer with
"quillgate sign import". Each blog then needs its own key for that computer, which "quillgate sign add"
creates.`
}

func (signExportCmd) Run(flags *signFlags, io streams) error {
	sites, err := flags.sites(io)
	if err != nil {
		return err
	}
	type exported struct {
		Name string     `json:"name"`
		Home string     `json:"home"`
		At   string     `json:"endpoint"`
		Kind local.Kind `json:"kind"`
		User string     `json:"user"`
	}
	out := struct {
		Version int        `json:"version"`
		Sites   []exported `json:"sites"`
	}{1, []exported{}}
	for _, s := range sites {
		out.Sites = append(out.Sites, exported{s.Name, s.Home, s.Endpoint, s.Kind, s.User})
	}
	return writeJSON(io.out, out)
}

type signImportCmd struct {
	File string `arg:"" help:"File written by \"quillgate sign export\"." type:"existingfile"`
}

func (c *signImportCmd) Run(flags *signFlags, io streams) error {
	folder, err := flags.folder(io)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	var in struct {
		Version int `json:"version"`
		Sites   []struct{ Name, Home, Endpoint, User string }
	}
	if err := json.Unmarshal(text, &in); err != nil || in.Version != 1 {
		return errors.Join(fmt.Errorf("%s was not written by quillgate sign export", c.File), err)
	}
	for _, s := range in.Sites {
		if _, err := folder.Book.Site(s.Name); err == nil {
			fmt.Fprintf(io.out, "%s already exists here.\n", s.Name)
			continue
		}
		fmt.Fprintf(io.out, "quillgate sign add %q --name %q\n", s.Endpoint, s.Name)
	}
	_, err = fmt.Fprintln(io.out, "Run these commands: each blog needs its own key for this computer.")
	return err
}
