package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Folder holds all files of the signer: settings, sealed keys, log.
type Folder struct {
	Path  string
	Book  *Book
	Vault *Vault
}

// OpenFolder opens the folder of a signer, and creates it if necessary. Other
// users cannot read it.
func OpenFolder(path string, keys Keys) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the signer's folder: %w", err)
	}
	vault, err := OpenVault(filepath.Join(path, "keys.json"), keys)
	if err != nil {
		return nil, err
	}
	return &Folder{Path: path, Book: OpenBook(filepath.Join(path, "sites.json")), Vault: vault}, nil
}

// Add stores a new site with its secret, and returns the local password created
// for it. It replaces a site with the same name. The secret is stored before
// the site, so that after a crash in between no incomplete site is served.
func (f *Folder) Add(ctx context.Context, site Site, secret Secret, how Sealing) (password string, err error) {
	if problems := site.check(); len(problems) > 0 {
		return "", errors.Join(problems...)
	}
	if secret.Local == "" {
		secret.Local = NewLocalPassword()
	}
	if err := f.putSecret(ctx, site.Name, secret, how); err != nil {
		return "", err
	}
	return secret.Local, f.Book.Put(site)
}

func (f *Folder) putSecret(ctx context.Context, name string, secret Secret, how Sealing) error {
	// Secret omits itself when printed, but not from its own file.
	raw, err := json.Marshal(secret)
	if err != nil {
		return fmt.Errorf("keep the key of %s: %w", name, err)
	}
	defer clear(raw)
	return f.Vault.Put(ctx, name, raw, how)
}

// Secret returns the unsealed secret of a site.
func (f *Folder) Secret(ctx context.Context, name string) (Secret, error) {
	raw, err := f.Vault.Get(ctx, name)
	if err != nil {
		return Secret{}, err
	}
	defer clear(raw)
	var secret Secret
	if err := json.Unmarshal(raw, &secret); err != nil {
		return Secret{}, fmt.Errorf("the sealed key of %s is damaged: add the blog again", name)
	}
	return secret, nil
}

// Forget deletes a site and its secret.
func (f *Folder) Forget(name string) error {
	return errors.Join(f.Book.Delete(name), f.Vault.Delete(name))
}

// NewLocalPassword returns a new password for a client: 26 letters and digits,
// 130 bits, in groups that are easy to type.
func NewLocalPassword() string {
	text := strings.ToLower(rand.Text())
	return text[:7] + "-" + text[7:13] + "-" + text[13:20] + "-" + text[20:]
}
