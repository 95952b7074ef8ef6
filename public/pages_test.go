package public_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
	"github.com/quillgate/quillgate/transfer"
)

// blog is a site with posts of every visibility, and its pages at base.
func blog(t *testing.T, db *database.DB, base string) (http.Handler, *site.Site) {
	t.Helper()
	ctx := context.Background()
	s := sitetest.Open(t, db, sitetest.Config{BaseURL: base}).Site
	if _, err := transfer.New(s).Import(ctx, strings.NewReader(bundle)); err != nil {
		t.Fatal(err)
	}
	pages, err := public.New(public.Config{Site: s})
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(pages.Home), s
}

const bundle = `{"options": {"blog_title": "Tea &amp; talk"},
"users": [{"id": 1, "login": "ada", "role": "administrator", "email": "", "first_name": "", "last_name": "", "nickname": "ada", "nicename": "ada",
 "display_name": "Ada", "url": "", "bio": "", "registered_gmt": "2023-12-01 08:00:00"}],
"posts": [
` + one + `"id": 2, "type": "post", "status": "publish", "title": "Shown &amp; <em>seen</em>", "name": "shown", "content": "First line\nsecond\n\n<script>alert(1)</script><p onclick=\"x()\">Third <img src=\"http://blog.example/a.png\" alt=\"\"></p>", "password": ""},
` + one + `"id": 3, "type": "post", "status": "draft", "title": "Hidden draft", "name": "draft", "content": "hidden text", "password": ""},
` + one + `"id": 4, "type": "post", "status": "private", "title": "Hidden private", "name": "private", "content": "hidden text", "password": ""},
` + one + `"id": 5, "type": "post", "status": "publish", "title": "Locked", "name": "locked", "content": "hidden text", "password": "sesame"},
` + one + `"id": 6, "type": "page", "status": "publish", "title": "About", "name": "about", "content": "One paragraph\n\nand another", "password": ""},
` + one + `"id": 7, "type": "post", "status": "trash", "title": "Hidden in the bin", "name": "bin__trashed", "content": "hidden text", "password": ""}
]}`

const one = `{"author": 1, "excerpt": "", "parent": 0, "menu_order": 0, "comment_status": "open", "ping_status": "open", "date": "2024-01-01 10:00:00",
 "date_gmt": "2024-01-01 10:00:00", "modified": "2024-01-01 10:00:00", "modified_gmt": "2024-01-01 10:00:00", "mime_type": "", "sticky": false, "terms": [], "meta": [], `

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func TestPages(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		h, s := blog(t, db, "http://blog.example/sub")
		if err := s.Options().Set(context.Background(), "permalink_structure", "/%year%/%postname%/"); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			target string
			status int
			want   []string
		}{
			{"/", 200, []string{"<title>Tea &amp; talk</title>", `<a href="http://blog.example/sub/2024/shown/">Shown &amp; seen</a>`, "Locked"}},
			{"/?p=2", 301, nil},
			{"/2024/shown/", 200, []string{"<h1>Shown &amp; seen</h1>", `<link rel="canonical" href="http://blog.example/sub/2024/shown/" />`, `src="http://blog.example/a.png"`}},
			{"/2023/shown/", 404, []string{"nothing at this address"}},
			{"/about/", 200, []string{"<p>One paragraph</p>", "<p>and another</p>"}},
			{"/?page_id=6", 301, nil},
			{"/?p=3", 404, nil},
			{"/?p=4", 404, nil},
			{"/2024/locked/", 200, []string{"protected by a password"}},
			{"/?p=7", 404, nil},
			{"/?p=99", 404, nil},
			{"/?p=x", 404, nil},
			{"/page/2/", 404, nil},
		}
		for _, tt := range tests {
			w := get(h, tt.target)
			body := w.Body.String()
			if w.Code != tt.status {
				t.Errorf("%s: got %d, want %d", tt.target, w.Code, tt.status)
			}
			for _, want := range tt.want {
				if !strings.Contains(body, want) {
					t.Errorf("%s: got no %s in\n%s", tt.target, want, body)
				}
			}
			for _, not := range []string{"hidden text", "Hidden", "<script", "onclick", "sesame"} {
				if strings.Contains(body, not) {
					t.Errorf("%s: got %q, which nobody may see, in\n%s", tt.target, not, body)
				}
			}
			if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
				t.Errorf("%s: got the policy %q, which lets scripts run", tt.target, policy)
			}
		}
	})
}
