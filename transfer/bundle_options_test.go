package transfer_test

import (
	"slices"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/options"
)

// A bundle may hold the two options that who_may_comment has replaced. They
// set it too.
func TestBundleWithFormerOptions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db, nil)
		if err := b.Options().Set(t.Context(), options.WhoMayComment, options.CommentersNobody); err != nil {
			t.Fatal(err)
		}
		b.mustImport(t, `{"options": {"anonymous_comments": true, "comment_registration": false}}`)
		o, err := b.Options().Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{o.Commenters(), o.Text("who_may_comment"), o.Text("anonymous_comments"), o.Text("comment_registration")}
		if want := []string{"anybody", "anybody", "1", "0"}; !slices.Equal(got, want) {
			t.Errorf("after the import: %q, want %q", got, want)
		}
	})
}
