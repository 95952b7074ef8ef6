package public_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
)

const base = "https://blog.example"

// face is a blog with its pages, and a clock that the test sets.
type face struct {
	*site.Site
	http.Handler
	db    *database.DB
	users *auth.Users
	admin auth.Identity
	clock *databasetest.Clock
}

func openFace(t testing.TB, db *database.DB, cfg public.Config) *face {
	t.Helper()
	f := &face{db: db, clock: databasetest.NewClock(time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC))}
	blog := sitetest.Open(t, db, sitetest.Config{BaseURL: base, Clock: f.clock.Now})
	f.Site, f.users = blog.Site, blog.Users
	f.admin = f.user(t, "ada", auth.Administrator)
	cfg.Site = f.Site
	f.Handler = routes(t, cfg)
	return f
}

// routes serves pages at the addresses that the server uses.
func routes(t testing.TB, cfg public.Config) http.Handler {
	t.Helper()
	pages, err := public.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", pages.Home)
	mux.HandleFunc("/style.css", pages.Style)
	mux.HandleFunc("/theme/", pages.ThemeFile)
	mux.HandleFunc("/favicon.ico", pages.Favicon)
	mux.HandleFunc("/wp-comments-post.php", pages.Comment)
	mux.HandleFunc("/wp-pass.php", pages.Unlock)
	mux.HandleFunc("/robots.txt", pages.Robots)
	mux.HandleFunc("/wp-sitemap.xml", pages.Sitemap)
	return mux
}

func (f *face) user(t testing.TB, login string, role auth.Role) auth.Identity {
	t.Helper()
	// Directly in the table, because hashing a password takes time.
	var id int64
	err := f.db.Update(t.Context(), func(tx *database.Tx) error {
		return tx.Get(t.Context(), &id, `INSERT INTO users (login, login_key, email, email_key, nicename, display_name, role, registered)
			VALUES ($1, $1, '', '', $1, $2, $3, $4) RETURNING id`, login, strings.ToUpper(login[:1])+login[1:], string(role), f.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	user, err := f.users.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return auth.Identity{User: user, Via: auth.ViaPassword}
}

func (f *face) set(t testing.TB, name, value string) {
	t.Helper()
	if err := f.Options().Set(t.Context(), name, value); err != nil {
		t.Fatal(err)
	}
}

// post publishes a post with the given properties.
func (f *face) post(t testing.TB, title, content string, changes ...func(*site.PostEdit)) int64 {
	t.Helper()
	edit := site.PostEdit{Title: &title, Content: &content, Status: new("publish"), CommentStatus: new("open")}
	for _, change := range changes {
		change(&edit)
	}
	id, err := f.CreatePost(t.Context(), f.admin, edit)
	if err != nil {
		t.Fatalf("create %q: %v", title, err)
	}
	return id
}

func status(s string) func(*site.PostEdit)   { return func(e *site.PostEdit) { e.Status = &s } }
func ofType(s string) func(*site.PostEdit)   { return func(e *site.PostEdit) { e.Type = &s } }
func password(s string) func(*site.PostEdit) { return func(e *site.PostEdit) { e.Password = &s } }
func dated(s string) func(*site.PostEdit) {
	return func(e *site.PostEdit) {
		at, err := time.Parse(time.DateTime, s)
		if err != nil {
			panic(err)
		}
		e.Date = &site.PostDate{Time: at, Local: true}
	}
}

func named(taxonomy string, names ...string) func(*site.PostEdit) {
	return func(e *site.PostEdit) { e.Terms = append(e.Terms, site.TermChoice{Taxonomy: taxonomy, Names: names}) }
}

func (f *face) get(t testing.TB, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// send posts a form as a browser does on a page of the blog.
func (f *face) send(t testing.TB, target string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, base+target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// expect checks the status of an answer, and parts of its body.
func expect(t *testing.T, what string, w *httptest.ResponseRecorder, status int, want ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("%s: got %d, want %d; %s", what, w.Code, status, w.Header().Get("Location"))
	}
	for _, s := range want {
		if !strings.Contains(w.Body.String(), s) {
			t.Errorf("%s: got no %q in\n%s", what, s, w.Body)
		}
	}
}

func lacks(t *testing.T, what string, w *httptest.ResponseRecorder, not ...string) {
	t.Helper()
	for _, s := range not {
		if strings.Contains(w.Body.String(), s) {
			t.Errorf("%s: got %q, which should not be there, in\n%s", what, s, w.Body)
		}
	}
}

func from(addr string) func(*http.Request) netip.Addr {
	return func(*http.Request) netip.Addr { return netip.MustParseAddr(addr) }
}

func link(id int64) string { return fmt.Sprintf("/?p=%d", id) }
func itoa(n int64) string  { return fmt.Sprint(n) }
