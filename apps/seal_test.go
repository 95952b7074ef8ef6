package apps_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

func seal(t *testing.T, s *apps.Store, db *database.DB, place apps.Place, text string) (sealed []byte, err error) {
	t.Helper()
	err = db.Update(t.Context(), func(tx *database.Tx) (err error) {
		sealed, err = s.Seal(t.Context(), tx, place, []byte(text))
		return err
	})
	return sealed, err
}

// K3: a ciphertext can be opened at the place it was sealed for, and at no
// other.
func TestK3SealedToItsPlace(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, _ *databasetest.Clock) {
		place := apps.Place{Table: "second_factors", User: 7, Column: "secret"}
		sealed, err := seal(t, s, db, place, "JBSWY3DPEHPK3PXP")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Unseal(place, sealed); err != nil || string(got) != "JBSWY3DPEHPK3PXP" {
			t.Errorf("Unseal: %q, %v", got, err)
		}
		for _, other := range []apps.Place{
			{Table: "second_factors", User: 8, Column: "secret"},
			{Table: "second_factors", User: 7, Key: "x", Column: "secret"},
			{Table: "apps", User: 7, Column: "secret"},
			{Table: "keyset_check", User: 7, Column: "sealed"},
		} {
			if got, err := s.Unseal(other, sealed); !errors.Is(err, apps.ErrSealed) || got != nil {
				t.Errorf("opens at %+v: %q, %v", other, got, err)
			}
		}
		for _, bad := range []apps.Place{
			{Table: "posts", Column: "content"},
			{Table: "apps", Key: "a:b", Column: "secret"},
		} {
			if _, err := seal(t, s, db, bad, "text"); err == nil {
				t.Errorf("Seal takes %+v", bad)
			}
		}
		for _, text := range []string{"", "\x01binary", "\n"} {
			if _, err := seal(t, s, db, place, text); err == nil {
				t.Errorf("Seal takes %q, which cannot be told from a ciphertext", text)
			}
		}
		// An unencrypted value was not written by this server.
		if got, err := s.Unseal(place, []byte("JBSWY3DPEHPK3PXP")); !errors.Is(err, apps.ErrSealed) || got != nil {
			t.Errorf("an unencrypted secret opens: %q, %v", got, err)
		}
	})
}

// K3, K5: Seal accepts every column that the schema marks as sealed, so
// rotation includes it.
func TestK5EverySealedColumnIsListed(t *testing.T) {
	for _, dialect := range []string{"sqlite", "postgres"} {
		files, err := filepath.Glob("../migrations/" + dialect + "/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			table := ""
			for line := range strings.Lines(string(text)) {
				if m := regexp.MustCompile(`^CREATE TABLE (\w+)|^ALTER TABLE (\w+)`).FindStringSubmatch(line); m != nil {
					table = m[1] + m[2]
				}
				m := regexp.MustCompile(`(\w+)\s+(?:BLOB|BYTEA)\b.*`).FindStringSubmatch(line)
				if m == nil || !strings.Contains(line, "-- sealed") && m[1] != "sealed" {
					continue
				}
				found++
				if !apps.IsSealedColumn(table, m[1]) {
					t.Errorf("%s: %s.%s is sealed, and not in the list of sealed columns", file, table, m[1])
				}
			}
		}
		if found != apps.SealedColumns() {
			t.Errorf("%s: found %d sealed columns in the schema, want the %d of the list", dialect, found, apps.SealedColumns())
		}
	}
}

func TestNamedKey(t *testing.T) {
	databasetest.EachURL(t, func(t *testing.T, url string) {
		file, ctx := keyset(t), t.Context()
		first := open(t, databasetest.Open(t, url), file, newClock())
		second := open(t, databasetest.Open(t, url), file, newClock())
		a, err := first.NamedKey(ctx, "tokens")
		if err != nil || len(a) != 32 {
			t.Fatalf("%d bytes, %v; want 32", len(a), err)
		}
		other, err := first.NamedKey(ctx, "answers")
		if err != nil || bytes.Equal(a, other) {
			t.Errorf("two names have one key: %v", err)
		}
		for i, s := range []*apps.Store{first, second} {
			if b, err := s.NamedKey(ctx, "tokens"); err != nil || !bytes.Equal(a, b) {
				t.Errorf("store %d has another key: %v", i, err)
			}
		}
		var sealed []byte
		db := databasetest.Open(t, url)
		if err := db.Get(ctx, &sealed, `SELECT sealed FROM sealed_keys WHERE name = 'tokens'`); err != nil || sealed[0] != 1 {
			t.Errorf("the key is stored as %s, %v", fmt.Sprintf("%.2x…", sealed), err)
		}
	})
}
