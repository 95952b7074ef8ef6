package local_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quillgate/quillgate/signer/local"
)

// It is tried in a process of its own: a process that is protected cannot be
// measured any more.
func TestProtectForbidsCoresAndTracing(t *testing.T) {
	if os.Getenv("PROTECT") == "1" {
		if err := local.Protect(); err != nil {
			t.Fatal(err)
		}
		dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil || dumpable != 0 {
			t.Errorf("the process is dumpable: %d, %v", dumpable, err)
		}
		limits, err := os.ReadFile("/proc/self/limits")
		if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0 bytes") {
			t.Errorf("core files are not forbidden: %v\n%s", err, limits)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProtectForbidsCoresAndTracing$")
	cmd.Env = append(os.Environ(), "PROTECT=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
