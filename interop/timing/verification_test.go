package timing

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signature"
)

// bodies is how many different requests of each kind there are.
const bodies = 4096

// The kinds of requests that are refused.
const (
	firstWrong = iota // the digest is right but for its first byte
	lastWrong         // the digest is right but for its last byte
	unknownKey
	revokedKey
	kinds
)

var kindNames = [kinds]string{"first byte wrong", "last byte wrong", "unknown key", "revoked key"}

// The schemes that are measured.
const (
	headerScheme = "header"
	messages     = "message signatures"
	tokens       = "tokens" // over Basic; what is wrong is a character of the token
)

// bench is a verifier and what to measure it with.
type bench struct {
	verifier *auth.Verifier
	request  *http.Request
	bodies   [bodies][]byte
	headers  [bodies][kinds]http.Header
	reason   auth.Reason // of the last refusal
}

func newBench(t *testing.T, scheme string) *bench {
	t.Helper()
	db := databasetest.Open(t, databasetest.SQLite(t))
	file := filepath.Join(t.TempDir(), "keyset.json")
	if err := apps.CreateKeyset(file); err != nil {
		t.Fatal(err)
	}
	// The clock stands still: every look-up but the first is answered from memory, as it is under load, for keys that
	// are there and for those that are not.
	now := time.Now()
	clock := func() time.Time { return now }
	store, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: file, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	users := auth.NewUsers(auth.UsersConfig{DB: db, Apps: store, Clock: clock})
	user, err := users.Create(t.Context(), audit.Operator, auth.NewUser{Login: "ada", Email: "ada@example.org", Password: "correct horse battery", Role: auth.Author})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	b.verifier = auth.New(auth.Config{Users: users, Apps: store, Clock: clock, Observe: func(_ context.Context, e auth.Event) { b.reason = e.Reason }})
	b.request = httptest.NewRequest(http.MethodPost, "https://blog.example/xmlrpc.php", nil)
	for i := range b.bodies {
		b.bodies[i] = fmt.Appendf(nil, `<?xml version="1.0"?><methodCall><methodName>demo.sayHello%04d</methodName><params/></methodCall>`, i)
	}
	random := rand.New(rand.NewPCG(1, 1))
	if scheme == tokens {
		b.presentTokens(t, store, user, random)
		return b
	}
	key := func() (apps.App, apps.Secret) {
		app, secret, err := store.Create(t.Context(), audit.Operator, apps.New{UserID: user.ID, Name: "a program"})
		if err != nil {
			t.Fatal(err)
		}
		return app, secret
	}
	app, secret := key()
	revoked, revokedSecret := key()
	if err := store.Revoke(t.Context(), audit.Operator, user.ID, revoked.Public); err != nil {
		t.Fatal(err)
	}
	unknown := strings.Repeat("0123456789abcdef", 2)
	if scheme == messages {
		for i, body := range b.bodies {
			b.headers[i] = [kinds]http.Header{
				firstWrong: b.message(t, app.Public, secret, body, func(sum []byte) { sum[0] ^= byte(1 + random.IntN(255)) }),
				lastWrong:  b.message(t, app.Public, secret, body, func(sum []byte) { sum[31] ^= byte(1 + random.IntN(255)) }),
				unknownKey: b.message(t, unknown, secret, body, func([]byte) {}),
				revokedKey: b.message(t, revoked.Public, revokedSecret, body, func([]byte) {}),
			}
		}
		return b
	}
	for i, body := range b.bodies {
		good := signature.Sign(app.Public, secret.Reveal(), body)
		for kind, value := range [kinds]string{
			firstWrong: flip(t, good, 0, random),
			lastWrong:  flip(t, good, 31, random),
			unknownKey: unknown + "||" + good[len(app.Public)+2:],
			revokedKey: signature.Sign(revoked.Public, revokedSecret.Reveal(), body),
		} {
			b.headers[i][kind] = http.Header{"Authorization": {value}}
		}
	}
	return b
}

// message is the header of a message signature that was changed.
func (b *bench) message(t *testing.T, public string, secret apps.Secret, body []byte, change func(sum []byte)) http.Header {
	t.Helper()
	digest, err := signature.ContentDigestOf(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r := b.request.Clone(t.Context())
	r.Header = http.Header{"Content-Type": {"text/xml"}, "Content-Digest": {digest}}
	input, value, err := signature.SignMessage(signature.HMACKey([]byte(secret.Reveal())), "sig", signature.RequestMessage(r), auth.RequiredComponents(),
		signature.Params{Created: time.Now().Unix(), KeyID: public, Alg: signature.HMACSHA256, Nonce: "a nonce of this test", Tag: auth.Tag})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(value, "sig="), ":"))
	if err != nil {
		t.Fatal(err)
	}
	change(sum)
	r.Header.Set("Signature-Input", input)
	r.Header.Set("Signature", "sig=:"+base64.StdEncoding.EncodeToString(sum)+":")
	return r.Header
}

