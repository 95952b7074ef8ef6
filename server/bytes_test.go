package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// odd holds strings that PostgreSQL does not accept as text.
const odd = "a\xff\x00\xc3b"

// Bytes that are not text, in a header, a form or a query, cause no internal
// error on either database, and lose no last use of others.
func TestOddBytesFromOutside(t *testing.T) {
	eachServer(t, func(t *testing.T, blog *server.Blog, s *server.Server) {
		key, secret := servertest.Key(t, blog.Keys, apps.New{UserID: 1, Name: "odd"})
		other, otherSecret := servertest.Key(t, blog.Keys, apps.New{UserID: 1, Name: "other"})
		_, token, err := blog.Apps.CreateToken(t.Context(), audit.Operator, apps.NewToken{UserID: 1, Kind: apps.AccessToken, Name: "t"})
		if err != nil {
			t.Fatal(err)
		}
		none := []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}
		call := func(agent string, prepare func(*http.Request), params ...xmlrpc.Value) {
			t.Helper()
			plain := post("wp.getProfile", params...)
			r := httptest.NewRequest(http.MethodPost, "https://blog.example/xmlrpc.php", plain.Body)
			r.RemoteAddr = "192.0.2.5:1"
			r.Header.Set("User-Agent", agent)
			prepare(r)
			if fault := faultOf(t, send(s, r)); fault != nil {
				t.Errorf("a call of %q: %v", agent, fault)
			}
		}
		for _, agent := range []string{odd, "Editor/1"} {
			k, sec := key, secret
			if agent != odd {
				k, sec = other, otherSecret
			}
			call(agent, func(r *http.Request) { sign(r, k.Public, sec.Reveal()) }, none...)
			call(agent, func(r *http.Request) { r.SetBasicAuth(token.Reveal(), "") }, none...)
			call(agent, func(*http.Request) {}, xmlrpc.Int(1), xmlrpc.String("ada"), xmlrpc.String(password))
		}
		ask := func(v *visitor, method, path string, form ...string) {
			t.Helper()
			r := httptest.NewRequest(method, "https://blog.example"+path, strings.NewReader(strings.Join(form, "&")))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("User-Agent", odd)
			r.RemoteAddr = v.addr + ":1"
			for name, value := range v.cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			w := send(s, r)
			if w.Code >= 500 {
				t.Errorf("%s %s: %d\n%s", method, path, w.Code, w.Body)
			}
			for _, c := range w.Result().Cookies() {
				v.cookies[c.Name] = c.Value
			}
		}
		const bytes = "a%FF%00%C3b"
		ask(from(s, "192.0.2.6"), "POST", "/signin", "login="+bytes, "password=x")
		ask(from(s, "192.0.2.6"), "POST", "/signin", "login=ada", "password="+bytes)
		v := from(s, "192.0.2.6")
		ask(v, "POST", "/signin", "login=ada", "password="+strings.ReplaceAll(password, " ", "+"))
		for _, path := range []string{"/profile?search=" + bytes, "/profile/activity?person=" + bytes, "/authorize?app_name=" + bytes, "/signin?next=" + bytes, "/setup?code=" + bytes} {
			ask(v, "GET", path)
		}
		for _, path := range []string{"/profile/applications", "/profile/account", "/profile/security/passkeys/change", "/signin/code", "/setup", "/authorize"} {
			ask(v, "POST", path, "name="+bytes, "app_name="+bytes, "display_name="+bytes, "email="+bytes, "first_name="+bytes, "code="+bytes, "id="+bytes, "do=rename", "kind=key")
		}
		if err := blog.Apps.Close(); err != nil {
			t.Fatal(err)
		}
		if err := blog.Users.Close(); err != nil {
			t.Fatal(err)
		}
		for _, k := range []apps.App{key, other} {
			if got, err := blog.Apps.Get(t.Context(), k.Public); err != nil || got.Uses != 1 || got.LastUse.Method != "wp.getProfile" {
				t.Errorf("%s: %d uses, the last %+v, %v", k.Name, got.Uses, got.LastUse, err)
			}
		}
		list, err := blog.Apps.Tokens(t.Context(), apps.TokenFilter{UserID: 1})
		if err != nil || len(list) != 1 || list[0].LastUse.Agent != "Editor/1" {
			t.Errorf("the last use of the token: %+v, %v", list, err)
		}
		if clients, err := blog.Users.PasswordClients(t.Context(), 1); err != nil || len(clients) != 2 {
			t.Errorf("programs that send a password: %+v, %v; want 2", clients, err)
		}
	})
}
