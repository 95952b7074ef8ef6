//go:build linux

package interop

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A signer that crashes under load leaves no core file, whatever the limits and Go's own variable say; and while it runs no
// process of the same user can read its memory or its environment.
func TestSignerLeavesNoCore(t *testing.T) {
	p := start(t, seedIn(t, t.TempDir(), ""))
	s := signed(t, p.base)
	if what, odd := publishOnce(http.DefaultClient, s, "before"); what != acknowledged {
		t.Fatalf("an old program is told %d %s", what, odd)
	}
	s.kill()
	if out := crashIn(t, "sh", "-c", "kill -ABRT $$"); len(out) == 0 {
		t.Skip("this system writes core files elsewhere (core_pattern), or none")
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
	peek := func(pid int) error {
		cmd := exec.Command("head", "-c", "1", fmt.Sprintf("/proc/%d/environ", pid))
		cmd.SysProcAttr = as
		out, err := cmd.CombinedOutput()
		if err == nil && len(out) == 0 {
			return fmt.Errorf("nothing was read")
		}
		return err
	}
	other := exec.Command("sleep", "600")
	other.SysProcAttr = as
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	if err := peek(other.Process.Pid); err != nil {
		t.Fatalf("a process of the user that is not protected cannot be read either: %v", err)
	}
	if err := peek(cmd.Process.Pid); err == nil {
		t.Error("another process of the user reads the memory of the signer")
	}
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
