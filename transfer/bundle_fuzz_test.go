package transfer_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/transfer"
)

// For any input, an import succeeds, or fails with a *BundleError and changes
// nothing.
func FuzzImport(f *testing.F) {
	text, err := os.ReadFile("testdata/bundle.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		strings.NewReplacer(`"password": "harbour-master-1", `, "", `"password": "ines-password-2", `, "").Replace(string(text)),
		`{"posts": [{"id": 1, "type": "attachment", "status": "inherit", "date": "2024-01-01 10:00:00", "file": "a.png", "image": {"width": 3, "height": 3}}]}`,
		`{"terms": [{"term_id": 1, "taxonomy": "category", "name": "a", "slug": "b", "parent": 2}, {"term_id": 2, "taxonomy": "category", "name": "a", "slug": "c", "parent": 1}]}`,
		`{"options": {"a": null, "b": [], "gmt_offset": 1e400}, "theme": null, "next_ids": {"posts": -5}}`,
		`{"posts": [[]], "users": null, "x": {"y": [{}]}}`,
	} {
		f.Add(seed)
	}
	db, err := database.Open(context.Background(), database.Config{URL: f.TempDir() + "/fuzz.db"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	b := openBlog(f, db, nil)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := b.Import(t.Context(), strings.NewReader(text))
		var bad *transfer.BundleError
		if err != nil && !errors.As(err, &bad) {
			t.Errorf("%v, want a *BundleError", err)
		}
	})
}
