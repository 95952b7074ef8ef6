package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func (h *house) token(t testing.TB, in apps.NewToken) (apps.Token, string) {
	t.Helper()
	if in.Name == "" {
		in.Name = "a program"
	}
	token, text, err := h.apps.CreateToken(context.Background(), audit.Operator, in)
	if err != nil {
		t.Fatal(err)
	}
	return token, text.Reveal()
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// basicAs verifies a request with Basic credentials.
func (h *house) basicAs(t testing.TB, from, user, password string) (auth.Identity, error) {
	t.Helper()
	q, err := h.verify(post(from, body, basic(user, password)), body)
	if err != nil {
		return auth.Identity{}, err
	}
	who, ok := q.Signed()
	if !ok {
		t.Errorf("Basic %s: nobody, and no error", user)
	}
	return who, nil
}

// S17: what Basic takes, and what it refuses; all refusals are one.
func TestS17Basic(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		h.user(t, "bob", auth.Author)
		token, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		password, spaced := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword})
		bare := strings.ReplaceAll(spaced, " ", "")
		revoked, revokedText := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		if err := h.apps.RevokeToken(t.Context(), audit.Operator, ada.ID, revoked.ID); err != nil {
			t.Fatal(err)
		}
		wrong, _ := apps.DrawToken()
		encode := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
		tests := []struct {
			name, value string
			via         auth.Via
			want        auth.Reason
		}{
			{"token as the user name", basic(text, ""), auth.ViaToken, ""},
			{"token and any password", basic(text, "x:y"), auth.ViaToken, ""},
			{"token as the password", basic("ADA", text), auth.ViaToken, ""},
			{"token and the address", basic("ada@example.org", text), auth.ViaToken, ""},
			{"application password", basic("ada", spaced), auth.ViaApplicationPassword, ""},
			{"without its spaces", basic("ada@example.org", bare), auth.ViaApplicationPassword, ""},
			{"scheme in lower case", "b" + basic("ada", bare)[1:], auth.ViaApplicationPassword, ""},
			{"token of somebody else", basic("bob", text), 0, auth.WrongToken},
			{"token that is not there", basic(wrong.Reveal(), ""), 0, auth.UnknownToken},
			{"revoked token", basic(revokedText, ""), 0, auth.RevokedToken},
			{"broken checksum", basic(text[:len(text)-1]+"!", ""), 0, auth.UnknownUser},
			{"application password of somebody else", basic("bob", spaced), 0, auth.WrongPassword},
			{"in other case", basic("ada", strings.ToLower(bare)+"A"), 0, auth.WrongPassword},
			{"password of the account", basic("ada", "ada-password"), 0, auth.WrongPassword},
			{"unknown user", basic("eve", spaced), 0, auth.UnknownUser},
			{"no password", basic("ada", ""), 0, auth.WrongPassword},
			{"nothing", basic("", ""), 0, auth.UnknownUser},
			{"no colon", encode("ada"), 0, auth.MalformedHeader},
			{"no base64", "Basic !!!!", 0, auth.MalformedHeader},
			{"no padding", "Basic YTpi" + "YQ", 0, auth.MalformedHeader},
			{"stray bits", "Basic YTpiYR==", 0, auth.MalformedHeader},
			{"NUL", encode("a\x00:b"), 0, auth.MalformedHeader},
			{"control character", encode("a:b\n"), 0, auth.MalformedHeader},
			{"no UTF-8", encode("a\xff:b"), 0, auth.MalformedHeader},
			{"nothing encoded", "Basic ", 0, auth.MalformedHeader},
			{"scheme alone", "Basic", 0, auth.MalformedHeader},
			{"too long", encode("ada:" + strings.Repeat("x", 4096)), 0, auth.MalformedHeader},
			{"Bearer", "Bearer " + text, 0, auth.MalformedHeader},
			{"token alone", text, 0, auth.MalformedHeader},
		}
		for _, test := range tests {
			h.reasons()
			q, err := h.verify(post(addr, body, test.value), body)
			if diff := cmp.Diff([]auth.Reason{test.want}, h.reasons()); diff != "" {
				t.Errorf("%s: reasons (-want +got):\n%s", test.name, diff)
			}
			if test.want != "" {
				if err != auth.ErrDenied || q != nil {
					t.Errorf("%s: %v, %v; want exactly ErrDenied", test.name, q, err)
				}
				continue
			}
			who, _ := q.Signed()
			id := map[auth.Via]string{auth.ViaToken: token.ID, auth.ViaApplicationPassword: password.ID}[test.via]
			if err != nil || who.User.ID != ada.ID || who.Via != test.via || who.Actor().App != id || who.Addr.String() != addr {
				t.Errorf("%s: %+v, %v", test.name, who, err)
			}
		}
		both := post(addr, body, basic(text, ""), basic(text, ""))
		if _, err := h.verify(both, body); err != auth.ErrDenied {
			t.Errorf("two fields: %v, want ErrDenied", err)
		}
		strictly := post(addr, body, basic(text, ""))
		strictly.Header.Set("Signature-Input", `sig=("@method");tag="quillgate"`)
		if _, err := h.verify(strictly, body); err != auth.ErrDenied {
			t.Errorf("two schemes: %v, want ErrDenied", err)
		}
	})
}

