package interop

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/upstream/upstreamtest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// guarded is a WordPress behind a gateway. A web server puts both under one
// address over https.
type guarded struct {
	*process
	wp  *upstreamtest.WordPress
	web *httptest.Server
}

func guard(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{wp: upstreamtest.Start(t)}
	at := freeLoopback(t)
	proxy := &httputil.ReverseProxy{Transport: &http.Transport{}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: at})
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}}
	mux := http.NewServeMux()
	for _, path := range []string{"/quillgate/", "/xmlrpc.php", "/readyz"} {
		mux.Handle(path, proxy)
	}
	mux.Handle("/", g.wp)
	g.web = httptest.NewTLSServer(mux)
	t.Cleanup(g.web.Close)
	g.wp.Home = g.web.URL
	blog := seeded{folder: t.TempDir()}
	g.process, _ = launch(t, blog, regexp.MustCompile(regexp.QuoteMeta(g.web.URL)), "gateway", "--listen", at, "--upstream", g.wp.URL+"/xmlrpc.php", "--base-url", g.web.URL,
		"--trusted-proxies", "127.0.0.1", "--metrics-listen", "127.0.0.1:0")
	g.base, g.endpoint = g.web.URL, g.web.URL+"/xmlrpc.php"
	return g
}

// publish publishes a signed post as a client does, and returns the answer.
func (g *guarded) publish(t *testing.T, k signingKey, title string) string {
	t.Helper()
	body := xmlrpc.AppendCall(nil, "wp.newPost", xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String(""),
		xmlrpc.Struct(xmlrpc.M("post_title", xmlrpc.String(title)), xmlrpc.M("post_status", xmlrpc.String("publish"))))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("User-Agent", "MarsEdit/5.1")
	req.Header.Set("Authorization", signature.Sign(k.public, k.secret, body))
	resp, err := g.web.Client().Do(req)
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

// titles returns the titles of the posts of the WordPress.
func (g *guarded) titles() string {
	var all []string
	for _, p := range g.wp.Posts() {
		all = append(all, p.Title)
	}
	return strings.Join(all, "|")
}

// A person uses a gateway: the first sign-in on the page of the WordPress; a
// key that is created, used, shown, rotated, revoked and refused; and a
// credential that is renewed after the WordPress has revoked it. All of it
// works without scripts too.
func TestGatewayWalk(t *testing.T) {
	t.Parallel()
	for _, l := range []look{desktop, bare} {
		t.Run(l.name, func(t *testing.T) {
			g := guard(t)
			w := &walk{p: g.process, look: l, sources: make(map[string]string)}
			w.tab = openBrowserWith(t, chromedp.Flag("ignore-certificate-errors", true)).tab(t, g.base, l)
			w.enterGateway(t, g)
			w.keyOfGateway(t, g)
			w.renew(t, g)
			if !l.noScript {
				validate(t, w.sources)
			}
		})
	}
}

// enterGateway first refuses on the page of the WordPress, and then signs in
// there.
func (w *walk) enterGateway(t *testing.T, g *guarded) {
	t.Helper()
	w.open(t, "/quillgate/")
	w.write(t, "#user_login", "admin")
	w.write(t, "#user_pass", "app-password")
	w.press(t, "#wp-submit")
	w.press(t, "#reject")
	if !strings.Contains(w.text(t, "main"), "You declined") {
		t.Fatalf("after the rejection at %s:\n%s", w.where(), w.text(t, "main"))
	}
	w.judge(t, "signin")
	w.press(t, `main a.button`)
	w.press(t, "#approve")
	if got := w.where(); got != w.base+"/quillgate/profile" {
		t.Fatalf("after the approval: %s\n%s", got, w.text(t, "main"))
	}
	if n := len(g.wp.Passwords()); n != 1 {
		t.Errorf("%d application passwords were made", n)
	}
	w.judge(t, "applications")
}

// keyOfGateway creates a key, uses it, sees the use, rotates it, and revokes
// both keys.
func (w *walk) keyOfGateway(t *testing.T, g *guarded) {
	t.Helper()
	w.open(t, "/quillgate/profile/applications/new")
	w.judge(t, "new")
	w.write(t, "#name", "The walk's program")
	w.press(t, "main form button")
	w.judge(t, "secret")
	old := signingKey{w.text(t, "#v-public"), w.text(t, "#v-secret")}
	traces.made("the secret of the walk's key", old.secret)
	if body := g.publish(t, old, "First of the walk"); !strings.Contains(g.titles(), "First of the walk") {
		t.Fatalf("the key does not publish: %s", body)
	}
	if w.open(t, "/quillgate/profile/applications/"+old.public); !strings.Contains(w.text(t, "main"), "wp.newPost") {
		t.Fatalf("the page does not show what the key was used for:\n%s", w.text(t, "main"))
	}
	w.open(t, "/quillgate/profile/applications/"+old.public+"/rotate")
	w.judge(t, "rotate")
	w.press(t, "main form button")
	next := signingKey{w.text(t, "#v-public"), w.text(t, "#v-secret")}
	traces.made("the secret of the walk's next key", next.secret)
	g.publish(t, next, "With the new key")
	g.publish(t, old, "With the old key")
	if got := g.titles(); !strings.Contains(got, "With the new key") || !strings.Contains(got, "With the old key") {
		t.Errorf("after the rotation the WordPress has %s", got)
	}
	for _, k := range []signingKey{old, next} {
		w.open(t, "/quillgate/profile/applications/"+k.public+"/revoke")
		w.judge(t, "revoke")
		w.press(t, "main button.danger")
		if body := g.publish(t, k, "Refused"); !strings.Contains(body, "<int>403</int>") || strings.Contains(g.titles(), "Refused") {
			t.Errorf("a revoked key: %s", body)
		}
	}
	for _, path := range []string{"security", "account", "activity"} {
		w.open(t, "/quillgate/profile/"+path)
		w.judge(t, path)
	}
}

// renew makes the WordPress revoke the credential, which the page reports, and
// signs in again.
func (w *walk) renew(t *testing.T, g *guarded) {
	t.Helper()
	w.open(t, "/quillgate/profile/applications/new")
	w.write(t, "#name", "Renewed")
	w.press(t, "main form button")
	k := signingKey{w.text(t, "#v-public"), w.text(t, "#v-secret")}
	traces.made("the secret of the walk's last key", k.secret)
	g.wp.RevokeAll()
	if body := g.publish(t, k, "Without a credential"); !strings.Contains(body, "Nothing was changed") {
		t.Errorf("without a credential: %s", body)
	}
	w.open(t, "/quillgate/profile")
	if !strings.Contains(w.text(t, "main"), "no longer accepts the credential") {
		t.Fatalf("the page does not say that the credential is refused:\n%s", w.text(t, "main"))
	}
	w.judge(t, "refused")
	w.press(t, "main .notice a.button")
	w.press(t, "#approve")
	if strings.Contains(w.text(t, "main"), "no longer accepts the credential") {
		t.Errorf("the credential is not renewed:\n%s", w.text(t, "main"))
	}
	if body := g.publish(t, k, "With the new credential"); !strings.Contains(g.titles(), "With the new credential") {
		t.Errorf("after the renewal: %s", body)
	}
	w.press(t, "form.out button")
	if w.open(t, "/quillgate/profile"); w.has(t, "form.out") {
		t.Error("signed out, the profile opens")
	}
}
