package public_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
)

// Pages link to the icon of the blog, and /favicon.ico leads to it. A blog
// without an icon of its own has the built-in one.
func TestIcon(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{Icon: "/built-in.svg"})
		own := f.upload(t, "logo.png", 400, 400)
		for _, test := range []struct{ option, want string }{
			{"", "/built-in.svg"},
			{"no number", "/built-in.svg"},
			{"987654", "/built-in.svg"}, // deleted
			{fmt.Sprint(f.post(t, "Post", "text")), "/built-in.svg"},
			{fmt.Sprint(own.ID), base + "/wp-content/uploads/" + strings.TrimSuffix(own.File, ".png") + "-150x150.png"},
		} {
			if test.option != "" {
				_, err := db.Exec(t.Context(), `INSERT INTO options (name, value) VALUES ('site_icon', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, test.option)
				if err != nil {
					t.Fatal(err)
				}
			}
			expect(t, "the home page with "+test.option, f.get(t, "/"), 200, `<link rel="icon" href="`+test.want+`" />`)
			w := f.get(t, "/favicon.ico")
			if got := w.Header().Get("Location"); w.Code != 302 || got != test.want {
				t.Errorf("site_icon %q: /favicon.ico answers %d to %q, want %q", test.option, w.Code, got, test.want)
			}
		}
	})
}
