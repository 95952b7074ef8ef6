package auth

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// PartFromOriginal ends in a copied database, within tx, what was given out by the original: every session and nonce, and with revoke
// every token and application password. It returns how many of the latter that were. Passwords of accounts and second factors stay.
func (u *Users) PartFromOriginal(ctx context.Context, tx *database.Tx, by audit.Actor, revoke bool) (revoked int, err error) {
	for _, statement := range []string{`DELETE FROM sessions WHERE site_id = $site`, `DELETE FROM nonces`} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return 0, fmt.Errorf("end the sessions of the original: %w", err)
		}
	}
	if !revoke {
		return 0, nil
	}
	var rows []tokenRow
	if err := tx.Select(ctx, &rows, `SELECT `+tokenColumns+` FROM application_passwords WHERE site_id = $site AND revoked IS NULL ORDER BY id`); err != nil {
		return 0, fmt.Errorf("revoke the tokens of a copy: %w", err)
	}
	for _, r := range rows {
		if err := u.revoke(ctx, tx, by, r); err != nil {
			return 0, fmt.Errorf("revoke the tokens of a copy: %w", err)
		}
	}
	return len(rows), nil
}
