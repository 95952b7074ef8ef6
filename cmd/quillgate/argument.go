package main

import (
	"regexp"
	"slices"
	"strings"
)

// argument is an argument that may be a negative number, such as the -3.5 in
// "option set gmt_offset -3.5". The parser would take one for a flag, so
// guarded marks it.
type argument string

// guard precedes negative numbers. No argument of a process contains it.
const guard = "\x00"

func (a argument) text() string { return strings.TrimPrefix(string(a), guard) }

var negative = regexp.MustCompile(`^-[0-9.]+$`)

// guarded marks the negative numbers after the commands that take some.
func guarded(args []string) []string {
	at := slices.Index(args, "call")
	if set := slices.Index(args, "set"); set > 0 && args[set-1] == "option" {
		at = set
	}
	if at < 0 {
		return args
	}
	args = slices.Clone(args)
	for i := at + 1; i < len(args); i++ {
		if negative.MatchString(args[i]) {
			args[i] = guard + args[i]
		}
	}
	return args
}
