package apps_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

const leaked = "qgs_" + "0123456789012345678901234567890123456789012" + "1IDfut"

// found runs a scan, and formats its findings with lines and hints.
func found(t *testing.T, text []byte) string {
	t.Helper()
	var out []string
	err := apps.Scan(bytes.NewReader(text), func(l apps.Leak) error { out = append(out, fmt.Sprint(l.Line, l.Hint)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// K2: leaked secrets are found wherever they are, and texts that only look
// similar are not.
func TestK2Scan(t *testing.T) {
	token, _ := apps.DrawToken()
	hint := token.Reveal()[len(token.Reveal())-4:]
	utf16le := func(s string) (out []byte) {
		for _, u := range utf16.Encode([]rune(s)) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	}
	tests := []struct {
		name string
		text []byte
		want string
	}{
		{"nothing", nil, ""},
		{"alone", []byte(leaked), "1Dfut"},
		{"in JSON", []byte("{\n \"a\": 1,\n \"secret\":\"" + leaked + "\"}"), "3Dfut"},
		{"twice", []byte(leaked + "\n" + leaked + leaked + "\n\n" + leaked), "1Dfut 2Dfut 2Dfut 4Dfut"},
		{"token", []byte("x\n" + token.Reveal()), "2" + hint},
		{"in a word", []byte("xqg" + leaked + "Z"), "1Dfut"},
		{"wrong checksum", []byte(leaked[:len(leaked)-1] + "u"), ""},
		{"cut", []byte(leaked[:len(leaked)-1]), ""},
		{"parted", []byte(leaked[:20] + "\n" + leaked[20:]), ""},
		{"UTF-16", utf16le("a\nb " + leaked + "\n"), "2Dfut"},
		{"binary", append([]byte{0xff, 0, 1, '\n'}, leaked...), "2Dfut"},
	}
	for _, test := range tests {
		if got := found(t, test.text); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		var got []string
		err := apps.Scan(iotest.OneByteReader(bytes.NewReader(test.text)), func(l apps.Leak) error { got = append(got, fmt.Sprint(l.Line, l.Hint)); return nil })
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s, byte by byte: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

// K2: a secret is found across the boundary of two reads, and reported once,
// with its line.
func TestK2ScanBorders(t *testing.T) {
	for _, size := range []int{64 << 10, 128 << 10} {
		for shift := -160; shift < 160; shift++ {
			before := strings.Repeat("qgs_\n", (size+shift)/5)
			text := before + leaked + "\n" + strings.Repeat("q", 200) + leaked
			line := strings.Count(before, "\n") + 1
			want := fmt.Sprintf("%dDfut %dDfut", line, line+1)
			if got := found(t, []byte(text)); got != want {
				t.Fatalf("%d bytes before it: %q, want %q", len(before), got, want)
			}
		}
	}
}

func TestK2ScanEnds(t *testing.T) {
	broken := errors.New("broken")
	if err := apps.Scan(iotest.ErrReader(broken), func(apps.Leak) error { return nil }); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the reader", err)
	}
	if err := apps.Scan(strings.NewReader(leaked), func(apps.Leak) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the caller", err)
	}
}

// K2: a leaked secret leads to its key, whoever owns it, and no other secret
// does.
func TestK2Find(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, _ *databasetest.Clock) {
		one, secret := create(t, s, 1)
		create(t, s, 2)
		// Equal last characters do not suffice.
		if _, err := db.Exec(t.Context(), `UPDATE apps SET hint = $1`, one.Hint); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Find(t.Context(), secret); err != nil || got.Public != one.Public {
			t.Errorf("%s, %v; want %s", got.Public, err, one.Public)
		}
		if err := s.Revoke(t.Context(), audit.Operator, 1, one.Public); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Find(t.Context(), secret); err != nil || got.Revoked.IsZero() {
			t.Errorf("a revoked key: %+v, %v", got, err)
		}
		if _, err := s.Find(t.Context(), apps.NewSecret("a text that ends in "+one.Hint)); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("%v, want ErrNotFound", err)
		}
		if _, err := s.Enrol(t.Context(), audit.Operator, apps.New{UserID: 1, Name: "x"}, edKey(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Find(t.Context(), apps.NewSecret("")); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("no secret: %v, want ErrNotFound", err)
		}
	})
}
