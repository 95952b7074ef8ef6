package profiles_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/csv"
	"encoding/pem"
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/signature"
)

const profileCall = `<?xml version="1.0"?><methodCall><methodName>wp.getProfile</methodName><params>
<param><value><int>1</int></value></param><param><value><string>%</string></value></param><param><value><string>$</string></value></param></params></methodCall>`

// call gets the user's profile as a client does, and returns the response.
// header has the credential for the request.
func (h *house) call(t *testing.T, header, login, password string) string {
	t.Helper()
	body := strings.NewReplacer("%", login, "$", password).Replace(profileCall)
	r, err := http.NewRequest(http.MethodPost, h.base+"/xmlrpc.php", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "MarsEdit/5.1")
	r.Header.Set("Content-Type", "text/xml")
	if public, secret, ok := strings.Cut(header, " "); ok {
		r.Header.Set("Authorization", signature.Sign(public, secret, []byte(body)))
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A key that was created on the page works in a client until it is revoked. K6:
// exactly one response contains the secret. K12: the page shows the client that
// used the key.
func TestK6K12LifeOfAKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		public, secret := b.key("name", "MarsEdit", "scope", "read", "scope", "users", "networks", "127.0.0.0/8", "expires", time.Now().AddDate(1, 0, 0).Format(time.DateOnly))
		if !apps.ValidSecret(secret) {
			t.Errorf("this is not a secret: %q", secret)
		}
		if answer := h.call(t, public+" "+secret, "", ""); !strings.Contains(answer, "<string>ada</string>") {
			t.Fatalf("the key does not work:\n%s", answer)
		}
		h.logged(t, "method=wp.getProfile")         // the response is sent before the call is recorded
		if err := h.blog.Apps.Close(); err != nil { // writes the last uses
			t.Fatal(err)
		}
		p := b.get("/profile")
		for _, want := range []string{"MarsEdit", public, "from 127.0.0.1", "MarsEdit/5.1", "wp.getProfile", "127.0.0.0/8", "read everything you can read; change your profile", secret[len(secret)-4:]} {
			if !strings.Contains(p.body, want) {
				t.Errorf("the list lacks %q:\n%s", want, p.body)
			}
		}
		for _, path := range append(h.pages(public), "/profile/activity.csv", "/profile/activity.json", "/admin/activity.csv") {
			if p := b.get(path); strings.Contains(p.body, secret) || p.status != http.StatusOK {
				t.Errorf("%s: %d, or the secret is shown again", path, p.status)
			}
		}
		if p := b.post("/profile/applications/"+public+"/revoke", "do", "yes"); p.status != http.StatusSeeOther {
			t.Fatalf("revoke: %d\n%s", p.status, p.body)
		}
		if p := b.get("/profile"); !strings.Contains(p.body, "MarsEdit is revoked") || strings.Contains(p.body, public) {
			t.Errorf("after the revocation the page says:\n%s", p.body)
		}
		if p := b.get("/profile?all=1"); !strings.Contains(p.body, public) || strings.Contains(p.body, "MarsEdit is revoked") {
			t.Errorf("the list of all lacks the key, or the message is said twice:\n%s", p.body)
		}
		if answer := h.call(t, public+" "+secret, "", ""); !strings.Contains(answer, "<int>403</int>") {
			t.Errorf("the revoked key still works:\n%s", answer)
		}
		if p := b.get("/profile/activity"); !strings.Contains(p.body, "The application “MarsEdit” was revoked.") {
			t.Errorf("the trail lacks the event:\n%s", p.body)
		}
	})
}

