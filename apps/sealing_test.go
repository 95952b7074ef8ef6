package apps_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// K3: a ciphertext can be opened in its own row only.
func TestSealedToItsRowK3(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, c *databasetest.Clock) {
		mine, _ := create(t, s, 1)
		other, _ := create(t, s, 1)
		theirs, _ := create(t, s, 2)
		for _, target := range []apps.App{other, theirs} {
			_, err := db.Exec(t.Context(), `UPDATE apps SET secret = (SELECT secret FROM apps WHERE public = $1) WHERE public = $2`, mine.Public, target.Public)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := s.Lookup(t.Context(), target.Public); !errors.Is(err, apps.ErrSealed) || !got.IsEmpty() {
				t.Errorf("a secret opens in another row: %v", err)
			}
		}
		// The row is given to another user.
		if _, err := db.Exec(t.Context(), `UPDATE apps SET user_id = $2 WHERE public = $1`, mine.Public, 2); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Lookup(t.Context(), mine.Public); !errors.Is(err, apps.ErrSealed) {
			t.Errorf("a secret opens for another user: %v", err)
		}
		// An empty or truncated secret is refused.
		for _, sealed := range [][]byte{{}, {1, 2, 3}} {
			if _, err := db.Exec(t.Context(), `UPDATE apps SET secret = $2, user_id = 1 WHERE public = $1`, mine.Public, sealed); err != nil {
				t.Fatal(err)
			}
			c.Add(2 * time.Second)
			if got, _, err := s.Lookup(t.Context(), mine.Public); !errors.Is(err, apps.ErrSealed) || !got.IsEmpty() {
				t.Errorf("a secret of %d bytes opens: %v", len(sealed), err)
			}
		}
	})
}

// K3: neither the database nor its journal contains an unencrypted secret.
func TestNothingInTheClearK3(t *testing.T) {
	path := databasetest.SQLite(t)
	db := databasetest.Open(t, path)
	s := open(t, db, keyset(t), newClock())
	addUsers(t, db)
	app, secret := create(t, s, 1)
	sawPublic := false
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		sawPublic = sawPublic || bytes.Contains(content, []byte(app.Public))
		if bytes.Contains(content, []byte(secret.Reveal()[4:])) {
			t.Errorf("quillgate.db%s holds the secret", suffix)
		}
	}
	if !sawPublic {
		t.Error("the public key was not found either: the test looks in the wrong place")
	}
}

func TestKeysetFileK3(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		good := keyset(t)
		open(t, db, good, newClock())
		if info, err := os.Stat(good); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the keyset file is %v, %v; want mode 600", info.Mode(), err)
		}
		if err := apps.CreateKeyset(good); !errors.Is(err, fs.ErrExist) {
			t.Errorf("CreateKeyset over a file: %v, want ErrExist", err)
		}
		content, err := os.ReadFile(good)
		if err != nil {
			t.Fatal(err)
		}
		file := func(mode fs.FileMode, content []byte) string {
			path := filepath.Join(t.TempDir(), "keyset.json")
			if err := os.WriteFile(path, content, mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			return path
		}
		tests := []struct{ name, path, want string }{
			{"missing", filepath.Join(t.TempDir(), "none"), "is missing"},
			{"folder", t.TempDir(), "is not a file"},
			{"group reads", file(0o640, content), "chmod 600"},
			{"world reads", file(0o604, content), "chmod 600"},
			{"group writes", file(0o620, content), "chmod 600"},
			{"empty", file(0o600, nil), "does not contain a keyset"},
			{"cut", file(0o600, content[:len(content)/2]), "does not contain a keyset"},
			{"of another database", keyset(t), "not the one that this database was created with"},
		}
		for _, test := range tests {
			_, err := apps.Open(t.Context(), apps.Config{DB: db, KeysetFile: test.path})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want an error with %q", test.name, err, test.want)
			}
		}
	})
}

// K6: a secret is hidden unless it is revealed explicitly.
func TestSecretHidesK6(t *testing.T) {
	const text = "qgs_thisMustNotBeSeen"
	secret := apps.NewSecret(text)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb, secret, &secret, struct{ S apps.Secret }{secret})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", secret, "in", struct{ S apps.Secret }{secret})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", secret, "in", struct{ S apps.Secret }{secret})
	if err := json.NewEncoder(&out).Encode(map[string]any{"a": secret, "b": []apps.Secret{secret}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "NotBeSeen") || strings.Contains(out.String(), fmt.Sprintf("%x", "NotBeSeen")) {
		t.Errorf("the secret shows: %s", out.String())
	}
	if secret.Reveal() != text {
		t.Error("Reveal does not reveal")
	}
}

// K6: no list and no error reveals more of a secret than its last four
// characters.
func TestSecretIsNotListedK6(t *testing.T) {
	each(t, func(t *testing.T, s *apps.Store, db *database.DB, _ *databasetest.Clock) {
		app, secret := create(t, s, 1)
		list, _, err := s.List(t.Context(), apps.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%#v", list)
		if !strings.Contains(got, app.Hint) || strings.Contains(got, secret.Reveal()[len(secret.Reveal())-6:]) {
			t.Errorf("the list shows the hint: %v; more of the secret: %v", strings.Contains(got, app.Hint), strings.Contains(got, secret.Reveal()[43:]))
		}
		_, err = s.Import(t.Context(), apps.Imported{UserID: 2, Name: "x", Public: app.Public, Secret: secret})
		if !errors.Is(err, apps.ErrTaken) || strings.Contains(err.Error(), secret.Reveal()) {
			t.Errorf("Import of a taken key: %v", err)
		}
	})
}
