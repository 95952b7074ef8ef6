package database

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/quillgate/quillgate/migrations"
)

// ErrOwnTools says that the database is one that has tools of its own for this.
var ErrOwnTools = errors.New("PostgreSQL is backed up with tools of its own")

// Backup writes what the database holds at this moment into a new file of mode
// 0600, while others read and write. The file is a SQLite database by itself,
// without what was deleted. When Backup returns nil it is on disk; until it is
// whole there is no file of that name. A file that already exists is not
// touched: the error then is fs.ErrExist. On PostgreSQL it is ErrOwnTools.
func (db *DB) Backup(ctx context.Context, path string) (err error) {
	if db.dialect == migrations.Postgres {
		return fmt.Errorf("back up the database: %w", ErrOwnTools)
	}
	// SQLite would take a relative name that begins with "file:" for an address.
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("back up the database: %s: %w", path, fs.ErrExist)
	}
	part := path + "." + rand.Text()[:8] + ".part"
	defer func() { err = errors.Join(err, removed(part)) }()
	if err := db.copyInto(ctx, part); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	if err := publish(part, path); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// copyInto makes the file and has SQLite fill it. A reader does that, so that writers go on; readers may not write
// otherwise, not even into another file.
func (db *DB) copyInto(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	conn, err := db.read.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA query_only(0)`); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `VACUUM INTO $1`, path)
	if _, again := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA query_only(1)`); again != nil {
		err = errors.Join(err, again)
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // out of the pool with it
	}
	if err != nil {
		return err
	}
	return f.Sync()
}

// publish gives a file its name, unless another has it, and writes that down on the disk.
func publish(part, path string) error {
	if err := os.Link(part, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		// Some file systems have no second names.
		if err := os.Rename(part, path); err != nil {
			return err
		}
	}
	if runtime.GOOS == "windows" {
		return nil // it writes folders to disk by itself, and lets no one ask for it
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func removed(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