// A key is changed in place. Invalid input is explained at its field, and kept
// in the form.
func TestChangeOfAKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		public, _ := b.key("name", "One")
		p := b.post("/profile/applications/"+public, "name", "Two", "scope", "some", "scope", "draft", "scope", "media", "networks", "192.0.2.7, 2001:db8::/32", "methods", "wp.newPost", "strict", "1")
		if p.status != http.StatusSeeOther {
			t.Fatalf("change: %d\n%s", p.status, p.body)
		}
		app, err := h.blog.Apps.Get(context.Background(), public)
		if err != nil || app.Name != "Two" || !app.Strict || len(app.Networks) != 2 || !app.Expires.IsZero() || app.Scope.AllowsMethod("wp.getPosts") || app.Scope.Allows(apps.Publish) {
			t.Errorf("the application is %+v, %v", app, err)
		}
		for field, value := range map[string]string{"scope-of-none": "", "scope-of-both": "", "name": "", "networks": "everywhere", "expires": "2001-01-01", "scope": "nothing"} {
			fields := []string{field, value}
			if field == "scope-of-none" { // no selected right does not mean all rights
				field, fields = "scope", []string{"scope", "some"}
			} else if field == "scope-of-both" {
				field, fields = "scope", []string{"scope", "all", "scope", "draft"}
			} else if field != "scope" {
				fields = append(fields, "scope", "all")
			}
			if field != "name" {
				fields = append(fields, "name", "Two")
			}
			p := b.post("/profile/applications/"+public, fields...)
			if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="`+field+`-wrong"`) || !strings.Contains(p.body, `href="#`+field+`"`) {
				t.Errorf("%s %q: %d\n%s", field, value, p.status, p.body)
			}
		}
	})
}

// K10: the list shows when a key is about to expire, and that it has expired.
func TestK10EndOfAKeyOnThePage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		public, secret := b.key("name", "Ending", "expires", h.clock.Now().UTC().AddDate(0, 0, 15).Format(time.DateOnly))
		for _, tt := range []struct {
			wait time.Duration
			want string
		}{{0, ""}, {2 * 24 * time.Hour, "expires in 13 days"}, {11 * 24 * time.Hour, "expires in 2 days"}, {2 * 24 * time.Hour, "expires within a day"}} {
			h.clock.Add(tt.wait)
			p := h.as(t, "bob").get("/profile")
			if got := regexp.MustCompile(`expires (in \d+ days|within a day)`).FindString(p.body); got != tt.want {
				t.Errorf("after %v more the list says %q, want %q", tt.wait, got, tt.want)
			}
		}
		h.clock.Add(2 * 24 * time.Hour)
		if answer := h.call(t, public+" "+secret, "", ""); strings.Contains(answer, "<string>bob</string>") {
			t.Errorf("the key works after its end:\n%s", answer)
		}
		if p := h.as(t, "bob").get("/profile?all=1"); !strings.Contains(p.body, `<span class="mark warn">expired</span>`) {
			t.Errorf("the list does not show that the key has expired:\n%s", p.body)
		}
	})
}

// K11: the new pair works, and the old one works until the overlap ends, or
// stops working at once.
func TestK11RotationOnThePage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		for _, tt := range []struct {
			fields []string
			still  bool
		}{{[]string{"overlap", "hours", "hours", "24"}, true}, {[]string{"overlap", "none", "hours", "24"}, false}} {
			public, secret := b.key("name", "Rolling")
			p := b.post("/profile/applications/"+public+"/rotate", tt.fields...)
			if p.status != http.StatusOK {
				t.Fatalf("rotate: %d\n%s", p.status, p.body)
			}
			next, nextSecret := found(t, publicShown, p.body), found(t, secretShown, p.body)
			if answer := h.call(t, next+" "+nextSecret, "", ""); !strings.Contains(answer, "ada") {
				t.Errorf("the new key does not work:\n%s", answer)
			}
			if answer := h.call(t, public+" "+secret, "", ""); strings.Contains(answer, "<string>ada</string>") != tt.still {
				t.Errorf("%v: the old key works: %v, want %v", tt.fields, !tt.still, tt.still)
			}
		}
		public, _ := b.key("name", "Wrong hours")
		if p := b.post("/profile/applications/"+public+"/rotate", "hours", "721"); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="hours-wrong"`) {
			t.Errorf("721 hours: %d", p.status)
		}
	})
}

