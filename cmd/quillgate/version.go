package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

type versionCmd struct{}

func (versionCmd) Run(out streams) error {
	_, err := fmt.Fprintln(out.out, describeVersion())
	return err
}

// versionFlag is --version, which works without a command.
type versionFlag bool

// BeforeReset prints the version before the rest of the command line is
// checked.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	_, err := fmt.Fprintln(app.Stdout, describeVersion())
	if err != nil {
		return err
	}
	app.Exit(0)
	return nil
}

// describeVersion returns the version, the commit and its date, the Go version,
// and the system, which a bug report needs.
func describeVersion() string {
	commit, date := commit, date
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = cmp.Or(commit, s.Value)
			case "vcs.time":
				date = cmp.Or(date, s.Value)
			}
		}
	}
	return fmt.Sprintf("quillgate %s (commit %s, %s, %s, %s/%s)", version, cmp.Or(commit, "unknown"), cmp.Or(date, "date unknown"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
