package profiles_test

import (
	"html"
	"strings"
	"testing"
	"time"
)

// Lists show how long ago times were, or how far ahead they are, with the exact
// time in the title; for distant times they show the day.
func TestTimesAreRelative(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		registered, err := h.blog.Users.Get(t.Context(), h.bob.ID)
		if err != nil {
			t.Fatal(err)
		}
		at := registered.Registered.UTC()
		exact := at.Format("2 January 2006, 15:04")
		for _, test := range []struct {
			after time.Duration
			want  string
		}{
			{30 * time.Second, "just now"},
			{90 * time.Second, "1 minute ago"},
			{59*time.Minute + 59*time.Second, "59 minutes ago"},
			{time.Hour, "1 hour ago"},
			{23*time.Hour + 59*time.Minute, "23 hours ago"},
			{24 * time.Hour, "1 day ago"},
			{29*24*time.Hour + time.Hour, "29 days ago"},
			{30 * 24 * time.Hour, at.Format("2 January 2006")},
			{-90 * time.Second, "in 1 minute"},
			{-5 * time.Hour, "in 5 hours"},
			{-49 * time.Hour, "in 2 days"},
		} {
			h.clock.Set(at.Add(test.after))
			p := h.as(t, "ada").get("/admin/users")
			if want := `title="` + exact + `">` + test.want + "</time>"; !strings.Contains(html.UnescapeString(p.body), want) {
				t.Errorf("%s later the page lacks %q:\n%s", test.after, want, p.body)
			}
		}
	})
}
