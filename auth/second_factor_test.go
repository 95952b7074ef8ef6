package auth_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
)

// totp computes a code according to RFC 6238.
func totp(secret []byte, at time.Time) string {
	mac := hmac.New(sha1.New, secret)
	binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[offset:])&0x7fffffff)%1000000)
}

// RFC 6238 appendix B, the last six digits.
func TestA9Vectors(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := totp([]byte("12345678901234567890"), time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

// factor sets up a second factor for a user, and advances the clock so that its
// next code is a new one.
func (h *house) factor(t testing.TB, u auth.User) (secret []byte, codes []apps.Secret) {
	t.Helper()
	e, err := h.users.BeginSecondFactor(t.Context(), u.ID, "A blog: mine")
	if err != nil {
		t.Fatal(err)
	}
	if secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Secret.Reveal()); err != nil {
		t.Fatal(err)
	}
	if codes, err = h.users.ConfirmSecondFactor(t.Context(), audit.Operator, u.ID, totp(secret, h.clock.Now())); err != nil {
		t.Fatal(err)
	}
	h.clock.Add(time.Minute)
	return secret, codes
}

// at returns a client of the pages.
func at(addr string) auth.Client {
	return auth.Client{Addr: netip.MustParseAddr(addr), Agent: "Browser/1.0", Secure: true}
}

// A9: how a second factor is set up and confirmed.
func TestA9Enrolment(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		if _, err := h.users.ConfirmSecondFactor(t.Context(), audit.Operator, ada.ID, "123456"); !errors.Is(err, auth.ErrNoSecondFactor) {
			t.Errorf("none begun: %v, want ErrNoSecondFactor", err)
		}
		first, err := h.users.BeginSecondFactor(t.Context(), ada.ID, "A blog: mine")
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.users.BeginSecondFactor(t.Context(), ada.ID, "A blog: mine")
		if err != nil {
			t.Fatal(err)
		}
		key, err := otp.NewKeyFromURL(e.URL.Reveal())
		if err != nil || key.Type() != "totp" || key.Secret() != e.Secret.Reveal() || key.Period() != 30 || key.Digits() != otp.DigitsSix ||
			key.Issuer() != "A blog  mine" || key.AccountName() != "ada" || len(key.Secret()) != 32 {
			t.Errorf("the address %s: %v", e.URL.Reveal(), err)
		}
		decode := func(e auth.Enrolment) []byte {
			b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Secret.Reveal())
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for _, code := range []string{totp(decode(first), h.clock.Now()), totp(decode(e), h.clock.Now().Add(-time.Minute)), totp(decode(e), h.clock.Now().Add(time.Minute)), "", "x"} {
			if _, err := h.users.ConfirmSecondFactor(t.Context(), audit.Operator, ada.ID, code); !errors.Is(err, auth.ErrWrongCode) {
				t.Errorf("%q: %v, want ErrWrongCode", code, err)
			}
		}
		if f, err := h.users.SecondFactor(t.Context(), ada.ID); err != nil || f.On {
			t.Errorf("before it is confirmed: %+v, %v", f, err)
		}
		if _, needsCode, err := h.verifier.SignIn(t.Context(), at(addr), "ada", "ada-password"); err != nil || needsCode {
			t.Errorf("before it is confirmed: needs a code %v, %v", needsCode, err)
		}
		codes, err := h.users.ConfirmSecondFactor(t.Context(), audit.Operator, ada.ID, totp(decode(e), h.clock.Now()))
		if err != nil || len(codes) != 10 {
			t.Fatalf("%d recovery codes, %v", len(codes), err)
		}
		if f, err := h.users.SecondFactor(t.Context(), ada.ID); err != nil || !f.On || !f.Since.Equal(h.clock.Now()) || f.RecoveryCodes != 10 {
			t.Errorf("confirmed: %+v, %v", f, err)
		}
		_, again := h.users.BeginSecondFactor(t.Context(), ada.ID, "x")
		_, twice := h.users.ConfirmSecondFactor(t.Context(), audit.Operator, ada.ID, totp(decode(e), h.clock.Now()))
		if !errors.Is(again, auth.ErrSecondFactorOn) || !errors.Is(twice, auth.ErrSecondFactorOn) {
			t.Errorf("a second one: %v, %v; want ErrSecondFactorOn", again, twice)
		}
	})
}

