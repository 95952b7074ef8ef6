// Package media stores the bytes of uploads: it names files, detects their
// types, creates smaller versions of pictures, and keeps all of them in a
// Store, which is a folder or a bucket of an S3 server. It decides no
// permissions and knows no posts.
//
// A Library is a Store with its ledger, the table media_files, which has one
// row for every file. A row is inserted as pending before the bytes get their
// place, and is kept in the transaction that records what the file is for.
// Therefore a process may die at any moment: every recorded file exists, and
// any server finds other files by their pending rows and removes them, while
// all servers are running.
//
// No file is held in memory as a whole: it goes from its reader through a small
// buffer into a temporary file and from there to its place. Pictures that are
// decoded at the same time share one memory budget.
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

// Store holds the bytes. Names are relative and separated by slashes, such as
// "2024/01/red.png"; no element begins with a dot. A missing file is an error
// that wraps fs.ErrNotExist, an invalid name one that wraps ErrName, and a
// store that does not answer one that wraps ErrUnavailable. A Store is safe for
// concurrent use, also by several processes.
type Store interface {
	// Spool reads r to its end into a temporary file, from which Put and the
	// creation of smaller versions read. The caller discards it.
	Spool(ctx context.Context, r io.Reader) (*Part, error)
	// Put stores the bytes of a part under a name, durably and as a whole. If a
	// file with this name exists, the error wraps fs.ErrExist and nothing
	// changes. After any other error the file may exist nevertheless.
	Put(ctx context.Context, name string, p *Part, f Facts) error
	// Open opens a file for reading; the caller closes it. If known is not nil,
	// the store is not asked before the first Read, which then returns the
	// errors of Open.
	Open(ctx context.Context, name string, known *Info) (io.ReadSeekCloser, Info, error)
	// Stat describes a file without opening it.
	Stat(ctx context.Context, name string) (Info, error)
	// Remove removes files. It ignores missing ones.
	Remove(ctx context.Context, names ...string) error
	// List iterates over all files.
	List(ctx context.Context) iter.Seq2[Info, error]
	// Sweep removes bytes that were written before a time and never got a name.
	Sweep(ctx context.Context, before time.Time) error
	// Mark returns the mark that identifies the store, or "" if it has none.
	// SetMark writes it.
	Mark(ctx context.Context) (string, error)
	SetMark(ctx context.Context, mark string) error
	// Address describes in words where the store is, without secrets.
	Address() string
	Close() error
}

// Facts are properties of the bytes of a file, determined when it is stored.
type Facts struct {
	Size     int64  // bytes
	Type     string // media type as served; "" if not determined yet
	Download bool   // browsers must not display it
	ETag     string // of the bytes, without quotes, the same in every store; "" if not determined yet
}

// Info describes a stored file.
type Info struct {
	Name     string
	Modified time.Time
	Facts
}

// ErrName means that a name cannot be that of a stored file: it is empty,
// absolute, hidden, too long, leads upwards, or contains characters that no
// file name should.
var ErrName = errors.New("unusable file name")

// ErrUnavailable means that the store did not answer, or refused to. This is
// the operator's concern; a caller may try again later.
var ErrUnavailable error = unavailable{}

type unavailable struct{}

func (unavailable) Error() string { return "the store of uploads is not available" }

// Outage returns when to try again; the server tells clients.
func (unavailable) Outage() time.Duration { return 30 * time.Second }

// maxElement is the longest element of a name, in bytes, that common file
// systems accept, and maxNameLength the longest name that S3 accepts below a
// prefix.
const (
	maxElement    = 255
	maxNameLength = 900
)

// CheckName returns ErrName unless name can be that of a stored file.
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
