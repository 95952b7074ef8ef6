package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
)

type scanCmd struct {
	siteFlag

	Paths  []string `arg:"" name:"path" help:"Files and folders; - is the standard input."`
	Revoke bool     `help:"Revoke keys and tokens whose secrets are found."`
}

// Help lists what the command finds and what it cannot find.
func (c *scanCmd) Help() string {
	return "Finds the secrets of applications (qgs_) and tokens (qgt_) by their form and checksum, in text and binary files. Application passwords and imported " +
		"secrets look like ordinary words, so it cannot find them. It does not unpack compressed data such as archives and git objects (to search a history, " +
		"pipe \"git log -p --all\" into quillgate scan -). It does not follow links. The exit code is 1 if anything was found."
}

// errLeaks is the error of a scan that has found something.
var errLeaks = errors.New("there are leaked secrets: rotate or revoke them; removing them from the files is not enough")

func (c *scanCmd) Run(ctx context.Context, s *settings, io streams) error {
	scan := &leakScan{io: io, revoke: c.Revoke}
	if there, err := hasBlog(ctx, s); err != nil || !there && !c.Revoke {
		return errors.Join(err, scan.run(ctx, c.Paths))
	}
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		scan.keys = keys
		return scan.run(ctx, c.Paths)
	})
}

// leakScan is one run of the command.
type leakScan struct {
	io     streams
	keys   *server.Keys // nil: no database
	revoke bool
	found  int
}

func (l *leakScan) run(ctx context.Context, paths []string) error {
	var errs []error
	for _, path := range paths {
		if err := l.path(ctx, path); err != nil {
			errs = append(errs, err)
		}
	}
	if l.found > 0 {
		errs = append(errs, errLeaks)
	}
	return errors.Join(errs...)
}

func (l *leakScan) path(ctx context.Context, path string) error {
	if path == "-" {
		return l.stream(ctx, "-", l.io.in)
	}
	return filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(l.stream(ctx, name, f), f.Close())
	})
}

func (l *leakScan) stream(ctx context.Context, name string, r io.Reader) error {
	return apps.Scan(r, func(leak apps.Leak) error {
		l.found++
		known, err := l.known(ctx, leak)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(l.io.out, "%s:%d: %s that ends in %s%s\n", visibleText(name), leak.Line, leak.Kind, leak.Hint, known)
		return err
	})
}

// known reports what this blog knows about a finding, and revokes the
// credential if the flags ask for it.
func (l *leakScan) known(ctx context.Context, leak apps.Leak) (string, error) {
	switch {
	case l.keys == nil:
		return "", nil
	case leak.Kind == apps.LeakedToken:
		return l.knownToken(ctx, leak)
	}
	app, err := l.keys.Apps.Find(ctx, leak.Secret)
	switch {
	case errors.Is(err, apps.ErrNotFound):
		return ", not of this blog", nil
	case err != nil:
		return "", err
	}
	text := fmt.Sprintf(", of the key %s (%s)", app.Public, app.Name)
	heir, err := heirOf(ctx, l.keys, app)
	if err != nil {
		return "", err
	}
	if heir != "" {
		heir = "; " + heir + ", its successor, still works"
	}
	state := l.keys.Apps.State(app)
	if !l.revoke || state == apps.Revoked {
		return fmt.Sprintf("%s: %s%s", text, state, heir), nil
	}
	if err := l.keys.Apps.Revoke(ctx, audit.Operator, app.UserID, app.Public); err != nil {
		return "", err
	}
	return text + ": revoked now" + heir, nil
}

func (l *leakScan) knownToken(ctx context.Context, leak apps.Leak) (string, error) {
	token, err := l.keys.Apps.FindToken(ctx, leak.Secret)
	switch {
	case errors.Is(err, apps.ErrNoToken):
		return ", not of this blog", nil
	case err != nil:
		return "", err
	}
	text := fmt.Sprintf(", the token %s (%s)", token.ID, token.Name)
	switch {
	case !token.Revoked.IsZero():
		return text + ": revoked", nil
	case l.revoke:
		if err := l.keys.Apps.RevokeToken(ctx, audit.Operator, token.UserID, token.ID); err != nil {
			return "", err
		}
		return text + ": revoked now", nil
	case !token.Expires.IsZero() && !time.Now().Before(token.Expires):
		return text + ": expired", nil
	}
	return text + ": in use", nil
}
