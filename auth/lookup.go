package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/quillgate/quillgate/database"
)

// The functions below are for imports and exports. They handle many users with
// few statements, within the caller's transaction, and bypass the caches.

// idsAtOnce is the number of ids or names in one statement.
const idsAtOnce = 500

// Known returns which of the ids are users.
func (u *Users) Known(ctx context.Context, q database.Queryer, ids []int64) (map[int64]bool, error) {
	known := make(map[int64]bool)
	err := eachOf(ctx, q, `SELECT id FROM users WHERE site_id = $site AND id IN (?)`, ids, func(id int64) { known[id] = true })
	return known, err
}

// keyRow is the id of a user with the name by which it was found.
type keyRow struct {
	ID  int64  `db:"id"`
	Key string `db:"key"`
}

// IDsByLogin returns the ids of users by login. logins must be in lower case;
// unknown ones are missing in the result.
func (u *Users) IDsByLogin(ctx context.Context, q database.Queryer, logins []string) (map[string]int64, error) {
	ids := make(map[string]int64)
	err := eachOf(ctx, q, `SELECT id, login_key AS key FROM users WHERE site_id = $site AND login_key IN (?)`, logins, func(r keyRow) { ids[r.Key] = r.ID })
	return ids, err
}

// IDsByEmail is IDsByLogin for e-mail addresses.
func (u *Users) IDsByEmail(ctx context.Context, q database.Queryer, addresses []string) (map[string]int64, error) {
	ids := make(map[string]int64)
	err := eachOf(ctx, q, `SELECT id, email_key AS key FROM users WHERE site_id = $site AND email_key IN (?)`, addresses, func(r keyRow) { ids[r.Key] = r.ID })
	return ids, err
}

// Among calls each with the users that have some ids, in the order of the ids.
// It stops at an error of each.
func (u *Users) Among(ctx context.Context, q database.Queryer, ids []int64, each func(User) error) error {
	ids = slices.Sorted(slices.Values(ids))
	for chunk := range slices.Chunk(ids, idsAtOnce) {
		query, args, err := database.In(`SELECT `+userColumns+` FROM users WHERE site_id = $site AND id IN (?) ORDER BY id`, chunk)
		if err != nil {
			return fmt.Errorf("read users: %w", err)
		}
		var list []User
		if err := q.Select(ctx, &list, query, args...); err != nil {
			return fmt.Errorf("read users: %w", err)
		}
		for _, user := range list {
			if err := each(user); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachOf runs a query with a list, a part of the list at a time.
func eachOf[V, T any](ctx context.Context, q database.Queryer, query string, list []V, each func(T)) error {
	for chunk := range slices.Chunk(list, idsAtOnce) {
		text, args, err := database.In(query, chunk)
		if err != nil {
			return fmt.Errorf("look for users: %w", err)
		}
		var rows []T
		if err := q.Select(ctx, &rows, text, args...); err != nil {
			return fmt.Errorf("look for users: %w", err)
		}
		for _, r := range rows {
			each(r)
		}
	}
	return nil
}
