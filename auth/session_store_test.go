package auth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
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

// Strangers can begin to sign in; what they leave behind is bounded, and stands in nobody's way who is in.
func TestHalfwaySessionsAreBounded(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ctx := context.Background()
		store := auth.NewSessionStore(h.db, h.clock)
		begin := func(n int, user int64) error {
			data, err := scs.GobCodec{}.Encode(h.clock().Add(time.Hour), map[string]any{auth.SessionNew: true, auth.SessionUser: user})
			if err != nil {
				t.Fatal(err)
			}
			return store.CommitCtx(ctx, auth.SessionID(fmt.Sprint(n)), data, time.Now().Add(time.Minute))
		}
		err := h.db.Update(ctx, func(tx *database.Tx) error {
			for n := range 1999 {
				_, err := tx.Exec(ctx, `INSERT INTO sessions (token, data, expires, created, seen) VALUES ($1, $2, $3, $4, $4)`,
					fmt.Sprint("stranger ", n), []byte{}, h.clock().Add(time.Minute), h.clock())
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := begin(1, 0); err != nil {
			t.Errorf("the last of them: %v", err)
		}
		if err := begin(2, 0); !errors.Is(err, auth.ErrBusy) {
			t.Errorf("one more: %v, want ErrBusy", err)
		}
		if err := begin(3, h.user(t, "ada", auth.Author).ID); err != nil {
			t.Errorf("somebody who is in: %v", err)
		}
		h.wait(2 * time.Minute)
		if err := begin(4, 0); err != nil {
			t.Errorf("when they are over: %v", err)
		}
	})
}
