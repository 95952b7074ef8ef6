package apps

import (
	"context"
	"fmt"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// PartFromOriginal separates the keys of a copied database from the original,
// within tx. It drops the key that signs answers, which the next start
// replaces, and open enrolments. With revoke, it also revokes all application
// keys, tokens and application passwords. It returns how many of each it
// revoked. It is for commands, while no server runs on the copy.
func (s *Store) PartFromOriginal(ctx context.Context, tx *database.Tx, by audit.Actor, revoke bool) (keys, tokens int, err error) {
	for _, statement := range []string{
		`DELETE FROM sealed_keys WHERE name = '` + responseKeyName + `'`,
		`DELETE FROM upstream_credentials WHERE site_id = $site`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return 0, 0, fmt.Errorf("separate from the original: %w", err)
		}
	}
	if err := DropOneTimeCodes(ctx, tx); err != nil {
		return 0, 0, fmt.Errorf("part from the original: %w", err)
	}
	s.keys.Delete(responseKeyName)
	if !revoke {
		return 0, 0, nil
	}
	if keys, err = s.revokeApps(ctx, tx, by, 0); err != nil {
		return 0, 0, fmt.Errorf("revoke the applications of a copy: %w", err)
	}
	if tokens, err = s.revokeTokens(ctx, tx, by, 0); err != nil {
		return 0, 0, fmt.Errorf("revoke the tokens of a copy: %w", err)
	}
	return keys, tokens, nil
}
