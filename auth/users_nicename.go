package auth

import "context"

// ByNicename returns the user with this name in URLs; if imports have brought
// several, the oldest. Error: ErrNotFound.
func (u *Users) ByNicename(ctx context.Context, nicename string) (User, error) {
	if nicename == "" {
		return User{}, ErrNotFound
	}
	return u.one(ctx, `id = (SELECT MIN(id) FROM users WHERE site_id = $site AND nicename = $1)`, nicename)
}
