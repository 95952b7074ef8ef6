package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
)

type keysCmd struct {
	siteFlag

	Rotate  keysRotateCmd  `cmd:"" help:"Create a new master key and seal everything with it, while servers run."`
	DropOld keysDropOldCmd `cmd:"" help:"Remove master keys that are no longer needed from the keyset file."`
	Seal    keysSealCmd    `cmd:"" help:"Encrypt the secrets that were stored while sealing was off."`
	Verify  keysVerifyCmd  `cmd:"" help:"Check that everything that is sealed can be opened."`

	ReplaceLost keysReplaceLostCmd `cmd:"" help:"Start over after losing the keyset file; all secrets are lost."`
}

type keysRotateCmd struct {
	Prepare bool `help:"Only add the next key to the file, for use by the next rotation. For servers on several machines, each with its own copy of the file."`
	DropOld bool `help:"Remove the old keys from the file afterwards."`
	Quiet   bool `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate keys rotate --help.
func (keysRotateCmd) Help() string {
	return `Servers that use the same keyset file keep running: they notice changes of the file. If a rotation is
interrupted, run the command again to finish it.

Old keys stay in the file until "quillgate keys drop-old", or --drop-old, because a backup of the database needs the
keys that were in the file when it was made.

For servers on several machines, each with its own copy of the file: run "quillgate keys rotate --prepare", copy the
file to all of them, run "quillgate keys rotate", and copy the file again. Then drop the old keys, and copy it once
more.`
}

func (c *keysRotateCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		if c.Prepare {
			id, err := keys.Apps.PrepareKey()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(io.out, "The key %s is in the keyset file but not yet in use. Copy the file to all servers, then rotate.\n", apps.KeyID(id))
			return err
		}
		p := newProgress(io.err, c.Quiet)
		report, err := keys.Apps.RotateKeyset(ctx, audit.Operator, p.meter("values sealed"))
		p.end()
		if err != nil {
			return err
		}
		fmt.Fprintf(io.out, "Everything is sealed with the key %s.\n", apps.KeyID(report.Primary))
		if err := showDamaged(io.out, report); err != nil {
			return err
		}
		if c.DropOld {
			return dropOld(ctx, keys, io)
		}
		if old := report.Old(); len(old) > 0 {
			fmt.Fprintf(io.out, "Only backups of the database still need %s; \"quillgate keys drop-old\" removes it from the file.\n", keyIDs(old))
		}
		return nil
	})
}

func keyIDs(ids []uint32) string {
	var names []string
	for _, id := range ids {
		names = append(names, apps.KeyID(id))
	}
	return strings.Join(names, ", ")
}

type keysDropOldCmd struct{}

func (keysDropOldCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error { return dropOld(ctx, keys, io) })
}

func dropOld(ctx context.Context, keys *server.Keys, io streams) error {
	dropped, err := keys.Apps.DropOldKeys(ctx, audit.Operator)
	if err != nil {
		return err
	}
	if len(dropped) == 0 {
		_, err = fmt.Fprintln(io.out, "There is no old key in the keyset file.")
		return err
	}
	_, err = fmt.Fprintf(io.out, "Dropped %s. Older backups of the database need the older keyset file.\n", keyIDs(dropped))
	return err
}

type keysSealCmd struct {
	Quiet bool `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate keys seal --help.
func (keysSealCmd) Help() string {
	return `For a blog that was used with --sealing off. Stop the servers first, and start them without --sealing off
afterwards. If there is no keyset file, it is created. The command can be interrupted at any time and run
again; meanwhile, every key keeps working.

Afterwards, the files of a SQLite database contain no unencrypted secrets. With PostgreSQL, the write-ahead log, its
archive and the replicas keep old values until they are overwritten. Earlier backups and the disk itself also keep
them. If others may have read a secret there, replace its key.`
}

func (c *keysSealCmd) Run(ctx context.Context, s *settings, io streams) error {
	if err := needBlog(ctx, s); err != nil {
		return err // before a keyset file is created
	}
	sealed := *s
	sealed.Sealing = "on"
	begun, err := apps.BeginSealing(s.keysetFile())
	if err != nil {
		return err
	}
	opened := false
	err = withKeys(ctx, &sealed, io, func(keys *server.Keys) error {
		opened = true
		p := newProgress(io.err, c.Quiet)
		report, left, err := keys.Apps.SealClear(ctx, audit.Operator, p.meter("values sealed"))
		p.end()
		if err != nil {
			return err
		}
		fmt.Fprintf(io.out, "Everything is sealed with the key %s in %s. Keep a copy of that file separate from the backups of the database.\n", apps.KeyID(report.Primary), s.keysetFile())
		if left != nil {
			fmt.Fprintf(io.out, "Still to do: %v.\n", left)
		}
		return showDamaged(io.out, report)
	})
	if err != nil && begun && !opened {
		err = errors.Join(err, apps.CancelSealing(s.keysetFile()))
	}
	return err
}

type keysVerifyCmd struct {
	JSON  bool `name:"json" help:"Print JSON."`
	Quiet bool `short:"q" help:"Show no progress."`
}

// verified is the output of keys verify --json.
type verified struct {
	Keys     []verifiedKey `json:"keys"`
	Clear    int64         `json:"in_the_clear"`
	Broken   int64         `json:"damaged"`
	Damaged  []apps.Place  `json:"damaged_values,omitempty"`
	Sealings int64         `json:"sealings_estimate"`
}

type verifiedKey struct {
	ID      string `json:"id"`
	Primary bool   `json:"primary"`
	Values  int64  `json:"values"`
}

func (c *keysVerifyCmd) Run(ctx context.Context, s *settings, io streams) error {
	return withKeys(ctx, s, io, func(keys *server.Keys) error {
		p := newProgress(io.err, c.Quiet)
		report, err := keys.Apps.VerifySealed(ctx, p.meter("values opened"))
		p.end()
		if err != nil {
			return err
		}
		if c.JSON {
			err = c.json(io.out, report)
		} else {
			err = c.text(io.out, report)
		}
		switch {
		case err != nil:
			return err
		case report.Broken > 0:
			return fmt.Errorf("%d values cannot be opened", report.Broken)
		case report.Clear > 0:
			return fmt.Errorf("%d values are not encrypted: seal them with \"quillgate keys seal\"", report.Clear)
		}
		return nil
	})
}

func (*keysVerifyCmd) json(w io.Writer, r apps.SealReport) error {
	out := verified{Keys: []verifiedKey{}, Clear: r.Clear, Broken: r.Broken, Damaged: r.Damaged, Sealings: r.Sealings}
	for _, id := range r.Keys {
		out.Keys = append(out.Keys, verifiedKey{ID: apps.KeyID(id), Primary: id == r.Primary, Values: r.Under[id]})
	}
	return writeJSON(w, out)
}

func (*keysVerifyCmd) text(w io.Writer, r apps.SealReport) error {
	t := newTable(w)
	fmt.Fprintln(t, "KEY\tSEALED VALUES\tSTATE")
	state := "old"
	for _, id := range r.Keys {
		if id == r.Primary {
			state = "seals"
		}
		fmt.Fprintf(t, "%s\t%d\t%s\n", apps.KeyID(id), r.Under[id], state)
		if id == r.Primary {
			state = "prepared"
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Sealings >= apps.MaxSealings {
		fmt.Fprintf(w, "The key %s may have been used to seal %d times. Rotate it before it reaches 4294967296: quillgate keys rotate\n", apps.KeyID(r.Primary), r.Sealings)
	}
	return showDamaged(w, r)
}

// showDamaged lists the places of values that cannot be opened. It shows no
// part of a value.
func showDamaged(w io.Writer, r apps.SealReport) error {
	for _, p := range r.Damaged {
		name := p.Key
		if name == "" {
			name = "-"
		}
		if _, err := fmt.Fprintf(w, "cannot be opened: %s.%s %s of user %d\n", p.Table, p.Column, visibleText(name), p.User); err != nil {
			return err
		}
	}
	if more := r.Broken - int64(len(r.Damaged)); more > 0 {
		_, err := fmt.Fprintf(w, "cannot be opened: %d more\n", more)
		return err
	}
	return nil
}
