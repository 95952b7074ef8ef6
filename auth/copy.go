package auth

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// PartFromOriginal ends in a copied database, within tx, what was given out by the original: every session and nonce. Passwords of accounts and second
// factors stay; keys and tokens are for package apps.
func (u *Users) PartFromOriginal(ctx context.Context, tx *database.Tx) error {
	for _, statement := range []string{`DELETE FROM sessions WHERE site_id = $site`, `DELETE FROM nonces`} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("end the sessions of the original: %w", err)
		}
	}
	return nil
}
