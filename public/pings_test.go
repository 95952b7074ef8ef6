package public_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
)

// The pages tell other blogs whether a post accepts pingbacks, and the home
// page tells publishing clients where the endpoint is.
func TestPingbackAnnounced(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		blog := sitetest.Open(t, db, sitetest.Config{}).Site
		admin := auth.Identity{User: auth.User{ID: 1, Role: auth.Administrator}, Via: auth.ViaPassword}
		post := func(ping string) string {
			id, err := blog.CreatePost(t.Context(), admin, site.PostEdit{Title: new("A"), Content: new("x"), Status: new("publish"), PingStatus: &ping})
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("/?p=%d", id)
		}
		open, closed := post("open"), post("closed")
		pages, err := public.New(public.Config{Site: blog, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			option, path    string
			header, element bool
		}{
			{"off", "/", false, true},
			{"off", open, false, false},
			{"off", closed, false, false},
			{"on", "/", true, true},
			{"on", open, true, true},
			{"on", closed, false, false},
			{"on", "/nothing-here", false, false},
		} {
			if err := blog.Options().Set(t.Context(), "pingback", test.option); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			pages.Home(w, httptest.NewRequest("GET", test.path, nil))
			const endpoint = "https://blog.example/xmlrpc.php"
			header := w.Header().Get("X-Pingback") == endpoint
			element := strings.Contains(w.Body.String(), `<link rel="pingback" href="`+endpoint+`" />`)
			if header != test.header || element != test.element {
				t.Errorf("option %s, %s: header %t, element %t; want %t, %t", test.option, test.path, header, element, test.header, test.element)
			}
		}
	})
}
