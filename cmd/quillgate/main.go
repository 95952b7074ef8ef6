// Command quillgate is a blog that publishing programs talk to over XML-RPC with signed requests, and the tools around
// it: keys, users, import and export, and a client.
//
// The commands turn flags, variables and the settings file into plain values for the packages below; each has a file
// of its own here. Exit codes: 0 done, 1 it did not work (a fault too), 2 the command line or the settings are wrong, 130 a
// signal has ended it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
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

	Serve       serveCmd       `cmd:"" help:"Start the server."`
	Sign        signCmd        `cmd:"" help:"The local signer: old publishing programs on this computer send signed calls through it."`
	Gateway     gatewayCmd     `cmd:"" help:"The shield in front of a WordPress that stays as it is: serve, user add, check."`
	App         appCmd         `cmd:"" help:"Application keys: create, list, show, rename, set, rotate, revoke, enrol, import."`
	Token       tokenCmd       `cmd:"" help:"Tokens and application passwords, for programs that cannot sign: create, list, rename, revoke."`
	Scan        scanCmd        `cmd:"" help:"Look for leaked secrets in files."`
	User        userCmd        `cmd:"" help:"Users: add, list, set a password, set a role, take a second factor away, what becomes of passwords."`
	Option      optionCmd      `cmd:"" help:"Site options: list, get, set."`
	Keys        keysCmd        `cmd:"" help:"The master key that seals all secrets: rotate, drop-old, seal, verify, replace-lost."`
	Audit       auditCmd       `cmd:"" help:"The trail of changes to keys, accounts and settings: list, verify, export, prune."`
	Call        callCmd        `cmd:"" help:"Call a method of a server, signed, and print the answer."`
	Doctor      doctorCmd      `cmd:"" help:"Find out what stands between a publishing program and a server."`
	Import      importCmd      `cmd:"" help:"Load a site bundle."`
	Export      exportCmd      `cmd:"" help:"Write the site as a bundle."`
	Backup      backupCmd      `cmd:"" help:"Write the database of a running server into one file."`
	Relocate    relocateCmd    `cmd:"" help:"Say that the blog has moved to another address, or that this is a copy of it."`
	Migrate     migrateCmd     `cmd:"" help:"The schema of the database: status, up, down."`
	CheckConfig checkConfigCmd `cmd:"" help:"Check the settings and print them."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// exit is how kong's help and version flags end a run; run turns it into a code.
type exit int

// run is the whole program: it returns the exit code.
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
	ctx, stop := untilSignal(ctx)
	defer stop()
	io.in = waiting(ctx, io.in)
	var c cli
	options := []kong.Option{
		kong.Name("quillgate"),
		kong.Description("A blog for publishing programs: XML-RPC with signed requests."),
		kong.Writers(io.out, io.err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(printHelp),
		kong.ValueFormatter(helpText),
		kong.Vars{"roles": roles},
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
	command, err := parser.Parse(args)
	if err == nil {
		err = c.settings.check()
	}
	if err != nil {
		fmt.Fprintf(io.err, "quillgate: %v\n", err)
		if parse := (*kong.ParseError)(nil); errors.As(err, &parse) {
			fmt.Fprintln(io.err, "quillgate --help lists the commands, quillgate COMMAND --help what one of them takes.")
		}
		return 2
	}
	return ended(ctx, command.Run(), io.err)
}

// ended says how a command has ended, and what to do when it did not work.
func ended(ctx context.Context, err error, w io.Writer) (code int) {
	_, usage := errors.AsType[usageError](err)
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
	if usage {
		return 2
	}
	return 1
}

// usageError is a mistake in the command line that a command finds itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }
