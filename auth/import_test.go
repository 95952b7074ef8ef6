package auth_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/signature"
)

// A bundle with everything that a user can have, imported twice.
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

// dump reads everything that an import writes.
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

func TestImportRefuses(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		crew(t, h)
		base := func(change func(*auth.ImportUser)) auth.ImportUser {
			u := auth.ImportUser{ID: 50, Login: "new", Role: auth.Author, Password: "pw"}
			change(&u)
			return u
		}
		bad := map[string]auth.ImportUser{
			"id 0":               base(func(u *auth.ImportUser) { u.ID = 0 }),
			"id of another":      base(func(u *auth.ImportUser) { u.ID = 1 }),
			"name of another":    base(func(u *auth.ImportUser) { u.Login = "ADMIN" }),
			"address of another": base(func(u *auth.ImportUser) { u.Email = "admin@example.org" }),
			"no name":            base(func(u *auth.ImportUser) { u.Login = "" }),
			"no role":            base(func(u *auth.ImportUser) { u.Role = "" }),
			"no date":            base(func(u *auth.ImportUser) { u.RegisteredGMT = "yesterday" }),
			"unknown hash":       base(func(u *auth.ImportUser) { u.Hash = "plain" }),
			"costly hash":        base(func(u *auth.ImportUser) { u.Hash = "$2y$31$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo." }),
			"long password":      base(func(u *auth.ImportUser) { u.Password = strings.Repeat("x", 5000) }),
			"unknown hash of an application password": base(func(u *auth.ImportUser) {
				u.ApplicationPasswords = []auth.ImportPassword{{UUID: "u", Hash: "plain"}}
			}),
		}
		for name, u := range bad {
			err := h.db.Update(t.Context(), func(tx *database.Tx) error {
				return h.users.ImportUsers(t.Context(), tx, []auth.ImportUser{u})
			})
			var invalid *auth.Invalid
			if !errors.As(err, &invalid) {
				t.Errorf("%s: %v, want *Invalid", name, err)
			}
		}
		short := base(func(u *auth.ImportUser) { u.Keys = []auth.ImportKey{{Public: "k", Secret: "short"}} })
		err := h.db.Update(t.Context(), func(tx *database.Tx) error {
			return h.users.ImportUsers(t.Context(), tx, []auth.ImportUser{short})
		})
		var invalid *apps.Invalid
		if !errors.As(err, &invalid) {
			t.Errorf("a short secret: %v, want *apps.Invalid", err)
		}
		if n, _ := h.users.Count(t.Context(), auth.Filter{}); n != 5 {
			t.Errorf("%d users after the refused imports, want 5", n)
		}
	})
}

// A bundle updates a user who already exists.
func TestImportOverAUser(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		first := h.user(t, "admin", auth.Author)
		bundle := []auth.ImportUser{{ID: first.ID, Login: "admin", Password: "another-password", Role: auth.Administrator, Email: "a@example.net", Nicename: "boss"}}
		if err := h.db.Update(t.Context(), func(tx *database.Tx) error { return h.users.ImportUsers(t.Context(), tx, bundle) }); err != nil {
			t.Fatal(err)
		}
		who, err := h.from(t, addr).Login(t.Context(), "a@example.net", "another-password")
		if err != nil || who.User.Role != auth.Administrator || who.User.Nicename != "boss" || !who.User.Registered.Equal(first.Registered) {
			t.Errorf("after the import: %+v, %v", who.User, err)
		}
		if _, err := h.from(t, addr).Login(t.Context(), "admin", "admin-password"); err != auth.ErrDenied {
			t.Errorf("the password from before: %v, want ErrDenied", err)
		}
	})
}

// An export can be imported: without hashes it contains no credential, with
// hashes the passwords keep working.
func TestExportUsers(t *testing.T) {
	var moved []byte
	each(t, nil, func(t *testing.T, h *house) {
		bundle := []auth.ImportUser{{
			ID: 7, Login: "admin", Password: "admin-pass-1234", Role: auth.Administrator, Email: "admin@example.org", RegisteredGMT: "2023-12-01 08:00:00",
			Nickname: "admin", Nicename: "admin", DisplayName: "Admin", FirstName: "A", LastName: "B", URL: "http://example.org/", Bio: "C & \"D\"",
			Keys:                 []auth.ImportKey{{Public: "b730db0864b0d4453ba6a26ad6613cd4", Secret: "7647a19f5bf3e9fd001419900ad48a54"}},
			ApplicationPasswords: []auth.ImportPassword{{UUID: "u", Name: "client", Password: "abcd EFGH 1234"}},
		}}
		load := func(list []auth.ImportUser) {
			t.Helper()
			if err := h.db.Update(t.Context(), func(tx *database.Tx) error { return h.users.ImportUsers(t.Context(), tx, list) }); err != nil {
				t.Fatal(err)
			}
		}
		export := func(hashes bool) []byte {
			t.Helper()
			list, err := h.users.ExportUsers(t.Context(), h.db, hashes)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(list)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if moved != nil { // from the other database
			var list []auth.ImportUser
			if err := json.Unmarshal(moved, &list); err != nil {
				t.Fatal(err)
			}
			load(list)
			for _, password := range []string{"admin-pass-1234", "abcd EFGH 1234"} {
				if _, err := h.from(t, addr).Login(t.Context(), "admin", password); err != nil {
					t.Errorf("after moving, %q: %v", password, err)
				}
			}
			return
		}
		load(bundle)
		plain, full := export(false), export(true)
		for _, word := range []string{"pass-1234", "abcd", "7647a19f", "argon2id", "blake2b", "password", "secret"} {
			if strings.Contains(string(plain), word) {
				t.Errorf("the export holds %q: %s", word, plain)
			}
		}
		for _, word := range []string{"pass-1234", "abcd", "7647a19f"} {
			if strings.Contains(string(full), word) {
				t.Errorf("the export with hashes holds %q: %s", word, full)
			}
		}
		want := bundle[0]
		want.Password, want.Keys, want.ApplicationPasswords = "", nil, nil
		var got []auth.ImportUser
		if err := json.Unmarshal(plain, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]auth.ImportUser{want}, got); diff != "" {
			t.Errorf("the export (-want +got):\n%s", diff)
		}
		// Importing the export again changes nothing.
		before := dump(t, h.db)
		load(got)
		if diff := cmp.Diff(before, dump(t, h.db)); diff != "" {
			t.Errorf("the export loaded back has changed something:\n%s", diff)
		}
		moved = full
	})
}