// S17, A6: Basic does not pass where others can read along.
func TestS17BasicInClear(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		_, text := h.token(t, apps.NewToken{UserID: h.user(t, "ada", auth.Author).ID, Kind: apps.AccessToken})
		for from, want := range map[string]error{addr: auth.ErrClearText, "127.0.0.1": nil} {
			r := post(from, body, basic(text, ""))
			r.TLS = nil
			if _, err := h.verify(r, body); !errors.Is(err, want) {
				t.Errorf("from %s: %v, want %v", from, err, want)
			}
		}
	})
}

// S17: an unknown token, or one of a user who is not there, costs the same
// statements as a wrong one; so does an application password.
func TestS17UnknownCostsTheSame(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		_, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		unknown, _ := apps.DrawToken()
		h.warm(t)
		for _, pair := range [][2]string{
			{basic(unknown.Reveal(), ""), basic("bob", text)},
			{basic("ada", "abcd efgh ijkl mnop qrst uvwx"), basic("eve", "abcd efgh ijkl mnop qrst uvwx")},
		} {
			var cost [2]int64
			for i, value := range pair {
				h.verify(post(addr, body, value), body)
				before := h.db.Statements()
				if _, err := h.verify(post(addr, body, value), body); err != auth.ErrDenied {
					t.Error(err)
				}
				cost[i] = h.db.Statements() - before
			}
			if cost[0] != cost[1] {
				t.Errorf("%d and %d statements", cost[0], cost[1])
			}
		}
	})
}

// An application password is taken as the password argument of a call, too; a
// token is not, and neither makes keys.
func TestK13TokensMakeNoKeys(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		_, token := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		password, spaced := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword, Scope: apps.Scope{Rights: []apps.Right{apps.Read}}})
		for _, text := range []string{spaced, strings.ReplaceAll(spaced, " ", ""), " " + strings.ReplaceAll(spaced, " ", "-") + "\n"} {
			who, err := h.from(t, addr).Login(t.Context(), "ada", text)
			if err != nil || who.Via != auth.ViaApplicationPassword || who.Token.ID != password.ID || who.Can(auth.EditPosts) || !who.Can(auth.Read) {
				t.Errorf("%q: %+v, %v", text, who, err)
			}
			if _, err := h.from(t, addr).PasswordOnly(t.Context(), "ada", text); err != auth.ErrDenied {
				t.Errorf("to make a key with %q: %v, want ErrDenied", text, err)
			}
			if _, _, err := h.verifier.SignIn(t.Context(), auth.Client{Addr: netip.MustParseAddr("198.51.100.1"), Secure: true}, "ada", text); err != auth.ErrDenied {
				t.Errorf("to sign in with %q: %v, want ErrDenied", text, err)
			}
		}
		if _, err := h.from(t, "198.51.100.2").Login(t.Context(), "ada", token); err != auth.ErrDenied {
			t.Errorf("a token as the argument: %v, want ErrDenied", err)
		}
		q, err := h.verify(post(addr, body, basic(token, "")), body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.PasswordOnly(t.Context(), "ada", "ada-password"); err != auth.ErrDenied {
			t.Errorf("a token next to the right password creates a key: %v", err)
		}
		if who, err := q.Login(t.Context(), "someone", "else"); err != nil || who.User.ID != ada.ID {
			t.Errorf("the header wins: %+v, %v", who, err)
		}
	})
}

