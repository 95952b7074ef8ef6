package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
)

// ImportUser is a user in a site bundle. The bundle determines the names of the
// members.
type ImportUser struct {
	ID          int64  `json:"id"`
	Login       string `json:"login"`
	Password    string `json:"password,omitempty"`      // unencrypted; will be hashed
	Hash        string `json:"password_hash,omitempty"` // instead of Password: quillgate's or WordPress's
	Role        Role   `json:"role"`
	Email       string `json:"email"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Nickname    string `json:"nickname"`
	Nicename    string `json:"nicename"`
	DisplayName string `json:"display_name"`
	URL         string `json:"url"`
	Bio         string `json:"bio"`

	// RegisteredGMT is "2006-01-02 15:04:05" in UTC; empty means now.
	RegisteredGMT string `json:"registered_gmt"`

	Keys                 []ImportKey      `json:"secure_xmlrpc_keys,omitempty"`
	ApplicationPasswords []ImportPassword `json:"application_passwords,omitempty"`
}

// ImportKey is a key pair of the Secure XML-RPC plugin. Such a key may also
// sign in the plugin's older form.
type ImportKey struct {
	Public string `json:"key"`
	Secret string `json:"secret"`
	Name   string `json:"name,omitempty"`
}

// ImportPassword is an application password.
type ImportPassword struct {
	UUID     string `json:"uuid"`
	Name     string `json:"name"`
	Password string `json:"password,omitempty"`      // unencrypted; will be hashed
	Hash     string `json:"password_hash,omitempty"` // instead of Password: quillgate's or WordPress's
}

const bundleTime = "2006-01-02 15:04:05"

// ImportUsers imports users with their ids. A user that already exists under
// the same id and name is updated to match the bundle; if only one of the two
// matches, the error is *Invalid. Importing the same users again changes
// nothing: a password that is already right is not hashed again.
//
// Errors: *Invalid, also for a key of the user; it wraps apps.ErrTaken and
// *apps.Invalid.
func (u *Users) ImportUsers(ctx context.Context, tx *database.Tx, list []ImportUser) error {
	var top int64
	for _, in := range list {
		if err := u.importUser(ctx, tx, in); err != nil {
			return fmt.Errorf("import the user %q: %w", in.Login, err)
		}
		top = max(top, in.ID)
	}
	if top == 0 {
		return nil
	}
	return database.ReserveIDs(ctx, tx, "users", top+1)
}

func (u *Users) importUser(ctx context.Context, tx *database.Tx, in ImportUser) error {
	user, err := u.imported(in)
	if err != nil {
		return err
	}
	there, err := find(ctx, tx, `id = $1`, in.ID)
	switch {
	case err == nil && fold(there.Login) != fold(in.Login):
		return &Invalid{"id", fmt.Sprintf("%d belongs to the user %q here", in.ID, there.Login)}
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	exists := err == nil
	if user.Nicename == "" {
		if user.Nicename, err = freeNicename(ctx, tx, nicename(user.Login), in.ID); err != nil {
			return err
		}
	}
	user.PasswordMode, user.Networks = there.PasswordMode, there.Networks
	if exists && in.RegisteredGMT == "" {
		user.Registered = there.Registered
	}
	hash, err := u.importedHash(ctx, in, there.Hash)
	if err != nil {
		return err
	}
	switch {
	case !exists:
		_, err = insertUser(ctx, tx, account{user, hash})
	case there != account{user, hash}:
		err = updateUser(ctx, tx, account{user, hash})
	}
	if err != nil {
		return err
	}
	for i, k := range in.Keys {
		if err := u.importKey(ctx, tx, in.ID, i, k); err != nil {
			return err
		}
	}
	for _, p := range in.ApplicationPasswords {
		if err := u.importPassword(ctx, tx, in.ID, p); err != nil {
			return err
		}
	}
	return nil
}

// imported checks a user and fills in what the bundle leaves out.
func (u *Users) imported(in ImportUser) (User, error) {
	user := User{
		ID: in.ID, Login: in.Login, Email: in.Email, Nicename: in.Nicename, DisplayName: in.DisplayName, FirstName: in.FirstName,
		LastName: in.LastName, Nickname: in.Nickname, URL: in.URL, Bio: in.Bio, Role: in.Role,
		Registered: u.clock().UTC().Truncate(time.Second),
	}
	if in.ID < 1 {
		return User{}, &Invalid{"id", "it must be above 0"}
	}
	// Sites have names that are not allowed for a new user.
	if in.Login == "" || in.Login != strings.TrimSpace(in.Login) || len(in.Login) > 250 || !utf8.ValidString(in.Login) ||
		strings.ContainsFunc(in.Login, unicode.IsControl) {
		return User{}, &Invalid{"user name", "it is empty, too long or contains characters that are not allowed"}
	}
	if err := errors.Join(checkUser(user), checkProfile(user)); err != nil {
		return User{}, err
	}
	if in.RegisteredGMT != "" {
		at, err := time.Parse(bundleTime, in.RegisteredGMT)
		if err != nil {
			return User{}, &Invalid{"registered_gmt", "it has to look like " + bundleTime}
		}
		user.Registered = at
	}
	for _, f := range []*string{&user.Nickname, &user.DisplayName} {
		if *f == "" {
			*f = user.Login
		}
	}
	return user, nil
}

// importedHash returns the hash for the user. It is the existing one if the
// bundle has the same password or none.
func (u *Users) importedHash(ctx context.Context, in ImportUser, there string) (string, error) {
	switch {
	case in.Hash != "":
		if !knownHash(in.Hash) {
			return "", &Invalid{"password_hash", "it has an unknown format"}
		}
		return in.Hash, nil
	case in.Password == "":
		return there, nil
	case len(in.Password) > MaxPassword:
		return "", &Invalid{"password", fmt.Sprintf("it is longer than %d bytes", MaxPassword)}
	}
	password := cleanPassword(in.Password)
	if there != "" {
		ok, _, err := u.hasher.check(ctx, password, there)
		if err != nil {
			return "", err
		}
		if ok {
			return there, nil
		}
	}
	return u.hasher.hash(ctx, password)
}

func (u *Users) importKey(ctx context.Context, tx *database.Tx, userID int64, i int, k ImportKey) error {
	if k.Secret == "" {
		return nil // an export has no secrets
	}
	if k.Name == "" {
		k.Name = fmt.Sprintf("Imported key %d", i+1)
	}
	_, err := u.apps.ImportTx(ctx, tx, apps.Imported{
		UserID: userID, Name: k.Name, Public: k.Public, Secret: apps.NewSecret(k.Secret), LegacySignatures: true,
	})
	// Callers know users, not keys, so an error in a key is reported for its
	// user.
	var invalid *apps.Invalid
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("%w (%w)", &Invalid{"secure_xmlrpc_keys", invalid.Error()}, err)
	case errors.Is(err, apps.ErrTaken):
		return fmt.Errorf("%w (%w)", &Invalid{"secure_xmlrpc_keys", apps.ErrTaken.Error()}, err)
	case errors.Is(err, apps.ErrTooMany):
		return fmt.Errorf("%w (%w)", &Invalid{"secure_xmlrpc_keys", apps.ErrTooMany.Error()}, err)
	}
	return err
}

func (u *Users) importPassword(ctx context.Context, tx *database.Tx, userID int64, p ImportPassword) error {
	plain := apps.PlainPassword(p.Password)
	hash := p.Hash
	switch {
	case hash == "" && plain == "":
		return nil // an export has no passwords
	case hash != "" && !strings.HasPrefix(hash, fastPrefix) && !strings.HasPrefix(hash, "$generic$") && !strings.HasPrefix(hash, "$P$"):
		return &Invalid{"application password", "its hash has an unknown format"}
	case hash == "":
		hash = fastHash(plain)
	}
	err := u.apps.ImportPassword(ctx, tx, apps.ImportedPassword{UserID: userID, ID: p.UUID, Name: p.Name, Hash: hash}, func(there string) bool {
		return equal(there, p.Hash) || fastMatches(plain, there)
	})
	var invalid *apps.Invalid
	if errors.As(err, &invalid) {
		return fmt.Errorf("%w (%w)", &Invalid{invalid.Field, invalid.Why}, err)
	}
	return err
}

// ExportUsers returns all users in the form of a bundle, sorted by id. It omits
// passwords and secrets; with hashes, it includes the hashes of passwords. It
// omits application passwords that were created or used here: their hashes are
// keyed, and useless elsewhere.
func (u *Users) ExportUsers(ctx context.Context, q database.Queryer, hashes bool) ([]ImportUser, error) {
	var accounts []account
	if err := q.Select(ctx, &accounts, `SELECT `+userColumns+`, password FROM users WHERE site_id = $site ORDER BY id`); err != nil {
		return nil, fmt.Errorf("export users: %w", err)
	}
	passwords := make(map[int64][]ImportPassword)
	if hashes {
		exported, err := u.apps.ExportPasswords(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("export users: %w", err)
		}
		for user, list := range exported {
			for _, p := range list {
				passwords[user] = append(passwords[user], ImportPassword{UUID: p.ID, Name: p.Name, Hash: p.Hash})
			}
		}
	}
	list := make([]ImportUser, 0, len(accounts))
	for _, a := range accounts {
		out := ImportUser{
			ID: a.ID, Login: a.Login, Role: a.Role, Email: a.Email, FirstName: a.FirstName, LastName: a.LastName, Nickname: a.Nickname,
			Nicename: a.Nicename, DisplayName: a.DisplayName, URL: a.URL, Bio: a.Bio,
			RegisteredGMT: a.Registered.UTC().Format(bundleTime), ApplicationPasswords: passwords[a.ID],
		}
		if hashes {
			out.Hash = a.Hash
		}
		list = append(list, out)
	}
	return list, nil
}
