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

// KeysetLost is the event that a database was begun again under another keyset,
// because the one from before is lost.
const KeysetLost audit.Kind = "keyset.lost"

// ForgetKeyset has the database forget which keyset it was begun with, so that the next Open makes another: for a file
// that is lost, with all its copies. It refuses while there is a file. What was sealed under the lost one opens
// nothing any more; see GiveUp.
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

// GiveUp ends what stands at a place that does not open any more, out of
// SealReport.Damaged: the key of an application is revoked, and its secret
// replaced by one that no one knows; certificates and the server's own keys are
// taken out, to be made again. Places of other packages are an error.
func (s *Store) GiveUp(ctx context.Context, by audit.Actor, p Place) error {
	err := s.db.Update(ctx, func(tx *database.Tx) error {
		switch p.Table {
		case "apps":
			return s.giveUpApp(ctx, tx, by, p)
		case "upstream_credentials":
			// Whichever site's it is: a master key seals for all of them.
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
	// A master key seals for all sites: whose application this is, is looked up first.
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