// presentTokens makes the headers those of tokens.
func (b *bench) presentTokens(t *testing.T, store *apps.Store, user auth.User, random *rand.Rand) {
	t.Helper()
	create := func() (apps.Token, string) {
		token, text, err := store.CreateToken(t.Context(), audit.Operator, apps.NewToken{UserID: user.ID, Kind: apps.AccessToken, Name: "a program"})
		if err != nil {
			t.Fatal(err)
		}
		return token, text.Reveal()
	}
	_, good := create()
	revoked, revokedText := create()
	if err := store.RevokeToken(t.Context(), audit.Operator, user.ID, revoked.ID); err != nil {
		t.Fatal(err)
	}
	for i := range b.headers {
		unknown, _ := apps.DrawToken()
		for kind, text := range [kinds]string{
			firstWrong: otherToken(good, 0, random),
			lastWrong:  otherToken(good, 42, random),
			unknownKey: unknown.Reveal(),
			revokedKey: revokedText,
		} {
			b.headers[i][kind] = http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text+":x"))}}
		}
	}
}

// otherToken is a token with another character at a place of its secret part, and the checksum of that.
func otherToken(token string, place int, random *rand.Rand) string {
	const digits, prefix, selector, crc = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 4, 12, 6
	text := []byte(token)
	for at := prefix + selector + place; string(text[at]) == token[at:at+1]; {
		text[at] = digits[random.IntN(len(digits))]
	}
	sum := crc32.ChecksumIEEE(text[prefix : len(text)-crc])
	for i := range crc {
		text[len(text)-1-i] = digits[sum%62]
		sum /= 62
	}
	return string(text)
}

// flip changes one byte of the digest in a header value. To what is drawn by lot, for reading digits takes its time too,
// which is the same to whoever wrote them.
func flip(t *testing.T, value string, i int, random *rand.Rand) string {
	t.Helper()
	public, digits, _ := strings.Cut(value, "||")
	digest, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	digest[i] ^= byte(1 + random.IntN(255))
	return public + "||" + hex.EncodeToString(digest)
}

// verify is what the handler does with a request before it looks at the body.
func (b *bench) verify(body []byte) error {
	check, err := b.verifier.Begin(b.request)
	if err != nil {
		return err
	}
	check.Write(body)
	_, err = check.Identify(b.request.Context())
	return err
}

// measure times every kind of request as often as the others: in each round all of them, in an order drawn by lot, on
// one thread, while nothing is collected. The requests share their place in memory, but for the header, which has a new
// one each time: a fixed address would have a time of its own, by its place in the caches.
func (b *bench) measure(t *testing.T, rounds int, seed uint64) [kinds][]float64 {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const warm = 2000 // rounds that fill the caches, and between collections
	random := rand.New(rand.NewPCG(seed, 2))
	var times [kinds][]float64
	for kind := range times {
		times[kind] = make([]float64, 0, rounds)
	}
	body := make([]byte, len(b.bodies[0]))
	order := [kinds]int{firstWrong, lastWrong, unknownKey, revokedKey}
	for round := range warm + rounds {
		if round%warm == 0 {
			runtime.GC()
		}
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, kind := range order {
			i := random.IntN(bodies) // not the one before, whose digits the processor has learned to expect
			b.request.Header = anew(b.headers[i][kind])
			copy(body, b.bodies[i])
			begin := time.Now()
			err := b.verify(body)
			took := time.Since(begin)
			if err != auth.ErrDenied {
				t.Fatalf("%s: %v, want %v", kindNames[kind], err, auth.ErrDenied)
			}
			if round >= warm {
				times[kind] = append(times[kind], float64(took.Nanoseconds()))
			}
		}
	}
	return times
}

// again is a header in another place of memory.
func anew(h http.Header) http.Header {
	other := make(http.Header, len(h))
	for name, values := range h {
		other[name] = []string{strings.Clone(values[0])}
	}
	return other
}

// What is measured is what it is said to be: each kind is refused for its own reason, and there are as many times of
// each.
func TestMeasuredRequests(t *testing.T) {
	for scheme, reasons := range map[string][kinds]auth.Reason{
		headerScheme: {auth.WrongDigest, auth.WrongDigest, auth.UnknownKey, auth.RevokedKey},
		messages:     {auth.WrongDigest, auth.WrongDigest, auth.UnknownKey, auth.RevokedKey},
		tokens:       {auth.WrongToken, auth.WrongToken, auth.UnknownToken, auth.RevokedToken},
	} {
		b := newBench(t, scheme)
		for kind, want := range reasons {
			b.request.Header = b.headers[0][kind]
			if err := b.verify(b.bodies[0]); err != auth.ErrDenied || b.reason != want {
				t.Errorf("%s, %s: %v, %q, want %v, %q", scheme, kindNames[kind], err, b.reason, auth.ErrDenied, want)
			}
		}
		for kind, times := range b.measure(t, 100, 1) {
			if len(times) != 100 {
				t.Errorf("%s, %s: %d times, want 100", scheme, kindNames[kind], len(times))
			}
		}
	}
}
