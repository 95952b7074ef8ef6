package auth_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/signature"
)

func TestSigned(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		app, secret := h.key(t, ada)
		q, err := h.verify(post("192.0.2.1", body, sign(app, secret, body)), body)
		if err != nil {
			t.Fatal(err)
		}
		who, ok := q.Signed()
		want := auth.Identity{
			User: ada, App: &app, Via: auth.ViaSignature, Addr: netip.MustParseAddr("192.0.2.1"),
			Repeat: auth.Repeat{Public: app.Public, Digest: strings.TrimPrefix(sign(app, secret, body), app.Public+"||")},
		}
		if diff := cmp.Diff(want, who, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); !ok || diff != "" {
			t.Errorf("Signed: %v (-want +got):\n%s", ok, diff)
		}
	})
}

// S1, S2, S4, S5: whatever is not a valid signature is denied, always with the
// same error.
func TestRefusedSignatures(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		revoked, revokedSecret := h.key(t, h.user(t, "bob", auth.Author))
		if err := h.apps.Revoke(t.Context(), audit.Operator, revoked.UserID, revoked.Public); err != nil {
			t.Fatal(err)
		}
		broken, brokenSecret := h.key(t, h.user(t, "cleo", auth.Author))
		if _, err := h.db.Exec(t.Context(), `UPDATE apps SET secret = $2 WHERE public = $1`, broken.Public, []byte("damaged")); err != nil {
			t.Fatal(err)
		}
		good := sign(app, secret, body)
		digest := strings.TrimPrefix(good, app.Public+"||")
		inner := sha256.Sum256([]byte(secret.Reveal() + body))
		mac := hmac.New(sha256.New, []byte(secret.Reveal()))
		mac.Write([]byte(body))
		b64 := base64.StdEncoding.EncodeToString
		flip := func(i int) string {
			b := []byte(digest)
			b[i] = map[bool]byte{true: '1', false: '0'}[b[i] == '0']
			return app.Public + "||" + string(b)
		}
		with := func(value string) string { return app.Public + "||" + value }
		const unknown = "0123456789abcdef0123456789abcdef"
		tests := []struct {
			name, value string
			want        auth.Reason
		}{
			{"S1 one newline more", sign(app, secret, body+"\n"), auth.WrongDigest},
			{"S1 trimmed", sign(app, secret, body[:len(body)-1]), auth.WrongDigest},
			{"S1 nothing", sign(app, secret, ""), auth.WrongDigest},
			{"S2 single hash", with(hex.EncodeToString(inner[:])), auth.WrongDigest},
			{"S2 HMAC", with(hex.EncodeToString(mac.Sum(nil))), auth.WrongDigest},
			{"S2 upper case", with(strings.ToUpper(digest)), auth.MalformedHeader},
			{"S2 base64 of the digest", with(b64([]byte(digest))), auth.LegacyForm},
			{"S2 older form, for a key without it", with(b64([]byte(hex.EncodeToString(inner[:])))), auth.LegacyForm},
			{"S3 first digit", flip(0), auth.WrongDigest},
			{"S3 last digit", flip(63), auth.WrongDigest},
			{"S4 unknown key", unknown + "||" + digest, auth.UnknownKey},
			{"S4 unknown key, older form", unknown + "||" + b64([]byte(digest)), auth.UnknownKey},
			{"S4 revoked key", sign(revoked, revokedSecret, body), auth.RevokedKey},
			{"S4 key in other case", strings.ToUpper(app.Public) + "||" + digest, auth.UnknownKey},
			{"S5 damaged secret", sign(broken, brokenSecret, body), auth.SealedKey},
			{"S5 damaged, empty secret", signature.Sign(broken.Public, "", []byte(body)), auth.SealedKey},
			{"S5 unknown, empty secret", signature.Sign(unknown, "", []byte(body)), auth.UnknownKey},
			{"S5 empty secret", signature.Sign(app.Public, "", []byte(body)), auth.WrongDigest},
			{"S5 public key as secret", signature.Sign(app.Public, app.Public, []byte(body)), auth.WrongDigest},
			{"S6 empty", "", auth.MalformedHeader},
			{"S6 three parts", good + "||x", auth.MalformedHeader},
			{"S6 list", "x||" + digest + ", " + good, auth.MalformedHeader},
			{"S6 quoted", `"` + good + `"`, auth.MalformedHeader},
			{"S6 zeros", with(strings.Repeat("0", 64)), auth.WrongDigest},
			{"S6 Basic", "Basic " + b64([]byte("ada:ada-password")), auth.WrongPassword},
			{"S6 Bearer", "Bearer " + good, auth.MalformedHeader},
		}
		if _, err := h.verify(post(addr, body, good), body); err != nil {
			t.Fatalf("the right signature: %v", err)
		}
		h.reasons()
		for _, test := range tests {
			q, err := h.verify(post(addr, body, test.value), body)
			if err != auth.ErrDenied || q != nil {
				t.Errorf("%s: %v, %v; want exactly ErrDenied", test.name, q, err)
			}
			if diff := cmp.Diff([]auth.Reason{test.want}, h.reasons()); diff != "" {
				t.Errorf("%s: reasons (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

// S4: an unknown key costs the same as a known one, also in the database.
func TestSameWorkForUnknownKeysS4(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		wrong := sign(app, secret, "another body")
		unknown := "0123456789abcdef0123456789abcdef" + wrong[32:]
		for _, round := range []string{"first", "second"} {
			var cost [2]int64
			for i, value := range []string{wrong, unknown} {
				before := h.db.Statements()
				c, err := h.verifier.Begin(post(addr, body, value))
				if err != nil || !c.Presented() {
					t.Fatalf("Begin: %v; a body must be hashed for %s", err, value[:32])
				}
				c.Write([]byte(body))
				if _, err := c.Identify(t.Context()); err != auth.ErrDenied {
					t.Errorf("Identify: %v", err)
				}
				cost[i] = h.db.Statements() - before
			}
			if cost[0] != cost[1] {
				t.Errorf("the %s time a known key costs %d statements, an unknown one %d", round, cost[0], cost[1])
			}
		}
	})
}

// S6: exactly one field.
func TestTwoHeadersS6(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		good := sign(app, secret, body)
		bad := sign(app, secret, "x")
		for _, values := range [][]string{{good, good}, {good, bad}, {bad, good}, {"Basic eDp5", good}, {good, ""}} {
			if _, err := h.verify(post(addr, body, values...), body); err != auth.ErrDenied {
				t.Errorf("%d fields: %v, want ErrDenied", len(values), err)
			}
		}
		if _, err := h.verify(post(addr, body, "  "+good+" \t"), body); err != nil {
			t.Errorf("white space around the value: %v", err)
		}
	})
}

