package local

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// MaxLog is the size in bytes at which a [Log] begins a new file.
const MaxLog = 4 << 20

// A Log is a file of limited size. When it is full, it is renamed to PATH.old,
// replacing the previous one, and a new file begins. Only its owner can read
// it. It is safe for concurrent use.
type Log struct {
	path string
	most int64

	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenLog opens a log for appending. most is the largest size in bytes.
func OpenLog(path string, most int64) (*Log, error) {
	l := &Log{path: path, most: most}
	return l, l.open()
}

func (l *Log) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("open the log: %w", err), f.Close())
	}
	l.file, l.size = f, info.Size()
	return nil
}

// Write appends one line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > 0 && l.size+int64(len(line)) > l.most {
		// The file is closed first: Windows does not rename an open file.
		err := errors.Join(l.file.Close(), os.Rename(l.path, l.path+".old"))
		if err := errors.Join(err, l.open()); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	return n, err
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
