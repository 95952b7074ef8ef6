package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/auth/authtest"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/signature"
)

// house is everything that verification needs, with a clock that stands still
// until it is moved.
type house struct {
	db       *database.DB
	apps     *apps.Store
	users    *auth.Users
	verifier *auth.Verifier

	clock  *databasetest.Clock
	mu     sync.Mutex
	events []auth.Event
}

// reasons returns the results of verifications since the last call.
func (h *house) reasons() (list []auth.Reason) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		list = append(list, e.Reason)
	}
	h.events = nil
	return list
}

func open(t testing.TB, db *database.DB, change func(*auth.Config)) *house {
	t.Helper()
	h := &house{db: db, clock: databasetest.NewClock(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC))}
	file := filepath.Join(databasetest.Folder(t), "keyset.json")
	if err := apps.CreateKeyset(file); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.apps, err = apps.Open(context.Background(), apps.Config{DB: db, KeysetFile: file, Clock: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.apps.Close() })
	h.users = auth.NewUsers(auth.UsersConfig{DB: db, Apps: h.apps, Clock: h.clock.Now, Hash: authtest.CheapHash})
	cfg := auth.Config{
		Users: h.users,
		Apps:  h.apps,
		Clock: h.clock.Now,
		Observe: func(_ context.Context, e auth.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
	}
	if change != nil {
		change(&cfg)
	}
	h.users = cfg.Users
	h.verifier = auth.New(cfg)
	return h
}

// each runs fn on a house over each database.
func each(t *testing.T, change func(*auth.Config), fn func(t *testing.T, h *house)) {
	t.Helper()
	databasetest.Each(t, func(t *testing.T, db *database.DB) { fn(t, open(t, db, change)) })
}

func (h *house) user(t testing.TB, login string, role auth.Role) auth.User {
	t.Helper()
	u, err := h.users.Create(context.Background(), audit.Operator, auth.NewUser{
		Login: login, Email: login + "@example.org", Password: login + "-password", Role: role,
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (h *house) key(t testing.TB, u auth.User) (apps.App, apps.Secret) {
	t.Helper()
	app, secret, err := h.apps.Create(context.Background(), audit.Operator, apps.New{UserID: u.ID, Name: "a program"})
	if err != nil {
		t.Fatal(err)
	}
	return app, secret
}

const body = `<?xml version="1.0"?><methodCall><methodName>demo.sayHello</methodName></methodCall>`

// post returns a request from an address, over TLS.
func post(from, text string, authorization ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://blog.example/xmlrpc.php", strings.NewReader(text))
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(from), 4711).String()
	for _, value := range authorization {
		r.Header.Add("Authorization", value)
	}
	return r
}

// verify does what the handler does: header, body, identity.
func (h *house) verify(r *http.Request, text string) (*auth.Request, error) {
	c, err := h.verifier.Begin(r)
	if err != nil {
		return nil, err
	}
	for rest := text; rest != ""; rest = rest[min(len(rest), 7):] {
		c.Write([]byte(rest[:min(len(rest), 7)]))
	}
	return c.Identify(r.Context())
}

// from returns a verified request without a credential.
func (h *house) from(t testing.TB, addr string) *auth.Request {
	t.Helper()
	q, err := h.verify(post(addr, body), body)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// warm loads what is seldom read: the key of the hashes, and the policy while
// the clock stands still.
func (h *house) warm(t testing.TB) {
	t.Helper()
	if _, err := h.from(t, "203.0.113.250").Login(context.Background(), "nobody", "wrong"); err == nil {
		t.Fatal("nobody has signed in")
	}
	h.reasons()
}

func sign(app apps.App, secret apps.Secret, text string) string {
	return signature.Sign(app.Public, secret.Reveal(), []byte(text))
}

// exempt returns a configuration that does not count failures from some
// networks.
func exempt(networks ...string) func(*auth.Config) {
	return func(c *auth.Config) {
		for _, n := range networks {
			c.ThrottleExempt = append(c.ThrottleExempt, netip.MustParsePrefix(n))
		}
	}
}

func benchDatabase(b *testing.B) *database.DB {
	b.Helper()
	return databasetest.Open(b, databasetest.SQLite(b))
}
