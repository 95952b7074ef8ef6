package database

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"

	"github.com/quillgate/quillgate/migrations"
)

// Sorted is the SQL by which texts that people write are put into order: as the root collation of Unicode has it
// (UTS 10), without regard to case and accents. Symbols stand before digits, digits before letters, and "Łódź" next to
// "lodz". WordPress's databases sort so. text is SQL too. Only the first 200 characters of a text count. An index over
// it serves it, if its expression is the same to the letter: that of posts by title is in migration 24.
func (db *DB) Sorted(text string) string { return sorted(db.dialect, db.collation, text) }

// Sorted is DB.Sorted.
func (tx *Tx) Sorted(text string) string { return sorted(tx.dialect, tx.db.collation, text) }

// maxSorted bounds how much of a text takes part in the order, in characters, and maxFolded what becomes of it: an entry
// of an index of PostgreSQL has 2,704 bytes at most.
const (
	maxSorted = 200
	maxFolded = 300
)

// rootCollation is the name of Unicode's root collation in PostgreSQL.
const rootCollation = "und-x-icu"

// collations looks for the root collation. A PostgreSQL that was built without ICU has none; there the order is that of
// the code points.
func (db *DB) collations(ctx context.Context) error {
	if db.dialect != migrations.Postgres {
		return nil
	}
	var n int
	if err := db.Get(ctx, &n, `SELECT COUNT(*) FROM pg_collation WHERE collname = $1`, rootCollation); err != nil {
		return fmt.Errorf("look for the collations of the database: %w", err)
	}
	if db.collation = `"C"`; n > 0 {
		db.collation = `"` + rootCollation + `"`
	}
	return nil
}

func sorted(dialect migrations.Dialect, collation, text string) string {
	if dialect != migrations.Postgres {
		return sortFunction + `(` + text + `)`
	}
	text = `left(` + folded(dialect, `left(`+text+`, `+strconv.Itoa(maxSorted)+`)`) + `, ` + strconv.Itoa(maxFolded) + `)`
	for i := 0; i < len(moved); i += 2 {
		text = `replace(` + text + `, '` + moved[i] + `', '` + moved[i+1] + `')`
	}
	return `(` + text + ` COLLATE ` + collation + `)`
}

// collators are those that rest: one cannot be used twice at a time.
var collators = sync.Pool{New: func() any { return collate.New(language.Und, collate.Loose) }}

// sortKey is what SQLite sorts a text by.
func sortKey(text string) []byte {
	for i, n := 0, 0; i < len(text); n++ {
		if n == maxSorted {
			text = text[:i]
			break
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i += size
	}
	if !ascii(text) {
		return collated(text)
	}
	var key []byte
	keys := asciiKeys()
	for i := range len(text) {
		key = append(key, keys[text[i]]...)
	}
	return key
}

func collated(text string) []byte {
	text = placed.Replace(Fold(behind(text)))
	c := collators.Get().(*collate.Collator)
	defer collators.Put(c)
	var b collate.Buffer
	return bytes.Clone(c.KeyFromString(&b, text))
}

// asciiKeys are the keys of the ASCII characters. That of a text is made of those of its characters, which spares most
// texts the collator.
var asciiKeys = sync.OnceValue(func() (keys [utf8.RuneSelf][]byte) {
	for c := range keys {
		keys[c] = collated(string(rune(c)))
	}
	return keys
})

// last is a character that stands behind all others: what follows "a"+last is behind everything that begins with "a",
// and before "b".
const last = "\U0010FFFD"

// moved are the symbols that newer tables sort elsewhere than WordPress's databases do, each with a text that stands where
// these have it: accents that stand alone behind the blank, © and ® behind ¶.
var (
	moved  = []string{"`", " " + last + "1", "^", " " + last + "2", "©", "¶" + last + "1", "®", "¶" + last + "2"}
	placed = strings.NewReplacer(moved...)
)

// behind moves letters and pictures behind all others, where WordPress's databases have them: Hangul, then what stands
// above the first plane.
func behind(text string) string {
	move := func(c rune) rune {
		switch {
		case c >= '\uAC00' && c <= '\uD7A3':
			return c - '\uAC00' + 0xF0000
		case c >= 0x1F000 && c <= 0x1FAFF:
			return c - 0x1F000 + 0xF3000
		}
		return c
	}
	if strings.IndexFunc(text, func(c rune) bool { return move(c) != c }) < 0 {
		return text
	}
	return strings.Map(move, text)
}
