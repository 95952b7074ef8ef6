package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"time"
)

// Folder is a Store in a folder of the file system. Several processes can use
// the same folder.
//
// Every access goes through an os.Root, so no name and no symbolic link leads
// out of the folder. Files that do not belong to the blog are in the hidden
// folder .pending:
//
//	.pending/RANDOM.part     the bytes of a file that is being written
//	.pending/place           the mark of the folder
//
// A file is renamed to its name after its bytes have been synced, so it is
// either complete or not there. Only the process that has the row of the name
// in the ledger may put a file there, so a free name stays free.
type Folder struct {
	root *os.Root
	dir  string
}

const (
	pendingDir = ".pending"
	markName   = pendingDir + "/place"
	// oldClaim ends the names of files with which earlier versions reserved
	// names.
	oldClaim = ".claim"
)

// OpenFolder opens the folder, and creates it if necessary. The caller closes
// it.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the uploads folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the uploads folder: %w", err)
	}
	if err := root.MkdirAll(pendingDir, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("open the uploads folder: %w", err), root.Close())
	}
	return &Folder{root, dir}, nil
}

// Close closes the folder. Open files stay open.
func (f *Folder) Close() error { return f.root.Close() }

// Address implements Store.
func (f *Folder) Address() string { return "the folder " + f.dir }

// Spool implements Store.
func (f *Folder) Spool(ctx context.Context, r io.Reader) (*Part, error) {
	return spool(ctx, f.root, pendingDir, r, true)
}

// Put implements Store.
func (f *Folder) Put(_ context.Context, name string, p *Part, _ Facts) error {
	if err := CheckName(name); err != nil {
		return fmt.Errorf("store %q: %w", name, err)
	}
	if err := f.place(p, name); err != nil {
		return fmt.Errorf("store %q: %w", name, err)
	}
	return nil
}

// place renames the written file and syncs its folder.
func (f *Folder) place(p *Part, name string) error {
	dir := path.Dir(name)
	if err := f.makeDir(dir); err != nil {
		return err
	}
	if _, err := f.root.Lstat(name); err == nil {
		return fs.ErrExist
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.root.Rename(p.path, name); err != nil {
		return err
	}
	p.path, p.done = name, true
	return f.syncDir(dir)
}

// makeDir creates and syncs the folder of a file.
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

// Open implements Store.
func (f *Folder) Open(_ context.Context, name string, known *Info) (io.ReadSeekCloser, Info, error) {
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
	info := infoOf(name, st)
	if known != nil && known.Size == info.Size {
		info = *known // unless the size shows that the file was replaced by hand
	}
	return file, info, nil
}

func infoOf(name string, st fs.FileInfo) Info {
	return Info{Name: name, Modified: st.ModTime(), Facts: Facts{Size: st.Size()}}
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
	return infoOf(name, st), nil
}

// Remove implements Store.
func (f *Folder) Remove(_ context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		err := CheckName(name)
		if err == nil {
			err = removeFrom(f.root, name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// List implements Store. It skips hidden files and folders, which are not
// uploads.
func (f *Folder) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := fs.WalkDir(f.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case name != "." && strings.HasPrefix(e.Name(), "."):
				if e.IsDir() {
					return fs.SkipDir
				}
				return nil
			case !e.Type().IsRegular() || CheckName(name) != nil:
				return nil
			}
			st, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(infoOf(name, st), nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("list the uploads: %w", err))
		}
	}
}

// Sweep implements Store.
func (f *Folder) Sweep(_ context.Context, before time.Time) error {
	if err := sweepParts(f.root, pendingDir, before, partSuffix, oldClaim); err != nil {
		return fmt.Errorf("clear up unfinished uploads: %w", err)
	}
	return nil
}

// Mark implements Store.
func (f *Folder) Mark(context.Context) (string, error) {
	text, err := f.root.ReadFile(markName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the mark of the uploads folder: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// SetMark implements Store.
func (f *Folder) SetMark(ctx context.Context, mark string) error {
	p, err := spool(ctx, f.root, pendingDir, strings.NewReader(mark+"\n"), true)
	if err == nil {
		err = f.root.Rename(p.path, markName)
	}
	if err == nil {
		err = f.syncDir(pendingDir)
	}
	if err != nil {
		return fmt.Errorf("mark the uploads folder: %w", err)
	}
	return nil
}
