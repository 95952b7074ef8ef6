package wordpress_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/pingback"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/site/sitetest"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// endpoint is the whole API of a blog two hours ahead of GMT, called as over
// HTTP but without a socket. Users are named after their roles; a password is
// the name followed by "-password".
type endpoint struct {
	http.Handler
	db    *database.DB
	site  *site.Site
	apps  *apps.Store
	users *auth.Users
	clock *databasetest.Clock
}

func openEndpoint(t testing.TB, db *database.DB) *endpoint {
	t.Helper()
	ctx := t.Context()
	e := &endpoint{db: db, clock: databasetest.NewClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	blog := sitetest.Open(t, db, sitetest.Config{Clock: e.clock.Now})
	e.site, e.apps, e.users = blog.Site, blog.Apps, blog.Users
	must(t, e.site.Options().Set(ctx, "gmt_offset", "2"))
	for _, role := range auth.Roles() {
		_, err := e.users.Create(ctx, audit.Operator, auth.NewUser{Login: string(role), Password: string(role) + "-password", Role: role})
		must(t, err)
	}
	api := wordpress.New(wordpress.Config{Site: e.site, Users: e.users, Apps: e.apps, Pings: pingback.New(pingback.Config{Site: e.site}), Clock: e.clock.Now, Logger: slog.New(slog.DiscardHandler)})
	verifier := auth.New(auth.Config{Users: e.users, Apps: e.apps, ClearTextPasswords: true})
	var err error
	e.Handler, err = xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods:      api.Methods(),
		Authenticate: func(r *http.Request) (xmlrpc.Check[*auth.Request], error) { return verifier.Begin(r) },
		Fault:        api.Fault,
		SpoolDir:     databasetest.Folder(t),
		Log:          slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	must(t, err)
	return e
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call calls a method, and returns its result or its fault code.
func (e *endpoint) call(t testing.TB, method string, params ...xmlrpc.Value) (v xmlrpc.Value, fault int) {
	t.Helper()
	body := xmlrpc.AppendCall(nil, method, params...)
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), "POST", "https://blog.example/xmlrpc.php", bytes.NewReader(body))
	r.Header.Set("Content-Type", "text/xml")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
	if f := (*xmlrpc.Fault)(nil); errors.As(err, &f) {
		return v, f.Code
	}
	if err != nil {
		t.Fatalf("%s: HTTP %d: %v\n%s", method, w.Code, err, w.Body)
	}
	return v, 0
}

// as calls a method whose first parameters are the blog, the user name and the
// password.
func (e *endpoint) as(t testing.TB, login, method string, params ...xmlrpc.Value) (xmlrpc.Value, int) {
	t.Helper()
	return e.call(t, method, append([]xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(login), xmlrpc.String(login + "-password")}, params...)...)
}

// get is as for the administrator; a fault ends the test.
func (e *endpoint) get(t testing.TB, method string, params ...xmlrpc.Value) xmlrpc.Value {
	t.Helper()
	v, fault := e.as(t, "administrator", method, params...)
	if fault != 0 {
		t.Fatalf("%s: fault %d", method, fault)
	}
	return v
}

// object returns a struct of names and values in turn. Strings, numbers and
// flags get the types that clients send.
func object(pairs ...any) xmlrpc.Value {
	var members []xmlrpc.Member
	for i := 0; i+1 < len(pairs); i += 2 {
		members = append(members, xmlrpc.M(pairs[i].(string), value(pairs[i+1])))
	}
	return xmlrpc.Struct(members...)
}

// array returns an array of such values.
func array(values ...any) xmlrpc.Value {
	out := []xmlrpc.Value{}
	for _, v := range values {
		out = append(out, value(v))
	}
	return xmlrpc.Array(out...)
}

func value(v any) xmlrpc.Value {
	switch v := v.(type) {
	case string:
		return xmlrpc.String(v)
	case int:
		return xmlrpc.Int(int64(v))
	case bool:
		return xmlrpc.Bool(v)
	case float64:
		return xmlrpc.Double(v)
	}
	return v.(xmlrpc.Value)
}

// plain converts a value to maps, slices, strings and numbers, which cmp
// displays well. Dates become "date:" and their text.
func plain(v xmlrpc.Value) any {
	switch v.Kind() {
	case xmlrpc.KindStruct:
		out := map[string]any{}
		for _, m := range v.Members() {
			out[m.Name] = plain(m.Value)
		}
		return out
	case xmlrpc.KindArray:
		out := []any{}
		for _, e := range v.Elements() {
			out = append(out, plain(e))
		}
		return out
	case xmlrpc.KindInt:
		return int(v.Int64())
	case xmlrpc.KindBool:
		return v.Bool()
	case xmlrpc.KindDouble:
		return v.Float64()
	case xmlrpc.KindDateTime:
		return "date:" + v.Text()
	}
	return v.Text()
}