// A9: a code of this step, the previous and the next one is accepted, once
// each; a later step invalidates earlier ones.
func TestA9Replay(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		secret, _ := h.factor(t, ada)
		for _, test := range []struct {
			step int
			want error
		}{{-2, auth.ErrWrongCode}, {2, auth.ErrWrongCode}, {-1, nil}, {-1, auth.ErrWrongCode}, {0, nil}, {0, auth.ErrWrongCode}, {1, nil}, {1, auth.ErrWrongCode}, {0, auth.ErrWrongCode}} {
			user, err := h.verifier.SecondFactor(t.Context(), at(addr), ada.ID, totp(secret, h.clock.Now().Add(time.Duration(test.step)*30*time.Second)))
			if !errors.Is(err, test.want) || (err == nil) != (user.ID == ada.ID) {
				t.Errorf("step %+d: %d, %v; want %v", test.step, user.ID, err, test.want)
			}
		}
	})
}

// A9: of many copies of a code at two processes, one is accepted.
func TestA9ReplayInParallel(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		secret, codes := h.factor(t, ada)
		replica := auth.New(auth.Config{Users: auth.NewUsers(auth.UsersConfig{DB: h.db, Apps: h.apps, Clock: h.clock.Now, Hash: authtest.CheapHash}), Apps: h.apps, Clock: h.clock.Now})
		for _, code := range []string{totp(secret, h.clock.Now()), codes[0].Reveal()} {
			var group sync.WaitGroup
			var mu sync.Mutex
			passed := 0
			for i := range 5 {
				v := h.verifier
				if i%2 == 0 {
					v = replica
				}
				group.Go(func() {
					_, err := v.SecondFactor(t.Context(), at(addr), ada.ID, code)
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						passed++
					} else if !errors.Is(err, auth.ErrDenied) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if passed != 1 {
				t.Errorf("%d of 5 copies passed, want 1", passed)
			}
			h.clock.Add(15 * time.Minute)
		}
	})
}

// A9, A12: five attempts in 15 minutes, wherever they come from, since a
// password alone makes no network known; and someone who knows the password
// cannot lock out the owner at home, where both factors were shown before.
func TestA9Tries(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		secret, _ := h.factor(t, ada)
		const home, cafe = "198.51.100.9", "203.0.113.7"
		if _, err := h.verifier.SecondFactor(t.Context(), at(home), ada.ID, totp(secret, h.clock.Now())); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(time.Minute)
		now := totp(secret, h.clock.Now())
		for i := range 5 {
			from := fmt.Sprintf("192.0.2.%d", i+1)
			if _, _, err := h.verifier.SignIn(t.Context(), at(from), "ada", "ada-password"); err != nil {
				t.Fatal(err)
			}
			if _, err := h.verifier.SecondFactor(t.Context(), at(from), ada.ID, "00000"); !errors.Is(err, auth.ErrWrongCode) {
				t.Errorf("try %d: %v, want ErrWrongCode", i+1, err)
			}
		}
		var throttled *auth.Throttled
		if _, err := h.verifier.SecondFactor(t.Context(), at(cafe), ada.ID, now); !errors.As(err, &throttled) || throttled.RetryAfter != 15*time.Minute {
			t.Errorf("the sixth, though right: %v, want *Throttled with 15m", err)
		}
		if _, err := h.verifier.SecondFactor(t.Context(), at(home), ada.ID, now); err != nil {
			t.Errorf("the owner at home: %v", err)
		}
		h.clock.Add(15 * time.Minute)
		if _, err := h.verifier.SecondFactor(t.Context(), at(cafe), ada.ID, totp(secret, h.clock.Now())); err != nil {
			t.Errorf("after 15 minutes: %v", err)
		}
	})
}

