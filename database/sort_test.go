package database_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// inOrder lists texts in the order of a WordPress database
// (utf8mb4_unicode_520_ci of MariaDB). Those in later come after them on one of
// our databases: PostgreSQL's ICU sorts Hangul before Han.
var (
	inOrder = []string{
		"", "  two blanks", " blank", "`tick`", "^caret", "_under", "-dash", "– long dash", ", comma", "!", "¡Hola!", "?", "¿Qué?", ".dot", "'single'", "‘typographic’",
		`"double"`, "“typographic”", "„low“", "«guillemets»", "(parenthesis)", "[bracket]", "© mark", "@user", "*", "/", "&", "#tag", "%", "+", "<3", "=", "|", "~",
		"$100", "£5", "€100", "0", "1", "½ price", "10", "2", "A b", "a_b", "a-b", "Æ", "Aether", "Æther", "afar", "Ångström", "Arger", "ɐ turned", "b", "Đà Nẵng", "daft",
		"Ebro", "lodge", "Łódź", "lz", "m", "Ñandú", "nb", "Œ", "oeuvre", "Œuvre", "of", "Øre", "øresund", "ss", "ß", "ẞ", "st", "Straße", "STRASSE", "strata", "Zebra", "Žižek", "þing",
		"Ελλάς", "Журнал", "ქართული", "Հայերեն", "כותרת", "عنوان", "हिन्दी", "ไทย", "ひらがな", "日本語",
	}
	later = []string{"한국어", "😀 emoji"}
)

func TestSortedIsTheOrderOfPeople(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		want := inOrder
		if db.Sorted("title") == "sort_text(title)" {
			want = append(slices.Clone(inOrder), later...)
		}
		err := db.Update(t.Context(), func(tx *database.Tx) error {
			if _, err := tx.Exec(t.Context(), `CREATE TABLE shelf (place BIGINT, title TEXT)`); err != nil {
				return err
			}
			for place := range slices.Backward(want) {
				if _, err := tx.Exec(t.Context(), `INSERT INTO shelf VALUES ($1, $2)`, place, want[place]); err != nil {
					return err
				}
			}
			return nil
		})
		var got []string
		if err == nil {
			err = db.Select(t.Context(), &got, `SELECT title FROM shelf ORDER BY `+db.Sorted("title")+`, place`)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