// S7: after an invalid signature, nothing else signs the caller in.
func TestNoFallbackS7(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		q, err := h.verify(post(addr, body, sign(app, secret, "x")), body)
		if err != auth.ErrDenied {
			t.Fatalf("%v, want ErrDenied", err)
		}
		if who, err := q.Login(t.Context(), "ada", "ada-password"); err == nil {
			t.Errorf("the password signed in %d after a failed signature", who.User.ID)
		}
	})
}

// S8: only the field Authorization of the request itself counts.
func TestOtherPlacesS8(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		good := sign(app, secret, body)
		requests := map[string]func(*http.Request){
			"X-Authorization":     func(r *http.Request) { r.Header.Set("X-Authorization", good) },
			"Proxy-Authorization": func(r *http.Request) { r.Header.Set("Proxy-Authorization", good) },
			"trailer":             func(r *http.Request) { r.Trailer = http.Header{"Authorization": {good}} },
			"cookie":              func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "Authorization", Value: good}) },
			"query":               func(r *http.Request) { r.URL.RawQuery = "Authorization=" + good },
			"next on the connection": func(r *http.Request) {
				if _, err := h.verify(post(addr, body, good), body); err != nil {
					t.Fatal(err)
				}
			},
		}
		for name, change := range requests {
			r := post(addr, body)
			change(r)
			q, err := h.verify(r, body)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if who, ok := q.Signed(); ok {
				t.Errorf("%s: signed by %d", name, who.User.ID)
			}
		}
	})
}

