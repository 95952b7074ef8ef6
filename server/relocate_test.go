package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/server"
	"github.com/quillgate/quillgate/server/servertest"
)

// leftovers inserts a row into every table that holds things the blog has given
// out or still has to do.
func leftovers(t *testing.T, blog *server.Blog) {
	t.Helper()
	later := time.Now().Add(time.Hour)
	err := blog.DB.Update(t.Context(), func(tx *database.Tx) error {
		var post int64
		if err := tx.Get(t.Context(), &post, `INSERT INTO posts (type, status, date, modified) VALUES ('post', 'publish', $1, $1) RETURNING id`, later); err != nil {
			return err
		}
		for statement, args := range map[string][]any{
			`INSERT INTO sessions (token, data, expires, user_id, created, seen) VALUES ('a', $2, $1, 1, $1, $1)`: {later, []byte("a")},
			`INSERT INTO nonces (public, nonce, expires) VALUES ('a', 'b', $1)`:                                   {later},
			`INSERT INTO one_time_codes (hash, purpose, user_id, expires) VALUES ($2, 'x', 1, $1)`:                {later, []byte("a")},
			`INSERT INTO creations (public, digest, call, made, at) VALUES ('a', 'b', 0, 1, $1)`:                  {later},
			`INSERT INTO visitor_key (id, key) VALUES (1, $1)`:                                                    {[]byte("a")},
			`INSERT INTO certificates (name, sealed, size, modified) VALUES ('a', $2, 1, $1)`:                     {later, []byte("a")},
			`INSERT INTO certificate_locks (name, holder, expires) VALUES ('a', 'b', $1)`:                         {later},
			`INSERT INTO post_meta (post_id, key, value) VALUES ($1, '_pingme', '1')`:                             {post},
			`INSERT INTO pings (post_id, target, due) VALUES ($1, 'http://other.example', $2)`:                    {post, later},
		} {
			if _, err := tx.Exec(t.Context(), statement, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// left counts the rows of leftovers that remain.
func left(t *testing.T, blog *server.Blog) map[string]int {
	t.Helper()
	out := make(map[string]int)
	for name, what := range map[string]string{
		"sessions": "sessions", "nonces": "nonces", "codes": "one_time_codes", "creations": "creations", "visitors": "visitor_key",
		"certificates": "certificates", "locks": "certificate_locks", "marks": "post_meta WHERE key = '_pingme'", "due": "pings WHERE due IS NOT NULL",
		"links": "pings", "posts": "posts",
	} {
		var n int
		if err := blog.DB.Get(t.Context(), &n, `SELECT COUNT(*) FROM `+what); err != nil {
			t.Fatal(err)
		}
		out[name] = n
	}
	return out
}

// H10: a copy gives up everything that the original has given out, except what
// it should keep; a blog that moved keeps everything.
func TestH10CopyPartsFromOriginal(t *testing.T) {
	everything := map[string]int{"sessions": 1, "nonces": 1, "codes": 1, "creations": 1, "visitors": 1, "certificates": 1, "locks": 1, "marks": 1, "due": 1, "links": 1, "posts": 1}
	content := map[string]int{"sessions": 0, "nonces": 0, "codes": 0, "creations": 0, "visitors": 0, "certificates": 0, "locks": 0, "marks": 0, "due": 0, "links": 1, "posts": 1}
	for _, test := range []struct {
		name     string
		relocate func(context.Context, *server.Blog) (server.Parted, error)
		revoked  int
		left     map[string]int
		kind     audit.Kind
	}{
		{"moved", func(ctx context.Context, b *server.Blog) (server.Parted, error) {
			was, err := b.Moved(ctx, audit.Operator)
			return server.Parted{Was: was}, err
		}, 0, everything, "site.moved"},
		{"copy", func(ctx context.Context, b *server.Blog) (server.Parted, error) {
			return b.Copied(ctx, audit.Operator, false)
		}, 1, content, "site.copied"},
		{"copy that keeps the keys", func(ctx context.Context, b *server.Blog) (server.Parted, error) {
			return b.Copied(ctx, audit.Operator, true)
		}, 0, content, "site.copied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			databasetest.EachURL(t, func(t *testing.T, url string) {
				ctx := t.Context()
				blog := open(t, url, nil)
				if err := blog.Site.Arrive(ctx); err != nil {
					t.Fatal(err)
				}
				app, _ := servertest.Key(t, blog.Keys, apps.New{UserID: 1, Name: "MarsEdit"})
				token, _, err := blog.Apps.CreateToken(ctx, audit.Operator, apps.NewToken{UserID: 1, Kind: apps.AccessToken, Name: "script"})
				if err != nil {
					t.Fatal(err)
				}
				key, err := blog.Apps.ResponseKey(ctx)
				if err != nil {
					t.Fatal(err)
				}
				leftovers(t, blog)

				got, err := test.relocate(ctx, blog)
				want := server.Parted{Was: "http://blog.example", Keys: test.revoked, Tokens: test.revoked}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if diff := cmp.Diff(test.left, left(t, blog)); diff != "" {
					t.Errorf("remaining rows (-want +got):\n%s", diff)
				}
				app, err = blog.Apps.Get(ctx, app.Public)
				if err != nil || app.Revoked.IsZero() != (test.revoked == 0) {
					t.Errorf("the key was revoked at %v, %v, want %d", app.Revoked, err, test.revoked)
				}
				token, err = blog.Apps.Token(ctx, token.ID)
				if err != nil || token.Revoked.IsZero() != (test.revoked == 0) {
					t.Errorf("the token was revoked at %v, %v, want %d", token.Revoked, err, test.revoked)
				}
				again, err := blog.Apps.ResponseKey(ctx)
				if err != nil || (again.ID == key.ID) != (test.kind == "site.moved") {
					t.Errorf("answers were signed with %s and are now with %s, %v", key.ID, again.ID, err)
				}
				lines, err := audit.List(ctx, blog.DB, audit.Filter{Kind: test.kind})
				if err != nil || len(lines) != 1 || lines[0].Detail["was"] != "http://blog.example" {
					t.Errorf("the audit trail says %v, %v", lines, err)
				}
				if _, _, err := audit.Verify(ctx, blog.DB, nil, nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
