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

// Sorted returns the SQL for sorting texts that people write: by the root
// collation of Unicode (UTS 10), ignoring case and accents. Symbols come before
// digits, digits before letters, and "Łódź" next to "lodz", as in WordPress's
// databases. text is SQL too. Only the first 200 characters of a text count. An
// index serves it if its expression is identical: that for post titles is in
// migration 24.
func (db *DB) Sorted(text string) string { return sorted(db.dialect, db.collation, text) }

// Sorted is DB.Sorted.
func (tx *Tx) Sorted(text string) string { return sorted(tx.dialect, tx.db.collation, text) }

// maxSorted is how many characters of a text take part in the order, and
// maxFolded the largest length of the result: an index entry of PostgreSQL has
// at most 2,704 bytes.
const (
	maxSorted = 200
	maxFolded = 300
)

// rootCollation is the name of Unicode's root collation in PostgreSQL.
const rootCollation = "und-x-icu"

// collations looks for the root collation. A PostgreSQL built without ICU does
// not have it and sorts by code points.
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

// collators holds idle collators: one cannot be used concurrently.
var collators = sync.Pool{New: func() any { return collate.New(language.Und, collate.Loose) }}

// sortKey returns the key by which SQLite sorts a text.
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

// asciiKeys are the keys of the ASCII characters. The key of an ASCII text is
// made from those of its characters, so most texts need no collator.
var asciiKeys = sync.OnceValue(func() (keys [utf8.RuneSelf][]byte) {
	for c := range keys {
		keys[c] = collated(string(rune(c)))
	}
	return keys
})

// last is a character that sorts after all others: "a"+last sorts after
// everything that begins with "a", and before "b".
const last = "\U0010FFFD"

// moved are the symbols that newer tables sort differently than WordPress's
// databases, each with a text that sorts where those databases have it:
// stand-alone accents after the blank, © and ® after ¶.
var (
	moved  = []string{"`", " " + last + "1", "^", " " + last + "2", "©", "¶" + last + "1", "®", "¶" + last + "2"}
	placed = strings.NewReplacer(moved...)
)

// behind moves letters and emoji after all others, where WordPress's databases
// have them: Hangul, then characters outside the first plane.
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
