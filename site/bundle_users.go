package site

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/quillgate/quillgate/auth"
)

// importUsers hands the users to their package, one by one, so that an error can name its user.
func (im *importer) importUsers(ctx context.Context) error {
	before, err := im.usersByID(ctx)
	if err != nil {
		return err
	}
	for _, u := range im.bundle.Users {
		if err := im.site.users.ImportUsers(ctx, im.tx, []auth.ImportUser{u}); err != nil {
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

func (im *importer) usersByID(ctx context.Context) (map[int64]auth.ImportUser, error) {
	if len(im.bundle.Users) == 0 {
		return nil, nil
	}
	list, err := im.site.users.ExportUsers(ctx, im.tx, true)
	if err != nil {
		return nil, err
	}
	users := make(map[int64]auth.ImportUser, len(list))
	for _, u := range list {
		users[u.ID] = u
	}
	return users, nil
}

// userError turns what the package of users refuses into what is wrong with the bundle.
func userError(id int64, err error) error {
	object := fmt.Sprintf("user %d", id)
	var user *auth.Invalid
	if errors.As(err, &user) {
		return &BundleError{object, user.Field, user.Why}
	}
	return err
}
