package database

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"modernc.org/sqlite"

	"github.com/quillgate/quillgate/migrations"
)

// Folded returns the SQL for a text without case and accents, for comparing and
// searching texts that people write: "Ärger" like "arger", "Łódź" like "lodz".
// text is SQL too, a column or a placeholder. The two engines fold letters of
// rare scripts differently (PostgreSQL uses its locale for the case), so fold
// both sides of a comparison with it. No index serves it: it is for queries
// that read every row anyway.
func (db *DB) Folded(text string) string { return folded(db.dialect, text) }

// Folded is DB.Folded.
func (tx *Tx) Folded(text string) string { return folded(tx.dialect, text) }

func folded(dialect migrations.Dialect, text string) string {
	if dialect != migrations.Postgres {
		return foldFunction + `(` + text + `)`
	}
	// ASCII text, by far the most common, skips the work.
	text = `(` + text + `)::text`
	plain := `regexp_replace(normalize(` + text + `, NFKD), '[\u0300-\u036f]', '', 'g')`
	var from, to strings.Builder
	for _, l := range plainLetters {
		for _, c := range []rune{unicode.ToUpper(l.letter), l.letter} {
			if utf8.RuneCountInString(l.plain) == 1 {
				from.WriteRune(c)
				to.WriteString(l.plain)
			} else {
				plain = `replace(` + plain + `, '` + string(c) + `', '` + l.plain + `')`
			}
		}
	}
	plain = `translate(` + plain + `, '` + from.String() + `', '` + to.String() + `')`
	return `(CASE WHEN octet_length(` + text + `) = char_length(` + text + `) THEN LOWER(` + text + `) ELSE LOWER(` + plain + `) END COLLATE "C")`
}

// plainLetters are the letters that Unicode does not decompose into a plain
// letter and a mark.
var plainLetters = []struct {
	letter rune // in lower case
	plain  string
}{
	{'ß', "ss"}, {'æ', "ae"}, {'œ', "oe"}, {'ø', "o"}, {'ł', "l"}, {'đ', "d"}, {'ð', "d"}, {'ħ', "h"}, {'ı', "i"},
}

// PlainLetter returns the plain letters for a lower-case letter that Unicode
// does not decompose, and "" for every other.
func PlainLetter(c rune) string {
	for _, l := range plainLetters {
		if l.letter == c {
			return l.plain
		}
	}
	return ""
}

// Names of fold and sortKey in SQLite.
const (
	foldFunction = "fold_text"
	sortFunction = "sort_text"
)

// addTexts registers fold and sortKey with a driver.
func addTexts(d *sqlite.Driver) error {
	err := d.RegisterDeterministicScalarFunction(foldFunction, 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		switch v := args[0].(type) {
		case nil:
			return nil, nil
		case string:
			return Fold(v), nil
		}
		return Fold(fmt.Sprint(args[0])), nil
	})
	if err != nil {
		return err
	}
	return d.RegisterDeterministicScalarFunction(sortFunction, 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		text, ok := args[0].(string)
		if !ok && args[0] != nil {
			text = fmt.Sprint(args[0])
		}
		return sortKey(text), nil
	})
}

// Fold returns a text as Folded makes it on SQLite and, except for rare
// scripts, on PostgreSQL.
func Fold(text string) string {
	if ascii(text) {
		return strings.ToLower(text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, c := range norm.NFKD.String(text) {
		if unicode.Is(unicode.Mn, c) && c <= '\u036f' {
			continue
		}
		c = unicode.ToLower(c)
		if plain := PlainLetter(c); plain != "" && c >= utf8.RuneSelf {
			b.WriteString(plain)
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
