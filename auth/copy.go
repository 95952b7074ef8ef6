package auth

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/database"
)

// PartFromOriginal deletes from a copied database, within tx, what the original
// has given out: every session and nonce. Passwords of accounts and second
// factors stay; package apps handles keys and tokens.
func (u *Users) PartFromOriginal(ctx context.Context, tx *database.Tx) error {
	for _, statement := range []string{`DELETE FROM sessions WHERE site_id = $site`, `DELETE FROM nonces`} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("end the sessions of the original: %w", err)
		}
	}
	return nil
}
