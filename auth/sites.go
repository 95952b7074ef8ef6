package auth

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
)

// DropSite deletes the accounts of a site that is being removed, with their
// keys, tokens, credentials, second factors and passkeys, and everything stored
// for no user: sessions, codes, counts and the policy. Call it for that site,
// in the transaction that removes it.
func (u *Users) DropSite(ctx context.Context, tx *database.Tx) error {
	for _, statement := range []string{
		`DELETE FROM users WHERE site_id = $site`,
		`DELETE FROM sessions WHERE site_id = $site`,
		`DELETE FROM throttle WHERE site_id = $site`,
		`DELETE FROM refusals WHERE site_id = $site`,
		`DELETE FROM last_refusals WHERE site_id = $site`,
		`DELETE FROM account_policy WHERE site_id = $site`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("take away the accounts of a site: %w", err)
		}
	}
	return apps.DropOneTimeCodes(ctx, tx)
}
