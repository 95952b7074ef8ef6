//go:build linux

package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A signer that crashes under load leaves no core file, whatever the limits and Go's own variable say; and while it runs no
// process of the same user can read its memory or its environment. Where the kernel gives cores to a program, or writes none,
// the limit and the protection are tested all the same.
func TestSignerLeavesNoCore(t *testing.T) {
	p := start(t, seedIn(t, t.TempDir(), ""))
	s := signed(t, p.base)
	if what, odd := publishOnce(http.DefaultClient, s, "before"); what != acknowledged {
		t.Fatalf("an old program is told %d %s", what, odd)
	}
	s.kill()
	if out := crashIn(t, "sh", "-c", "kill -ABRT $$"); len(out) == 0 {
		t.Log("this system writes core files elsewhere (core_pattern), or none: only the limit shows that the signer leaves none")
	}
	// As another user than root, if the test is root: root may read everything.
	folder, as := openFolder(t), &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		as.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	program, state := filepath.Join(folder, "quillgate"), filepath.Join(folder, "state")
	for _, command := range [][]string{{"cp", build(t), program}, {"cp", "-r", s.dir, state}, {"cp", s.phrase, filepath.Join(folder, "phrase")}, {"chmod", "755", program}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if as.Credential != nil {
		if out, err := exec.Command("chown", "-R", "65534:65534", folder).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited; exec ./quillgate sign --dir state --pass-phrase-file phrase`)
	cmd.Dir, cmd.SysProcAttr, cmd.Env = folder, as, append(os.Environ(), "GOTRACEBACK=crash")
	crashed := &signing{dir: state, user: s.user, password: s.password, address: s.address}
	crashed.run(t, cmd)
	isClosed(t, cmd.Process.Pid, as)
	for i := range 20 {
		go publishOnce(http.DefaultClient, crashed, fmt.Sprint("while it crashes ", i))
	}
	if what, odd := publishOnce(http.DefaultClient, crashed, "while it crashes"); what != acknowledged {
		t.Errorf("an old program is told %d %s", what, odd)
	}
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	crashed.ended <- <-crashed.ended
	if !strings.Contains(crashed.log.String(), "SIGABRT") {
		t.Errorf("the signer did not crash: %s", clip(crashed.log.String()))
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if strings.Contains(f.Name(), "core") {
			t.Errorf("the crash left %s", f.Name())
		}
	}
	for _, path := range []string{filepath.Join(state, "sign.log"), filepath.Join(state, "sites.json"), filepath.Join(state, "keys.json")} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(s.password)) || bytes.Contains(text, []byte(seedSecret)) {
			t.Errorf("%s holds a secret", path)
		}
	}
}

// isClosed expects that a process of a user is protected from that user's others, as a process that does not protect itself
// is not.
func isClosed(t *testing.T, pid int, as *syscall.SysProcAttr) {
	t.Helper()
	other := exec.Command("sleep", "600")
	other.SysProcAttr = as
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	for what, peek := range map[string]func(pid int, as *syscall.SysProcAttr) error{
		"the environment": peekEnvironment, "the memory": peekMemory, "its files in /proc, which are those of root unless it may be traced": ownsProc,
	} {
		if err := peek(other.Process.Pid, as); err != nil {
			t.Errorf("%s: closed for a process that is not protected too: %v", what, err)
		}
		if err := peek(pid, as); err == nil {
			t.Errorf("%s: open to other processes of the user", what)
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0 bytes") {
		t.Errorf("the signer may write core files: %v\n%s", err, limits)
	}
}

func peekEnvironment(pid int, as *syscall.SysProcAttr) error {
	cmd := exec.Command("head", "-c", "1", fmt.Sprintf("/proc/%d/environ", pid))
	cmd.SysProcAttr = as
	out, err := cmd.CombinedOutput()
	if err == nil && len(out) == 0 {
		return errors.New("nothing was read")
	}
	return err
}

func ownsProc(pid int, as *syscall.SysProcAttr) error {
	var stat syscall.Stat_t
	if err := syscall.Stat(fmt.Sprintf("/proc/%d/limits", pid), &stat); err != nil {
		return err
	}
	user := uint32(os.Getuid())
	if as.Credential != nil {
		user = as.Credential.Uid
	}
	if stat.Uid != user {
		return fmt.Errorf("they belong to user %d", stat.Uid)
	}
	return nil
}

// peekMemory reads a byte with process_vm_readv(2), on a thread that is the user's: to Linux each thread has its own user.
func peekMemory(pid int, as *syscall.SysProcAttr) error {
	// Where the program lies is no secret; root may ask, and the user may guess.
	at := uintptr(0x400000)
	if maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid)); err == nil {
		if _, err := fmt.Sscanf(string(maps), "%x-", &at); err != nil {
			return err
		}
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with this function
		if c := as.Credential; c != nil {
			user, group := uintptr(c.Uid), uintptr(c.Gid)
			_, _, first := syscall.RawSyscall(unix.SYS_SETRESGID, group, group, group)
			_, _, second := syscall.RawSyscall(unix.SYS_SETRESUID, user, user, user)
			if first != 0 || second != 0 {
				result <- fmt.Errorf("become user %d: %w, %w", user, first, second)
				return
			}
		}
		local := unix.Iovec{Base: new(byte)}
		local.SetLen(1)
		_, err := unix.ProcessVMReadv(pid, []unix.Iovec{local}, []unix.RemoteIovec{{Base: at, Len: 1}}, 0)
		result <- err
	}()
	return <-result
}

// openFolder is a folder that other users may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "quillgate-core-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// crashIn runs a command that crashes, with no limit for core files, and returns what it leaves.
func crashIn(t *testing.T, command ...string) []os.DirEntry {
	t.Helper()
	folder := t.TempDir()
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited; exec "$@"`, "sh"}, command...)...)
	cmd.Dir = folder
	_ = cmd.Run() // it crashes
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return left
}
