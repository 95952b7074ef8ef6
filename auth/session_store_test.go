package auth_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
)

// A session that was ended stays ended, although a request that began before
// writes it afterwards.
func TestEndedSessionStaysEnded(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := context.Background()
		store := auth.NewSessionStore(h.db, h.clock.Now)
		user := h.user(t, "ada", auth.Author)
		data := func(fresh bool) []byte {
			values := map[string]any{auth.SessionUser: user.ID, auth.SessionAddr: "192.0.2.7", auth.SessionAgent: "a browser"}
			if fresh {
				values[auth.SessionNew] = true
			}
			text, err := scs.GobCodec{}.Encode(h.clock.Now().Add(time.Hour), values)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		id := auth.SessionID("token")
		for _, fresh := range []bool{true, false} {
			if err := store.CommitCtx(ctx, id, data(fresh), time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		list, err := store.List(ctx, user.ID)
		if err != nil || len(list) != 1 || list[0].ID != id || list[0].Addr.String() != "192.0.2.7" || list[0].Agent != "a browser" {
			t.Fatalf("the sessions are %+v, %v", list, err)
		}
		if err := store.End(ctx, auth.Identity{User: user}.Actor(), user.ID, id); err != nil {
			t.Fatal(err)
		}
		if err := store.CommitCtx(ctx, id, data(false), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, found, err := store.FindCtx(ctx, id); found || err != nil {
			t.Errorf("the ended session is back: %v", err)
		}
		if err := store.CommitCtx(ctx, auth.SessionID("other"), data(true), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(61 * time.Minute)
		if _, found, err := store.FindCtx(ctx, auth.SessionID("other")); found || err != nil {
			t.Errorf("a session outlives its end: %v", err)
		}
	})
}

// A14: half-finished sessions are limited for each account and network, and
// hinder nobody: the oldest of the same account and network ends. Without a
// right password nothing is stored.
func TestA14HalfwaySessionsAreBounded(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := context.Background()
		store := auth.NewSessionStore(h.db, h.clock.Now)
		begin := func(name string, pending int64, addr string) {
			t.Helper()
			h.clock.Add(time.Second)
			data, err := scs.GobCodec{}.Encode(h.clock.Now().Add(time.Hour), map[string]any{auth.SessionNew: true, auth.SessionPending: pending, auth.SessionAddr: addr})
			if err != nil {
				t.Fatal(err)
			}
			if err := store.CommitCtx(ctx, auth.SessionID(name), data, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		there := func(name string) bool {
			t.Helper()
			_, found, err := store.FindCtx(ctx, auth.SessionID(name))
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		begin("nobody's", 0, "192.0.2.1")
		if there("nobody's") {
			t.Error("a session is kept in which nobody has shown a password")
		}
		begin("owner", 1, "192.0.2.1")
		begin("other", 2, "198.51.100.1")
		for i := range 30 {
			begin(fmt.Sprint("guesser ", i), 1, "198.51.100.1")
		}
		if !there("owner") || !there("other") {
			t.Error("a guesser has ended the session of the owner, or that of another user")
		}
		if there("guesser 9") || !there("guesser 10") || !there("guesser 29") {
			t.Error("of 30 half-finished sessions from one network, others than the last 20 remain")
		}
		if err := store.EndAll(ctx, audit.Operator, 1, ""); err != nil {
			t.Fatal(err)
		}
		if there("owner") || there("guesser 29") || !there("other") {
			t.Error("signing out everywhere does not end the account's halfway sessions, and only those")
		}
	})
}