// A9: recovery codes have 80 bits and work once, in any case; new ones
// invalidate the old ones.
func TestA9RecoveryCodes(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		_, codes := h.factor(t, ada)
		seen := make(map[string]bool)
		for _, code := range codes {
			if text := code.Reveal(); len(text) != 19 || seen[text] {
				t.Errorf("a recovery code is %q", text)
			}
			seen[code.Reveal()] = true
		}
		use := func(code string) error {
			h.clock.Add(15 * time.Minute)
			_, err := h.verifier.SecondFactor(t.Context(), at(addr), ada.ID, code)
			return err
		}
		if err := use(strings.ToUpper(codes[0].Reveal())); err != nil {
			t.Errorf("in upper case: %v", err)
		}
		if err := use(strings.ReplaceAll(codes[1].Reveal(), "-", " ")); err != nil {
			t.Errorf("with spaces: %v", err)
		}
		if err := use(codes[0].Reveal()); !errors.Is(err, auth.ErrWrongCode) {
			t.Errorf("a second time: %v, want ErrWrongCode", err)
		}
		if f, err := h.users.SecondFactor(t.Context(), ada.ID); err != nil || f.RecoveryCodes != 8 {
			t.Errorf("%d are left, %v; want 8", f.RecoveryCodes, err)
		}
		var plain int
		if err := h.db.Get(t.Context(), &plain, `SELECT COUNT(*) FROM recovery_codes WHERE hash = $1`, []byte(codes[2].Reveal())); err != nil || plain != 0 {
			t.Errorf("%d codes are stored unhashed, %v", plain, err)
		}
		fresh, err := h.users.NewRecoveryCodes(t.Context(), audit.Operator, ada.ID)
		if err != nil || len(fresh) != 10 {
			t.Fatal(len(fresh), err)
		}
		if err := use(codes[2].Reveal()); !errors.Is(err, auth.ErrWrongCode) {
			t.Errorf("an old one: %v, want ErrWrongCode", err)
		}
		if err := use(fresh[2].Reveal()); err != nil {
			t.Errorf("a new one: %v", err)
		}
		if _, err := h.users.NewRecoveryCodes(t.Context(), audit.Operator, h.user(t, "bob", auth.Author).ID); !errors.Is(err, auth.ErrNoSecondFactor) {
			t.Errorf("without a second factor: %v, want ErrNoSecondFactor", err)
		}
	})
}

// A8: with a second factor, the account's password is refused over XML-RPC, and
// the refusal does not reveal whether it was right; keys, tokens and
// application passwords keep working.
func TestA8NoWayRoundTheSecondFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil { // it is remembered as right
			t.Fatal(err)
		}
		secret, codes := h.factor(t, ada)
		app, key := h.key(t, ada)
		_, token := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.AccessToken})
		_, password := h.token(t, apps.NewToken{UserID: ada.ID, Kind: apps.ApplicationPassword})
		h.warm(t)
		var cost [2]int64
		for i, password := range []string{"ada-password", "ada-passworx"} {
			before := h.db.Statements()
			if _, err := h.from(t, fmt.Sprintf("198.51.100.%d", i)).Login(t.Context(), "ada", password); err != auth.ErrDenied {
				t.Errorf("%s: %v, want exactly ErrDenied", password, err)
			}
			cost[i] = h.db.Statements() - before
		}
		if cost[0] != cost[1] {
			t.Errorf("the right password costs %d statements, a wrong one %d", cost[0], cost[1])
		}
		if diff := cmp.Diff([]auth.Reason{auth.SecondFactorNeeded, auth.WrongPassword}, h.reasons()); diff != "" {
			t.Errorf("reasons (-want +got):\n%s", diff)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", password); err != nil {
			t.Errorf("the application password: %v", err)
		}
		if _, err := h.basicAs(t, addr, token, ""); err != nil {
			t.Errorf("the token: %v", err)
		}
		if _, err := h.verify(post(addr, body, sign(app, key, body)), body); err != nil {
			t.Errorf("the key: %v", err)
		}
		// Creating a key needs a code in addition to the password.
		for _, test := range []struct {
			password, code string
			want           error
		}{
			{"ada-password", "", auth.ErrDenied},
			{"ada-password", "000000", auth.ErrDenied},
			{"ada-passworx", totp(secret, h.clock.Now()), auth.ErrDenied},
			{"ada-password", codes[0].Reveal(), auth.ErrDenied},
			{"ada-password", totp(secret, h.clock.Now()), nil},
			{"ada-password", totp(secret, h.clock.Now()), auth.ErrDenied},
		} {
			if _, err := h.from(t, "203.0.113.4").PasswordAndCode(t.Context(), "ada", test.password, test.code); err != test.want {
				t.Errorf("%s with the code %q: %v, want %v", test.password, test.code, err, test.want)
			}
			h.clock.Add(time.Second / 10)
		}
	})
}