// S11: one signature for the whole request, and never another user.
func TestOneIdentityS11(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		h.user(t, "bob", auth.Administrator)
		q, err := h.verify(post(addr, body, sign(app, secret, body)), body)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range [][2]string{{"", ""}, {"bob", "bob-password"}, {"bob", "wrong"}, {"nobody", "x"}} {
			who, err := q.Login(t.Context(), c[0], c[1])
			if err != nil || who.User.Login != "ada" || who.Via != auth.ViaSignature {
				t.Errorf("Login(%q, %q) = %q via %v, %v; want ada by signature", c[0], c[1], who.User.Login, who.Via, err)
			}
		}
	})
}

// A key has the current rights of its user.
func TestKeyFollowsItsUser(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Editor)
		app, secret := h.key(t, ada)
		can := func() bool {
			t.Helper()
			q, err := h.verify(post(addr, body, sign(app, secret, body)), body)
			if err != nil {
				t.Fatal(err)
			}
			who, _ := q.Signed()
			return who.Can(auth.EditOthersPosts)
		}
		if !can() {
			t.Error("the editor's key cannot edit others' posts")
		}
		if err := h.users.SetRole(t.Context(), audit.Operator, ada.ID, auth.Author); err != nil {
			t.Fatal(err)
		}
		if can() {
			t.Error("the key kept the right that its user has lost")
		}
		if _, err := h.db.Exec(t.Context(), `UPDATE users SET role = $2 WHERE id = $1`, ada.ID, "editor"); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(time.Second)
		if !can() {
			t.Error("a change by another process is not seen a second later")
		}
		if _, err := h.db.Exec(t.Context(), `DELETE FROM users WHERE id = $1`, ada.ID); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(time.Second)
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != auth.ErrDenied {
			t.Errorf("the key of a deleted user: %v, want ErrDenied", err)
		}
	})
}

// A signed request costs no statement once key and user are cached.
func TestSignedStatements(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		for i, want := range []int64{2, 0, 0} {
			before := h.db.Statements()
			if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != nil {
				t.Fatal(err)
			}
			if got := h.db.Statements() - before; got != want {
				t.Errorf("request %d: %d statements, want %d", i+1, got, want)
			}
		}
	})
}

// The older form of signatures, for keys that have it.
func TestLegacySignatures(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		secret := apps.NewSecret("7647a19f5bf3e9fd001419900ad48a54")
		for public, legacy := range map[string]bool{"oldkey": true, "newkey": false} {
			_, err := h.apps.Import(t.Context(), apps.Imported{UserID: ada.ID, Name: "x", Public: public, Secret: secret, LegacySignatures: legacy})
			if err != nil {
				t.Fatal(err)
			}
			inner := sha256.Sum256([]byte(secret.Reveal() + body))
			digits := hex.EncodeToString(inner[:])
			if _, err := h.verify(post(addr, body, public+"||"+base64.StdEncoding.EncodeToString([]byte(digits))), body); (err == nil) != legacy {
				t.Errorf("%s, base64 of the single hash: %v, want ok %v", public, err, legacy)
			}
			if _, err := h.verify(post(addr, body, public+"||"+digits), body); err != auth.ErrDenied {
				t.Errorf("%s, the single hash in digits: %v, want ErrDenied", public, err)
			}
			if _, err := h.verify(post(addr, body, signature.Sign(public, secret.Reveal(), []byte(body))), body); err != nil {
				t.Errorf("%s, the proper form: %v", public, err)
			}
		}
	})
}

