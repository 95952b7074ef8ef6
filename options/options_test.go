package options_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/options"
)

// open returns the options in a database. A nil clock is that of the machine.
func open(t *testing.T, db *database.DB, clock func() time.Time) *options.Store {
	t.Helper()
	if clock == nil {
		clock = time.Now
	}
	s, err := options.Open(t.Context(), db, clock)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A change is visible at once in the same process, and after a second in
// another process with the same database.
func TestOptionsAge(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		clock := func() time.Time { return time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC) }
		here, other := open(t, databasetest.Open(t, url), clock), open(t, databasetest.Open(t, url), clock)
		title := func(s *options.Store) string {
			t.Helper()
			o, err := s.Current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return o.Title()
		}
		title(other)
		if err := here.Set(t.Context(), "blog_title", "Tide & Time"); err != nil {
			t.Fatal(err)
		}
		if got, want := title(here), "Tide & Time"; got != want {
			t.Errorf("at once, here: %q, want %q", got, want)
		}
		databasetest.WithinASecond(t, func() error {
			if got, want := title(other), "Tide & Time"; got != want {
				return fmt.Errorf("elsewhere: %q, want %q", got, want)
			}
			return nil
		})
	})
}

// Options are read once for many requests.
func TestOptionsCost(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
		b := open(t, db, func() time.Time { return now })
		b.Local(now)
		before := db.Statements()
		for range 100 {
			b.Local(b.UTC(now))
		}
		if spent := db.Statements() - before; spent != 0 {
			t.Errorf("200 conversions took %d statements", spent)
		}
	})
}

func TestSetOption(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, nil)
		for _, test := range []struct{ name, value, want string }{
			{"permalink_structure", "foo", ""},
			{"permalink_structure", "/%year%/", ""},
			{"permalink_structure", "/%poem%/%postname%", ""},
			{"permalink_structure", "/a b/%postname%", ""},
			{"permalink_structure", "/admin/%postname%/", ""},
			{"permalink_structure", "/%year%/%postname%/", "/%year%/%postname%/"},
			{"blog_address", "blog.example", ""},
			{"blog_address", "ftp://blog.example", ""},
			{"blog_address", "https://", ""},
			{"blog_address", "https:///blog", ""},
			{"blog_address", "https://ada:x@blog.example", ""},
			{"blog_address", "https://blog.example/?p=1", ""},
			{"blog_address", "https://blog.example/#top", ""},
			{"blog_address", "https://blog.example:99999", ""},
			{"blog_address", "https://blog.example:", ""},
			{"blog_address", "https://blog.example.", ""},
			{"blog_address", "https://blog..example", ""},
			{"blog_address", "https://-", ""},
			{"blog_address", "https://[::g]", ""},
			{"blog_address", "https://[fe80::1%25eth0]", ""},
			{"blog_address", "https://" + strings.Repeat("a", 64) + ".example", ""},
			{"blog_address", "https://blog.example/" + strings.Repeat("a", 300), ""},
			{"blog_address", "https://blog.example/xmlrpc.php", ""},
			{"blog_address", "https://blog.example/a b", ""},
			{"blog_address", "https://blog.example/a%20b", ""},
			{"blog_address", "https://blog.example/bücher", ""},
			{"blog_address", "https://blog.example/../x", ""},
			{"blog_address", "https://blog.example//x", ""},
			{"blog_address", "https://blog.example//", "https://blog.example"},
			{"blog_address", "https://blog.example:443/~ann/blog", "https://blog.example/~ann/blog"},
			{"blog_address", "http://blog.example:80", "http://blog.example"},
			{"blog_address", "https://blog.example:80", "https://blog.example:80"},
			{"blog_address", "https://[2001:DB8::1]:443", "https://[2001:db8::1]"},
			{"blog_address", "https://bücher.example", ""},
			{"blog_address", "https://blog.example,other.example", ""},
			{"blog_address", " HTTPS://Blog.Example:8443/Words/ ", "https://blog.example:8443/Words"},
			{"blog_address", "http://[::1]:8080", "http://[::1]:8080"},
			{"who_may_comment", "me", ""},
			{"anonymous_comments", "yes", "1"},
			{"anonymous_comments", "OFF", "0"},
			{"comment_registration", "1", "1"},
			{"pingback_fault_codes", "true", "1"},
			{"pingback_fault_codes", "maybe", ""},
			{"blog_title", `<b> & "c" &amp;`, "&lt;b&gt; &amp; &quot;c&quot; &amp;"},
			{"thumbnail_size_w", "120", "120"},
			{"thumbnail_size_w", "-1", ""},
			{"thumbnail_size_w", "wide", ""},
			{"gmt_offset", "5.75", "5.75"},
			{"gmt_offset", "15", ""},
			{"gmt_offset", "NaN", ""},
			{"timezone_string", "Europe/Berlin", "Europe/Berlin"},
			{"timezone_string", "Local", ""},
			{"timezone_string", "../../etc/passwd", ""},
			{"default_role", "author", "author"},
			{"default_role", "king", ""},
			{"default_comment_status", "closed", "closed"},
			{"default_comment_status", "ajar", ""},
			{"admin_email", "a\x00b", ""},
			{"theme_supports", `["a"]`, `["a"]`},
			{"theme_supports", `a`, ""},
			{"page_templates", `[]`, ""},
			{"no_such_option", "1", ""},
		} {
			err := b.Set(t.Context(), test.name, test.value)
			var invalid *options.Invalid
			if test.want == "" {
				if !errors.As(err, &invalid) || invalid.Name != test.name {
					t.Errorf("%s = %q: %v, want *Invalid of that field", test.name, test.value, err)
				}
				continue
			}
			o, readErr := b.Current(t.Context())
			if err != nil || readErr != nil || o.Text(test.name) != test.want {
				t.Errorf("%s = %q: stored %q (%v, %v), want %q", test.name, test.value, o.Text(test.name), err, readErr, test.want)
			}
		}
		now, err := b.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range now.List() {
			got[o.Name] = o.Value
		}
		if _, former := got["anonymous_comments"]; former || got["who_may_comment"] != "users" || got["medium_size_w"] != "300" || got["thumbnail_size_w"] != "120" {
			t.Errorf("list: %v", got)
		}
	})
}

// wp.setOptions ignores values that it cannot parse. A permalink structure in a
// bundle that cannot be used becomes the plain one.
func TestStructuresThatCannotBeAreStoredNowhere(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, nil)
		if err := b.Set(t.Context(), "permalink_structure", "/%postname%/"); err != nil {
			t.Fatal(err)
		}
		admin := auth.Identity{User: auth.User{ID: 1, Role: auth.Administrator}}
		changed, err := b.SetLoosely(t.Context(), admin, map[string]string{"permalink_structure": "foo"})
		o, readErr := b.Current(t.Context())
		if readErr != nil {
			t.Fatal(readErr)
		}
		if value := o.Text("permalink_structure"); err != nil || len(changed) > 0 || value != "/%postname%/" {
			t.Errorf("after an invalid structure: %q, %v, %v; want it unchanged", value, changed, err)
		}
		if stored, err := options.CheckStored("permalink_structure", "/%poem%/"); stored != "" || err != nil {
			t.Errorf("a bundle's structure that cannot be is stored as %q, %v", stored, err)
		}
	})
}

func TestSetLooselyNeedsTheRight(t *testing.T) {
	b := open(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
	for _, role := range auth.Roles() {
		_, err := b.SetLoosely(t.Context(), auth.Identity{User: auth.User{ID: 5, Role: role}}, map[string]string{"blog_title": "by " + string(role)})
		if allowed := !errors.Is(err, options.ErrDenied); allowed != (role == auth.Administrator) {
			t.Errorf("%s: %v", role, err)
		}
	}
	if _, err := b.SetLoosely(t.Context(), auth.Identity{}, map[string]string{"blog_title": "x"}); err == nil {
		t.Error("nobody may change options")
	}
}

func TestTimeZone(t *testing.T) {
	b := open(t, databasetest.Open(t, databasetest.SQLite(t)), nil)
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, test := range []struct{ offset, zone, moment, local string }{
		{"0", "", "2024-03-10 12:00:00", "2024-03-10 12:00:00"},
		{"-3.5", "", "2024-03-10 12:00:00", "2024-03-10 08:30:00"},
		{"5.75", "", "2024-12-31 20:00:00", "2025-01-01 01:45:00"},
		{"2", "Europe/Berlin", "2024-01-10 12:00:00", "2024-01-10 13:00:00"},
		{"2", "Europe/Berlin", "2024-07-10 12:00:00", "2024-07-10 14:00:00"},
		{"2", "Europe/Berlin", "2024-03-31 01:00:00", "2024-03-31 03:00:00"}, // the hour that is left out
	} {
		for name, value := range map[string]string{"gmt_offset": test.offset, "timezone_string": test.zone} {
			if err := b.Set(t.Context(), name, value); err != nil {
				t.Fatal(err)
			}
		}
		if got := b.Local(at(test.moment)); !got.Equal(at(test.local)) || got.Location() != time.UTC {
			t.Errorf("%s%s: %s is %v on the wall, want %s", test.offset, test.zone, test.moment, got, test.local)
		}
		if got := b.UTC(at(test.local)); !got.Equal(at(test.moment)) {
			t.Errorf("%s%s: %s on the wall is %v, want %s", test.offset, test.zone, test.local, got, test.moment)
		}
	}
}

// Who may comment is one option. The two options that it has replaced can still
// be set, in any order, and stay consistent with it.
func TestWhoMayCommentIsOneChoice(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		b := open(t, db, nil)
		is := func(after, who, anonymous, registration string) {
			t.Helper()
			o, err := b.Current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := []string{o.Commenters(), o.Text("who_may_comment"), o.Text("anonymous_comments"), o.Text("comment_registration")}
			if want := []string{who, who, anonymous, registration}; !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", after, got, want)
			}
		}
		set := func(name, value string) {
			t.Helper()
			if err := b.Set(t.Context(), name, value); err != nil {
				t.Fatal(err)
			}
		}
		is("at first", "users", "0", "0")
		if _, err := db.Exec(t.Context(), `INSERT INTO options (name, value) VALUES ('anonymous_comments', '1')`); err != nil { // as an earlier version left it
			t.Fatal(err)
		}
		set("blog_title", "x")
		is("an earlier version", "anybody", "1", "0")
		set("comment_registration", "1")
		is("registration on", "users", "1", "1")
		set("comment_registration", "0")
		is("registration off", "anybody", "1", "0")
		set("who_may_comment", "nobody")
		is("nobody", "nobody", "0", "1")
		set("who_may_comment", "anybody")
		is("anybody", "anybody", "1", "0")
		set("who_may_comment", "users")
		is("users", "users", "0", "1")
		set("anonymous_comments", "1")
		is("anonymous on", "users", "1", "1")
		set("who_may_comment", "nobody")
	})
}

func TestPingbackOptions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		n := open(t, db, nil)
		for _, test := range []struct {
			name, value string
			invalid     bool
		}{
			{"pingback", "on", false},
			{"pingback", "perhaps", true},
			{"pingback_send", "1", false},
			{"pingback_fault_codes", "yes", false},
			{"pingback_networks", "127.0.0.1:8080", false},
			{"pingback_networks", "everywhere", true},
		} {
			err := n.Set(t.Context(), test.name, test.value)
			if refused := errors.As(err, new(*options.Invalid)); refused != test.invalid || err != nil && !refused {
				t.Errorf("set %s to %q: %v, want it refused: %t", test.name, test.value, err, test.invalid)
			}
		}
		o, err := n.Current(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := o.PingbackNetworks(); len(got) != 1 || got[0].Port != 8080 {
			t.Errorf("networks %v, want the one that was set", got)
		}
	})
}
