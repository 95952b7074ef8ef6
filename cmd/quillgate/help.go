package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// serverGroups are the groups of settings that only servers use. Every command
// accepts them, so that all commands can share one settings file and one
// environment.
var serverGroups = []string{"Server", "TLS", mailGroup}

// mailGroup is the group of settings that the commands about mail use too.
const mailGroup = "Mail"

// commandGroups are the groups of commands, in the order of the help.
var commandGroups = []kong.Group{
	{Key: "run", Title: "Run a server, a gateway or a signer:"},
	{Key: "content", Title: "Content:"},
	{Key: "keys", Title: "Keys:"},
	{Key: "people", Title: "People:"},
	{Key: "upkeep", Title: "Upkeep:"},
}

// nameSubcommands appends the names of the subcommands to the summary of each
// command that has some, so that no summary can omit one.
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

// printHelp omits the settings of servers from the help of all other commands.
// Without a command it lists the commands, and only the settings that every
// command uses.
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

// ofServer reports whether a flag is a setting that only servers use.
func ofServer(flag *kong.Flag) bool {
	return flag.Group != nil && slices.Contains(serverGroups, flag.Group.Key)
}

// helpText returns the help of a flag, with its default.
func helpText(v *kong.Value) string {
	if v.Flag == nil || !v.HasDefault || v.Default == "" || v.Flag.PlaceHolder == "" || v.Default == "keep" || strings.Contains(v.Help, "Default: ") {
		return kong.DefaultHelpValueFormatter(v)
	}
	told := *v
	told.Help = fmt.Sprintf("%s Default: %s.", v.Help, v.Default)
	return kong.DefaultHelpValueFormatter(&told)
}
