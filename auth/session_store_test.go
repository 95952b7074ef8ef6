package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/auth"
)

// A session that was ended stays ended, although a request that began before writes it down afterwards.
func TestEndedSessionStaysEnded(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := context.Background()
		store := auth.NewSessionStore(h.db, h.clock)
		user := h.user(t, "ada", auth.Author)
		data := func(fresh bool) []byte {
			values := map[string]any{auth.SessionUser: user.ID, auth.SessionAddr: "192.0.2.7", auth.SessionAgent: "a browser"}
			if fresh {
				values[auth.SessionNew] = true
			}
			text, err := scs.GobCodec{}.Encode(h.clock().Add(time.Hour), values)
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
		h.wait(61 * time.Minute)
		if _, found, err := store.FindCtx(ctx, auth.SessionID("other")); found || err != nil {
			t.Errorf("a session outlives its end: %v", err)
		}
	})
}
