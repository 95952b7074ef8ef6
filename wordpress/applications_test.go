package wordpress_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// K10: answers tell of the end of a key from 14 days ahead.
func TestK10ExpiryHeader(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, test := range []struct {
			left time.Duration
			tell bool
		}{{14 * 24 * time.Hour, true}, {14*24*time.Hour + time.Minute, false}, {time.Hour, true}} {
			end := b.now.Add(test.left)
			k := b.key(t, "author", apps.New{Expires: end})
			want := ""
			if test.tell {
				want = end.UTC().Format(time.RFC3339)
			}
			_, fault, h := b.signed(t, k, "wp.getProfile", 1, "", "")
			if got := h.Get("X-Quillgate-Key-Expires"); fault != nil || got != want {
				t.Errorf("%v ahead: %q, %v; want %q", test.left, got, fault, want)
			}
		}
	})
}

// K14: a key learns of itself, and nothing of another.
func TestK14Introspect(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		mine, theirs := b.limited(t, "author", apps.Read), b.limited(t, "editor", apps.Draft)
		for _, k := range [][2]signer{{mine, theirs}, {theirs, mine}} {
			v, fault, _ := b.signed(t, k[0], "xmlrpcs.introspect")
			if fault != nil {
				t.Fatal(fault)
			}
			text := line(v)
			if !strings.Contains(text, k[0].app.Public) || strings.Contains(text, k[1].app.Public) || strings.Contains(text, k[1].app.Name) || strings.Contains(text, "qgs_") {
				t.Errorf("introspection of %s: %s", k[0].app.Name, text)
			}
		}
	})
}

const publicKeyPEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
`

// K16: over the wire a code enrols one key, for the user whose code it is, and not in the clear from elsewhere.
func TestK16EnrolOverTheWire(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		code, _, err := b.apps.OpenEnrolment(t.Context(), audit.Operator, apps.New{UserID: b.ids["author"]}, 0)
		must(t, err)
		enrol := func(code string) (xmlrpc.Value, int) {
			t.Helper()
			v, fault, _ := b.send(t, xmlrpc.AppendCall(nil, "xmlrpcs.enrol", xmlrpc.String(code), xmlrpc.String("Build server"),
				xmlrpc.String("ed25519"), xmlrpc.String(publicKeyPEM)), "")
			if fault != nil {
				return v, fault.Code
			}
			return v, 0
		}
		if _, fault := enrol("ABCDEFGHIJKLMNOPQRSTUVWXYZ"); fault != 403 {
			t.Errorf("a wrong code: fault %d, want 403", fault)
		}
		b.remote = "192.0.2.1:999"
		if _, fault := enrol(code.Reveal()); fault != 403 {
			t.Errorf("in the clear: fault %d, want 403", fault)
		}
		b.remote = ""
		v, fault := enrol(code.Reveal())
		if fault != 0 {
			t.Fatalf("fault %d", fault)
		}
		app, err := b.apps.Get(t.Context(), v.Get("key").Text())
		if err != nil || app.UserID != b.ids["author"] || app.Algorithm != "ed25519" {
			t.Errorf("%+v, %v", app, err)
		}
		if _, fault := enrol(code.Reveal()); fault != 403 {
			t.Errorf("the code again: fault %d, want 403", fault)
		}
	})
}
