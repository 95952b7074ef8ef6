package apps

import (
	"fmt"
	"slices"
	"strings"
)

// Right is a group of actions that a key may be limited to.
type Right string

// The rights. A table in package auth lists the capabilities of each; a method
// needs the right in its row.
const (
	Read     Right = "read"     // see what the user sees
	Draft    Right = "draft"    // read; write and change posts that are not public; read the terms
	Publish  Right = "publish"  // like Draft; also publish posts and pages, and read, change and delete public ones; terms
	Media    Right = "media"    // see, upload, change and delete files
	Comments Right = "comments" // read, write, moderate and delete comments
	Users    Right = "users"    // profiles
	Options  Right = "options"  // settings of the site
)

// Rights lists all rights.
func Rights() []Right { return []Right{Read, Draft, Publish, Media, Comments, Users, Options} }

// Scope limits what a key may do: it may do what both its user and the scope
// allow. The zero Scope allows everything.
type Scope struct {
	Rights  []Right  // empty: all
	Methods []string // XML-RPC methods by name; empty: all
}

// Allows reports whether the scope includes a right.
func (s Scope) Allows(r Right) bool { return len(s.Rights) == 0 || slices.Contains(s.Rights, r) }

// AllowsMethod reports whether the scope allows a method.
func (s Scope) AllowsMethod(name string) bool {
	return len(s.Methods) == 0 || slices.Contains(s.Methods, name)
}

// ParseScope parses rights and methods, each separated by white space or
// commas. Error: *Invalid.
func ParseScope(rights, methods string) (Scope, error) {
	var s Scope
	for _, name := range words(rights) {
		if !slices.Contains(Rights(), Right(name)) {
			return Scope{}, &Invalid{"scope", fmt.Sprintf("%.50q is not one of %s", name, joinRights(Rights()))}
		}
		if !slices.Contains(s.Rights, Right(name)) {
			s.Rights = append(s.Rights, Right(name))
		}
	}
	for _, name := range words(methods) {
		if !validMethod(name) {
			return Scope{}, &Invalid{"methods", fmt.Sprintf("%.50q is not a method name", name)}
		}
		if !slices.Contains(s.Methods, name) {
			s.Methods = append(s.Methods, name)
		}
	}
	if len(s.Methods) > maxMethods {
		return Scope{}, &Invalid{"methods", fmt.Sprintf("there are more than %d", maxMethods)}
	}
	return s, nil
}

// maxMethods limits the list of methods.
const maxMethods = 200

// CheckMethods refuses a scope that lists a method that does not exist: after a
// misspelling, the key could do less than intended. Methods that were in before
// may stay. Error: *Invalid, which suggests a name.
func (s *Store) CheckMethods(scope, before Scope) error {
	for _, name := range scope.Methods {
		if s.methods == nil || slices.Contains(s.methods, name) || slices.Contains(before.Methods, name) || strings.HasPrefix(name, "system.") {
			continue
		}
		why := fmt.Sprintf("there is no method %.50q", name)
		if near := nearest(name, s.methods); near != "" {
			why += "; did you mean " + near + "?"
		}
		return &Invalid{"methods", why}
	}
	return nil
}

// nearest returns the method with the most similar name, by the number of
// changed letters, with or without the part before the dot. It is empty if no
// name has less than half of its letters changed.
func nearest(name string, methods []string) (found string) {
	least := (len(name) + 1) / 2
	for _, m := range methods {
		_, short, _ := strings.Cut(m, ".")
		for _, known := range []string{m, short} {
			if d := distance(strings.ToLower(name), strings.ToLower(known)); d < least {
				found, least = m, d
			}
		}
	}
	return found
}

// distance returns how many letters must be inserted, removed or replaced to
// turn one text into the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

// validMethod reports whether XML-RPC allows a method name.
func validMethod(name string) bool {
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("_.:/", r)
	})
}

// clean returns the scope without duplicates, and refuses names that cannot be
// stored.
func (s Scope) clean() (Scope, error) {
	for _, name := range s.Methods {
		if !validMethod(name) {
			return Scope{}, &Invalid{"methods", fmt.Sprintf("%.50q is not a method name", name)}
		}
	}
	for _, r := range s.Rights {
		if !slices.Contains(Rights(), r) {
			return Scope{}, &Invalid{"scope", fmt.Sprintf("%.50q is not one of %s", string(r), joinRights(Rights()))}
		}
	}
	return ParseScope(s.Format())
}

// IsZero reports whether the scope allows everything.
func (s Scope) IsZero() bool { return len(s.Rights) == 0 && len(s.Methods) == 0 }

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

// Format formats the scope for ParseScope and for tables.
func (s Scope) Format() (rights, methods string) {
	return joinRights(s.Rights), strings.Join(s.Methods, " ")
}
