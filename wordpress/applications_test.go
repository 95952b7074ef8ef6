package wordpress_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/xmlrpc"
)

// K10: answers announce the expiry of a key from 14 days before it on.
func TestK10ExpiryHeader(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		for _, test := range []struct {
			left time.Duration
			tell bool
		}{{14 * 24 * time.Hour, true}, {14*24*time.Hour + time.Minute, false}, {time.Hour, true}} {
			end := b.clock.Now().Add(test.left)
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

// K14: a key can read about itself, but not about another.
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

// K13: the fifth argument limits the new key. If it is invalid, no key is
// created.
func TestK13Settings(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		day := 24 * time.Hour
		made := 0
		for _, test := range []struct {
			name     string
			settings any
			want     apps.App // the limits that the settings describe
		}{
			{"none", dict{}, apps.App{}},
			{"empty array", list{}, apps.App{}},
			{
				"all, as arrays",
				dict{"scope": list{"read", "draft"}, "methods": list{"wp.getPosts", "wp.newPost"}, "networks": list{"192.0.2.0/24", "2001:db8::1"}, "strict": true, "expires": 90},
				apps.App{
					Terms: apps.Terms{
						Scope:    apps.Scope{Rights: []apps.Right{apps.Read, apps.Draft}, Methods: []string{"wp.getPosts", "wp.newPost"}},
						Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")}, Expires: b.clock.Now().Add(90 * day),
					},
					Strict: true,
				},
			},
			{
				"as texts",
				dict{"scope": "read, media", "networks": "192.0.2.7", "strict": "0", "expires": "1"},
				apps.App{Terms: apps.Terms{
					Scope: apps.Scope{Rights: []apps.Right{apps.Read, apps.Media}}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}, Expires: b.clock.Now().Add(day),
				}},
			},
			{"a date", dict{"expires": date("20270301T12:00:00")}, apps.App{Terms: apps.Terms{Expires: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}}},
		} {
			v, fault := b.call(t, "author", "xmlrpcs.createApplication", 1, "", "", test.name, wire(test.settings))
			if fault != 0 {
				t.Errorf("%s: fault %d", test.name, fault)
				continue
			}
			made++
			got, err := b.apps.Get(t.Context(), v.Get("key").Text())
			must(t, err)
			limits := apps.App{Terms: got.Terms, Strict: got.Strict}
			limits.Name = ""
			if diff := cmp.Diff(test.want, limits, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}), cmpopts.EquateEmpty()); diff != "" || got.Name != test.name {
				t.Errorf("%s (%s): (-want +got)\n%s", test.name, got.Name, diff)
			}
		}
		for name, settings := range map[string]any{
			"no such right":       dict{"scope": list{"read", "everything"}},
			"no method":           dict{"methods": "wp.get Posts!"},
			"no network":          dict{"networks": "192.0.2.0/33"},
			"no number of days":   dict{"expires": "tomorrow"},
			"no days":             dict{"expires": 0},
			"too many days":       dict{"expires": 36501},
			"a date gone by":      dict{"expires": date("20200101T00:00:00")},
			"no such setting":     dict{"scopes": "read"},
			"no struct":           "read",
			"an array of members": list{"read"},
		} {
			if _, fault := b.call(t, "author", "xmlrpcs.createApplication", 1, "", "", name, wire(settings)); fault != 400 {
				t.Errorf("%s: fault %d, want 400", name, fault)
			}
		}
		keys, _, err := b.apps.List(t.Context(), apps.Filter{Revoked: true})
		if err != nil || len(keys) != made {
			t.Errorf("%d keys, %v; want %d", len(keys), err, made)
		}
	})
}

// K14, K10: the same for a token or an application password, and answers
// announce its expiry.
func TestK14IntrospectToken(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := openBlog(t, db)
		end := b.clock.Now().Add(13 * 24 * time.Hour)
		for _, kind := range []apps.TokenKind{apps.AccessToken, apps.ApplicationPassword} {
			token, text, err := b.apps.CreateToken(t.Context(), audit.Operator, apps.NewToken{
				UserID: b.ids["author"], Kind: kind, Name: "My " + string(kind),
				Scope: apps.Scope{Rights: []apps.Right{apps.Read}}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Expires: end,
			})
			must(t, err)
			basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("author:"+text.Reveal()))
			v, fault, h := b.send(t, xmlrpc.AppendCall(nil, "xmlrpcs.introspect"), basic)
			if fault != nil {
				t.Fatal(fault)
			}
			want := fmt.Sprintf("'My %s' '%s' '%s' ['read'] ['192.0.2.0/24'] d20260314T12:00:00", kind, token.ID, kind)
			if got := pick(v, "app", "token", "kind", "scope", "networks", "expires_gmt"); got != want || strings.Contains(line(v), text.Reveal()) {
				t.Errorf("%s, want %s", got, want)
			}
			if got := h.Get("X-Quillgate-Key-Expires"); got != end.Format(time.RFC3339) {
				t.Errorf("the header of %s: %q", kind, got)
			}
		}
	})
}

const publicKeyPEM = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
`

// K16: over the wire a code enrols one key, for the user it was created for,
// and not over an unencrypted connection from elsewhere.
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
			t.Errorf("unencrypted: fault %d, want 403", fault)
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
