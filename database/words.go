package database

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/quillgate/quillgate/migrations"
)

// A table of words says which words belong to an id. On SQLite it is one of
// FTS5 without content, with the column words and the tokenizer ascii; on
// PostgreSQL it has the columns id and words, a tsvector under a GIN index. A
// word is made of letters and digits only.

// PutWords sets the words of an id in a table of words.
func PutWords(ctx context.Context, tx *Tx, table string, id int64, words []string) error {
	var err error
	if tx.dialect == migrations.Postgres {
		_, err = tx.Exec(ctx, `INSERT INTO `+table+` (id, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' '))) ON CONFLICT (id) DO UPDATE SET words = excluded.words`,
			id, strings.Join(words, " "))
	} else if _, err = tx.Exec(ctx, `DELETE FROM `+table+` WHERE rowid = $1`, id); err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO `+table+` (rowid, words) VALUES ($1, $2)`, id, strings.Join(words, " "))
	}
	if err != nil {
		return fmt.Errorf("set words in %s: %w", table, err)
	}
	return nil
}

// WithWords is the SQL of a statement that gives the ids, as column hit, of a table of words that match a WordQuery, which
// is SQL too, a placeholder.
func (db *DB) WithWords(table, query string) string {
	if db.dialect == migrations.Postgres {
		return `SELECT id AS hit FROM ` + table + ` WHERE words @@ ` + query + `::tsquery`
	}
	return `SELECT rowid AS hit FROM ` + table + ` WHERE ` + table + ` MATCH ` + query
}

// HighestWithWords is WithWords for the highest ids only. SQLite walks down the
// lists of the words and stops; PostgreSQL, which might walk down the whole
// table instead, looks up all of them and sorts.
func (db *DB) HighestWithWords(table, query string, limit int) string {
	order := ` ORDER BY hit DESC LIMIT ` + strconv.Itoa(limit)
	if db.dialect == migrations.Postgres {
		return `SELECT hit FROM (` + db.WithWords(table, query) + ` OFFSET 0) AS hits` + order
	}
	return db.WithWords(table, query) + order
}

// WordQuery is the argument for WithWords that finds the ids that have all the
// words, or the one that stands for every word.
func (db *DB) WordQuery(words []string, every string) string {
	quote, and, or := `"`, ` AND `, ` OR `
	if db.dialect == migrations.Postgres {
		quote, and, or = `'`, ` & `, ` | `
	}
	return `(` + quote + strings.Join(words, quote+and+quote) + quote + `)` + or + quote + every + quote
}
