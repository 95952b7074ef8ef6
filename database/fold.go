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

// Folded is the SQL for a text without its case and its accents, by which texts that people write are compared, searched
// and sorted: "Ärger" like "arger". text is SQL too, a column or a placeholder. What the two databases make of a letter
// differs in rare scripts (PostgreSQL goes by its locale for the case), so both sides of a comparison have to be folded
// by it. It is for queries that look at every row anyway: no index serves it.
func (db *DB) Folded(text string) string { return folded(db.dialect, text) }

// Folded is DB.Folded.
func (tx *Tx) Folded(text string) string { return folded(tx.dialect, text) }

func folded(dialect migrations.Dialect, text string) string {
	if dialect != migrations.Postgres {
		return foldFunction + `(` + text + `)`
	}
	// Text of ASCII alone, which most is, is spared the work.
	text = `(` + text + `)::text`
	return `(CASE WHEN octet_length(` + text + `) = char_length(` + text + `) THEN LOWER(` + text + `)
		ELSE LOWER(regexp_replace(normalize(` + text + `, NFKD), '[\u0300-\u036f]', '', 'g')) END COLLATE "C")`
}

// foldFunction is the name of fold in SQLite.
const foldFunction = "fold_text"

// addFold makes fold known to the connections of a driver.
func addFold(d *sqlite.Driver) error {
	return d.RegisterDeterministicScalarFunction(foldFunction, 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		switch v := args[0].(type) {
		case nil:
			return nil, nil
		case string:
			return fold(v), nil
		}
		return fold(fmt.Sprint(args[0])), nil
	})
}

func fold(text string) string {
	ascii := true
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(text)
	}
	return strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) && c <= '\u036f' {
			return -1
		}
		return unicode.ToLower(c)
	}, norm.NFKD.String(text))
}
