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

// A Folder is where the signer keeps everything: settings, sealed keys, log.
type Folder struct {
	Path  string
	Book  *Book
	Vault *Vault
}

// OpenFolder opens the folder of a signer and makes it when it is not there.
// Others may not look into it.
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

// Add keeps a new site with its secret, and returns the local password that was
// made for it. A site of that name is replaced. The secret is kept before the
// site, so that a crash in between leaves nothing that is served.
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
	// Secret hides itself from printing, not from its own file.
	raw, err := json.Marshal(secret)
	if err != nil {
		return fmt.Errorf("keep the key of %s: %w", name, err)
	}
	defer clear(raw)
	return f.Vault.Put(ctx, name, raw, how)
}

// Secret returns what is kept for a site, unsealed.
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

// Forget removes a site and its secret.
func (f *Folder) Forget(name string) error {
	return errors.Join(f.Book.Delete(name), f.Vault.Delete(name))
}

// NewLocalPassword makes a password for an old program: 26 letters and digits,
// 130 bits, in groups that can be typed.
func NewLocalPassword() string {
	text := strings.ToLower(rand.Text())
	return text[:7] + "-" + text[7:13] + "-" + text[13:20] + "-" + text[20:]
}
