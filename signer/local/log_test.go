package local_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quillgate/quillgate/signer/local"
)

func TestLogStaysSmallAndKeepsTheLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sign.log")
	for range 2 { // a second start goes on where the first has ended
		log, err := local.OpenLog(path, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			if _, err := fmt.Fprintf(log, "line %d\n", i); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var both []byte
	for _, name := range []string{path + ".old", path} {
		text, err := os.ReadFile(name)
		if err != nil || len(text) > 1000 {
			t.Errorf("%s holds %d bytes, %v", name, len(text), err)
		}
		both = append(both, text...)
	}
	if !bytes.HasSuffix(both, []byte("line 297\nline 298\nline 299\n")) || len(both) < 1000 {
		t.Errorf("the last lines are gone: %d bytes, …%q", len(both), both[max(0, len(both)-40):])
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
