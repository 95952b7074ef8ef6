package public_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// attacks are texts that become a script if a page does not escape one of its
// contexts.
var attacks = []string{
	`<script>alert(1)</script>`,
	`"><script>alert(1)</script>`,
	`'"><img src=x onerror=alert(1)>`,
	`</title></textarea></style><svg onload=alert(1)>`,
	`" onmouseover="alert(1)" x="`,
	`<a href="javascript:alert(1)">x</a>`,
	`<a href="java&#x09;script:alert(1)">x</a>`,
	`javascript:alert(1)`,
	`data:text/html,<script>alert(1)</script>`,
	`<iframe src="javascript:alert(1)"></iframe><object data="x"></object><embed src="x"><base href="//evil.example/">`,
	`<meta http-equiv="refresh" content="0;url=//evil.example/"><link rel="stylesheet" href="//evil.example/x.css">`,
	`<form action="//evil.example/"><input name="post_password"></form>`,
	`<p style="background:url(javascript:alert(1))">x</p><style>*{display:none}</style>`,
	`<video src="javascript:alert(1)" onerror="alert(1)"></video><audio src="data:text/html,x"></audio><source src="javascript:alert(1)">`,
	`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`<!--><script>alert(1)</script>-->`,
	`]]><script>alert(1)</script>`,
	`{{.}}<scr<script>ipt>alert(1)</scr</script>ipt>`,
	"\u2028<img src=`x` onerror=alert(1)>",
}

// hurt finds everything on a page that executes, loads or sends something, and
// is not in the templates.
func hurt(page string) []string {
	var found []string
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if slices.Contains([]string{"script", "iframe", "object", "embed", "base", "style", "svg", "math", "frame", "applet"}, n.Data) {
			found = append(found, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc", a.Key == "http-equiv":
				found = append(found, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
			case slices.Contains([]string{"href", "src", "action", "formaction", "poster", "data", "srcset"}, a.Key):
				if strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "vbscript:") || strings.HasPrefix(value, "data:text") ||
					n.Data == "link" && !strings.HasPrefix(value, base) && !strings.HasPrefix(value, "/style.css") || n.Data == "form" && !strings.HasPrefix(value, "/") {
					found = append(found, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
				}
			}
		}
	}
	return found
}

// harmless checks pages, and that feeds are still feeds.
func (f *face) harmless(t *testing.T, targets ...string) {
	t.Helper()
	for _, target := range targets {
		w := f.get(t, target)
		if w.Code == 301 {
			w = f.get(t, strings.TrimPrefix(w.Header().Get("Location"), base))
		}
		f.harmlessAnswer(t, target, w)
	}
}

func (f *face) harmlessAnswer(t *testing.T, target string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Errorf("%s: %d", target, w.Code)
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("%s: the policy %q has no %q", target, policy, want)
		}
	}
	if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe-inline") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: the policy is %q, the type %q", target, policy, w.Header().Get("X-Content-Type-Options"))
	}
	switch kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";"); kind {
	case "text/html":
		if found := hurt(w.Body.String()); found != nil {
			t.Errorf("%s: has %s in\n%s", target, found, w.Body)
		}
	case "application/rss+xml", "application/atom+xml", "application/xml":
		for _, content := range feedTexts(t, target, w.Body.String()) {
			if found := hurt(content); found != nil {
				t.Errorf("%s: tells readers %s in\n%s", target, found, content)
			}
		}
	}
}

// Every field that a client or a visitor can set gets every attack, one at a
// time. The author may use any markup.
func TestStoredScripts(t *testing.T) {
	everywhere := []string{"/", "/?p=1", "/feed/", "/feed/atom/", "/comments/feed/", "/?feed=rss2&p=1", "/?s=x", "/?author=1", "/wp-sitemap.xml", "/?cat=1", "/?m=2026"}
	for _, field := range []struct {
		name string
		set  func(t *testing.T, f *face, text string) (targets []string)
	}{
		{"title", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, text, "x"))}
		}},
		{"content", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, "x", text))}
		}},
		{"excerpt", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, "x", "x", func(e *site.PostEdit) { e.Excerpt = &text }))}
		}},
		{"slug", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, "x", "x", func(e *site.PostEdit) { e.Name = &text }))}
		}},
		{"title of a page in the menu", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, text, text, ofType("page")))}
		}},
		{"password", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, "x", "x", password(text)))}
		}},
		{"custom field", func(t *testing.T, f *face, text string) []string {
			return []string{link(f.post(t, "x", "x", func(e *site.PostEdit) {
				e.CustomFields = []site.FieldEdit{{Key: text, HasKey: true, Value: text}, {Key: "enclosure", HasKey: true, Value: text + "\n1\n" + text}}
			}))}
		}},
		{"category", func(t *testing.T, f *face, text string) []string {
			term, err := f.CreateTerm(t.Context(), f.admin, site.NewTerm{Taxonomy: site.Category, Name: text + ".", Description: text})
			if err != nil {
				return nil // it cannot be a name
			}
			f.post(t, "x", "x", func(e *site.PostEdit) { e.Terms = []site.TermChoice{{Taxonomy: site.Category, IDs: []int64{term.ID}}} })
			return []string{fmt.Sprintf("/?cat=%d", term.ID), fmt.Sprintf("/?feed=rss2&cat=%d", term.ID)}
		}},
		{"tag", func(t *testing.T, f *face, text string) []string {
			term, err := f.CreateTerm(t.Context(), f.admin, site.NewTerm{Taxonomy: site.PostTag, Name: text + ".", Description: text})
			if err != nil {
				return nil
			}
			f.post(t, "x", "x", func(e *site.PostEdit) { e.Terms = []site.TermChoice{{Taxonomy: site.PostTag, IDs: []int64{term.ID}}} })
			return []string{"/?tag=" + url.QueryEscape(term.Slug), "/?feed=atom&tag=" + url.QueryEscape(term.Slug)}
		}},
		{"author", func(t *testing.T, f *face, text string) []string {
			if _, err := f.users.UpdateProfile(t.Context(), f.admin.Actor(), 1, auth.Profile{DisplayName: &text, Bio: &text}); err != nil {
				t.Fatal(err)
			}
			// Invalid addresses, and invalid names in addresses,
			// are refused.
			_, _ = f.users.UpdateProfile(t.Context(), f.admin.Actor(), 1, auth.Profile{URL: &text})
			_, _ = f.users.UpdateProfile(t.Context(), f.admin.Actor(), 1, auth.Profile{Nicename: &text})
			return []string{"/?author_name=" + url.QueryEscape(text)}
		}},
		{"upload", func(t *testing.T, f *face, text string) []string {
			a, err := f.CreateAttachment(t.Context(), f.admin, site.Upload{Name: text + ".png", Type: text, Bytes: strings.NewReader("no picture")})
			if err != nil {
				return nil
			}
			title := text
			if err := f.EditPost(t.Context(), f.admin, a.ID, site.PostEdit{Title: &title, Content: &title, Excerpt: &title}); err != nil {
				t.Fatal(err)
			}
			return []string{fmt.Sprintf("/?attachment_id=%d", a.ID), link(f.post(t, "x", fmt.Sprintf(`<img class="wp-image-%d" src="%s" alt="">`, a.ID, f.FileURL(a))))}
		}},
		{"title of the blog", func(t *testing.T, f *face, text string) []string {
			f.set(t, "blog_title", text)
			return []string{"/nothing"}
		}},
		{"tagline", func(t *testing.T, f *face, text string) []string {
			f.set(t, "blog_tagline", text)
			return nil
		}},
		{"format of dates", func(t *testing.T, f *face, text string) []string {
			f.set(t, "date_format", text)
			f.set(t, "time_format", text)
			return nil
		}},
		{"comment", func(t *testing.T, f *face, text string) []string {
			f.clock.Add(60e9)
			if _, err := f.CreateComment(t.Context(), f.admin, site.NewComment{Post: 1, Content: text + f.clock.Now().String()}); err != nil {
				t.Fatal(err)
			}
			return nil
		}},
		{"author, address and text of a visitor's comment", func(t *testing.T, f *face, text string) []string {
			f.clock.Add(60e9)
			id, err := f.CreateComment(t.Context(), auth.Identity{}, site.NewComment{Post: 1, Content: text + f.clock.Now().String(), Author: text, Email: "x@mail.example", URL: text, IP: "192.0.2.1", Agent: text})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.EditComment(t.Context(), f.admin, id, site.CommentEdit{Status: new("approve"), Author: &text, URL: &text}); err != nil && !errors.Is(err, site.ErrSame) {
				t.Fatal(err)
			}
			return []string{fmt.Sprintf("/?p=1&replytocom=%d", id)}
		}},
	} {
		t.Run(field.name, func(t *testing.T) {
			db := databasetest.Open(t, databasetest.SQLite(t))
			f := openFace(t, db, public.Config{})
			f.set(t, "anonymous_comments", "1")
			f.set(t, "comment_max_links", "0")
			f.post(t, "First", "x")
			for _, attack := range attacks {
				f.harmless(t, field.set(t, f, attack)...)
				f.harmless(t, everywhere...)
			}
		})
	}
}

// Content of the request never becomes part of the page.
func TestReflectedScripts(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		f.set(t, "anonymous_comments", "1")
		id := f.post(t, "First", "x")
		locked := f.post(t, "Second", "x", password("sesame"))
		for _, attack := range attacks {
			q, path := url.QueryEscape(attack), url.PathEscape(attack)
			f.harmless(t, "/?s="+q, "/?s="+q+"&paged=2", "/?feed=rss2&s="+q, "/search/"+path+"/", "/"+path, "/category/"+path+"/", "/tag/"+path, "/author/"+path, "/"+path+"/feed/",
				"/?p="+q, "/?cat="+q, "/?tag="+q, "/?author="+q, "/?author_name="+q, "/?m="+q, "/?paged="+q, "/?feed="+q, link(id)+"&replytocom="+q, link(id)+"&comment="+q)
			// A refused comment is shown again in its form.
			form := url.Values{"comment_post_ID": {fmt.Sprint(id)}, "comment": {attack}, "author": {attack}, "email": {attack}, "url": {attack}, "comment_parent": {attack}}
			w := f.send(t, "/wp-comments-post.php", form)
			expect(t, "a comment with a wrong address", w, 422, "enter a valid e-mail address")
			f.harmlessAnswer(t, "the form of a comment", w)
			w = f.send(t, "/wp-pass.php", url.Values{"post": {fmt.Sprint(locked)}, "post_password": {attack}})
			f.harmlessAnswer(t, "the form for a password", w)
			lacks(t, "the form for a password", w, "alert(1)")
		}
	})
}
