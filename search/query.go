package search

import (
	"slices"
	"strings"

	"github.com/quillgate/quillgate/database"
)

// Query is the parsed text of a search.
type Query struct{ words []word }

type word struct {
	text string
	not  bool // must not occur
}

// Empty reports whether the query has no words. An empty query matches every
// post.
func (s Query) Empty() bool { return len(s.words) == 0 }

// maxWords is the largest number of words in a search.
const maxWords = 9

// smallWords are too common to search for.
const smallWords = " about an are as at be by com for from how in is it of on or that the this to was what when where who will with www "

// Parse splits a search at white space and commas; text in double quotes stays
// together. It drops single letters and small words. If nothing remains, or
// more than nine words, it searches for s as it is. A word after a hyphen must
// not occur.
func Parse(s string) (q Query) {
	for _, w := range split(s) {
		if len(w) > 1 && w[0] == '-' {
			q.words = append(q.words, word{w[1:], true})
		} else {
			q.words = append(q.words, word{w, false})
		}
	}
	return q
}

func split(s string) []string {
	s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
	var words []string
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.FieldsFunc(part, func(c rune) bool { return strings.ContainsRune(" \t\f\v,+", c) })...)
	}
	words = slices.DeleteFunc(words, func(w string) bool {
		w = strings.TrimSpace(asciiLower(w))
		return w == "" || w == "-" || len(w) == 1 && w >= "a" && w <= "z" || strings.Contains(smallWords, " "+w+" ")
	})
	if s != "" && (len(words) == 0 || len(words) > maxWords) {
		return []string{s}
	}
	return words
}

// Condition returns the SQL conditions for the words, each preceded by AND, for
// a post p. One of the databases folds the case of ASCII letters only, so a
// word is searched for in both cases where they differ. add adds an argument
// and returns its placeholder.
func (s Query) Condition(q database.Queryer, add func(any) string) string {
	var b strings.Builder
	for _, w := range s.words {
		not, either := "", " OR "
		if w.not {
			not, either = "NOT ", " AND "
		}
		forms := []string{asciiLower(w.text)}
		if lower := strings.ToLower(w.text); lower != forms[0] {
			forms = append(forms, lower)
		}
		var alternatives []string
		for _, form := range forms {
			pattern := q.Folded(add("%" + database.Like(form) + "%"))
			for _, column := range []string{"title", "excerpt", "content"} {
				alternatives = append(alternatives, q.Folded(`p.`+column)+` `+not+`LIKE `+pattern+` ESCAPE '\'`)
			}
		}
		b.WriteString(` AND (` + strings.Join(alternatives, either) + `)`)
	}
	return b.String()
}

// Often is Condition for queries for which Candidates prefers a walk through
// the posts. PostgreSQL assumes that all words are rare, and would read all
// posts; of a CASE it assumes that half are true.
func (s Query) Often(q database.Queryer, add func(any) string, more string) string {
	if s.Empty() {
		return more
	}
	return ` AND CASE WHEN TRUE` + s.Condition(q, add) + more + ` THEN TRUE ELSE FALSE END`
}

func asciiLower(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}
