package database_test

import (
	"errors"
	"testing"
	"time"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
)

// A statement with $site sees the rows of its handle's site, whatever its other
// arguments are.
func TestSitesOfOneDatabase(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		one, two := db.Of(1), db.Of(2)
		for _, site := range []*database.DB{db, one, two} {
			_, err := site.Exec(ctx, `INSERT INTO account_policy (site_id, password_mode, tokens, application_passwords) VALUES ($site, $2, $1, $1)`,
				site.Site() == 1, "warn")
			if err != nil {
				t.Fatal(err)
			}
		}
		count := func(q database.Queryer) (n int) {
			err := q.Get(ctx, &n, `SELECT COUNT(*) FROM account_policy WHERE site_id = $site AND tokens = $1 AND site_id = $site`, true)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if a, b, c := count(db), count(one), count(two); a != 0 || b != 1 || c != 0 {
			t.Errorf("the sites see %d, %d and %d rows, want 0, 1 and 0", a, b, c)
		}
		undone := errors.New("undone")
		err := one.Update(ctx, func(tx *database.Tx) error {
			if n, other := count(tx), count(tx.Of(2)); n != 1 || other != 0 || tx.Site() != 1 || tx.Of(2).Site() != 2 {
				t.Errorf("within a transaction the sites see %d and %d rows, want 1 and 0", n, other)
			}
			if _, err := tx.Exec(ctx, `DELETE FROM account_policy WHERE site_id = $site`); err != nil {
				return err
			}
			if n := count(tx); n != 0 {
				t.Errorf("%d rows are left", n)
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
	})
}

// The database refuses a key for a user of another site, whatever a caller
// does.
func TestSitesKeepTheirUsers(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		insert := `INSERT INTO users (site_id, login, login_key, email, email_key, nicename, display_name, role, registered, id)
			VALUES ($site, 'ada', 'ada', 'ada@example.org', 'ada@example.org', 'ada', 'ada', 'author', $1, $2)`
		at := time.Now()
		for i, site := range []*database.DB{db.Of(1), db.Of(2)} {
			if _, err := site.Exec(ctx, insert, at, i+1); err != nil {
				t.Fatalf("the same login and address at site %d: %v", site.Site(), err)
			}
		}
		if _, err := db.Of(1).Exec(ctx, insert, at, 9); !database.IsDuplicate(err) {
			t.Errorf("the same login again: %v, want a duplicate", err)
		}
		key := `INSERT INTO upstream_credentials (site_id, user_id, login, secret, given) VALUES ($site, 1, 'ada', $1, $2)`
		if _, err := db.Of(2).Exec(ctx, key, []byte{1}, at); err == nil {
			t.Error("a credential of site 1's user goes in at site 2")
		}
		if _, err := db.Of(1).Exec(ctx, key, []byte{1}, at); err != nil {
			t.Error(err)
		}
	})
}
