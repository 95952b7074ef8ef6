package profiles_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// authenticator is a passkey in software: a P-256 key that claims to have
// verified its owner.
type authenticator struct {
	origin, rp string
	key        *ecdsa.PrivateKey
	id, handle []byte
	counter    uint32
	unseen     bool // claims not to have verified its owner
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// data returns the authenticator data of Web Authentication, section 6.1.
func (a *authenticator) data(flags byte) []byte {
	if a.unseen {
		flags &^= 4
	}
	hash := sha256.Sum256([]byte(a.rp))
	a.counter++
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.counter)
}

func (a *authenticator) client(t *testing.T, kind, challenge string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	return must(t, text, err)
}

func (a *authenticator) answer(t *testing.T, response map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"id": encoded(a.id), "rawId": encoded(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	return string(must(t, text, err))
}

// create responds to the challenge for a new passkey.
func (a *authenticator) create(t *testing.T, options string) string {
	t.Helper()
	var asked struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.Unmarshal([]byte(options), &asked); err != nil {
		t.Fatalf("%v: %s", err, options)
	}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	a.id = []byte(rand.Text())
	a.handle, err = base64.RawURLEncoding.DecodeString(asked.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	public, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: public[1:33], -3: public[33:]})
	data := append(a.data(0x45), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(a.id))), a.id...)
	data = append(data, must(t, cose, err)...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return a.answer(t, map[string]any{"clientDataJSON": encoded(a.client(t, "webauthn.create", asked.Challenge)), "attestationObject": encoded(must(t, object, err))})
}

// get responds to the challenge of a sign-in.
func (a *authenticator) get(t *testing.T, options string) string {
	t.Helper()
	var asked struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal([]byte(options), &asked); err != nil {
		t.Fatalf("%v: %s", err, options)
	}
	client, data := a.client(t, "webauthn.get", asked.Challenge), a.data(5)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	sign, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	return a.answer(t, map[string]any{
		"clientDataJSON": encoded(client), "authenticatorData": encoded(data),
		"signature": encoded(must(t, sign, err)), "userHandle": encoded(a.handle),
	})
}

// A passkey is added, signs in, is renamed and removed. A forged response is
// refused.
func TestPasskeys(t *testing.T) {
	eachAt(t, "localhost", func(t *testing.T, h *house) { // passkeys belong to a host name
		b := h.as(t, "bob")
		a := &authenticator{origin: h.base, rp: "localhost"}
		answer := a.create(t, b.post("/profile/security/passkeys/begin").body)
		if p := b.post("/profile/security/passkeys", "answer", answer, "name", "Phone <b>"); p.status != http.StatusSeeOther {
			t.Fatalf("add: %d\n%s", p.status, p.body)
		}
		if p := b.post("/profile/security/passkeys", "answer", answer, "name", "Again"); p.status != http.StatusForbidden {
			t.Errorf("the same answer twice: %d", p.status)
		}
		if p := b.get("/profile/security"); !strings.Contains(p.body, "Phone &lt;b&gt;") {
			t.Errorf("the page lacks the passkey:\n%s", p.body)
		}
		in := func(change func(*authenticator)) page {
			b := h.browser(t)
			options := b.post("/signin/passkey/begin").body
			liar := *a
			change(&liar)
			p := b.post("/signin/passkey", "answer", liar.get(t, options), "next", "/profile/security")
			a.counter = max(a.counter, liar.counter)
			if p.status == http.StatusSeeOther {
				if p := b.get("/profile/security"); p.status != http.StatusOK {
					t.Errorf("signed in, and then: %d", p.status)
				}
			}
			return p
		}
		if p := in(func(*authenticator) {}); p.header.Get("Location") != "/profile/security" {
			t.Fatalf("sign in: %d\n%s", p.status, p.body)
		}
		wrong, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*authenticator){
			"another key":       func(a *authenticator) { a.key = wrong },
			"another origin":    func(a *authenticator) { a.origin = "https://evil.example" },
			"another site":      func(a *authenticator) { a.rp = "evil.example" },
			"another owner":     func(a *authenticator) { a.handle = binary.BigEndian.AppendUint64(nil, uint64(h.ada.ID)) },
			"owner not seen":    func(a *authenticator) { a.unseen = true },
			"unknown":           func(a *authenticator) { a.id = []byte("unknown") },
			"counter of a copy": func(a *authenticator) { a.counter = 0 },
		} {
			if p := in(change); p.status != http.StatusForbidden {
				t.Errorf("%s: %d to %q", name, p.status, p.header.Get("Location"))
			}
		}
		// A response to the challenge of another browser is refused.
		one, two := h.browser(t), h.browser(t)
		old := a.get(t, one.post("/signin/passkey/begin").body)
		two.post("/signin/passkey/begin")
		if p := two.post("/signin/passkey", "answer", old); p.status != http.StatusForbidden {
			t.Errorf("an answer to another question: %d", p.status)
		}
		if p := one.post("/signin/passkey", "answer", old); p.status != http.StatusSeeOther {
			t.Errorf("the answer to its own question: %d", p.status)
		}
		one.post("/signout")
		if p := one.post("/signin/passkey", "answer", old); p.status != http.StatusForbidden {
			t.Errorf("the same answer twice: %d", p.status)
		}
		id := encoded(a.id)
		ada := h.as(t, "ada")
		if p := ada.post("/profile/security/passkeys/change", "id", id, "do", "remove"); p.status != http.StatusNotFound {
			t.Errorf("ada removes bob's: %d", p.status)
		}
		if p := b.post("/profile/security/passkeys/change", "id", id, "do", "rename", "name", "Watch"); p.status != http.StatusSeeOther {
			t.Errorf("rename: %d", p.status)
		}
		h.clock.Add(11 * time.Minute)
		if p := b.post("/profile/security/passkeys/change", "id", id, "do", "remove"); p.status != http.StatusForbidden {
			t.Errorf("remove without the password: %d", p.status)
		}
		b.post("/signin/again", "password", password)
		if p := b.post("/profile/security/passkeys/change", "id", id, "do", "remove"); p.status != http.StatusSeeOther {
			t.Errorf("remove: %d", p.status)
		}
		if p := in(func(*authenticator) {}); p.status != http.StatusForbidden {
			t.Errorf("sign in with the removed one: %d", p.status)
		}
		if p := b.get("/profile/activity"); !strings.Contains(p.body, "The passkey “Watch” was removed.") {
			t.Errorf("the trail lacks the event:\n%s", p.body)
		}
	})
}

// The number of passkey challenges for strangers is limited, because each costs
// work.
func TestPasskeyQuestionsAreBounded(t *testing.T) {
	eachAt(t, "localhost", func(t *testing.T, h *house) {
		ask := func() page { return h.browser(t).post("/signin/passkey/begin") }
		for i := range 30 {
			if p := ask(); p.status != http.StatusOK {
				t.Fatalf("question %d: %d\n%s", i, p.status, p.body)
			}
		}
		if p := ask(); p.status != http.StatusTooManyRequests || p.header.Get("Retry-After") == "" {
			t.Errorf("one more: %d", p.status)
		}
		if b := h.as(t, "bob"); b.post("/profile/security/passkeys/begin").status != http.StatusOK {
			t.Error("a user who is signed in must wait too")
		}
		h.clock.Add(6 * time.Minute)
		if p := ask(); p.status != http.StatusOK {
			t.Errorf("a while later: %d", p.status)
		}
	})
}
