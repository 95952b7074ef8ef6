package main_test

import (
	"os"
	"strings"
	"testing"
)

// The S3 server of the tests is the one that tools/s3.mod names.
func TestToolsAgreeOnTheS3Server(t *testing.T) {
	var versions []string
	for _, file := range []struct{ path, before, after string }{
		{"../../tools/s3.mod", "github.com/versity/versitygw ", "\n"},
		{"../../tools/install-test-tools", "s3=.cache/versitygw-", "\n"},
		{"../../media/mediatest/mediatest.go", `const version = "`, `"`},
	} {
		text, err := os.ReadFile(file.path)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), file.before)
		version, _, _ := strings.Cut(rest, file.after)
		versions = append(versions, strings.TrimSuffix(version, " // indirect"))
	}
	if versions[0] == "" || versions[0] != versions[1] || versions[1] != versions[2] {
		t.Errorf("versions: %q", versions)
	}
}
