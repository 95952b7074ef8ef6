package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// serverGroups are the groups of settings that mean something to a server alone. Every command takes them, so that all
// read the same settings file and variables.
var serverGroups = []string{"Server", "TLS", mailGroup}

// mailGroup is the group of settings that mean something to the commands about mail too.
const mailGroup = "Mail"

// commandGroups are the groups of commands, in the order of the help.
var commandGroups = []kong.Group{
	{Key: "run", Title: "Run a server, a gateway or a signer:"},
	{Key: "content", Title: "Content:"},
	{Key: "keys", Title: "Keys:"},
	{Key: "people", Title: "People:"},
	{Key: "upkeep", Title: "Upkeep:"},
}

// nameSubcommands ends the summary of each command that has subcommands with their names, so that no summary can
// leave one out.
func nameSubcommands(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok && n.Type == kong.CommandNode && len(n.Children) > 0 {
			var names []string
			for _, c := range n.Children {
				if !c.Hidden {
					names = append(names, c.Name)
				}
			}
			n.Help += ": " + strings.Join(names, ", ") + "."
		}
		return next(nil)
	})
}

// printHelp leaves the settings of a server out of the help of all commands but those that are about them. Without a
// command it lists the commands, and none of the settings but those of every command.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	selected := ctx.Selected()
	about := aboutSettings(selected)
	for _, flag := range ctx.Model.Flags {
		flag.Hidden = flag.Hidden || !about && ofServer(flag) && !(ofMail(selected) && flag.Group.Key == mailGroup) || selected == nil && flag.Group != nil && flag.Group.Key != "Settings"
	}
	if selected == nil {
		options.NoExpandSubcommands, options.FlagsLast = true, true
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil || about {
		return err
	}
	last := "Server settings are accepted and ignored by this command; \"quillgate serve --help\" lists them."
	if selected == nil {
		last = "Every setting, such as --data, is a flag of all commands; \"quillgate serve --help\" lists them."
	}
	_, err := fmt.Fprintln(ctx.Stdout, "\n"+last)
	return err
}

// aboutSettings reports whether a command is about the settings of a server.
func aboutSettings(command *kong.Node) bool {
	return command != nil && (command.Name == "serve" || command.Name == "check-config")
}

// ofMail reports whether a command is about mail.
func ofMail(command *kong.Node) bool {
	return command != nil && command.Parent != nil && command.Parent.Name == "mail"
}

// ofServer reports whether a flag is a setting that means something to a server alone.
func ofServer(flag *kong.Flag) bool {
	return flag.Group != nil && slices.Contains(serverGroups, flag.Group.Key)
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
