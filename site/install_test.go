package site_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/site"
)

// A new blog has its category and nothing else. Opening it again changes
// nothing.
func TestInstall(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		first := openBlog(t, db, nil)
		before := content(t, first.Site)
		var terms []string
		err := db.Select(t.Context(), &terms, `SELECT CAST(id AS TEXT) || '|' || taxonomy || '|' || name || '|' || slug || '|' || CAST(parent AS TEXT)
			|| '|' || description || '|' || CAST(count AS TEXT) FROM terms`)
		if diff := cmp.Diff([]string{"1|category|Uncategorized|uncategorized|0||0"}, terms); err != nil || diff != "" {
			t.Errorf("terms: %v (-want +got):\n%s", err, diff)
		}
		second, err := site.Open(t.Context(), site.Config{DB: db, Users: first.users, BaseURL: "https://blog.example"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, content(t, second)); diff != "" {
			t.Errorf("a second opening changes:\n%s", diff)
		}
	})
}
