package wordpress_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/media"
	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/site"
	"github.com/quillgate/quillgate/wordpress"
	"github.com/quillgate/quillgate/xmlrpc"
)

// present is the moment at which all tests happen; the blog is two hours ahead of GMT.
var present = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// blog is the whole API over a database, with a user of each role: their names are those of the roles.
type blog struct {
	*site.Site
	db      *database.DB
	handler *xmlrpc.Handler[*auth.Request]
	ids     map[string]int64
	keys    map[string]func(body []byte) string // signs a body
}

func openBlog(t *testing.T, db *database.DB) *blog {
	t.Helper()
	now := func() time.Time { return present }
	dir := t.TempDir()
	if err := apps.CreateKeyset(filepath.Join(dir, "keyset")); err != nil {
		t.Fatal(err)
	}
	store, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: filepath.Join(dir, "keyset"), Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	files, err := media.OpenFolder(filepath.Join(dir, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	users := auth.NewUsers(auth.UsersConfig{DB: db, Apps: store, Clock: now})
	s, err := site.Open(t.Context(), site.Config{DB: db, Users: users, Media: files, BaseURL: "https://blog.example", Clock: now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetOption(t.Context(), "gmt_offset", "2"); err != nil {
		t.Fatal(err)
	}
	api := wordpress.New(wordpress.Config{Site: s, Users: users, Apps: store, Logger: slog.New(slog.DiscardHandler)})
	verifier := auth.New(auth.Config{Users: users, Apps: store, Clock: now})
	handler, err := xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods: api.Methods(),
		Authenticate: func(r *http.Request) (xmlrpc.Check[*auth.Request], error) {
			check, err := verifier.Begin(r)
			if err != nil {
				return nil, err
			}
			return check, nil
		},
		Fault:    api.Fault,
		SpoolDir: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &blog{s, db, handler, map[string]int64{}, map[string]func([]byte) string{}}
	for _, role := range auth.Roles() {
		b.join(t, store, role)
	}
	return b
}

// join adds a user with a key. Nobody signs in with a password here, so nobody has one.
func (b *blog) join(t *testing.T, store *apps.Store, role auth.Role) {
	t.Helper()
	name := string(role)
	_, err := b.db.Exec(t.Context(), `INSERT INTO users (login, login_key, email, email_key, nicename, display_name, role, registered)
		VALUES ($1, $1, '', '', $1, $2, $1, $3)`, name, "The "+name, present)
	if err != nil {
		t.Fatal(err)
	}
	var id int64
	if err := b.db.Get(t.Context(), &id, `SELECT id FROM users WHERE login = $1`, name); err != nil {
		t.Fatal(err)
	}
	app, secret, err := store.Create(t.Context(), id, "test")
	if err != nil {
		t.Fatal(err)
	}
	b.ids[name] = id
	b.keys[name] = func(body []byte) string { return signature.Sign(app.Public, secret.Reveal(), body) }
}

// call sends a signed call of somebody, nobody's when who is "".
func (b *blog) call(t *testing.T, who, method string, args ...any) (xmlrpc.Value, *xmlrpc.Fault) {
	t.Helper()
	params := make([]xmlrpc.Value, len(args))
	for i, arg := range args {
		params[i] = value(arg)
	}
	body := xmlrpc.AppendCall(nil, method, params...)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "https://blog.example/xmlrpc.php", bytes.NewReader(body))
	if who != "" {
		r.Header.Set("Authorization", b.keys[who](body))
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
	var fault *xmlrpc.Fault
	if errors.As(err, &fault) {
		return xmlrpc.Value{}, fault
	}
	if err != nil {
		t.Fatalf("%s answers HTTP %d: %v", method, w.Code, err)
	}
	return v, nil
}

// must is call for what has to succeed.
func (b *blog) must(t *testing.T, who, method string, args ...any) xmlrpc.Value {
	t.Helper()
	v, fault := b.call(t, who, method, args...)
	if fault != nil {
		t.Fatalf("%s as %s: %v", method, who, fault)
	}
	return v
}

// answer is the result of a call as show writes it, or "fault" and its code.
func (b *blog) answer(t *testing.T, who, method string, args ...any) string {
	t.Helper()
	v, fault := b.call(t, who, method, args...)
	if fault != nil {
		return fmt.Sprint("fault ", fault.Code)
	}
	return show(v)
}

type (
	object = map[string]any
	list   = []any
	date   string
)

// value turns Go values into those of XML-RPC.
func value(v any) xmlrpc.Value {
	switch v := v.(type) {
	case xmlrpc.Value:
		return v
	case string:
		return xmlrpc.String(v)
	case date:
		return xmlrpc.DateTime(string(v))
	case int:
		return xmlrpc.Int(int64(v))
	case int64:
		return xmlrpc.Int(v)
	case bool:
		return xmlrpc.Bool(v)
	case list:
		elements := make([]xmlrpc.Value, len(v))
		for i := range v {
			elements[i] = value(v[i])
		}
		return xmlrpc.Array(elements...)
	case object:
		var members []xmlrpc.Member
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, xmlrpc.M(name, value(v[name])))
		}
		return xmlrpc.Struct(members...)
	}
	panic(fmt.Sprintf("no XML-RPC value for %T", v))
}

// show writes a value in one line in which the types can be told apart: i5, b1, d20260301T120000, 'text', [..], {name: ..}.
func show(v xmlrpc.Value) string {
	var b strings.Builder
	switch v.Kind() {
	case xmlrpc.KindInt:
		return fmt.Sprint("i", v.Int64())
	case xmlrpc.KindBool:
		return fmt.Sprint("b", v.Int64())
	case xmlrpc.KindDateTime:
		return "d" + v.Text()
	case xmlrpc.KindArray:
		for i, e := range v.Elements() {
			b.WriteString([]string{"", ", "}[min(i, 1)] + show(e))
		}
		return "[" + b.String() + "]"
	case xmlrpc.KindStruct:
		for i, m := range v.Members() {
			b.WriteString([]string{"", ", "}[min(i, 1)] + m.Name + ": " + show(m.Value))
		}
		return "{" + b.String() + "}"
	}
	return "'" + v.Text() + "'"
}

// members writes some members of a struct.
func members(v xmlrpc.Value, names ...string) string {
	var out []string
	for _, name := range names {
		out = append(out, show(v.Get(name)))
	}
	return strings.Join(out, " ")
}
