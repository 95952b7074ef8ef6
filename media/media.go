// Package media keeps the bytes of uploads: it names files, detects what they are, makes the smaller sizes of
// pictures, and stores all that in a Store: a folder, or a bucket of an S3 server. It decides no permission and knows no
// post.
//
// A Library is a Store with its ledger, the table media_files, which has one row for every file. A file gets its row,
// pending, before its bytes get their place; the row is kept in the transaction that records what the file is for. So
// a process may die at any moment: what is recorded is there, and what is not recorded is found by its pending row and
// removed, by any server, while all of them run.
//
// Nothing is held whole in memory: a file goes from its reader through a small buffer into a temporary file and from
// there to its place, and the pictures that are decoded at the same time share one budget of memory.
package media

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"strings"
	"time"
)

// Store is where the bytes are. Names are relative and separated by slashes, such as "2024/01/red.png"; no element
// begins with a dot. A missing file is an error that wraps fs.ErrNotExist, an unusable name one that wraps ErrName, a
// store that does not answer one that wraps ErrUnavailable. A Store is safe for concurrent use, by several processes too.
type Store interface {
	// Spool reads r to its end into a temporary file, from which Put and the making of smaller versions read. The caller
	// discards it.
	Spool(ctx context.Context, r io.Reader) (*Part, error)
	// Put gives the bytes of a part their name, durably and as a whole. It returns an error that wraps fs.ErrExist, and
	// changes nothing, when there is a file of this name. After any other error the file may be there all the same.
	Put(ctx context.Context, name string, p *Part, f Facts) error
	// Open opens a file for reading; the caller closes it. With facts that are known already the store is not asked
	// before the first Read, whose error then says what Open would have said.
	Open(ctx context.Context, name string, known *Info) (io.ReadSeekCloser, Info, error)
	// Stat describes a file without opening it.
	Stat(ctx context.Context, name string) (Info, error)
	// Remove removes files. Names that do not exist are passed over.
	Remove(ctx context.Context, names ...string) error
	// List walks through all files.
	List(ctx context.Context) iter.Seq2[Info, error]
	// Sweep removes what was being written before the given moment and never got a name.
	Sweep(ctx context.Context, before time.Time) error
	// Mark reads the mark by which the store is recognised, "" when it has none, and SetMark writes it.
	Mark(ctx context.Context) (string, error)
	SetMark(ctx context.Context, mark string) error
	// Address says in words for people where the store is. No secret is in it.
	Address() string
	Close() error
}

// Facts are what is found out of the bytes of a file once, when they are stored.
type Facts struct {
	Size     int64  // bytes
	Type     string // media type as it is served; "" when it was not found out yet
	Download bool   // browsers may not show it in place
	ETag     string // of the bytes, without quotes, the same in every store; "" when it was not found out yet
}

// Info describes a stored file.
type Info struct {
	Name     string
	Modified time.Time
	Facts
}

// ErrName says that a name cannot be the name of a stored file: it is empty, absolute, leads upwards, is hidden, too
// long, or holds what no file name should.
var ErrName = errors.New("unusable file name")

// ErrUnavailable says that the store did not answer, or refused to: that is the operator's concern, and a caller may try
// again later.
var ErrUnavailable error = unavailable{}

type unavailable struct{}

func (unavailable) Error() string { return "the store of uploads is not available" }

// Outage says when it is worth another try; the server tells clients.
func (unavailable) Outage() time.Duration { return 30 * time.Second }

// maxElement is the longest element of a name in bytes that the usual file systems take, and maxNameLength the longest name
// that S3 takes below a prefix.
const (
	maxElement    = 255
	maxNameLength = 900
)

// CheckName returns ErrName unless name can be the name of a stored file.
func CheckName(name string) error {
	if !fs.ValidPath(name) || name == "." || len(name) > maxNameLength || strings.ContainsAny(name, "\\\x00") {
		return ErrName
	}
	for element := range strings.SplitSeq(name, "/") {
		if element[0] == '.' || len(element) > maxElement {
			return ErrName
		}
	}
	return nil
}
