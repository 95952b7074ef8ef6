package interop

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// noText is a string that PostgreSQL does not accept as text.
const noText = "a\xff\x00b"

// memberNames lists the names of the members that the methods read.
var memberNames = strings.Fields(`post_type post_status post_title post_content post_excerpt post_name post_author post_parent post_password comment_status ping_status
	post_format post_mime_type taxonomy name slug description parent search orderby order role who s status content author author_email author_url mime_type
	title mt_excerpt mt_text_more mt_keywords categories wp_slug wp_password wp_author_id wp_post_format wp_page_template date_format blog_tagline permalink_structure
	first_name last_name bio nickname display_name nicename url email type post_date scope methods networks expires code`)

// Whatever bytes a text has, the answer is a result or a fault of the caller,
// never an internal error, on both databases: for every parameter and member of
// every method, and for everything in an HTTP request.
func TestTextThatIsNoText(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, seed seeded) {
		b := &bench{base: seed.copy(t).serve(t, nil)}
		bad := xmlrpc.Bytes([]byte(noText))
		var members []xmlrpc.Member
		for _, name := range memberNames {
			members = append(members, xmlrpc.M(name, bad))
		}
		field := xmlrpc.Struct(xmlrpc.M("key", bad), xmlrpc.M("value", bad))
		forms := []xmlrpc.Value{
			bad, xmlrpc.Array(bad), xmlrpc.Struct(members...),
			xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String("x")), xmlrpc.M("title", xmlrpc.String("x")), xmlrpc.M("custom_fields", xmlrpc.Array(field)),
				xmlrpc.M("terms_names", xmlrpc.Struct(xmlrpc.M("post_tag", xmlrpc.Array(bad)))), xmlrpc.M("enclosure", xmlrpc.Struct(xmlrpc.M("url", bad), xmlrpc.M("length", xmlrpc.Int(1)), xmlrpc.M("type", bad)))),
		}
		for _, m := range members {
			forms = append(forms, xmlrpc.Struct(m, xmlrpc.M("post_title", xmlrpc.String("x")), xmlrpc.M("taxonomy", xmlrpc.String("category"))))
		}
		for _, m := range methods.All() {
			for i, p := range m.Params {
				for n, form := range forms {
					if n > 1 && p.Type != "struct" {
						break
					}
					args := make([]xmlrpc.Value, len(m.Params))
					for k, other := range m.Params {
						args[k] = xmlrpc.String("1")
						if other.Type == "struct" {
							args[k] = xmlrpc.Struct()
						}
					}
					if m.Login >= 0 {
						args[m.Login], args[m.Login+1] = xmlrpc.String(seedUser), xmlrpc.String(seedPassword)
					}
					args[i] = form
					if _, fault := b.send(t, xmlrpc.AppendCall(nil, m.Name, args...)); strings.Contains(fault, "-32603") {
						t.Errorf("%s, %s: %s", m.Name, p.Name, fault)
					}
				}
			}
		}
		for _, name := range []string{"p", "cat", "tag", "category_name", "author_name", "author", "m", "s", "page", "paged", "feed", "replytocom", "comment", "x"} {
			b.noError(t, http.MethodGet, "/?"+name+"=a%ff%00b", nil, nil)
		}
		for _, path := range []string{
			"/a%00b", "/a%ffb/", "/tag/a%00%ff/", "/category/%00/feed/", "/author/%ff/", "/2024/01/%00/", "/wp-content/uploads/%00", "/wp-content/uploads/%ff.png",
			"/theme/%00", "/wp-sitemap.xml/%00", "/profile/%00", "/authorize?app_name=%00%ff&success_url=%00", "/signin?next=%00%ff",
		} {
			b.noError(t, http.MethodGet, path, nil, nil)
		}
		for path, names := range map[string]string{"/wp-comments-post.php": "comment author email url comment_post_ID comment_parent token", "/wp-pass.php": "post_password id", "/signin": "login password next form", "/setup": "code password"} {
			for _, name := range strings.Fields(names) {
				form := url.Values{"comment_post_ID": {"1"}, "comment": {"x"}, "author": {"x"}, "email": {"a@example.net"}}
				form.Set(name, noText)
				b.noError(t, http.MethodPost, path, nil, form)
			}
		}
		for _, name := range []string{"User-Agent", "Cookie", "Authorization", "Accept-Language", "X-Forwarded-For", "Forwarded", "Referer", "If-None-Match", "Origin"} {
			for _, value := range []string{"a\xffb", "session=a\xffb; x=%00", "Basic YQD/OmIA/w==", "a\xff||" + strings.Repeat("0", 64)} {
				b.noError(t, http.MethodGet, "/", http.Header{name: {value}}, nil)
				b.noError(t, http.MethodGet, "/profile", http.Header{name: {value}}, nil)
				b.noError(t, http.MethodPost, "/xmlrpc.php", http.Header{name: {value}}, nil)
			}
		}
	})
}

// noError sends a request, and fails the test if there is an internal error.
func (b *bench) noError(t *testing.T, method, path string, header http.Header, form url.Values) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Errorf("%s %s %q: %v", method, path, header, err)
		return
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 || strings.Contains(string(text), "-32603") {
		t.Errorf("%s %s %q %q: status %d, %v\n%s", method, path, header, form, resp.StatusCode, err, tail(string(text), 300))
	}
}