// The two halves of signing in to the pages.
func TestSignInWithSecondFactor(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada, bob := h.user(t, "ada", auth.Author), h.user(t, "bob", auth.Author)
		secret, _ := h.factor(t, ada)
		user, needsCode, err := h.verifier.SignIn(t.Context(), at(addr), "ADA@example.org", "ada-password")
		if err != nil || user.ID != ada.ID || !needsCode {
			t.Errorf("%d, needs a code %v, %v", user.ID, needsCode, err)
		}
		if kinds := h.trail(t, ada.ID); kinds[len(kinds)-1] == auth.SignedIn {
			t.Error("the trail has the sign-in before its second half")
		}
		if _, err := h.verifier.SecondFactor(t.Context(), at(addr), bob.ID, totp(secret, h.clock.Now())); !errors.Is(err, auth.ErrWrongCode) {
			t.Errorf("a code of another user: %v", err)
		}
		if _, err := h.verifier.SecondFactor(t.Context(), at(addr), ada.ID, totp(secret, h.clock.Now())); err != nil {
			t.Error(err)
		}
		if kinds := h.trail(t, ada.ID); kinds[len(kinds)-1] != auth.SignedIn {
			t.Errorf("the trail ends with %s", kinds[len(kinds)-1])
		}
		if err := h.verifier.RemoveSecondFactor(t.Context(), at(addr), ada.ID, "ada-password", "000000"); !errors.Is(err, auth.ErrWrongCode) {
			t.Errorf("removed without a code: %v", err)
		}
		h.clock.Add(30 * time.Second)
		if err := h.verifier.RemoveSecondFactor(t.Context(), at(addr), ada.ID, "wrong", totp(secret, h.clock.Now())); err != auth.ErrDenied {
			t.Errorf("removed without the password: %v", err)
		}
		if err := h.verifier.RemoveSecondFactor(t.Context(), at(addr), bob.ID, "bob-password", "000000"); !errors.Is(err, auth.ErrNoSecondFactor) {
			t.Errorf("without a second factor: %v, want ErrNoSecondFactor", err)
		}
		if err := h.verifier.RemoveSecondFactor(t.Context(), at(addr), ada.ID, "ada-password", totp(secret, h.clock.Now())); err != nil {
			t.Error(err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "ada", "ada-password"); err != nil {
			t.Errorf("afterwards the password works again: %v", err)
		}
		h.factor(t, ada)
		if err := h.users.ResetSecondFactor(t.Context(), audit.Operator, ada.ID); err != nil {
			t.Error(err)
		}
		if err := h.users.ResetSecondFactor(t.Context(), audit.Operator, ada.ID); !errors.Is(err, auth.ErrNoSecondFactor) {
			t.Errorf("twice: %v, want ErrNoSecondFactor", err)
		}
		if _, needsCode, err := h.verifier.SignIn(t.Context(), at(addr), "ada", "ada-password"); err != nil || needsCode {
			t.Errorf("after the reset: needs a code %v, %v", needsCode, err)
		}
		want := []audit.Kind{auth.UserCreated, auth.SecondFactorOn, auth.SignedIn, auth.SignInFailed, auth.SecondFactorOff, auth.SecondFactorOn, auth.SecondFactorGone, auth.SignedIn}
		if diff := cmp.Diff(want, h.trail(t, ada.ID)); diff != "" {
			t.Errorf("trail (-want +got):\n%s", diff)
		}
	})
}
