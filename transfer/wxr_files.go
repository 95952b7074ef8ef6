package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/quillgate/quillgate/fetch"
	"github.com/quillgate/quillgate/network"
)

// maxFetched bounds a fetched file, in bytes, because it is held in memory.
const maxFetched = 64 << 20

// attachmentFiles finds the files of attachments in a folder, at their
// addresses in the source, or both.
type attachmentFiles struct {
	folder   *os.Root
	client   *fetch.Client
	networks []network.Destination
	names    map[string]map[string]string // by folder: spelling of names, by the result of foldUploadName
}

// maxFolders bounds how many folders are remembered at a time. Files come by
// month, so few are enough.
const maxFolders = 8

// openFiles prepares the search that the settings ask for, or returns nil if
// they ask for none.
func (b *Blog) openFiles(ctx context.Context, cfg WXRConfig) (*attachmentFiles, error) {
	if cfg.Folder == "" && !cfg.Fetch {
		return nil, nil
	}
	f := &attachmentFiles{names: map[string]map[string]string{}}
	if cfg.Fetch {
		opts, err := b.Options().Current(ctx)
		if err != nil {
			return nil, err
		}
		f.networks = opts.PingbackNetworks()
		f.client = fetch.New(fetch.Config{UserAgent: cfg.UserAgent, Timeout: time.Minute, MaxBytes: maxFetched})
	}
	if cfg.Folder != "" {
		var err error
		if f.folder, err = os.OpenRoot(cfg.Folder); err != nil {
			return nil, fmt.Errorf("open the folder of attachments: %w", err)
		}
	}
	return f, nil
}

func (f *attachmentFiles) close() error {
	if f.folder == nil {
		return nil
	}
	return f.folder.Close()
}

// open opens the file of an attachment; see IntakeConfig.Open.
func (f *attachmentFiles) open(ctx context.Context, name, address string) (io.ReadCloser, error) {
	if f.folder != nil {
		r, err := f.local(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return r, err
		}
	}
	if f.client != nil && address != "" {
		return f.fetch(ctx, address)
	}
	return nil, fs.ErrNotExist
}

// local looks in the folder for the name below the uploads, wherever in the
// folder the uploads begin, or for the bare name. A folder that has been on
// another system may spell names differently: see foldUploadName.
func (f *attachmentFiles) local(file string) (io.ReadCloser, error) {
	for _, exact := range []bool{true, false} {
		for _, name := range []string{file, path.Join("uploads", file), path.Join("wp-content/uploads", file), path.Base(file)} {
			if !exact {
				var err error
				if name, err = f.spelled(name); err != nil {
					return nil, err
				}
			}
			info, err := f.folder.Stat(name)
			if missing(err) || err == nil && !info.Mode().IsRegular() {
				continue
			}
			if err != nil {
				return nil, err
			}
			return f.folder.Open(name)
		}
	}
	return nil, fs.ErrNotExist
}

// missing reports whether there is no such file, or a file where a folder would
// must be.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// spelled returns the name in the spelling of the folder, or unchanged if the
// folder does not have it.
func (f *attachmentFiles) spelled(name string) (string, error) {
	dir, base := path.Split(name)
	dir = path.Clean("./" + dir)
	names, known := f.names[dir]
	if !known {
		list, err := fs.ReadDir(f.folder.FS(), dir)
		if err != nil && !missing(err) {
			return "", err
		}
		names = make(map[string]string, len(list))
		for _, entry := range list {
			if key := foldUploadName(entry.Name()); names[key] == "" && entry.Type().IsRegular() {
				names[key] = entry.Name()
			}
		}
		if len(f.names) >= maxFolders {
			clear(f.names)
		}
		f.names[dir] = names
	}
	if there := names[foldUploadName(base)]; there != "" {
		return path.Join(dir, there), nil
	}
	return name, nil
}

// fetch fetches a file from the source. A file that does not arrive completely
// counts as missing.
func (f *attachmentFiles) fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	answer, err := f.client.Do(ctx, fetch.Request{URL: address, Redirects: fetch.MaxRedirects, Networks: f.networks})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || answer.Status != http.StatusOK || answer.Truncated {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(answer.Body)), nil
}
