// Command quillgate is a blog for publishing clients, which call it over
// XML-RPC with signed requests. It includes the tools to manage it: keys,
// users, import and export, and a client.
//
// The commands turn flags, environment variables and the settings file into
// plain values for the packages below them. Each command has its own file here.
// exitStatuses lists the exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/gateway"
	"github.com/quillgate/quillgate/options"
	"github.com/quillgate/quillgate/site"
)

// The build sets version, commit and date: -ldflags "-X main.version=…".
var (
	version = "development"
	commit  string // a short hash
	date    string // of the commit
)

// cli is the command line.
type cli struct {
	settings

	ShowVersion versionFlag `name:"version" help:"Print the version and exit."`

	Serve   serveCmd   `cmd:"" group:"run" help:"Start the server."`
	Gateway gatewayCmd `cmd:"" group:"run" help:"The gateway in front of an unmodified WordPress"`
	Sign    signCmd    `cmd:"" group:"run" help:"The local signer, which signs the calls of publishing clients on this computer"`
	Health  healthCmd  `cmd:"" group:"run" help:"Check whether a server is ready for requests."`
	Doctor  doctorCmd  `cmd:"" group:"run" help:"Diagnose problems between a publishing client and a server."`

	Import importCmd `cmd:"" group:"content" help:"Import a site bundle or a WordPress export (WXR)."`
	Export exportCmd `cmd:"" group:"content" help:"Export the site as a bundle or as a WordPress export (WXR)."`
	Media  mediaCmd  `cmd:"" group:"content" help:"Uploads and where they are stored"`
	Option optionCmd `cmd:"" group:"content" help:"Site options"`
	Call   callCmd   `cmd:"" group:"content" help:"Call a method of a server, signed or not, and print the answer."`

	App   appCmd   `cmd:"" group:"keys" help:"Keys of applications that sign"`
	Token tokenCmd `cmd:"" group:"keys" help:"Tokens and application passwords, for clients that cannot sign"`
	Keys  keysCmd  `cmd:"" group:"keys" help:"The master key that seals all secrets"`
	Scan  scanCmd  `cmd:"" group:"keys" help:"Look for leaked secrets in files."`

	User  userCmd  `cmd:"" group:"people" help:"Users, their passwords, roles and second factors"`
	Audit auditCmd `cmd:"" group:"people" help:"The audit trail of changes to keys, accounts and settings"`

	Backup      backupCmd      `cmd:"" group:"upkeep" help:"Back up the SQLite database of a running server to a file."`
	Mail        mailCmd        `cmd:"" group:"upkeep" help:"The connection to the SMTP server"`
	Relocate    relocateCmd    `cmd:"" group:"upkeep" help:"Confirm that the blog has moved to a new address, or that this is a copy of it."`
	Migrate     migrateCmd     `cmd:"" group:"upkeep" help:"The database schema"`
	CheckConfig checkConfigCmd `cmd:"" group:"upkeep" help:"Check the settings and print them."`
	Completion  completionCmd  `cmd:"" group:"upkeep" help:"Print the completion script for a shell: bash, zsh or fish."`
	Man         manCmd         `cmd:"" group:"upkeep" help:"Print a manual page, or write all of them into a folder."`
	Version     versionCmd     `cmd:"" group:"upkeep" help:"Print the version."`

	Complete completeCmd `cmd:"" hidden:"" group:"upkeep" help:"List completions of a command line, for the completion scripts."`
}

// exitStatuses explain the exit codes, which are the same for all commands.
var exitStatuses = []struct{ status, means string }{
	{"0", "It was done."},
	{"1", "It failed: for example, a named user, key, option or file does not exist, a server does not answer or returns a fault, a check found a problem, or a rule forbids the action."},
	{"2", "The command line or a setting is wrong: a command or flag is unknown or missing, or a value is invalid. Nothing was done."},
	{"130", "A signal ended it."},
}

// streams are the inputs and outputs of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// exit is the panic with which kong's help and version flags end a run; run
// turns it into an exit code.
type exit int

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, io streams) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	if len(args) > 0 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	io.in = waiting(ctx, io.in)
	var c cli
	options := []kong.Option{
		kong.Name("quillgate"),
		kong.Description("A blog, a gateway and a local signer for publishing clients: WordPress XML-RPC with signed requests."),
		kong.Writers(io.out, io.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ExplicitGroups(commandGroups),
		kong.PostBuild(nameSubcommands),
		kong.Help(printHelp),
		kong.ValueFormatter(helpText),
		kong.Vars{"roles": roles, "presets": presetHelp()},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io, &c.settings, &c.Sign.signFlags, &c.Gateway.gatewayFlags),
		kong.Resolvers(secretFiles{}),
	}
	path, err := settingsFile(args)
	if err == nil && path != "" {
		var file *fileResolver
		if file, err = loadFile(path); err == nil {
			options = append(options, kong.Resolvers(file))
		}
	}
	if err != nil {
		fmt.Fprintf(io.err, "quillgate: %v\n", err)
		return 2
	}
	parser, err := kong.New(&c, options...)
	if err != nil {
		fmt.Fprintf(io.err, "quillgate: %v\n", err)
		return 2
	}
	command, err := parser.Parse(guarded(args))
	if err == nil {
		err = c.settings.check()
	}
	if err != nil {
		fmt.Fprintf(io.err, "quillgate: %v\n", err)
		if parse := (*kong.ParseError)(nil); errors.As(err, &parse) {
			fmt.Fprintln(io.err, `Run "quillgate --help" for a list of commands, and "quillgate COMMAND --help" for the flags of a command.`)
		}
		return 2
	}
	return ended(ctx, command.Run(), io.err)
}

// ended prints how a command ended and, if it failed, what to do.
func ended(ctx context.Context, err error, w io.Writer) (code int) {
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		fmt.Fprintf(w, "quillgate: interrupted: %v\n", err)
		return interrupted
	}
	fmt.Fprintf(w, "quillgate: %v\n", err)
	if text := advice(err); text != "" {
		fmt.Fprintln(w, text)
	}
	if wrongUse(err) {
		return 2
	}
	return 1
}

// wrongUse reports whether the command line is wrong, as opposed to a failure
// of the command. Either the command has found the mistake itself, or a package
// below has rejected a value.
func wrongUse(err error) bool {
	_, usage := errors.AsType[usageError](err)
	_, ofSite := errors.AsType[*site.Invalid](err)
	_, ofOptions := errors.AsType[*options.Invalid](err)
	_, ofPeople := errors.AsType[*auth.Invalid](err)
	_, ofKeys := errors.AsType[*apps.Invalid](err)
	_, ofGateway := errors.AsType[*gateway.InvalidSite](err)
	return usage || ofSite || ofOptions || ofPeople || ofKeys || ofGateway
}

// usageError is a mistake in the command line that the command itself has
// found.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }
