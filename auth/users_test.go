package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
)

func TestCreateUser(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		got, err := h.users.Create(t.Context(), audit.Operator, auth.NewUser{Login: "Ada L", Email: "ada@example.org", Password: "a-password", Role: auth.Editor, Bio: "Counts."})
		if err != nil {
			t.Fatal(err)
		}
		want := auth.User{
			ID: 1, Login: "Ada L", Email: "ada@example.org", Nicename: "ada-l", DisplayName: "Ada L", Nickname: "Ada L", Bio: "Counts.",
			Role: auth.Editor, Registered: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Create (-want +got):\n%s", diff)
		}
		for name, read := range map[string]func() (auth.User, error){
			"Get":     func() (auth.User, error) { return h.users.Get(t.Context(), 1) },
			"ByLogin": func() (auth.User, error) { return h.users.ByLogin(t.Context(), "ADA l") },
			"ByEmail": func() (auth.User, error) { return h.users.ByEmail(t.Context(), "Ada@Example.org") },
		} {
			got, err := read()
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			}
		}
		bad := []struct {
			name string
			in   auth.NewUser
			want string
		}{
			{"empty login", auth.NewUser{Password: "a-password", Role: auth.Author}, "user name"},
			{"login of spaces", auth.NewUser{Login: "   ", Password: "a-password", Role: auth.Author}, "user name"},
			{"long login", auth.NewUser{Login: strings.Repeat("x", 61), Password: "a-password", Role: auth.Author}, "user name"},
			{"login with a slash", auth.NewUser{Login: "a/b", Password: "a-password", Role: auth.Author}, "user name"},
			{"same login in other case", auth.NewUser{Login: "ADA L", Password: "a-password", Role: auth.Author}, "user name or email"},
			{"same address", auth.NewUser{Login: "x", Email: "ADA@example.org", Password: "a-password", Role: auth.Author}, "user name or email"},
			{"no address", auth.NewUser{Login: "x", Email: "ada", Password: "a-password", Role: auth.Author}, "email"},
			{"address with a name", auth.NewUser{Login: "x", Email: "Ada <a@example.org>", Password: "a-password", Role: auth.Author}, "email"},
			{"no role", auth.NewUser{Login: "x", Password: "a-password"}, "role"},
			{"unknown role", auth.NewUser{Login: "x", Password: "a-password", Role: "root"}, "role"},
			{"no password", auth.NewUser{Login: "x", Role: auth.Author}, "password"},
			{"short password", auth.NewUser{Login: "x", Password: " 1234567 ", Role: auth.Author}, "password"},
			{"long password", auth.NewUser{Login: "x", Password: strings.Repeat("x", auth.MaxPassword+1), Role: auth.Author}, "password"},
		}
		for _, b := range bad {
			_, err := h.users.Create(t.Context(), audit.Operator, b.in)
			var invalid *auth.Invalid
			if !errors.As(err, &invalid) || invalid.Field != b.want {
				t.Errorf("%s: %v, want *Invalid of %q", b.name, err, b.want)
			}
		}
		if n, err := h.users.Count(t.Context(), auth.Filter{}); err != nil || n != 1 {
			t.Errorf("%d users, %v; want 1", n, err)
		}
		// Two users without an address do not collide, and two of one name in
		// addresses neither.
		for i, login := range []string{"ada.l", "ada@l"} {
			u, err := h.users.Create(t.Context(), audit.Operator, auth.NewUser{Login: login, Password: "a-password", Role: auth.Author})
			if want := fmt.Sprintf("ada-l-%d", i+2); err != nil || u.Nicename != want {
				t.Errorf("the nicename of %s is %q, %v; want %q", login, u.Nicename, err, want)
			}
		}
	})
}

// crew makes five users as the bundle of a small site has them.
func crew(t *testing.T, h *house) {
	t.Helper()
	var list []auth.ImportUser
	for i, login := range []string{"admin", "editor1", "Author1", "contrib1", "sub1"} {
		list = append(list, auth.ImportUser{
			ID: int64(i + 1), Login: login, Role: auth.Roles()[i], Email: login + "@example.org", DisplayName: strings.ToUpper(login[:3]) + " 100%",
			URL: fmt.Sprintf("http://%d.example/", 9-i), RegisteredGMT: fmt.Sprintf("2023-12-%02d 08:00:00", 20-i),
		})
	}
	if err := h.db.Update(t.Context(), func(tx *database.Tx) error { return h.users.ImportUsers(t.Context(), tx, list) }); err != nil {
		t.Fatal(err)
	}
}

func TestListUsers(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		crew(t, h)
		tests := []struct {
			name   string
			filter auth.Filter
			want   string
		}{
			{"all, by login without case", auth.Filter{}, "admin Author1 contrib1 editor1 sub1"},
			{"two", auth.Filter{Limit: 2}, "admin Author1"},
			{"from the fourth", auth.Filter{Limit: 2, Offset: 3}, "editor1 sub1"},
			{"past the end", auth.Filter{Offset: 9}, ""},
			{"a role", auth.Filter{Role: auth.Author}, "Author1"},
			{"an unknown role", auth.Filter{Role: "root"}, ""},
			{"those who write", auth.Filter{Authors: true}, "admin Author1 contrib1 editor1"},
			{"by id, down", auth.Filter{OrderBy: auth.ByID, Desc: true}, "sub1 contrib1 Author1 editor1 admin"},
			{"by address", auth.Filter{OrderBy: auth.ByEmail, Limit: 2}, "admin Author1"},
			{"by url", auth.Filter{OrderBy: auth.ByURL}, "sub1 contrib1 Author1 editor1 admin"},
			{"by registration", auth.Filter{OrderBy: auth.ByRegistered, Limit: 1}, "sub1"},
			{"by display name", auth.Filter{OrderBy: auth.ByDisplayName, Desc: true, Limit: 1}, "sub1"},
			{"some ids", auth.Filter{IDs: []int64{5, 1, 77}}, "admin sub1"},
			{"no ids", auth.Filter{IDs: []int64{}}, ""},
			{"with a text", auth.Filter{Search: "AUTHOR"}, "Author1"},
			{"with a text that LIKE would read", auth.Filter{Search: "0%"}, "admin Author1 contrib1 editor1 sub1"},
			{"with no such text", auth.Filter{Search: "%1%"}, ""},
			{"together", auth.Filter{Authors: true, Search: "example.org", OrderBy: auth.ByID, Desc: true, Limit: 2}, "contrib1 Author1"},
		}
		for _, test := range tests {
			list, err := h.users.List(t.Context(), test.filter)
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			var logins []string
			for _, u := range list {
				logins = append(logins, u.Login)
			}
			if got := strings.Join(logins, " "); got != test.want {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
			test.filter.Limit, test.filter.Offset = 0, 0
			all, err := h.users.List(t.Context(), test.filter)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := h.users.Count(t.Context(), test.filter); err != nil || n != len(all) {
				t.Errorf("%s: Count = %d, %v; the list has %d", test.name, n, err, len(all))
			}
		}
		var invalid *auth.Invalid
		if _, err := h.users.List(t.Context(), auth.Filter{OrderBy: "password"}); !errors.As(err, &invalid) {
			t.Errorf("by password: %v, want *Invalid", err)
		}
	})
}

func TestUpdateProfile(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		crew(t, h)
		text := func(s string) *string { return &s }
		got, err := h.users.UpdateProfile(t.Context(), audit.Operator, 3, auth.Profile{
			FirstName: text("Art"), LastName: text("Thor"), URL: text("http://example.com/art"), DisplayName: text("Art T."),
			Nickname: text("arty"), Nicename: text("Art Thor"), Bio: text("One\nTwo"),
		})
		if err != nil {
			t.Fatal(err)
		}
		want := auth.User{
			ID: 3, Login: "Author1", Email: "Author1@example.org", Nicename: "art-thor", DisplayName: "Art T.", FirstName: "Art", LastName: "Thor",
			Nickname: "arty", URL: "http://example.com/art", Bio: "One\nTwo", Role: auth.Author, Registered: time.Date(2023, 12, 18, 8, 0, 0, 0, time.UTC),
		}
		stored, err2 := h.users.Get(t.Context(), 3)
		if diff := cmp.Diff(want, got) + cmp.Diff(want, stored); diff != "" {
			t.Errorf("%v, %v (-want +got):\n%s", err, err2, diff)
		}
		// Nothing, and nothings.
		if got, err = h.users.UpdateProfile(t.Context(), audit.Operator, 3, auth.Profile{}); err != nil || got != want {
			t.Errorf("an empty change: %+v, %v", got, err)
		}
		got, err = h.users.UpdateProfile(t.Context(), audit.Operator, 3, auth.Profile{FirstName: text(""), Nickname: text(""), DisplayName: text(""), Nicename: text(" ")})
		want.FirstName, want.Nickname = "", "Author1"
		if err != nil || got != want {
			t.Errorf("empty members: %+v, %v; want %+v", got, err, want)
		}
		// A nicename that is taken, and one's own.
		for _, c := range [][2]string{{"art-thor", "art-thor"}, {"editor1", "editor1-2"}, {"editor1-2", "editor1-2"}} {
			if got, err := h.users.UpdateProfile(t.Context(), audit.Operator, 3, auth.Profile{Nicename: &c[0]}); err != nil || got.Nicename != c[1] {
				t.Errorf("nicename %q became %q, %v; want %q", c[0], got.Nicename, err, c[1])
			}
		}
		for name, p := range map[string]auth.Profile{
			"long":      {DisplayName: text(strings.Repeat("x", 251))},
			"two lines": {DisplayName: text("a\nb")},
			"NUL":       {Bio: text("a\x00b")},
			"not UTF-8": {Bio: text("\xff")},
		} {
			var invalid *auth.Invalid
			if _, err := h.users.UpdateProfile(t.Context(), audit.Operator, 3, p); !errors.As(err, &invalid) {
				t.Errorf("%s: %v, want *Invalid", name, err)
			}
		}
		if _, err := h.users.UpdateProfile(t.Context(), audit.Operator, 99, auth.Profile{}); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("nobody's profile: %v, want ErrNotFound", err)
		}
	})
}

func TestChangesOfAUser(t *testing.T) {
	each(t, nil, func(t *testing.T, h *house) {
		crew(t, h)
		for name, err := range map[string]error{
			"password":      h.users.SetPassword(t.Context(), audit.Operator, 99, "long enough", ""),
			"role":          h.users.SetRole(t.Context(), audit.Operator, 99, auth.Author),
			"email address": h.users.SetEmail(t.Context(), audit.Operator, 99, "x@example.org"),
		} {
			if !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("the %s of nobody: %v, want ErrNotFound", name, err)
			}
		}
		for name, err := range map[string]error{
			"short password": h.users.SetPassword(t.Context(), audit.Operator, 1, "1234567", ""),
			"unknown role":   h.users.SetRole(t.Context(), audit.Operator, 1, "root"),
			"no address":     h.users.SetEmail(t.Context(), audit.Operator, 1, "x"),
			"taken address":  h.users.SetEmail(t.Context(), audit.Operator, 1, "SUB1@example.org"),
		} {
			var invalid *auth.Invalid
			if !errors.As(err, &invalid) {
				t.Errorf("%s: %v, want *Invalid", name, err)
			}
		}
		if err := errors.Join(h.users.SetEmail(t.Context(), audit.Operator, 5, ""), h.users.SetRole(t.Context(), audit.Operator, 5, auth.Editor)); err != nil {
			t.Fatal(err)
		}
		if got, err := h.users.Get(t.Context(), 5); err != nil || got.Email != "" || got.Role != auth.Editor {
			t.Errorf("after the changes: %+v, %v", got, err)
		}
		if _, err := h.users.ByEmail(t.Context(), ""); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("the user without an address is found by none: %v", err)
		}
	})
}
