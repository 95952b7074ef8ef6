package auth_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
)

// A sign-in that leaves for another page comes back in the same browser, in
// time, and once.
func TestDeparture(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := t.Context()
		depart := func() (state, ticket string) {
			state, ticket, err := h.verifier.Depart(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return state, ticket
		}
		state, ticket := depart()
		otherState, otherTicket := depart()
		for name, back := range map[string][2]string{
			"nothing": {"", ""}, "no ticket": {state, ""}, "no state": {"", ticket}, "another browser": {state, otherTicket}, "another state": {otherState, ticket},
			"longer": {state + "A", ticket}, "changed": {"B" + state[1:], ticket}, "with spare bits": {state[:len(state)-1] + "_", ticket},
		} {
			if err := h.verifier.Arrive(ctx, back[0], back[1]); !errors.Is(err, auth.ErrDeparture) {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.clock.Add(auth.DepartureTime - time.Second)
		for range 2 {
			if err := h.verifier.Returned(ctx, state, ticket); err != nil {
				t.Errorf("back in time: %v", err)
			}
		}
		if err := h.verifier.Arrive(ctx, state, ticket); err != nil {
			t.Errorf("the first arrival: %v", err)
		}
		if err := h.verifier.Arrive(ctx, state, ticket); !errors.Is(err, auth.ErrDeparture) {
			t.Errorf("the second arrival: %v", err)
		}
		h.clock.Add(time.Second)
		if err := h.verifier.Arrive(ctx, otherState, otherTicket); !errors.Is(err, auth.ErrDeparture) {
			t.Errorf("too late: %v", err)
		}
	})
}

// A password that the judge has accepted is remembered for a few minutes, until
// it is refused; one that creates keys is judged each time.
func TestJudgedPasswords(t *testing.T) {
	right, asked := "right", 0
	var id int64
	judge := func(_ context.Context, login, password string) (int64, error) {
		asked++
		if password != right {
			return 0, auth.ErrDenied
		}
		return id, nil
	}
	change := func(c *auth.Config) {
		c.Judge = judge
		c.ClientAddr = nil
	}
	each(t, change, func(t *testing.T, h *house) {
		right, asked, id = "right", 0, h.user(t, "ada", auth.Author).ID
		begin := func() *auth.Request {
			r := httptest.NewRequest("POST", "/xmlrpc.php", nil)
			r.RemoteAddr = "127.0.0.1:1"
			c, err := h.verifier.Begin(r)
			if err != nil {
				t.Fatal(err)
			}
			q, err := c.Identify(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		login := func(password string, want int, ok bool) *auth.Request {
			t.Helper()
			q := begin()
			who, err := q.Login(t.Context(), "ADA", password)
			if (err == nil && who.User.ID == id) != ok || asked != want {
				t.Fatalf("%q: user %d, %v, asked %d times, want %d", password, who.User.ID, err, asked, want)
			}
			return q
		}
		login("right", 1, true)
		login("right", 1, true)
		login("wrong", 2, false)
		if _, err := begin().PasswordOnly(t.Context(), "ada", "right"); err != nil || asked != 3 {
			t.Errorf("for a key: %v, asked %d times", err, asked)
		}
		q := login("right", 3, true)
		if err := q.Refused(t.Context(), "ada", "right"); err != nil {
			t.Fatal(err)
		}
		login("right", 4, true)
		h.clock.Add(6 * time.Minute)
		login("right", 5, true)
		right = "another"
		h.clock.Add(6 * time.Minute)
		login("right", 6, false)

		// The pages ask each time, and do not take one name for another.
		from := auth.Client{Addr: netip.MustParseAddr("127.0.0.1"), Secure: true}
		if user, code, err := h.verifier.SignIn(t.Context(), from, "ada", "another"); err != nil || code || user.ID != id {
			t.Errorf("sign in: %+v %v %v", user, code, err)
		}
		if _, _, err := h.verifier.SignIn(t.Context(), from, "ada", "ada-password"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("the password of the table: %v", err)
		}
		if err := h.verifier.Confirm(t.Context(), from, id, "another"); err != nil {
			t.Errorf("confirm: %v", err)
		}
		bob := h.user(t, "bob", auth.Author)
		if err := h.verifier.Confirm(t.Context(), from, bob.ID, "another"); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("confirm another's: %v", err)
		}
	})
}
