package auth

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
)

// DropSite takes away the accounts of a site that is taken away, and with them
// keys, tokens, credentials, second factors and passkeys; then what is kept for
// no one: sessions, codes, counts and the policy. It is called in the
// transaction that takes the site away, for that site.
func (u *Users) DropSite(ctx context.Context, tx *database.Tx) error {
	for _, statement := range []string{
		`DELETE FROM users WHERE site_id = $site`,
		`DELETE FROM sessions WHERE site_id = $site`,
		`DELETE FROM throttle WHERE site_id = $site`,
		`DELETE FROM refusals WHERE site_id = $site`,
		`DELETE FROM account_policy WHERE site_id = $site`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("take away the accounts of a site: %w", err)
		}
	}
	return apps.DropOneTimeCodes(ctx, tx)
}
