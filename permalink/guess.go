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

// Post is what tells how the address of a post was made.
type Post struct {
	ID   int64
	Name string // its slug, escaped as it is stored
	Date time.Time
}

// maxGuesses bounds the structures that are guessed of one address.
const maxGuesses = 64

var digits = regexp.MustCompile(`[0-9]+`)

// Guess returns structures by which a post may have an address, which is of the
// form of Old: at most 64. Every place in which the post's own words and
// numbers stand is a tag; a word of another kind may be itself, the category or
// the author. Whoever knows the blog finds out which is right, by making the
// addresses of several posts. It takes time linear in the address.
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
			if len(out) < maxGuesses && Problem(s) == "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// plainName is a slug in the form of Old.
func plainName(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	return strings.ToLower(norm.NFC.String(strings.ToValidUTF8(name, "")))
}

// join puts each of some texts behind each of others, as long as these are few.
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

// dateParts splits a text into what may stand for its numbers, and what is between them.
func dateParts(text string, p Post) [][]string {
	var parts [][]string
	at := 0
	for _, place := range digits.FindAllStringIndex(text, -1) {
		parts = append(parts, []string{text[at:place[0]]}, numberParts(text[place[0]:place[1]], p))
		at = place[1]
	}
	return append(parts, []string{text[at:]})
}

// numberParts are the tags that a number may stand for, or the number itself when there are none.
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

// wordParts are a structure and what it may be with a category or an author in the place of words.
func wordParts(structure string) []string {
	parts := strings.Split(structure, "/")
	list := []string{structure}
	first, last := -1, -1 // the words in a row that come first
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
