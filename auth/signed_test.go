package auth_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/signature"
)

func TestSigned(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		ada := h.user(t, "ada", auth.Author)
		app, secret := h.key(t, ada)
		q, err := h.verify(post("192.0.2.1", body, sign(app, secret, body)), body)
		if err != nil {
			t.Fatal(err)
		}
		who, ok := q.Signed()
		want := auth.Identity{User: ada, App: &app, Via: auth.ViaSignature}
		if diff := cmp.Diff(want, who); !ok || diff != "" {
			t.Errorf("Signed: %v (-want +got):\n%s", ok, diff)
		}
	})
}

// A bundle with everything that a user can have, twice.
func TestImportUsers(t *testing.T) {
	const public, secret = "b730db0864b0d4453ba6a26ad6613cd4", "7647a19f5bf3e9fd001419900ad48a54"
	bundle := []auth.ImportUser{{
		ID: 7, Login: "admin", Password: "admin-pass-1234", Role: auth.Administrator, Email: "admin@example.org",
		Nicename: "admin", RegisteredGMT: "2023-12-01 08:00:00",
		Keys:                 []auth.ImportKey{{Public: public, Secret: secret}},
		ApplicationPasswords: []auth.ImportPassword{{UUID: "11111111-2222-4333-8444-555555555555", Name: "client", Password: "abcd EFGH 1234 ijkl MNOP 5678"}},
	}}
	each(t, nil, func(t *testing.T, h *house) {
		load := func() {
			t.Helper()
			err := h.db.Update(t.Context(), func(tx *database.Tx) error {
				return h.users.ImportUsers(t.Context(), tx, bundle)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		load()
		before := dump(t, h.db)
		load()
		if diff := cmp.Diff(before, dump(t, h.db)); diff != "" {
			t.Errorf("the second load changed something (-first +second):\n%s", diff)
		}
		for _, password := range []string{"admin-pass-1234", "abcd EFGH 1234 ijkl MNOP 5678", "abcdEFGH1234ijklMNOP5678", "abcd-EFGH-1234-ijkl-MNOP-5678"} {
			for _, login := range []string{"admin", "Admin@example.org"} {
				who, err := h.from(t, "192.0.2.1").Login(t.Context(), login, password)
				if err != nil || who.User.ID != 7 {
					t.Errorf("Login(%q, %q) = %d, %v; want 7", login, password, who.User.ID, err)
				}
			}
		}
		for _, password := range []string{"ABCD EFGH 1234 IJKL MNOP 5678", "abcdEFGH1234ijklMNOP567", "Admin-pass-1234"} {
			if _, err := h.from(t, "192.0.2.1").Login(t.Context(), "admin", password); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("Login with %q: %v, want ErrDenied", password, err)
			}
		}
		q, err := h.verify(post("192.0.2.1", body, signature.Sign(public, secret, []byte(body))), body)
		if err != nil {
			t.Fatal(err)
		}
		if who, _ := q.Signed(); who.User.ID != 7 || !who.App.LegacySignatures {
			t.Errorf("the imported key is of user %d, %+v", who.User.ID, who.App)
		}
		if next := h.user(t, "next", auth.Author); next.ID != 8 {
			t.Errorf("the next user got id %d, want 8", next.ID)
		}
	})
}

// dump reads all that an import writes.
func dump(t *testing.T, db *database.DB) (rows []string) {
	t.Helper()
	for _, query := range []string{
		`SELECT login || email || nicename || display_name || nickname || role || password FROM users ORDER BY id`,
		`SELECT public || name || hint FROM apps ORDER BY id`,
		`SELECT uuid || name || hash FROM application_passwords ORDER BY id`,
	} {
		var part []string
		if err := db.Select(t.Context(), &part, query); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, part...)
	}
	return rows
}
