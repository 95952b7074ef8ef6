package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/quillgate/quillgate/database"
)

type backupCmd struct {
	File string `arg:"" help:"File to write; there must be none of this name."`
}

// Help is shown by quillgate backup --help.
func (backupCmd) Help() string {
	return `The server may run meanwhile. The file is a whole SQLite database, as of one moment: everything that was acknowledged before
is in it. It holds no master key and opens no secret by itself; what else has to be kept is said when it is done. To restore, put it
into an empty data folder as quillgate.db, with the uploads and the keyset file beside it.`
}

func (c *backupCmd) Run(ctx context.Context, s *settings, io streams) (err error) {
	uploads := filepath.Join(s.Data, "uploads")
	if s.Database != "" {
		return fmt.Errorf("the blog is kept in PostgreSQL: back it up with pg_dump --format custom, then copy the folder %s, and keep the keyset file %s apart from both", uploads, s.keysetFile())
	}
	if err := needBlog(ctx, s); err != nil {
		return err
	}
	db, err := database.Open(ctx, database.Config{URL: s.databaseURL(), Unmigrated: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	switch err := db.Backup(ctx, c.File); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already: a backup is never written over another file", c.File)
	case err != nil:
		return err
	}
	fmt.Fprintf(io.out, `The database is in %s. Keep as well:
  %s, copied after this, in the same place;
  %s in another place: without it the backup opens nothing, and with it everything.
`, c.File, uploads, s.keysetFile())
	if s.Sealing == "off" {
		_, err = fmt.Fprintln(io.err, "Sealing is off: this backup holds all secrets in the clear. \"quillgate keys seal\" encrypts them.")
	}
	return err
}
