package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/gateway"
)

// sitesEvery is how often a gateway checks whether its file of sites has
// changed.
const sitesEvery = 2 * time.Second

// sitesFile is the file of sites of a gateway.
type sitesFile struct {
	path   string
	list   *gateway.Sites
	logger *slog.Logger
	seen   string // the value of look at the last read
}

// read applies all of the file, or nothing if part of it is wrong.
func (f *sitesFile) read(ctx context.Context) error {
	f.seen = f.look()
	text, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("read the file of sites: %w", err)
	}
	sites, err := gateway.ParseSites(string(text))
	if err != nil {
		return usageError{fmt.Errorf("the file of sites %s:\n%w", f.path, err)}
	}
	changed, err := f.list.Sync(ctx, audit.Actor{Via: "file of sites"}, sites)
	if err != nil {
		return err
	}
	f.logger.InfoContext(ctx, "the file of sites is read", "sites", len(sites), "changed", changed)
	return nil
}

// look returns a value that changes with the file.
func (f *sitesFile) look() string {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

// follow reads the file again after each change until the context ends; wait
// waits for the end. A file with an error changes nothing, and the error is
// logged.
func (f *sitesFile) follow(ctx context.Context) (wait func()) {
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(sitesEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if f.look() == f.seen {
				continue
			}
			if err := f.read(ctx); err != nil && ctx.Err() == nil {
				f.logger.ErrorContext(ctx, "the file of sites is wrong, and the sites stay as they were", "cause", err)
			}
		}
	})
	return group.Wait
}
