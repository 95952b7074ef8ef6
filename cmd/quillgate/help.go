package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// serverGroups are the groups of settings that mean something to a server alone. Every command takes them, so that all
// read the same settings file and variables.
var serverGroups = []string{"Server", "TLS"}

// printHelp leaves the settings of a server out of the help of all commands but those that are about them.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	selected := ctx.Selected()
	about := selected != nil && (selected.Name == "serve" || selected.Name == "check-config")
	if !about {
		for _, flag := range ctx.Model.Flags {
			flag.Hidden = flag.Group != nil && slices.Contains(serverGroups, flag.Group.Key)
		}
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil || about {
		return err
	}
	_, err := fmt.Fprintln(ctx.Stdout, "\nServer settings are accepted and ignored by this command; \"quillgate serve --help\" lists them.")
	return err
}

// helpText is the help of a flag, with what it is when no one sets it.
func helpText(v *kong.Value) string {
	if v.Flag == nil || !v.HasDefault || v.Default == "" || v.Flag.PlaceHolder == "" || v.Default == "keep" || strings.Contains(v.Help, "Default: ") {
		return kong.DefaultHelpValueFormatter(v)
	}
	told := *v
	told.Help = fmt.Sprintf("%s Default: %s.", v.Help, v.Default)
	return kong.DefaultHelpValueFormatter(&told)
}
