package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/quillgate/quillgate/auth"
)

// importUsers passes the users to package auth one by one, so that an error can
// name its user.
func (im *importer) importUsers(ctx context.Context) error {
	before, err := im.usersByID(ctx)
	if err != nil {
		return err
	}
	for _, u := range im.bundle.Users {
		u.ApplicationPasswords = named(u)
		if err := im.blog.users.ImportUsers(ctx, im.tx, []auth.ImportUser{u}); err != nil {
			return userError(u.ID, err)
		}
	}
	after, err := im.usersByID(ctx)
	if err != nil {
		return err
	}
	for _, u := range im.bundle.Users {
		old, there := before[u.ID]
		im.report.Users.add(there, !reflect.DeepEqual(old, after[u.ID]))
	}
	return nil
}

// named gives application passwords without a uuid one that is the same at
// every import.
func named(u auth.ImportUser) []auth.ImportPassword {
	list := slices.Clone(u.ApplicationPasswords)
	for i := range list {
		if list[i].UUID == "" {
			sum := sha256.Sum256(fmt.Appendf(nil, "application password %d of user %d: %s", i, u.ID, list[i].Name))
			list[i].UUID = fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
		}
	}
	return list
}

func (im *importer) usersByID(ctx context.Context) (map[int64]auth.ImportUser, error) {
	if len(im.bundle.Users) == 0 {
		return nil, nil
	}
	list, err := im.blog.users.ExportUsers(ctx, im.tx, true)
	if err != nil {
		return nil, err
	}
	users := make(map[int64]auth.ImportUser, len(list))
	for _, u := range list {
		users[u.ID] = u
	}
	return users, nil
}

// userError converts an error of package auth to a BundleError.
func userError(id int64, err error) error {
	object := fmt.Sprintf("user %d", id)
	var user *auth.Invalid
	if errors.As(err, &user) {
		return &BundleError{object, user.Field, user.Why}
	}
	return err
}
