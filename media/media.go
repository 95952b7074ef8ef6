// Package media keeps the bytes of uploads: it names files, detects what they are, makes the smaller sizes of
// pictures, and stores all that in a folder. It decides no permission and knows no post.
//
// Nothing is held whole: a file goes from its reader to its place through a small buffer, and the pictures that are
// decoded at the same time share one budget of memory.
package media

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Store is where the files are. Names are relative and separated by slashes, such as "2024/01/red.png"; no element
// begins with a dot. A missing file is an error that wraps fs.ErrNotExist, an unusable name one that wraps ErrName.
// A Store is safe for concurrent use.
type Store interface {
	// Create stores what r yields, to its end, under the given name, or under the first free one of name-1, name-2 and
	// so on (red.png, red-1.png). When it returns, the bytes and the name are durable and the file is complete; a
	// reader that fails, or a ctx that ends, leaves nothing behind. The file is pending until Keep is told its name.
	Create(ctx context.Context, name string, r io.Reader) (Info, error)
	// Keep says that the names are on record where they belong, so that no later Recover asks about them.
	Keep(ctx context.Context, names ...string) error
	// Open opens a file for reading; the caller closes it.
	Open(ctx context.Context, name string) (io.ReadSeekCloser, Info, error)
	// Stat describes a file without opening it.
	Stat(ctx context.Context, name string) (Info, error)
	// Remove removes files, pending or not. Names that do not exist are passed over.
	Remove(ctx context.Context, names ...string) error
	// Recover removes the files that an earlier process created and neither kept nor removed before it ended, except
	// those that known says are on record after all. It is called once, after opening.
	Recover(ctx context.Context, known func(ctx context.Context, name string) (bool, error)) error
}

// Info describes a stored file.
type Info struct {
	Name     string
	Size     int64 // bytes
	Modified time.Time
}

// ErrName says that a name cannot be the name of a stored file: it is empty, absolute, leads upwards, is hidden, too
// long, or holds what no file name should.
var ErrName = errors.New("unusable file name")

// maxElement is the longest element of a name in bytes that the usual file systems take.
const maxElement = 255

// CheckName returns ErrName unless name can be the name of a stored file.
func CheckName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") {
		return ErrName
	}
	for element := range strings.SplitSeq(name, "/") {
		if element[0] == '.' || len(element) > maxElement {
			return ErrName
		}
	}
	return nil
}
