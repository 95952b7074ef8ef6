package auth

import (
	"context"
	"fmt"
	"time"
)

// Zone returns the time zone in which a user reads times; nil when the user
// has chosen none, and the blog's counts.
func (u *Users) Zone(ctx context.Context, id int64) (*time.Location, error) {
	var name string
	if err := u.db.Get(ctx, &name, `SELECT time_zone FROM users WHERE site_id = $site AND id = $1`, id); err != nil {
		return nil, fmt.Errorf("read a user's time zone: %w", err)
	}
	if name == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, nil // the list of zones has changed since
	}
	return zone, nil
}

// SetZone chooses the time zone in which a user reads times, by its IANA name;
// empty is that of the blog. Errors: *Invalid, ErrNotFound.
func (u *Users) SetZone(ctx context.Context, id int64, name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return &Invalid{"zone", "there is no such time zone. Use a name such as Europe/Berlin"}
	}
	r, err := u.db.Exec(ctx, `UPDATE users SET time_zone = $2 WHERE site_id = $site AND id = $1`, id, name)
	if err := touched(r, err); err != nil {
		return fmt.Errorf("set a time zone: %w", err)
	}
	return nil
}