// K2: the form of tokens.
func TestK2TokenForm(t *testing.T) {
	h := open(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
	ada := h.user(t, "ada", auth.Author)
	token, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
	if !regexp.MustCompile("^" + apps.TokenPattern + "$").MatchString(text) {
		t.Errorf("a token is %q", text)
	}
	if selector, ok := apps.ParseToken(text); !ok || selector != token.ID || !strings.HasSuffix(text, token.Hint) || len(token.Hint) != 4 {
		t.Errorf("%q: selector %q, %v; ID %q, hint %q", text, selector, ok, token.ID, token.Hint)
	}
	for i := range text {
		changed := text[:i] + map[bool]string{true: "b", false: "a"}[text[i] == 'a'] + text[i+1:]
		if _, ok := apps.ParseToken(changed); ok {
			t.Errorf("%q passes", changed)
		}
	}
	if _, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword}); !regexp.MustCompile(`^([0-9A-Za-z]{4} ){5}[0-9A-Za-z]{4}$`).MatchString(text) {
		t.Errorf("an application password is %q", text)
	}
}

// K7: a revoked token ends at once in every process, and stays ended.
func TestK7RevokedToken(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada, bob := h.user(t, "ada", auth.Author), h.user(t, "bob", auth.Author)
		replica := auth.New(auth.Config{Users: auth.NewUsers(auth.UsersConfig{DB: h.db, Apps: h.apps, Clock: h.clock.Now, Hash: authtest.CheapHash}), Apps: h.apps, Clock: h.clock.Now})
		for _, kind := range []apps.TokenKind{apps.AccessToken, apps.ApplicationPassword} {
			token, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: kind})
			use := func(v *auth.Verifier) error {
				_, err := v.Begin(post(addr, body, basic("ada", text)))
				return err
			}
			if err := errors.Join(use(h.verifier), use(replica)); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			if err := h.apps.RevokeToken(t.Context(), audit.Operator, bob.ID, token.ID); !errors.Is(err, apps.ErrNoToken) {
				t.Errorf("%s: another user's: %v, want ErrNoToken", kind, err)
			}
			if err := h.apps.RenameToken(t.Context(), audit.Operator, bob.ID, token.ID, "mine"); !errors.Is(err, apps.ErrNoToken) {
				t.Errorf("%s: K8, rename another user's: %v, want ErrNoToken", kind, err)
			}
			for range 2 { // twice is not an error
				if err := h.apps.RevokeToken(t.Context(), audit.Operator, ada.ID, token.ID); err != nil {
					t.Fatal(err)
				}
			}
			if use(h.verifier) != auth.ErrDenied || use(replica) != auth.ErrDenied {
				t.Errorf("%s: it works after it was revoked", kind)
			}
		}
		h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		h.token(t, apps.NewToken{UserID: bob.ID, Kind: apps.AccessToken})
		if n, err := h.apps.RevokeTokens(t.Context(), audit.Operator, ada.ID); n != 1 || err != nil {
			t.Errorf("RevokeTokens: %d, %v; want the one that was left", n, err)
		}
		if list, err := h.apps.Tokens(t.Context(), apps.TokenFilter{}); err != nil || len(list) != 1 || list[0].UserID != bob.ID {
			t.Errorf("left: %+v, %v", list, err)
		}
		if list, err := h.apps.Tokens(t.Context(), apps.TokenFilter{UserID: ada.ID, Kind: apps.AccessToken, Revoked: true}); err != nil || len(list) != 2 {
			t.Errorf("tokens of ada, revoked too: %+v, %v", list, err)
		}
	})
}

