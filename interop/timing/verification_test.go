package timing

import (
	"context"
	"encoding/hex"
	"fmt"
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

// bench is a verifier and what to measure it with.
type bench struct {
	verifier *auth.Verifier
	request  *http.Request
	bodies   [bodies][]byte
	headers  [bodies][kinds]string // the values of Authorization
	reason   auth.Reason           // of the last refusal
}

func newBench(t *testing.T) *bench {
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
	b := &bench{}
	b.verifier = auth.New(auth.Config{Users: users, Apps: store, Clock: clock, Observe: func(_ context.Context, e auth.Event) { b.reason = e.Reason }})
	b.request = httptest.NewRequest(http.MethodPost, "https://blog.example/xmlrpc.php", nil)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range b.bodies {
		body := fmt.Appendf(nil, `<?xml version="1.0"?><methodCall><methodName>demo.sayHello%04d</methodName><params/></methodCall>`, i)
		b.bodies[i] = body
		good := signature.Sign(app.Public, secret.Reveal(), body)
		b.headers[i] = [kinds]string{
			firstWrong: flip(t, good, 0, random),
			lastWrong:  flip(t, good, 31, random),
			unknownKey: unknown + "||" + good[len(app.Public)+2:],
			revokedKey: signature.Sign(revoked.Public, revokedSecret.Reveal(), body),
		}
	}
	return b
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
			b.request.Header["Authorization"] = []string{strings.Clone(b.headers[i][kind])}
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

// What is measured is what it is said to be: each kind is refused for its own reason, and there are as many times of
// each.
func TestMeasuredRequests(t *testing.T) {
	b := newBench(t)
	for kind, want := range [kinds]auth.Reason{auth.WrongDigest, auth.WrongDigest, auth.UnknownKey, auth.RevokedKey} {
		b.request.Header.Set("Authorization", b.headers[0][kind])
		if err := b.verify(b.bodies[0]); err != auth.ErrDenied || b.reason != want {
			t.Errorf("%s: %v, %q, want %v, %q", kindNames[kind], err, b.reason, auth.ErrDenied, want)
		}
	}
	for kind, times := range b.measure(t, 100, 1) {
		if len(times) != 100 {
			t.Errorf("%s: %d times, want 100", kindNames[kind], len(times))
		}
	}
}