// An application password works in place of the account password, and the
// warning disappears with the client that used that.
func TestA7BannerForPasswords(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		if answer := h.call(t, "", "bob", password); !strings.Contains(answer, "<string>bob</string>") {
			t.Fatalf("the password does not work:\n%s", answer)
		}
		h.logged(t, "method=wp.getProfile")
		if err := h.blog.Users.Close(); err != nil { // writes who used what
			t.Fatal(err)
		}
		if p := b.get("/profile"); !strings.Contains(p.body, "MarsEdit still sends your password.") {
			t.Errorf("there is no warning:\n%s", p.body)
		}
		p := b.post("/profile/applications", "kind", "password", "name", "MarsEdit", "scope", "read", "scope", "users")
		text := found(t, secretShown, p.body)
		for _, want := range []string{"Open Live Writer", h.base + "/xmlrpc.php", `src="data:image/png;base64,`} {
			if !strings.Contains(p.body, want) {
				t.Errorf("the settings lack %q", want)
			}
		}
		if answer := h.call(t, "", "bob", text); !strings.Contains(answer, "<string>bob</string>") {
			t.Errorf("the application password does not work:\n%s", answer)
		}
		id := found(t, regexp.MustCompile(`/profile/applications/([0-9A-Za-z-]+)"`), b.get("/profile").body[strings.Index(b.get("/profile").body, `class="key`):])
		if p := b.post("/profile/applications/"+id, "name", "Mars", "scope", "read"); p.status != http.StatusSeeOther {
			t.Errorf("change it: %d\n%s", p.status, p.body)
		}
		if p := b.post("/profile/applications/"+id+"/revoke", "do", "yes"); p.status != http.StatusSeeOther {
			t.Errorf("revoke it: %d", p.status)
		}
		if answer := h.call(t, "", "bob", text); strings.Contains(answer, "<string>bob</string>") {
			t.Errorf("the revoked application password still works:\n%s", answer)
		}
	})
}

// A verification key can be pasted, or a client registers it with a code that
// is shown once.
func TestVerificationKeys(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "ada")
		key, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		p := b.post("/profile/applications", "kind", "verification", "scope", "all", "name", "Signing program", "algorithm", "ed25519", "pem", text)
		if p.status != http.StatusOK || strings.Contains(p.body, "v-secret") {
			t.Fatalf("enrol: %d\n%s", p.status, p.body)
		}
		if p := b.get("/profile"); !strings.Contains(p.body, "ed25519") {
			t.Errorf("the list does not name the algorithm:\n%s", p.body)
		}
		if p := b.post("/profile/applications", "kind", "verification", "scope", "all", "name", "x", "algorithm", "ed25519", "pem", "none"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("without a key: %d", p.status)
		}
		p = b.post("/profile/applications", "kind", "enrolment", "scope", "draft")
		code := found(t, regexp.MustCompile(`id="code">([^<]+)<`), p.body)
		if p := b.get("/profile"); !strings.Contains(p.body, "A client may enrol its verification key until") || strings.Contains(p.body, code) {
			t.Errorf("the list does not show that an enrolment is open, or shows the code:\n%s", p.body)
		}
		verification, err := apps.ParseVerificationKey("ed25519", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		app, err := h.blog.Apps.EnrolByCode(context.Background(), audit.Operator, code, "By code", verification)
		if err != nil || app.UserID != h.ada.ID || app.Scope.Allows(apps.Publish) {
			t.Errorf("the code makes %+v, %v", app, err)
		}
	})
}

// The link for the first administrator works once, and does not bypass a second
// factor.
func TestSetUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		secret, err := h.blog.Users.NewSetUpCode(context.Background(), audit.Operator, h.bob.ID)
		if err != nil {
			t.Fatal(err)
		}
		b := h.browser(t)
		p := b.get("/setup?code=" + secret.Reveal())
		if p.status != http.StatusOK || !strings.Contains(p.body, "<strong>bob</strong>") || p.header.Get("Referrer-Policy") != "strict-origin" {
			t.Fatalf("the link: %d\n%s", p.status, p.body)
		}
		const chosen = "chosen by bob himself"
		if p := b.post("/setup", "code", secret.Reveal(), "new-password", chosen, "new-password-again", "other"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("two passwords: %d", p.status)
		}
		if p := b.post("/setup", "code", secret.Reveal(), "new-password", "short", "new-password-again", "short"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("a short password: %d", p.status)
		}
		if p := b.post("/setup", "code", secret.Reveal(), "new-password", chosen, "new-password-again", chosen); p.header.Get("Location") != "/profile" {
			t.Fatalf("set up: %d\n%s", p.status, p.body)
		}
		if p := b.get("/profile"); p.status != http.StatusOK {
			t.Errorf("and then: %d", p.status)
		}
		if p := h.browser(t).get("/setup?code=" + secret.Reveal()); p.status != http.StatusForbidden {
			t.Errorf("the link works twice: %d", p.status)
		}
		if p := h.browser(t).post("/setup", "code", "WRONG", "new-password", chosen, "new-password-again", chosen); p.status != http.StatusForbidden {
			t.Errorf("a wrong code: %d", p.status)
		}
		if p := h.browser(t).post("/signin", "login", "bob", "password", chosen); p.status != http.StatusSeeOther {
			t.Errorf("sign in with the password: %d", p.status)
		}
	})
}