// K9, K10, A11: the limits of tokens.
func TestK9TokenLimits(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		token, text := h.token(t, apps.NewToken{
			UserID: ada.ID, Kind: apps.AccessToken, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Scope: apps.Scope{Rights: []apps.Right{apps.Read}, Methods: []string{"wp.getPosts"}}, Expires: h.clock.Now().Add(time.Hour),
		})
		who, err := h.basicAs(t, addr, text, "")
		if err != nil || who.Can(auth.EditPosts) || who.Scope.AllowsMethod("wp.newPost") || !who.Scope.AllowsMethod("wp.getPosts") {
			t.Errorf("%+v, %v", who, err)
		}
		for _, from := range []string{"198.51.100.1", "2001:db8::1"} {
			if _, err := h.basicAs(t, from, text, ""); err != auth.ErrDenied {
				t.Errorf("from %s: %v, want ErrDenied", from, err)
			}
		}
		if _, err := h.basicAs(t, "::ffff:192.0.2.9", text, ""); err != nil {
			t.Errorf("A11: an address of version 4 in the form of version 6: %v", err)
		}
		h.clock.Add(time.Hour - time.Second)
		if _, err := h.basicAs(t, addr, text, ""); err != nil {
			t.Errorf("before its end: %v", err)
		}
		h.clock.Add(time.Second)
		if _, err := h.basicAs(t, addr, text, ""); err != auth.ErrDenied {
			t.Errorf("K10: at its end: %v, want ErrDenied", err)
		}
		soon := h.clock.Now().Add(time.Hour)
		if _, err := h.apps.UpdateToken(t.Context(), audit.Operator, ada.ID, token.ID, apps.Change{Scope: &apps.Scope{}, Networks: &[]netip.Prefix{}, Expires: &soon}); err != nil {
			t.Fatal(err)
		}
		if who, err := h.basicAs(t, "198.51.100.1", text, ""); err != nil || !who.Can(auth.EditPosts) {
			t.Errorf("without limits: %+v, %v", who, err)
		}
		if err := h.users.SetNetworks(t.Context(), audit.Operator, ada.ID, "10.0.0.0/8"); err != nil {
			t.Fatal(err)
		}
		app, secret := h.key(t, ada)
		if _, err := h.basicAs(t, addr, text, ""); err != auth.ErrDenied {
			t.Errorf("A11: a token from outside the user's networks: %v", err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != auth.ErrDenied {
			t.Errorf("A11: a password from outside the user's networks: %v", err)
		}
		if _, err := h.verify(post(addr, body, sign(app, secret, body)), body); err != auth.ErrDenied {
			t.Errorf("A11: a signature from outside the user's networks: %v", err)
		}
		if _, err := h.verify(post("10.1.1.1", body, sign(app, secret, body)), body); err != nil {
			t.Errorf("A11: a signature from inside: %v", err)
		}
	})
}

// Administrators can turn tokens and application passwords off.
func TestTokensOff(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		_, token := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		_, password := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword})
		for _, p := range []auth.Policy{{Tokens: true}, {ApplicationPasswords: true}, {Tokens: true, ApplicationPasswords: true}} {
			if err := h.users.SetPolicy(t.Context(), audit.Operator, p); err != nil {
				t.Fatal(err)
			}
			_, byToken := h.basicAs(t, addr, token, "")
			_, byPassword := h.basicAs(t, addr, "ada", password)
			_, byArgument := h.from(t, addr).Login(t.Context(), "ada", password)
			if (byToken == nil) != p.Tokens || (byPassword == nil) != p.ApplicationPasswords || (byArgument == nil) != p.ApplicationPasswords {
				t.Errorf("%+v: token %v, application password %v, as the argument %v", p, byToken, byPassword, byArgument)
			}
		}
	})
}

