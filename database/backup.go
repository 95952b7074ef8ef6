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
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/quillgate/quillgate/migrations"
)

// ErrOwnTools means that the database has its own tools for backups.
var ErrOwnTools = errors.New("PostgreSQL is backed up with tools of its own")

// Backup writes the current content of the database to a new file of mode 0600,
// while others read and write. The file is a SQLite database of its own,
// without deleted content. The file appears under its name only when it is
// complete, and is on disk when Backup returns nil. An existing file is not
// changed: the error is fs.ErrExist. On PostgreSQL the error is ErrOwnTools.
//
// If progress is not nil, one goroutine calls it from time to time with the
// number of bytes written so far and an estimate of the total. That goroutine
// has ended when Backup returns.
func (db *DB) Backup(ctx context.Context, path string, progress func(done, all int64)) (err error) {
	if db.dialect == migrations.Postgres {
		return fmt.Errorf("back up the database: %w", ErrOwnTools)
	}
	// SQLite would take a relative name that begins with "file:" for a URL.
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("back up the database: %s: %w", path, fs.ErrExist)
	}
	part := path + "." + rand.Text()[:8] + ".part"
	defer func() { err = errors.Join(err, removed(part)) }()
	if err := db.copyInto(ctx, part, progress); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	if err := publish(part, path); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}

// copyInto creates the file and lets SQLite fill it. It uses a reader, so that
// writers can continue; otherwise readers may not write, not even to another
// file.
func (db *DB) copyInto(ctx context.Context, path string, progress func(done, all int64)) (err error) {
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
	if progress != nil {
		stop, err := watchSize(ctx, conn, f, progress)
		if err != nil {
			return err
		}
		defer stop()
	}
	if _, err := conn.ExecContext(ctx, `PRAGMA query_only(0)`); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `VACUUM INTO $1`, path)
	if _, again := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA query_only(1)`); again != nil {
		err = errors.Join(err, again)
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // remove it from the pool
	}
	if err != nil {
		return err
	}
	return f.Sync()
}

// watchEvery is how often a backup looks at the size of its file.
const watchEvery = 250 * time.Millisecond

// watchSize reports the growing size of the file that SQLite fills, until stop
// is called.
func watchSize(ctx context.Context, conn *sqlx.Conn, f *os.File, progress func(done, all int64)) (stop func(), err error) {
	var all int64
	if err := conn.GetContext(ctx, &all, `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`); err != nil {
		return nil, fmt.Errorf("size of the database: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(watchEvery)
		defer ticks.Stop()
		for {
			if info, err := f.Stat(); err == nil {
				progress(info.Size(), all)
			}
			select {
			case <-ticks.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-ended }, nil
}

// publish renames a file unless the new name exists, and syncs the folder.
func publish(part, path string) error {
	if err := os.Link(part, path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		// Some file systems have no hard links.
		if err := os.Rename(part, path); err != nil {
			return err
		}
	}
	if runtime.GOOS == "windows" {
		return nil // the system syncs folders itself, and has no call for it
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
