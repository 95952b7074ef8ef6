package auth

import "context"

// ByNicename returns the user whose name in addresses this is, the oldest when imports have brought several. Error:
// ErrNotFound.
func (u *Users) ByNicename(ctx context.Context, nicename string) (User, error) {
	if nicename == "" {
		return User{}, ErrNotFound
	}
	return u.one(ctx, `nicename = $1 ORDER BY id LIMIT 1`, nicename)
}