// K12: the last use is written apart from requests, with address, client and
// method; the first one is in the trail.
func TestK12TokenUse(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		token, text := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		h.basicAs(t, addr, text, "")
		before := h.db.Statements()
		for range 5 {
			r := post(addr, body, basic(text, ""))
			r.Header.Set("User-Agent", "Robot/1.0")
			if _, err := h.verify(r, body); err != nil {
				t.Fatal(err)
			}
			h.apps.TokenCalled(token.ID, "wp.getPosts")
		}
		if got := h.db.Statements() - before; got != 5 {
			t.Errorf("five uses were %d statements, want the 5 that look the token up", got)
		}
		h.apps.TokenCalled("another", "wp.newPost")
		h.apps.Close()
		got, err := h.apps.Token(t.Context(), token.ID)
		want := apps.Use{At: h.clock.Now(), Addr: netip.MustParseAddr(addr), Agent: "Robot/1.0", Method: "wp.getPosts"}
		if err != nil || !got.LastUse.At.Equal(want.At) || got.LastUse.Addr != want.Addr || got.LastUse.Agent != want.Agent || got.LastUse.Method != want.Method {
			t.Errorf("last use %+v, %v; want %+v", got.LastUse, err, want)
		}
		kinds := h.trail(t, ada.ID)
		if diff := cmp.Diff([]audit.Kind{auth.UserCreated, apps.TokenCreated, apps.TokenFirstUsed}, kinds); diff != "" {
			t.Errorf("trail (-want +got):\n%s", diff)
		}
	})
}

// trail returns the kinds of events of a user, the oldest first.
func (h *house) trail(t testing.TB, userID int64) (kinds []audit.Kind) {
	t.Helper()
	lines, err := audit.List(context.Background(), h.db, audit.Filter{UserID: userID, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range lines {
		kinds = append(kinds, lines[len(lines)-1-i].Kind)
	}
	return kinds
}

func TestTokenMistakes(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		good := apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken, Name: "n"}
		for name, change := range map[string]func(*apps.NewToken){
			"name":    func(n *apps.NewToken) { n.Name = " " },
			"names":   func(n *apps.NewToken) { n.Name = "a\nb" },
			"long":    func(n *apps.NewToken) { n.Name = strings.Repeat("x", 101) },
			"kind":    func(n *apps.NewToken) { n.Kind = "key" },
			"expires": func(n *apps.NewToken) { n.Expires = h.clock.Now() },
		} {
			in := good
			change(&in)
			_, _, err := h.apps.CreateToken(t.Context(), audit.Operator, in)
			if !errors.As(err, new(*apps.Invalid)) {
				t.Errorf("%s: %v, want *Invalid", name, err)
			}
		}
		in := good
		in.UserID = 99
		if _, _, err := h.apps.CreateToken(t.Context(), audit.Operator, in); err == nil {
			t.Error("a token was created for user 99, who does not exist")
		}
		expired := good
		expired.Expires = h.clock.Now().Add(time.Minute)
		h.token(t, expired)
		h.clock.Add(time.Hour)
		for range apps.MaxTokens {
			h.token(t, good)
		}
		if _, _, err := h.apps.CreateToken(t.Context(), audit.Operator, good); !errors.Is(err, apps.ErrTooManyTokens) {
			t.Errorf("one too many: %v, want ErrTooManyTokens", err)
		}
	})
}