// The user who sets up the first account names the blog and its time zone, and
// continues with the first steps. The link of a later administrator does not
// ask for them.
func TestSetUpOfTheBlog(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		link := func() string {
			t.Helper()
			secret, err := h.blog.Users.NewSetUpCode(t.Context(), audit.Operator, h.ada.ID)
			if err != nil {
				t.Fatal(err)
			}
			return secret.Reveal()
		}
		code, b := link(), h.browser(t)
		if p := b.get("/setup?code=" + code); !strings.Contains(p.body, `id="blog-title"`) || !strings.Contains(p.body, "<option>Europe/Berlin</option>") || !strings.Contains(p.body, h.base+"/</strong>. It was given when the server was started, with --base-url.") {
			t.Fatalf("the link: %d\n%s", p.status, p.body)
		}
		fields := []string{"code", code, "new-password", password, "new-password-again", password, "blog-title", "Ada <writes>", "blog-zone", "Europe/Berlin"}
		if p := b.post("/setup", fields...); p.header.Get("Location") != "/profile/first-steps" {
			t.Fatalf("set up: %d to %q\n%s", p.status, p.header.Get("Location"), p.body)
		}
		p := b.get("/profile/first-steps")
		at := regexp.MustCompile(`href="(/profile/applications/new[^"]*MarsEdit)"`).FindStringSubmatch(p.body)
		if p.status != http.StatusOK || at == nil || !strings.Contains(p.body, `href="/admin/users"`) || !strings.Contains(p.body, "Ada &lt;writes&gt;") {
			t.Fatalf("first steps: %d\n%s", p.status, p.body)
		}
		if p := b.get(html.UnescapeString(at[1])); !strings.Contains(p.body, `value="password" checked`) || !strings.Contains(p.body, `value="preset:desktop-editor" checked`) || !strings.Contains(p.body, `value="MarsEdit"`) {
			t.Errorf("the form for MarsEdit:\n%s", p.body)
		}
		options, err := h.blog.Site.Options().Current(t.Context())
		if err != nil || options.Title() != "Ada <writes>" || options.Location().String() != "Europe/Berlin" {
			t.Errorf("title %q, zone %v, %v", options.Title(), options.Location(), err)
		}

		code = link()
		if p := h.browser(t).get("/setup?code=" + code); p.status != http.StatusOK || strings.Contains(p.body, `id="blog-title"`) {
			t.Errorf("a later link: %d\n%s", p.status, p.body)
		}
		if p := h.browser(t).post("/setup", "code", code, "new-password", password, "new-password-again", password, "blog-title", "Not this"); p.header.Get("Location") != "/profile" {
			t.Errorf("a later set-up leads to %q", p.header.Get("Location"))
		}
		if options, err := h.blog.Site.Options().Current(t.Context()); err != nil || options.Title() != "Ada <writes>" {
			t.Errorf("a later set-up renames the blog: %q, %v", options.Title(), err)
		}
	})
}

