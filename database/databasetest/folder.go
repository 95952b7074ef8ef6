package databasetest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Folder returns a folder that is removed when the test ends or its process is
// killed, for files that need not be on a disk: if there is a memory file
// system, the folder is there, and syncing is free. A test about the disk, or
// one that kills a writer, should use t.TempDir. In a benchmark, Folder does
// that too.
func Folder(t testing.TB) string {
	t.Helper()
	if _, measures := t.(*testing.B); measures {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(folders(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

// folders is the parent folder for this process, and goes away with it. It is
// "", which means the usual place for temporary files, if nothing can guard it.
var folders = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp(memory(), "quillgate-tests-")
	if err != nil {
		return ""
	}
	// There is nothing to run: the guard waits, and removes the folder.
	if _, err := startGuard(nil, dir, "true"); err != nil {
		os.Remove(dir)
		return ""
	}
	return dir
})

// roomInMemory is the number of bytes that must be free: many times the size of
// the databases of all tests that run at the same time.
const roomInMemory = 2 << 30

// memory is a memory file system, as on Linux, or "" if there is none with
// enough room.
var memory = sync.OnceValue(func() string {
	const place = "/dev/shm"
	if freeBytes(place) < roomInMemory {
		return ""
	}
	return place
})

// guardScript runs a program as its child, and ends it when its standard input
// ends; then it removes the folder. The input is a pipe from the test process,
// so the system closes it even if the process is killed. A hard stop is right,
// since the folder is removed next.
const guardScript = `
dir=$1; shift
"$@" >"$dir/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
kill -TERM "$server" 2>/dev/null # what ignores the first, as PgBouncer does
wait "$server"
rm -rf "$dir"
`

// guard is the running script.
type guard struct {
	pipe io.Closer
	done chan struct{} // closed when the script has ended
}

// startGuard guards the folder, and runs a program in it, as another user if
// owner is set.
func startGuard(owner *account, dir string, program ...string) (*guard, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardScript, "guard", dir}, program...)...)
	cmd.Dir = dir
	// It is in a group of its own: an interrupt from the keyboard is for the
	// tests, and the guard cleans up after them.
	cmd.SysProcAttr = runAs(owner, true)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard of %s: %w", dir, err)
	}
	g := &guard{pipe: pipe, done: make(chan struct{})}
	go func() {
		cmd.Wait() // until then it holds the pipe
		close(g.done)
	}()
	return g, nil
}
