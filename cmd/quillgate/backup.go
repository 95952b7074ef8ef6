package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
)

type backupCmd struct {
	File  string `arg:"" help:"File to write. It must not exist."`
	Quiet bool   `short:"q" help:"Show no progress."`
}

// Help is shown by quillgate backup --help.
func (backupCmd) Help() string {
	return `The server may keep running. The file is a complete SQLite database as of one moment: it contains everything
that was acknowledged before. It does not contain the master key, so it reveals no secret by itself. The
command prints what else you need to keep. To restore, put the file into an empty data folder as
quillgate.db, next to the uploads and the keyset file.`
}

// uploads describes where the uploads are.
func (s *settings) uploads() string {
	if a, err := media.ParseBucket(s.Media); err == nil {
		return a.String()
	}
	return cmp.Or(s.Media, filepath.Join(s.Data, "uploads"))
}

func (c *backupCmd) Run(ctx context.Context, s *settings, io streams) (err error) {
	uploads := s.uploads()
	if s.Database != "" {
		return fmt.Errorf("the blog is stored in PostgreSQL: back it up with pg_dump --format custom, then copy %s, and keep the keyset file %s separate from both", uploads, s.keysetFile())
	}
	if err := needBlog(ctx, s); err != nil {
		return err
	}
	db, err := database.Open(ctx, database.Config{URL: s.databaseURL(), Unmigrated: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p := newProgress(io.err, c.Quiet)
	err = db.Backup(ctx, c.File, func(done, all int64) { p.update(done, all, -1) })
	p.end()
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s already exists: a backup never overwrites a file", c.File)
	case err != nil:
		return err
	}
	fmt.Fprintf(io.out, `The database is in %s. Keep as well:
  %s, copied after this, in the same place;
  %s in another place: without it the backup opens nothing, and with it everything.
`, c.File, uploads, s.keysetFile())
	if s.Sealing == "off" {
		_, err = fmt.Fprintln(io.err, "Sealing is off: this backup contains all secrets unencrypted. \"quillgate keys seal\" encrypts them.")
	}
	return err
}