// A8, A9: with an authenticator app the password alone is not enough. Each code
// works once, and so does each recovery code.
func TestA9SecondFactorOnThePages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		p := b.post("/profile/security/code")
		key := strings.ReplaceAll(found(t, regexp.MustCompile(`id="secret">([^<]+)<`), p.body), " ", "")
		code := func() string {
			h.clock.Add(30 * time.Second) // each step is accepted once
			text, err := totp.GenerateCode(key, h.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if p := b.post("/profile/security/code/confirm", "code", "000000"); p.status != http.StatusUnprocessableEntity {
			t.Errorf("a wrong code: %d", p.status)
		}
		p = b.post("/profile/security/code/confirm", "code", code())
		if p.status != http.StatusOK {
			t.Fatalf("confirm: %d\n%s", p.status, p.body)
		}
		recovery := regexp.MustCompile(`<li><code>([^<]+)</code>`).FindAllStringSubmatch(p.body, -1)
		if len(recovery) != 10 {
			t.Fatalf("there are %d recovery codes:\n%s", len(recovery), p.body)
		}
		used := code()
		for _, tt := range []struct {
			code string
			in   bool
		}{{"123456", false}, {used, true}, {used, false}, {recovery[0][1], true}, {recovery[0][1], false}} {
			b := h.browser(t)
			p := b.post("/signin", "login", "bob", "password", password, "next", "/profile/security")
			if p.header.Get("Location") != "/signin/code" {
				t.Fatalf("after the password: %d to %q", p.status, p.header.Get("Location"))
			}
			half := b.cookie()
			if p := b.get("/profile"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/signin") {
				t.Errorf("the password alone opens the pages: %d", p.status)
			}
			p = b.post("/signin/code", "code", tt.code)
			if in := p.header.Get("Location") == "/profile/security"; in != tt.in {
				t.Errorf("code %q lets in: %v, want %v (%d)\n%s", tt.code, in, tt.in, p.status, p.body)
			}
			if tt.in && b.cookie() == half {
				t.Error("the token of the half-way stayed")
			}
		}
		if p := h.browser(t).post("/signin/code", "code", code()); p.header.Get("Location") != "/signin" {
			t.Errorf("a code without the password: %d to %q", p.status, p.header.Get("Location"))
		}
		if answer := h.call(t, "", "bob", password); strings.Contains(answer, "<string>bob</string>") {
			t.Errorf("the password still opens XML-RPC:\n%s", answer)
		}
		// A link to set a password does not bypass the second factor.
		secret, err := h.blog.Users.NewSetUpCode(context.Background(), audit.Operator, h.bob.ID)
		if err != nil {
			t.Fatal(err)
		}
		if p := h.browser(t).post("/setup", "code", secret.Reveal(), "new-password", password, "new-password-again", password); p.header.Get("Location") != "/signin" {
			t.Errorf("the link leads to %q", p.header.Get("Location"))
		}
		ada := h.as(t, "ada")
		if p := ada.post("/admin/users/2", "do", "factor"); p.status != http.StatusSeeOther {
			t.Errorf("an administrator resets it: %d\n%s", p.status, p.body)
		}
		h.as(t, "bob")
	})
}

