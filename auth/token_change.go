package auth

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// TokenChanged is written into the audit trail when what a token may do has
// changed.
const TokenChanged audit.Kind = "token.changed"

// TokenChange says what a token or application password is to be.
type TokenChange struct {
	Name     string
	Scope    apps.Scope
	Networks []netip.Prefix
	Expires  time.Time // zero: never
}

// UpdateToken changes a token or application password of the user; its text
// stays what it is. Errors: *Invalid; ErrNoToken, also for one of another user
// and for a revoked one.
func (u *Users) UpdateToken(ctx context.Context, by audit.Actor, userID int64, id string, c TokenChange) error {
	name, err := cleanTokenName(c.Name)
	if err != nil {
		return err
	}
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		r, err := getToken(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.UserID != userID || r.Revoked.Valid:
			return ErrNoToken
		case !c.Expires.IsZero() && !c.Expires.Equal(r.Expires.Time) && !c.Expires.After(u.now()):
			return &Invalid{"expires", "this is over already"}
		}
		_, err = tx.Exec(ctx, `UPDATE application_passwords SET name = $2, scope = $3, methods = $4, networks = $5, expires = $6 WHERE id = $1`,
			r.Row, name, storedRights(c.Scope), strings.Join(c.Scope.Methods, " "), storedNetworks(c.Networks),
			sql.NullTime{Time: c.Expires.UTC(), Valid: !c.Expires.IsZero()})
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, tokenEvent(TokenChanged, by, Token{ID: id, UserID: userID, Kind: TokenKind(r.Kind), Name: name}, u.now()))
	})
	if err != nil {
		return fmt.Errorf("change a token: %w", err)
	}
	return nil
}
