package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"
)

// certificateFiles is a certificate in two files, which are read again when
// they have changed: the server need not be told about a renewal. Files that do
// not belong together, as between two writes, change nothing.
type certificateFiles struct {
	cert, key string
	clock     func() time.Time
	logger    *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	read    [2]fileState // of the files of current, or of the last attempt
	looked  time.Time
}

// fileState identifies a version of a file.
type fileState struct {
	modified time.Time
	size     int64
}

// lookEvery is how long a change to the files may go unnoticed.
const lookEvery = time.Second

// get implements tls.Config.GetCertificate.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.clock(); now.Sub(f.looked) >= lookEvery {
		f.looked = now
		if f.states() != f.read {
			if err := f.load(); err != nil {
				f.logger.Error("the certificate files have changed and cannot be used; the old certificate stays in use", "cause", err)
			}
		}
	}
	return f.current, nil
}

// reload reads the files now. After an error, the previous certificate stays in
// use.
func (f *certificateFiles) reload() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load()
}

func (f *certificateFiles) states() (s [2]fileState) {
	for i, path := range []string{f.cert, f.key} {
		if info, err := os.Stat(path); err == nil {
			s[i] = fileState{info.ModTime(), info.Size()}
		}
	}
	return s
}

func (f *certificateFiles) load() error {
	f.read = f.states()
	info, err := os.Stat(f.key)
	if err != nil {
		return fmt.Errorf("read the key of the certificate: %w", err)
	}
	// The group may be allowed to read it, as with Debian's ssl-cert. On
	// Windows the mode does not tell.
	if mode := info.Mode().Perm(); mode&0o027 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("the key of the certificate, %s, has mode %04o, so that others can get at it: run chmod 600 on it, or 640", f.key, mode)
	}
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	if f.current != nil {
		f.logger.Info("certificate reloaded", "expires", c.Leaf.NotAfter)
	}
	f.current = &c
	return nil
}
