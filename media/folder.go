package media

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Folder is a Store in a folder of the file system. Several processes may use one folder.
//
// Everything goes through an os.Root, so no name and no symbolic link leads out of the folder. What is not finished
// lives in the hidden folder .pending:
//
//	.pending/lock            held shared by every process that has the folder open
//	.pending/RANDOM.part     the bytes of a file that is being written
//	.pending/SHA256.claim    holds the name that a file is about to get, or has got without being kept yet;
//	                         its own name is the hash of that name, so only one writer can claim it
//
// A file gets its name by renaming, under a claim, after its bytes have been synced: it is complete or not there.
type Folder struct {
	root *os.Root
	lock *os.File
	// orphans are the claims that were there when no other process had the folder open.
	orphans []string
}

const (
	pendingDir  = ".pending"
	lockName    = pendingDir + "/lock"
	partSuffix  = ".part"
	claimSuffix = ".claim"
)

// maxNumber bounds the search for a free name.
const maxNumber = 100_000

// OpenFolder opens the folder and makes it when it is missing. When no other process has it open, the unfinished files
// of earlier processes are removed. The caller closes it.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the uploads folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the uploads folder: %w", err)
	}
	f := &Folder{root: root}
	if err := f.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the uploads folder: %w", err), f.Close())
	}
	return f, nil
}

// Close releases the folder. Files that are open stay open.
func (f *Folder) Close() error {
	var err error
	if f.lock != nil {
		err = f.lock.Close()
	}
	return errors.Join(err, f.root.Close())
}

// start takes the lock and, alone, clears away what earlier processes left.
func (f *Folder) start() error {
	if err := f.root.MkdirAll(pendingDir, 0o700); err != nil {
		return err
	}
	lock, err := f.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	f.lock = lock
	alone, err := tryLockAlone(lock)
	if err != nil {
		return err
	}
	if alone {
		if err := f.clear(); err != nil {
			return err
		}
	}
	return lockShared(lock)
}

func (f *Folder) clear() error {
	entries, err := fs.ReadDir(f.root.FS(), pendingDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := pendingDir + "/" + e.Name()
		switch path.Ext(name) {
		case partSuffix:
			if err := f.root.Remove(name); err != nil {
				return err
			}
		case claimSuffix:
			f.orphans = append(f.orphans, name)
		}
	}
	return nil
}

// Create implements Store.
func (f *Folder) Create(ctx context.Context, name string, r io.Reader) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, fmt.Errorf("store %q: %w", name, err)
	}
	part, size, err := f.write(ctx, r)
	if err != nil {
		return Info{}, fmt.Errorf("store %q: %w", name, err)
	}
	taken, err := f.place(part, name)
	if err != nil {
		return Info{}, errors.Join(fmt.Errorf("store %q: %w", name, err), f.discard(part))
	}
	st, err := f.root.Stat(taken)
	if err != nil {
		return Info{}, fmt.Errorf("store %q: %w", name, err)
	}
	return Info{Name: taken, Size: size, Modified: st.ModTime()}, nil
}

// write copies r to a new file in the pending folder, syncs it and returns its name.
func (f *Folder) write(ctx context.Context, r io.Reader) (part string, size int64, err error) {
	part = pendingDir + "/" + rand.Text() + partSuffix
	file, err := f.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", 0, err
	}
	size, err = io.Copy(file, contextReader{ctx, r})
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", 0, errors.Join(err, f.discard(part))
	}
	return part, size, nil
}

// discard removes a file that may be gone already.
func (f *Folder) discard(name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// place renames the written file to the first free name and makes that durable.
func (f *Folder) place(part, name string) (string, error) {
	dir := path.Dir(name)
	if err := f.makeDir(dir); err != nil {
		return "", err
	}
	for n := range maxNumber {
		candidate := numbered(name, n)
		free, err := f.claim(candidate)
		if err != nil {
			return "", err
		}
		if !free {
			continue
		}
		if err := f.root.Rename(part, candidate); err != nil {
			return "", errors.Join(err, f.unclaim(candidate))
		}
		if err := f.syncDir(dir); err != nil {
			return "", errors.Join(err, f.Remove(context.Background(), candidate))
		}
		return candidate, nil
	}
	return "", fmt.Errorf("find a free name: %d are taken", maxNumber)
}

// numbered puts -n in front of the extension, or nothing for zero.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	ext := path.Ext(name)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext)
}

