package apps

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// KeysetLost is the event that a database starts over with another keyset
// because the previous one is lost.
const KeysetLost audit.Kind = "keyset.lost"

// ForgetKeyset makes the database forget its keyset, so that the next Open
// creates another. It is for a file that is lost with all its copies, and
// refuses while the file exists. Values sealed under the lost keyset can no
// longer be opened; see GiveUp.
func ForgetKeyset(ctx context.Context, db *database.DB, keysetFile string, by audit.Actor) error {
	if _, err := os.Stat(keysetFile); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("the keyset file %s exists: move it away first if it does not belong to this database", keysetFile))
	}
	return db.Update(ctx, func(tx *database.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM keyset_check`); err != nil {
			return fmt.Errorf("forget the keyset: %w", err)
		}
		if err := audit.Unkey(ctx, tx); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: KeysetLost, By: by})
	})
}

// GiveUp removes a value that can no longer be opened, from SealReport.Damaged.
// An application key is revoked, and its secret replaced by one that nobody
// knows. Certificates and the server's own keys are removed, and will be
// created again. Places of other packages are an error.
func (s *Store) GiveUp(ctx context.Context, by audit.Actor, p Place) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		switch p.Table {
		case "apps":
			return s.giveUpApp(ctx, tx, by, p)
		case "upstream_credentials":
			// For any site: a master key seals for all of them.
			_, err := tx.Exec(ctx, `DELETE FROM upstream_credentials WHERE user_id = $1`, p.User)
			return err
		case "certificates", "sealed_keys":
			_, err := tx.Exec(ctx, `DELETE FROM `+p.Table+` WHERE name = $1`, p.Key)
			return err
		}
		return errors.New("it is not stored here")
	})
	if err != nil {
		return fmt.Errorf("discard what cannot be decrypted in %s: %w", p.Table, err)
	}
	s.keys.Delete(p.Key)
	return nil
}

func (s *Store) giveUpApp(ctx context.Context, tx *database.Tx, by audit.Actor, p Place) error {
	// A master key seals for all sites: look up the site of this application
	// first.
	var site int64
	if err := tx.Get(ctx, &site, `SELECT site_id FROM apps WHERE public = $1`, p.Key); err != nil {
		return err
	}
	tx = tx.Of(site)
	r, err := get(ctx, tx, p.Key)
	if err != nil {
		return err
	}
	if !r.Revoked.Valid {
		if err := s.revoke(ctx, tx, by, r); err != nil {
			return err
		}
	}
	sealed, err := s.Seal(ctx, tx, p, []byte(rand.Text()))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE apps SET secret = $2 WHERE site_id = $site AND public = $1`, p.Key, sealed)
	return err
}
