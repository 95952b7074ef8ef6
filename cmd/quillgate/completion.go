package main

import (
	"bufio"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// The scripts only ask the program for completions, so they never differ from
// it.
//
//go:embed completions
var completions embed.FS

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"One of ${enum}."`
}

// Help is shown by quillgate completion --help.
func (completionCmd) Help() string {
	return `Packages install the scripts. Otherwise:

  bash  quillgate completion bash > ~/.local/share/bash-completion/completions/quillgate
  zsh   quillgate completion zsh > "${fpath[1]}/_quillgate"
  fish  quillgate completion fish > ~/.config/fish/completions/quillgate.fish`
}

func (c *completionCmd) Run(io streams) error {
	text, err := completions.ReadFile("completions/quillgate." + c.Shell)
	if err != nil {
		return err
	}
	_, err = io.out.Write(text)
	return err
}

type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words after the name of the program, up to the cursor."`
}

func (c *completeCmd) Run(k *kong.Context, io streams) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	w := bufio.NewWriter(io.out)
	for _, p := range following(k.Model, words) {
		fmt.Fprintf(w, "%s\t%s\n", p.word, p.help)
	}
	return w.Flush()
}

// proposal is a word that can follow, with its meaning. The words :files and
// :folders stand for names of files and folders.
type proposal struct{ word, help string }

const (
	anyFile   = ":files"
	anyFolder = ":folders"
)

// following lists completions for the last of words, which may be incomplete.
func following(app *kong.Application, words []string) (list []proposal) {
	at, last := app.Node, words[len(words)-1]
	arguments, literal := 0, false
	for i := 0; i < len(words)-1; i++ {
		word := words[i]
		switch flag := flagOf(at, word); {
		case literal:
			arguments++
		case word == "--":
			literal = true
		case flag != nil && !flag.IsBool() && !flag.IsCounter() && !strings.Contains(word, "="):
			if i++; i == len(words)-1 {
				return begun(valuesOf(flag.Value), last)
			}
		case strings.HasPrefix(word, "-"):
		default:
			if child := childOf(at, word); child != nil {
				at, arguments = child, 0
				continue
			}
			arguments++
		}
	}
	if name, value, ok := strings.Cut(last, "="); ok && !literal && strings.HasPrefix(name, "--") {
		if flag := flagOf(at, name); flag != nil {
			for _, p := range begun(valuesOf(flag.Value), value) {
				if p.word != anyFile && p.word != anyFolder {
					p.word = name + "=" + p.word
				}
				list = append(list, p)
			}
		}
		return list
	}
	if !literal && strings.HasPrefix(last, "-") {
		return begun(flagsAt(at), last)
	}
	if arguments == 0 && !literal {
		for _, c := range at.Children {
			if !c.Hidden {
				list = append(list, proposal{c.Name, c.Help})
			}
		}
	}
	if n := len(at.Positional); n > 0 {
		p := at.Positional[min(arguments, n-1)]
		if arguments < n || p.IsSlice() {
			list = append(list, valuesOf(p)...)
		}
	}
	return begun(list, last)
}

// begun keeps the proposals that begin with the text typed so far.
func begun(list []proposal, start string) []proposal {
	return slices.DeleteFunc(list, func(p proposal) bool {
		return p.word != anyFile && p.word != anyFolder && !strings.HasPrefix(p.word, start)
	})
}

func childOf(at *kong.Node, name string) *kong.Node {
	for _, c := range at.Children {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c
		}
	}
	return nil
}

// flagsOf returns the flags of a command, of the commands above it, and of its
// default subcommand.
func flagsOf(at *kong.Node) []*kong.Flag {
	flags := slices.Concat(at.AllFlags(true)...)
	if at.DefaultCmd != nil {
		flags = append(flags, at.DefaultCmd.Flags...)
	}
	return flags
}

// flagOf returns the flag that a word names, or nil.
func flagOf(at *kong.Node, word string) *kong.Flag {
	word, _, _ = strings.Cut(word, "=")
	for _, f := range flagsOf(at) {
		if word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

// flagsAt lists the flags that have a meaning for a command, its own first.
func flagsAt(at *kong.Node) (list []proposal) {
	flags := flagsOf(at)
	slices.Reverse(flags)
	for _, f := range flags {
		if !f.Hidden && (aboutSettings(at) || !ofServer(f)) {
			list = append(list, proposal{"--" + f.Name, f.Help})
		}
	}
	return list
}

// valuesOf lists the possible values of a flag or an argument.
func valuesOf(v *kong.Value) (list []proposal) {
	for _, word := range v.EnumSlice() {
		if word != "" {
			list = append(list, proposal{word: word})
		}
	}
	if len(list) > 0 {
		return list
	}
	holder := v.Tag.PlaceHolder
	switch {
	case v.Tag.Type == "existingdir", holder == "FOLDER", holder == "DIR":
		return []proposal{{word: anyFolder}}
	case v.Tag.Type == "path", v.Tag.Type == "existingfile", strings.Contains(holder, "FILE"), v.Flag == nil && strings.HasPrefix(v.Name, "file"):
		return []proposal{{word: anyFile}}
	}
	return nil
}