// Administrators add users, change roles and modes, and revoke applications of
// others. The trail records who did it.
func TestAdministration(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob := h.as(t, "ada"), h.as(t, "bob")
		public, secret := bob.key("name", "Of bob")
		if p := ada.post("/admin/users", "login", "carol", "email", "carol@example.org", "role", "editor", "new-password", password); p.status != http.StatusSeeOther {
			t.Fatalf("add a user: %d\n%s", p.status, p.body)
		}
		carol, err := h.blog.Users.ByLogin(context.Background(), "carol")
		if err != nil || carol.Role != auth.Editor {
			t.Errorf("carol is %+v, %v", carol, err)
		}
		for _, fields := range [][]string{{"do", "role", "role", "editor"}, {"do", "mode", "mode", "refuse"}, {"do", "sessions"}} {
			if p := ada.post("/admin/users/2", fields...); p.status != http.StatusSeeOther {
				t.Errorf("%v: %d\n%s", fields, p.status, p.body)
			}
		}
		if p := bob.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("bob is still signed in: %d", p.status)
		}
		changed, err := h.blog.Users.Get(context.Background(), h.bob.ID)
		if err != nil || changed.Role != auth.Editor || changed.PasswordMode != auth.ModeRefuse {
			t.Errorf("bob is %+v, %v", changed, err)
		}
		if p := ada.get("/admin/applications?search=of+BOB"); !strings.Contains(p.body, public) {
			t.Errorf("the search does not find it:\n%s", p.body)
		}
		if p := ada.get("/admin/applications?search=carol"); strings.Contains(p.body, public) {
			t.Error("the search finds too much")
		}
		if p := ada.post("/admin/applications/"+public+"/revoke", "do", "yes"); p.status != http.StatusSeeOther {
			t.Errorf("revoke: %d", p.status)
		}
		if answer := h.call(t, public+" "+secret, "", ""); strings.Contains(answer, "<string>bob</string>") {
			t.Error("the revoked key still works")
		}
		if p := h.as(t, "bob").get("/profile/activity"); !strings.Contains(p.body, "The application “Of bob” was revoked. By ada.") {
			t.Errorf("bob's trail does not say who revoked it:\n%s", p.body)
		}
		if p := ada.get("/admin/refusals"); !strings.Contains(p.body, "A key that was revoked <small>revoked-key</small></td><td>1</td><td>1</td>") || !strings.Contains(p.body, "<svg") {
			t.Errorf("the chart lacks the refusal:\n%s", p.body)
		}
		p := ada.post("/admin/settings", "blog_title", "A <b> title", "timezone_string", "Europe/Berlin", "default_comment_status", "closed", "who_may_comment", "anybody", "comment_max_links", "3")
		if p.status != http.StatusSeeOther {
			t.Errorf("settings: %d\n%s", p.status, p.body)
		}
		o, err := h.blog.Site.Options().Current(context.Background())
		if err != nil || o.Title() != "A <b> title" || o.Text("default_comment_status") != "closed" || o.Commenters() != "anybody" || o.Location().String() != "Europe/Berlin" {
			t.Errorf("the options are %q, %v", o.Title(), err)
		}
		if p := ada.get("/admin/settings"); !strings.Contains(p.body, `value="anybody" checked> Anyone</label>`) || strings.Contains(p.body, "comment_registration") {
			t.Errorf("the page does not show who may comment:\n%s", p.body)
		}
		if p := ada.post("/admin/settings", "blog_title", "Not this", "timezone_string", "Nowhere/Land", "comment_max_links", "many"); p.status != http.StatusUnprocessableEntity ||
			!strings.Contains(p.body, `id="timezone_string-wrong"`) || !strings.Contains(p.body, `id="comment_max_links-wrong"`) {
			t.Errorf("settings that cannot be: %d\n%s", p.status, p.body)
		}
		if o, err := h.blog.Site.Options().Current(context.Background()); err != nil || o.Title() != "A <b> title" {
			t.Errorf("half of the settings were taken: %q, %v", o.Title(), err)
		}
		if p := ada.get("/admin/activity?kind=options.changed"); !strings.Contains(p.body, "Site settings were changed. By ada.") {
			t.Errorf("the trail does not say who changed the settings:\n%s", p.body)
		}
		if p := ada.post("/admin/policy", "mode", "warn", "tokens", "1"); p.status != http.StatusSeeOther {
			t.Errorf("how programs sign in: %d\n%s", p.status, p.body)
		}
		policy, err := h.blog.Users.Policy(context.Background())
		if err != nil || policy.PasswordMode != auth.ModeWarn || !policy.Tokens || policy.ApplicationPasswords {
			t.Errorf("the policy is %+v, %v", policy, err)
		}
		// Users without a choice of their own see the mode that
		// applies.
		for path, want := range map[string]string{
			"/admin/users/2":  "clients may send it, and the owner is warned (site default)<",
			"/admin/settings": "clients may send it (server default)<",
		} {
			if p := ada.get(path); !strings.Contains(p.body, want) {
				t.Errorf("%s does not say %q:\n%s", path, want, p.body)
			}
		}
	})
}

// Times are shown in the reader's time zone.
func TestZoneOfTheReader(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.as(t, "bob")
		if p := b.post("/profile/account", "zone", "Nowhere/Land"); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="zone-wrong"`) {
			t.Errorf("a zone that does not exist: %d", p.status)
		}
		b.post("/profile/account", "zone", "Asia/Kolkata")
		zone, err := time.LoadLocation("Asia/Kolkata")
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`<time datetime="([^"]+)" title="([^"]+)">just now</time>`).FindStringSubmatch(b.get("/profile/security").body)
		if m == nil {
			t.Fatal("the page has no time")
		}
		at, err := time.Parse(time.RFC3339, m[1])
		if want := at.In(zone).Format("2 January 2006, 15:04"); err != nil || m[2] != want {
			t.Errorf("the page says %q, want %q; %v", m[2], want, err)
		}
	})
}

// Spreadsheets execute nothing in an export.
func TestExportHoldsNoFormula(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, agent := range []string{`=cmd|' /C calc'!A0`, ` =cmd|x`, `@SUM(1)`, `＝cmd|x`, "-1+1"} {
			b := h.browser(t)
			b.Header.Set("User-Agent", agent)
			b.post("/signin", "login", "bob", "password", password)
			p := b.get("/profile/activity.csv")
			rows, err := csv.NewReader(strings.NewReader(p.body)).ReadAll()
			if err != nil || p.status != http.StatusOK || len(rows) < 2 {
				t.Fatalf("the export is %d, %v\n%s", p.status, err, p.body)
			}
			if got := rows[1][8]; !strings.HasPrefix(got, "'") || !strings.Contains(got, strings.TrimSpace(agent)) {
				t.Errorf("%q is exported as %q", agent, got)
			}
		}
	})
}
