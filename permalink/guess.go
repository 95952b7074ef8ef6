package permalink

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Post holds the values that may occur in the address of a post.
type Post struct {
	ID   int64
	Name string // its slug, escaped as it is stored
	Date time.Time
}

// maxGuesses bounds the structures that are guessed from one address.
const maxGuesses = 64

var digits = regexp.MustCompile(`[0-9]+`)

// Guess returns at most 64 structures by which a post may have an address,
// which is in the form of Old. Each part of the address that matches a value of
// the post becomes a tag. Any other word may be literal, the category or the
// author. A caller that knows the blog can find the right structure by making
// the addresses of several posts. Guess takes time linear in the length of the
// address.
func Guess(address string, p Post) []string {
	if len(address) > MaxOld || strings.ContainsAny(address, "?%") {
		return nil
	}
	front, back := address, ""
	named := false
	if name := plainName(p.Name); name != "" {
		if at := strings.LastIndex(address, name); at >= 0 {
			named = true
			front, back = address[:at], address[at+len(name):]
		}
	}
	middle := ""
	if named {
		middle = "%postname%"
	}
	guesses := []string{""}
	for _, part := range dateParts(front, p) {
		guesses = join(guesses, part)
	}
	for i := range guesses {
		guesses[i] += middle
	}
	for _, part := range dateParts(back, p) {
		guesses = join(guesses, part)
	}
	var out []string
	for _, g := range guesses {
		for _, s := range wordParts(g) {
			if len(out) < maxGuesses && s != "" && Problem(s) == "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// plainName returns a slug in the form of Old.
func plainName(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	return strings.ToLower(norm.NFC.String(strings.ToValidUTF8(name, "")))
}

// join appends each of some texts to each of others, up to a limit.
func join(list, parts []string) []string {
	const most = 16
	var out []string
	for _, part := range parts {
		for _, g := range list {
			if len(out) < most {
				out = append(out, g+part)
			}
		}
	}
	return out
}

// dateParts splits a text into the possible tags for its numbers, and the text
// between them.
func dateParts(text string, p Post) [][]string {
	var parts [][]string
	at := 0
	for _, place := range digits.FindAllStringIndex(text, -1) {
		parts = append(parts, []string{text[at:place[0]]}, numberParts(text[place[0]:place[1]], p))
		at = place[1]
	}
	return append(parts, []string{text[at:]})
}

// numberParts returns the tags that a number may stand for, or the number
// itself if there are none.
func numberParts(number string, p Post) (list []string) {
	switch number {
	case p.Date.Format("2006"):
		list = append(list, "%year%")
	case p.Date.Format("200601"):
		list = append(list, "%year%%monthnum%")
	case p.Date.Format("20060102"):
		list = append(list, "%year%%monthnum%%day%")
	}
	for _, t := range []string{"%monthnum%", "%day%", "%hour%", "%minute%", "%second%"} {
		if Date(t, p.Date) == number {
			list = append(list, t)
		}
	}
	if strconv.FormatInt(p.ID, 10) == number {
		list = append(list, "%post_id%")
	}
	if len(list) == 0 {
		list = append(list, number)
	}
	return list
}

// wordParts returns a structure, and its variants with a category or an author
// in place of words.
func wordParts(structure string) []string {
	parts := strings.Split(structure, "/")
	list := []string{structure}
	first, last := -1, -1 // the first run of words
	for i, part := range parts {
		if part != "" && !strings.Contains(part, "%") && i < len(parts)-1 {
			if first < 0 {
				first = i
			}
			last = i
		} else if first >= 0 {
			break
		}
	}
	const most = 5
	if first < 0 || last-first >= most {
		return list
	}
	with := func(from, to int, tag string) {
		list = append(list, strings.Join(slices.Concat(parts[:from], []string{tag}, parts[to+1:]), "/"))
	}
	for i := first; i <= last; i++ {
		with(i, last, "%category%")
		with(i, i, "%author%")
	}
	return list
}
