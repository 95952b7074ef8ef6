// Package permalink owns the shapes of the addresses of posts: the structures
// of WordPress's option permalink_structure, such as
// /%year%/%monthnum%/%postname%/. It says which of them can be used, reads
// addresses by them, and reads the structure off addresses. It knows no blog:
// package site makes and finds addresses by a structure.
package permalink

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// MaxLength bounds a structure that someone sets, in bytes.
const MaxLength = 200

var tag = regexp.MustCompile(`%[a-z_]+%`)

// fields are the parts of an address that a structure may name, with the pattern of each.
var fields = map[string]string{
	"%year%": `[0-9]{4}`, "%monthnum%": `[0-9]{1,2}`, "%day%": `[0-9]{1,2}`, "%hour%": `[0-9]{1,2}`, "%minute%": `[0-9]{1,2}`,
	"%second%": `[0-9]{1,2}`, "%post_id%": `[0-9]+`, "%postname%": `[^/]+`, "%author%": `[^/]+`, "%category%": `.+?`,
}

// reserved are the first parts of paths below which a server has pages of its
// own; a test of package server compares them with its routes.
var reserved = []string{
	"admin", "authorize", "feed", "profile", "search", "setup", "signin", "signout", "theme",
	"wp-admin", "wp-content", "wp-includes", "wp-json", ".well-known",
}

// Tags returns the tags of a structure in their order, such as %year%.
func Tags(structure string) []string { return tag.FindAllString(structure, -1) }

// Fill puts a value in the place of each tag of a structure.
func Fill(structure string, value func(tag string) string) string {
	return tag.ReplaceAllStringFunc(structure, value)
}

// Supported reports whether addresses can be made and found by a structure: all
// its tags are known, and one of them tells one post from another. A blog may
// hold another, of a bundle that an earlier version took in; its addresses are
// plain.
func Supported(structure string) bool {
	tags := Tags(structure)
	for _, t := range tags {
		if fields[t] == "" {
			return false
		}
	}
	return slices.Contains(tags, "%postname%") || slices.Contains(tags, "%post_id%")
}

// Problem says in words what is wrong with a structure that someone sets. It
// is "" when the structure can be used, or is empty, which stands for plain
// addresses. This is the one rule for the command line, pages, bundles and
// imports.
func Problem(structure string) string {
	if structure == "" {
		return ""
	}
	if !strings.HasPrefix(structure, "/") {
		return "has to begin with a slash, such as /%year%/%monthnum%/%postname%/, or to be empty for plain addresses"
	}
	for _, t := range Tags(structure) {
		if fields[t] == "" {
			return "holds " + t + ", which is not one of " + strings.Join(slices.Sorted(maps.Keys(fields)), " ")
		}
	}
	if !Supported(structure) {
		return "needs %postname% or %post_id%, by which one post is told from another"
	}
	rest := tag.ReplaceAllString(structure, "")
	if strings.ContainsAny(rest, " \t\r\n?#%\"'<>\\") || strings.ContainsFunc(rest, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "holds characters that have no place in an address"
	}
	filled := Fill(structure, func(string) string { return "x" })
	if clean := path.Clean(filled); clean != strings.TrimSuffix(filled, "/") {
		return "holds an empty part, or one that is . or .., which browsers take out of addresses"
	}
	if first, _, _ := strings.Cut(structure[1:], "/"); slices.Contains(reserved, strings.ToLower(first)) {
		return "begins with /" + first + "/, where the server has other pages"
	}
	if len(structure) > MaxLength {
		return "is longer than 200 characters"
	}
	return ""
}

// Match reads a path by a structure, whose slashes at either end do not count.
// It returns the tags and the text of each in the path; ok is false when the
// path has another form.
func Match(structure, path string) (tags, values []string, ok bool) {
	if structure == "" {
		return nil, nil, false
	}
	pattern := Fill(regexp.QuoteMeta(strings.Trim(structure, "/")), func(t string) string {
		tags = append(tags, t)
		return "(" + fields[t] + ")"
	})
	match, err := regexp.Compile("^" + pattern + "$")
	if err != nil {
		return nil, nil, false
	}
	found := match.FindStringSubmatch(strings.Trim(path, "/"))
	if found == nil {
		return nil, nil, false
	}
	return tags, found[1:], true
}

// A Shape is a structure that people choose from a list.
type Shape struct {
	Name      string // in words, such as "Month and name"
	Structure string
}

// Shapes are those that WordPress offers, the plain one first. Every other
// structure in which Problem finds nothing can be used too.
var Shapes = []Shape{
	{"Plain", ""},
	{"Day and name", "/%year%/%monthnum%/%day%/%postname%/"},
	{"Month and name", "/%year%/%monthnum%/%postname%/"},
	{"Number", "/archives/%post_id%"},
	{"Post name", "/%postname%/"},
}

// Example is the path that a post of that moment has by a structure, with the
// query of plain addresses: what people see next to a shape.
func Example(structure string, at time.Time) string {
	if structure == "" || !Supported(structure) {
		return "/?p=123"
	}
	return Fill(structure, func(t string) string {
		switch t {
		case "%post_id%":
			return "123"
		case "%postname%":
			return "sample-post"
		case "%author%":
			return "author"
		case "%category%":
			return "category"
		}
		return Date(t, at)
	})
}

// Date is what stands in an address for a tag of the date; "" for other tags.
func Date(tag string, at time.Time) string {
	layout := map[string]string{"%year%": "2006", "%monthnum%": "01", "%day%": "02", "%hour%": "15", "%minute%": "04", "%second%": "05"}[tag]
	if layout == "" {
		return ""
	}
	return at.Format(layout)
}
