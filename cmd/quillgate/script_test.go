package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"quillgate": func() { os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})) },
	})
}

// TestScripts runs commands as users type them. testdata/script has a file for
// each scenario.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("QUILLGATE_DATA", env.WorkDir+"/data")
			env.Setenv("PLATFORM", runtime.GOOS+"-"+runtime.GOARCH)
			tree, err := filepath.Abs("../..")
			env.Setenv("TREE", tree)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"capture": capture, "await": await, "mode": mode, "wordpress": wordpress, "smtp": smtpServer(t), "download": download,
		},
	})
}