// BenchmarkSigned measures the whole verification of a signed request, next to
// the bare hash of the same body.
func BenchmarkSigned(b *testing.B) {
	h := open(b, benchDatabase(b), func(c *auth.Config) { c.Observe = nil })
	app, secret := h.key(b, h.user(b, "ada", auth.Author))
	for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
		text := bytes.Repeat([]byte("x"), size)
		r := post(addr, "", sign(app, secret, string(text)))
		b.Run(fmt.Sprintf("%dKB/sha256", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				sha256.Sum256(text)
			}
		})
		b.Run(fmt.Sprintf("%dKB/verify", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				c, err := h.verifier.Begin(r)
				if err != nil {
					b.Fatal(err)
				}
				c.Write(text)
				if _, err := c.Identify(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A2: wrong signatures make nobody wait. They cannot be guessed, and the right
// one must work from the same address; a flood of them is logged in few lines,
// and counted completely.
func TestA2WrongSignatures(t *testing.T) {
	var log bytes.Buffer
	each(t, func(c *auth.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, func(t *testing.T, h *house) {
		log.Reset()
		app, secret := h.key(t, h.user(t, "ada", auth.Author))
		const flood = 1000
		for range flood {
			if _, err := h.verify(post(addr, body, sign(app, secret, "x")), body); err != auth.ErrDenied {
				t.Fatal(err)
			}
		}
		if got := len(h.reasons()); got != flood {
			t.Errorf("%d refusals were told, want %d", got, flood)
		}
		if got := strings.Count(log.String(), "wrong-digest"); got != 22 {
			t.Errorf("%d lines in the log, want the first 20, the 100th and the 1000th", got)
		}
		for _, from := range []string{addr, "198.51.100.7"} {
			if _, err := h.verify(post(from, body, sign(app, secret, body)), body); err != nil {
				t.Errorf("the right signature from %s: %v", from, err)
			}
		}
		h.verify(post("198.51.100.7", body, sign(app, secret, "x")), body)
		h.clock.Add(time.Minute)
		h.verify(post(addr, body, sign(app, secret, "x")), body)
		if got := strings.Count(log.String(), "wrong-digest"); got != 24 {
			t.Errorf("%d lines after one from elsewhere and one a minute later, want 2 more", got)
		}
	})
}

// K7: a credential that is revoked while the body of a request arrives slowly
// is refused at its end, in every scheme, and one whose scope was narrowed has
// the new scope.
func TestK7RevokedDuringTheBody(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		other := apps.Change{Scope: &apps.Scope{Rights: []apps.Right{apps.Read}}}
		type credential struct {
			request *http.Request
			public  string
			revoke  func() error
		}
		makers := map[string]func() credential{
			"header": func() credential {
				app, secret := h.key(t, ada)
				return credential{
					post("192.0.2.1", body, sign(app, secret, body)), app.Public,
					func() error { return h.apps.Revoke(t.Context(), audit.Operator, ada.ID, app.Public) },
				}
			},
			"message": func() credential {
				app, secret := h.key(t, ada)
				m := strict(h, app, hmacKey(secret))
				return credential{m.request(t), app.Public, func() error { return h.apps.Revoke(t.Context(), audit.Operator, ada.ID, app.Public) }}
			},
			"token": func() credential {
				token, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
				return credential{
					post("192.0.2.1", body, basic(text, "")), "",
					func() error { return h.apps.RevokeToken(t.Context(), audit.Operator, ada.ID, token.ID) },
				}
			},
			"application password": func() credential {
				token, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword})
				return credential{
					post("192.0.2.1", body, basic("ada", text)), "",
					func() error { return h.apps.RevokeToken(t.Context(), audit.Operator, ada.ID, token.ID) },
				}
			},
		}
		for name, present := range makers {
			for _, meanwhile := range []string{"nothing", "narrowed", "revoked"} {
				c := present()
				check, err := h.verifier.Begin(c.request)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				check.Write([]byte(body))
				switch {
				case meanwhile == "revoked":
					err = c.revoke()
				case meanwhile == "narrowed" && c.public != "":
					_, err = h.apps.Update(t.Context(), audit.Operator, ada.ID, c.public, other)
				}
				if err != nil {
					t.Fatal(err)
				}
				h.clock.Add(1001 * time.Millisecond)
				q, err := check.Identify(t.Context())
				if meanwhile == "revoked" {
					if err != auth.ErrDenied {
						t.Errorf("%s, revoked meanwhile: %v, want ErrDenied", name, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s, %s: %v", name, meanwhile, err)
					continue
				}
				if who, _ := q.Signed(); meanwhile == "narrowed" && c.public != "" && who.Scope.IsZero() {
					t.Errorf("%s, narrowed meanwhile: the scope is the one of before", name)
				}
			}
		}
	})
}
