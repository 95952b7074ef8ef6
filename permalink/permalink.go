// Package permalink owns the forms of the addresses of posts: the structures of
// WordPress's option permalink_structure, such as
// /%year%/%monthnum%/%postname%/. It checks which structures can be used,
// parses addresses by them, and derives the structure from addresses. It knows
// nothing of a blog: package site makes and finds addresses by a structure.
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

// fields are the tags that a structure may have, with the pattern of each.
var fields = map[string]string{
	"%year%": `[0-9]{4}`, "%monthnum%": `[0-9]{1,2}`, "%day%": `[0-9]{1,2}`, "%hour%": `[0-9]{1,2}`, "%minute%": `[0-9]{1,2}`,
	"%second%": `[0-9]{1,2}`, "%post_id%": `[0-9]+`, "%postname%": `[^/]+`, "%author%": `[^/]+`, "%category%": `.+?`,
}

// reserved are the first parts of paths that servers use themselves; a test of
// package server compares them with its routes.
var reserved = []string{
	"admin", "authorize", "feed", "profile", "search", "setup", "signin", "signout", "theme",
	"wp-admin", "wp-content", "wp-includes", "wp-json", ".well-known",
}

// Tags returns the tags of a structure in order, such as %year%.
func Tags(structure string) []string { return tag.FindAllString(structure, -1) }

// Fill replaces each tag of a structure by a value.
func Fill(structure string, value func(tag string) string) string {
	return tag.ReplaceAllStringFunc(structure, value)
}

// Supported reports whether addresses can be made and found by a structure: all
// its tags are known, and one of them distinguishes posts. A blog may have
// another structure, from a bundle that an earlier version imported; its
// addresses are then plain.
func Supported(structure string) bool {
	tags := Tags(structure)
	for _, t := range tags {
		if fields[t] == "" {
			return false
		}
	}
	return slices.Contains(tags, "%postname%") || slices.Contains(tags, "%post_id%")
}

// Problem describes what is wrong with a structure that someone sets. It
// returns "" if the structure can be used, or is empty, which stands for plain
// addresses. The command line, pages, bundles and imports all use this check.
func Problem(structure string) string {
	if structure == "" {
		return ""
	}
	if !strings.HasPrefix(structure, "/") {
		return "must begin with a slash, such as /%year%/%monthnum%/%postname%/, or be empty for plain addresses"
	}
	for _, t := range Tags(structure) {
		if fields[t] == "" {
			return "holds " + t + ", which is not one of " + strings.Join(slices.Sorted(maps.Keys(fields)), " ")
		}
	}
	if !Supported(structure) {
		return "needs %postname% or %post_id%, to distinguish posts"
	}
	rest := tag.ReplaceAllString(structure, "")
	if strings.ContainsAny(rest, " \t\r\n?#%\"'<>\\") || strings.ContainsFunc(rest, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "has characters that an address cannot contain"
	}
	filled := Fill(structure, func(string) string { return "x" })
	if clean := path.Clean(filled); clean != strings.TrimSuffix(filled, "/") {
		return "has a part that is empty or is . or .., which browsers remove from addresses"
	}
	if first, _, _ := strings.Cut(structure[1:], "/"); slices.Contains(reserved, strings.ToLower(first)) {
		return "begins with /" + first + "/, which the server uses itself"
	}
	if len(structure) > MaxLength {
		return "is longer than 200 characters"
	}
	return ""
}

// Match parses a path by a structure, ignoring slashes at either end. It
// returns the tags, and the text of each in the path; ok is false if the path
// has another form.
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

// Shapes are the structures that WordPress offers, the plain one first. Any
// other structure without a Problem can be used too.
var Shapes = []Shape{
	{"Plain", ""},
	{"Day and name", "/%year%/%monthnum%/%day%/%postname%/"},
	{"Month and name", "/%year%/%monthnum%/%postname%/"},
	{"Number", "/archives/%post_id%"},
	{"Post name", "/%postname%/"},
}

// Example returns the path that a post of the given time has by a structure,
// with the query for plain addresses. People see it next to a shape.
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

// Date returns the text in an address for a tag of the date, or "" for other
// tags.
func Date(tag string, at time.Time) string {
	layout := map[string]string{"%year%": "2006", "%monthnum%": "01", "%day%": "02", "%hour%": "15", "%minute%": "04", "%second%": "05"}[tag]
	if layout == "" {
		return ""
	}
	return at.Format(layout)
}
