package profiles_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database/databasetest"
)

// WordPress's page for application passwords works with both outcomes and for
// both kinds.
func TestAuthorise(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		const back = "https://app.example/done?state=1"
		for _, path := range []string{"/authorize", "/wp-admin/authorize-application.php"} {
			p := b.get(path + "?app_name=My+App&scope=draft,media&success_url=" + url.QueryEscape(back))
			for _, want := range []string{"My App", "https://app.example", "read and write drafts; see, upload and delete files", `value="` + back + `"`} {
				if p.status != http.StatusOK || !strings.Contains(p.body, want) {
					t.Errorf("%s: %d, without %q:\n%s", path, p.status, want, p.body)
				}
			}
			if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example;") {
				t.Errorf("the policy is %s", csp)
			}
		}
		p := b.post("/authorize", "do", "approve", "app_name", "My App", "app_id", "9c1d6f4e-1b6d-4f5e-9d1b-3a2b1c0d9e8f", "scope", "read users", "success_url", back)
		u, err := url.Parse(p.header.Get("Location"))
		if err != nil || p.status != http.StatusSeeOther {
			t.Fatalf("approve: %d\n%s", p.status, p.body)
		}
		q := u.Query()
		if u.Host != "app.example" || q.Get("state") != "1" || q.Get("site_url") != h.base || q.Get("user_login") != "bob" || p.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("approve leads to %s", u)
		}
		if answer := h.call(t, "", q.Get("user_login"), q.Get("password")); !strings.Contains(answer, "<string>bob</string>") {
			t.Errorf("the password that came back does not work:\n%s", answer)
		}
		p = b.post("/authorize", "do", "approve", "app_name", "My App", "kind", "key", "success_url", "myapp:callback")
		u, err = url.Parse(p.header.Get("Location"))
		if err != nil || u.Scheme != "myapp" {
			t.Fatalf("approve a key: %d to %q\n%s", p.status, p.header.Get("Location"), p.body)
		}
		if answer := h.call(t, u.Query().Get("public")+" "+u.Query().Get("secret"), "", ""); !strings.Contains(answer, "<string>bob</string>") {
			t.Errorf("the key that came back does not work:\n%s", answer)
		}
		// If the client keeps the private half of the pair, the
		// response contains no secret.
		p = b.post("/authorize", "do", "approve", "app_name", "Signer", "kind", "verification", "algorithm", "ed25519", "pem", verificationPEM, "success_url", "http://127.0.0.1:7777/done?state=2")
		u, err = url.Parse(p.header.Get("Location"))
		if err != nil || u.Host != "127.0.0.1:7777" || u.Query().Get("state") != "2" || u.Query().Get("user_login") != "bob" || u.Query().Has("secret") || u.Query().Has("password") {
			t.Fatalf("approve a verification key: %d to %q\n%s", p.status, p.header.Get("Location"), p.body)
		}
		if app, err := h.blog.Apps.Get(context.Background(), u.Query().Get("public")); err != nil || app.VerificationKey == nil || app.UserID != h.bob.ID {
			t.Errorf("the key that came back is %+v, %v", app, err)
		}
		if p := b.get("/authorize?app_name=x&kind=verification&algorithm=ed25519&pem=junk"); p.status != http.StatusBadRequest {
			t.Errorf("a key that cannot be read: %d", p.status)
		}
		if p := b.post("/authorize", "do", "approve", "app_name", "Shown", "kind", "key"); p.status != http.StatusOK || !secretShown.MatchString(p.body) {
			t.Errorf("without an address: %d\n%s", p.status, p.body)
		}
		before, _, err := h.blog.Apps.List(context.Background(), apps.Filter{UserID: h.bob.ID})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			fields []string
			want   string
		}{
			{[]string{"success_url", back}, "https://app.example/done?state=1&success=false"},
			{[]string{"success_url", back, "reject_url", "http://127.0.0.1:7777/no"}, "http://127.0.0.1:7777/no"},
			{nil, "/profile"},
		} {
			p := b.post("/authorize", append(tt.fields, "do", "reject", "app_name", "x", "kind", "key")...)
			if p.status != http.StatusSeeOther || p.header.Get("Location") != tt.want {
				t.Errorf("reject %v: %d to %q, want %q", tt.fields, p.status, p.header.Get("Location"), tt.want)
			}
		}
		after, _, err := h.blog.Apps.List(context.Background(), apps.Filter{UserID: h.bob.ID})
		if err != nil || len(after) != len(before) {
			t.Errorf("a rejection has made a key: %d, then %d; %v", len(before), len(after), err)
		}
	})
}

// Credentials are only sent to https addresses, to this computer, or to a
// scheme of the application.
func TestAuthoriseTargets(t *testing.T) {
	h := open(t, databasetest.SQLite(t), "127.0.0.1")
	b := h.as(t, "bob")
	for _, bad := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://x/y", "about:blank", "filesystem:https://x/y",
		"view-source:https://x", "intent://x#Intent;end", "http://app.example/", "http://127.0.0.1.evil.example/", "http://localhost.evil.example/", "http://127.0.0.1@evil.example/",
		"https://user@app.example/", "https://user:pass@app.example/", "https:///app.example", "https:app.example", "//app.example/", "/profile", "app", "c:x",
		`https://app.example\@evil.example`, "https://app.example/\r\nX: y", "https://app.example/ x", "https://ap<p.example/", "https://app.example;script-src/", "https://app.example,evil/",
		"https://" + strings.Repeat("x", 2100) + ".example/", "https://app.example/?a=%zz", "mailto:x@example.org", "ws://127.0.0.1/", "http://[::1%25eth0]/",
	} {
		for _, name := range []string{"success_url", "reject_url"} {
			p := b.get("/authorize?app_name=x&" + name + "=" + url.QueryEscape(bad))
			if p.status != http.StatusBadRequest || strings.Contains(p.body, "<form method=\"post\" action=\"/authorize\"") {
				t.Errorf("%s %q is asked about: %d", name, bad, p.status)
			}
			for _, do := range []string{"approve", "reject"} {
				if p := b.post("/authorize", "do", do, "app_name", "x", name, bad); p.status != http.StatusBadRequest || p.header.Get("Location") != "" {
					t.Errorf("%s %s %q: %d to %q", do, name, bad, p.status, p.header.Get("Location"))
				}
			}
		}
	}
	for good, source := range map[string]string{
		"https://app.example/x?y=z": "https://app.example", "https://app.example:8443/": "https://app.example:8443", "http://127.0.0.1:4711/cb": "http://127.0.0.1:4711",
		"http://localhost/": "http://localhost", "http://[::1]:4711/cb": "http:", "com.example.app:/cb": "com.example.app:", "myapp://cb": "myapp:", "marsedit:x?y": "marsedit:",
	} {
		p := b.get("/authorize?app_name=x&success_url=" + url.QueryEscape(good))
		if csp := p.header.Get("Content-Security-Policy"); p.status != http.StatusOK || !strings.Contains(csp, "form-action 'self' "+source+";") {
			t.Errorf("%q: %d, policy %s", good, p.status, csp)
		}
	}
	if p := b.post("/authorize", "do", "approve", "success_url", "https://app.example/", "name", " "); p.status != http.StatusUnprocessableEntity {
		t.Errorf("without a name: %d", p.status)
	}
}

const verificationPEM = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----\n"