// claim reserves a name for this writer and reports whether it is free. A file
// can only appear under a claim, so it is looked for after claiming.
func (f *Folder) claim(name string) (bool, error) {
	if len(path.Base(name)) > maxElement {
		return false, ErrName
	}
	file, err := f.root.OpenFile(claimOf(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = file.WriteString(name)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return false, errors.Join(err, f.unclaim(name))
	}
	if _, err := f.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return true, nil
	} else if err != nil {
		return false, errors.Join(err, f.unclaim(name))
	}
	return false, f.unclaim(name)
}

func (f *Folder) unclaim(name string) error { return f.discard(claimOf(name)) }

func claimOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return pendingDir + "/" + hex.EncodeToString(sum[:]) + claimSuffix
}

// makeDir makes the folder of a file and makes its existence durable.
func (f *Folder) makeDir(dir string) error {
	if _, err := f.root.Stat(dir); err == nil {
		return nil
	}
	if err := f.root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for d := dir; d != "."; {
		d = path.Dir(d)
		if err := f.syncDir(d); err != nil {
			return err
		}
	}
	return nil
}

func (f *Folder) syncDir(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncDirectory(d)
}

// Keep implements Store.
func (f *Folder) Keep(_ context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		if err := f.unclaim(name); err != nil {
			errs = append(errs, fmt.Errorf("keep %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// Open implements Store.
func (f *Folder) Open(_ context.Context, name string) (io.ReadSeekCloser, Info, error) {
	if err := CheckName(name); err != nil {
		return nil, Info{}, fmt.Errorf("open %q: %w", name, err)
	}
	file, err := f.root.Open(name)
	if err != nil {
		return nil, Info{}, fmt.Errorf("open %q: %w", name, err)
	}
	st, err := file.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, Info{}, errors.Join(fmt.Errorf("open %q: %w", name, err), file.Close())
	}
	return file, Info{Name: name, Size: st.Size(), Modified: st.ModTime()}, nil
}

// Stat implements Store.
func (f *Folder) Stat(_ context.Context, name string) (Info, error) {
	if err := CheckName(name); err != nil {
		return Info{}, fmt.Errorf("describe %q: %w", name, err)
	}
	st, err := f.root.Stat(name)
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Info{}, fmt.Errorf("describe %q: %w", name, err)
	}
	return Info{Name: name, Size: st.Size(), Modified: st.ModTime()}, nil
}

// Remove implements Store.
func (f *Folder) Remove(_ context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		if err := CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("remove %q: %w", name, err))
			continue
		}
		// The claim goes last: a crash in between leaves a claim
		// without a file, which harms no one.
		if err := errors.Join(f.discard(name), f.unclaim(name)); err != nil {
			errs = append(errs, fmt.Errorf("remove %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// Recover implements Store.
func (f *Folder) Recover(ctx context.Context, known func(ctx context.Context, name string) (bool, error)) error {
	orphans := f.orphans
	f.orphans = nil
	for _, claim := range orphans {
		name, err := f.root.ReadFile(claim)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read a claim: %w", err)
		}
		// A claim that was cut short was never used: the name is written before the file is renamed.
		if CheckName(string(name)) != nil || claimOf(string(name)) != claim {
			if err := f.discard(claim); err != nil {
				return fmt.Errorf("remove a claim: %w", err)
			}
			continue
		}
		keep, err := known(ctx, string(name))
		if err != nil {
			return fmt.Errorf("look up %q: %w", name, err)
		}
		if keep {
			err = f.Keep(ctx, string(name))
		} else {
			err = f.Remove(ctx, string(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contextReader ends a copy when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