// A hash of another form is replaced when the password is used; and a hash
// says nothing in another row, and nothing to who has the database alone.
func TestK3TokensInTheDatabase(t *testing.T) {
	file := databasetest.SQLite(t)
	h := open(t, databasetest.Open(t, file), nil)
	ada, bob := h.user(t, "ada", auth.Author), h.user(t, "bob", auth.Author)
	const old = "abcd EFGH 1234 ijkl MNOP 5678"
	err := h.db.Update(t.Context(), func(tx *database.Tx) error {
		return h.users.ImportUsers(t.Context(), tx, []auth.ImportUser{{
			ID: ada.ID, Login: "ada", Role: auth.Author,
			ApplicationPasswords: []auth.ImportPassword{{UUID: "u", Name: "n", Hash: "$generic$F6W18u0QEytvRVb59DemVWRxyTxU6vg/VK0s/f+h"}},
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
	hash := func(id string) (s string) {
		t.Helper()
		if err := h.db.Get(t.Context(), &s, `SELECT hash FROM application_passwords WHERE uuid = $1`, id); err != nil {
			t.Fatal(err)
		}
		return s
	}
	for range 2 {
		if _, err := h.basicAs(t, addr, "ada", "abcdEFGH1234ijklMNOP5678"); err != nil {
			t.Fatal(err)
		}
		if got := hash("u"); !strings.HasPrefix(got, "$keyed$") {
			t.Errorf("after its use the hash is %s", got)
		}
	}
	mine, text := h.token(t, apps.NewToken{UserID: bob.ID, Kind: apps.AccessToken})
	theirs, theirText := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
	if _, err := h.db.Exec(t.Context(), `UPDATE application_passwords SET hash = $2 WHERE uuid = $1`, theirs.ID, hash(mine.ID)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{text[:4] + theirText[4:16] + text[16:], theirText} {
		if _, err := h.basicAs(t, addr, s, ""); err != auth.ErrDenied {
			t.Errorf("a hash works in another row: %v", err)
		}
	}
	_, bobs := h.token(t, apps.NewToken{UserID: bob.ID, Kind: apps.ApplicationPassword})
	_, err = h.db.Exec(t.Context(), `UPDATE application_passwords SET hash = (SELECT MAX(hash) FROM application_passwords WHERE user_id = $2 AND kind = 'password') WHERE uuid = $1`, "u", bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.basicAs(t, addr, "ada", bobs); err != auth.ErrDenied {
		t.Errorf("the hash of one's own application password works in another's row: %v", err)
	}
	for _, name := range []string{file, file + "-wal"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{text, text[16:59], theirText, old, "abcdEFGH1234ijklMNOP5678"} {
			if strings.Contains(string(content), secret) {
				t.Errorf("%s holds a secret", name)
			}
		}
	}
	// A copy of the database with another key file lets none in.
	copied := open(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
	copied.user(t, "ada", auth.Author)
	copied.user(t, "bob", auth.Author)
	_, err = copied.db.Exec(t.Context(), `INSERT INTO application_passwords (user_id, uuid, kind, name, hash, created) VALUES ($1, $2, 'token', 'n', $3, $4)`,
		bob.ID, mine.ID, hash(mine.ID), h.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := copied.basicAs(t, addr, text, ""); err != auth.ErrDenied {
		t.Errorf("the hash works under another key: %v", err)
	}
	if _, err := h.basicAs(t, addr, text, ""); err != nil {
		t.Errorf("and not under its own: %v", err)
	}
}

// H11: the trail says the same of a change, whether it is that of a token or
// that of an application.
func TestH11ChangesOfTokensAndKeys(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		token, _ := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken, Name: "n"})
		app, _ := h.key(t, ada)
		name, never, soon := "Phone", time.Time{}, h.clock.Now().Add(time.Hour)
		scope, networks := apps.Scope{Rights: []apps.Right{apps.Read}, Methods: []string{"wp.getPosts"}}, []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}
		for _, c := range []struct { // the first gives both the same name
			what   string
			change apps.Change
		}{
			{"a name", apps.Change{Name: &name}},
			{"everything", apps.Change{Name: &name, Scope: &scope, Networks: &networks, Expires: &soon}},
			{"an expiry", apps.Change{Expires: &never}},
		} {
			what, change := c.what, c.change
			if _, err := h.apps.UpdateToken(t.Context(), audit.Operator, ada.ID, token.ID, change); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if _, err := h.apps.Update(t.Context(), audit.Operator, ada.ID, app.Public, change); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			lines, err := audit.List(t.Context(), h.db, audit.Filter{UserID: ada.ID, Limit: 2})
			if err != nil || len(lines) != 2 {
				t.Fatalf("%d lines, %v", len(lines), err)
			}
			for _, l := range lines {
				delete(l.Detail, "token")
				delete(l.Detail, "kind")
				delete(l.Detail, "key")
			}
			if diff := cmp.Diff(lines[0].Detail, lines[1].Detail); diff != "" {
				t.Errorf("%s: the trail of the key (-) and of the token (+) differ:\n%s", what, diff)
			}
			renamed := what == "a name"
			if got := lines[1].Kind == apps.TokenRenamed && lines[0].Kind == apps.AppRenamed; got != renamed {
				t.Errorf("%s: kinds %s and %s", what, lines[1].Kind, lines[0].Kind)
			}
		}
	})
}
