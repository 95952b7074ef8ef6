package apps

import (
	"slices"
	"strings"
)

// Right is one kind of thing that a key may be limited to.
type Right string

// The rights there are. What each holds is in the table of package auth; a method needs the one of its row.
const (
	Read     Right = "read"     // see what the user sees
	Draft    Right = "draft"    // write and change what is not public
	Publish  Right = "publish"  // make posts and pages public, change and delete public ones
	Media    Right = "media"    // upload, change and delete files
	Comments Right = "comments" // write, moderate and delete comments
	Users    Right = "users"    // profiles
	Options  Right = "options"  // settings of the site
)

// Rights lists the rights.
func Rights() []Right { return []Right{Read, Draft, Publish, Media, Comments, Users, Options} }

// Scope narrows what a key may do: it has what its user has and the scope lets through. The zero Scope lets everything
// through.
type Scope struct {
	Rights  []Right  // empty: all
	Methods []string // XML-RPC methods by name; empty: all
}

// Allows tells whether the scope holds a right.
func (s Scope) Allows(r Right) bool { return len(s.Rights) == 0 || slices.Contains(s.Rights, r) }

// AllowsMethod tells whether the scope lets a method be called.
func (s Scope) AllowsMethod(name string) bool {
	return len(s.Methods) == 0 || slices.Contains(s.Methods, name)
}

// ParseScope reads rights and methods, each parted by white space or commas. Error: *Invalid.
func ParseScope(rights, methods string) (Scope, error) {
	var s Scope
	for _, name := range words(rights) {
		if !slices.Contains(Rights(), Right(name)) {
			return Scope{}, &Invalid{"scope", name + " is none of " + joinRights(Rights())}
		}
		if !slices.Contains(s.Rights, Right(name)) {
			s.Rights = append(s.Rights, Right(name))
		}
	}
	for _, name := range words(methods) {
		if !slices.Contains(s.Methods, name) {
			s.Methods = append(s.Methods, name)
		}
	}
	return s, nil
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}

func joinRights(list []Right) string {
	var names []string
	for _, r := range list {
		names = append(names, string(r))
	}
	return strings.Join(names, " ")
}

// stored is the scope as the table has it.
func (s Scope) stored() (rights, methods string) {
	return joinRights(s.Rights), strings.Join(s.Methods, " ")
}
