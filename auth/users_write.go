package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// NewUser describes an account to create. Login, Password and Role are
// required.
type NewUser struct {
	Login       string
	Email       string
	Password    string
	Role        Role
	DisplayName string // default: the login
	FirstName   string
	LastName    string
	URL         string
	Bio         string
}

// loginPattern matches the new user names that WordPress allows.
var loginPattern = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z _.@-]{0,59}$`)

// Create creates an account. Errors: *Invalid, also for a name or address that
// is taken.
func (u *Users) Create(ctx context.Context, by audit.Actor, in NewUser) (User, error) {
	a, err := u.newAccount(ctx, in)
	if err != nil {
		return User{}, err
	}
	err = u.db.Update(ctx, func(tx *database.Tx) error { return u.create(ctx, tx, by, &a) })
	if err != nil {
		return User{}, fmt.Errorf("create a user: %w", err)
	}
	return a.User, nil
}

// newAccount checks a new account, and hashes its password.
func (u *Users) newAccount(ctx context.Context, in NewUser) (account, error) {
	user := User{
		Login: strings.TrimSpace(in.Login), Email: strings.TrimSpace(in.Email), Role: in.Role,
		DisplayName: in.DisplayName, FirstName: in.FirstName, LastName: in.LastName, URL: in.URL, Bio: in.Bio,
		Registered: u.clock().UTC().Truncate(time.Second),
	}
	if !loginPattern.MatchString(user.Login) {
		return account{}, &Invalid{"user name", "it must be 1 to 60 letters, digits, spaces and . _ - @, and must begin with a letter, digit or _"}
	}
	if err := checkUser(user); err != nil {
		return account{}, err
	}
	hash, err := u.newHash(ctx, user, in.Password)
	if err != nil {
		return account{}, err
	}
	user.Nickname = user.Login
	if user.DisplayName == "" {
		user.DisplayName = user.Login
	}
	return account{user, hash}, nil
}

// create writes a new account, and sets its id and nicename.
func (u *Users) create(ctx context.Context, tx *database.Tx, by audit.Actor, a *account) (err error) {
	a.ID = 0 // the transaction may run again
	if a.Nicename, err = freeNicename(ctx, tx, nicename(a.Login), 0); err != nil {
		return err
	}
	if a.ID, err = insertUser(ctx, tx, *a); err != nil {
		return err
	}
	return audit.Append(ctx, tx, audit.Event{
		Kind: UserCreated, UserID: a.ID, By: by, At: u.now(),
		Detail: map[string]string{"login": a.Login, "role": string(a.Role)},
	})
}

func checkUser(user User) error {
	if !user.Role.Valid() {
		return &Invalid{"role", "it must be one of administrator, editor, author, contributor, subscriber"}
	}
	if user.Email != "" {
		a, err := mail.ParseAddress(user.Email)
		if err != nil || a.Address != user.Email || len(user.Email) > 254 {
			return &Invalid{"email", "this is not an e-mail address"}
		}
	}
	return nil
}

// newHash hashes a new password of a user. Error: *Invalid, which says why it cannot be taken.
func (u *Users) newHash(ctx context.Context, user User, password string) (string, error) {
	password = cleanPassword(password)
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return "", &Invalid{"password", fmt.Sprintf("it needs at least %d characters", MinPassword)}
	case len(password) > MaxPassword:
		return "", &Invalid{"password", fmt.Sprintf("it is longer than %d bytes", MaxPassword)}
	}
	names, err := u.namesOf(ctx, user)
	if err != nil {
		return "", err
	}
	if why := guessable(password, names); why != "" {
		return "", &Invalid{"password", why}
	}
	return u.hasher.hash(ctx, password)
}

// insertUser inserts a row, with the id of the account or a new one.
func insertUser(ctx context.Context, tx *database.Tx, a account) (int64, error) {
	columns := `login, login_key, email, email_key, nicename, display_name, first_name, last_name, nickname, url, bio, role, registered, password`
	values := `$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14`
	args := []any{
		a.Login, fold(a.Login), a.Email, fold(a.Email), a.Nicename, a.DisplayName, a.FirstName, a.LastName,
		a.Nickname, a.URL, a.Bio, string(a.Role), a.Registered, a.Hash,
	}
	if a.ID != 0 {
		columns, values, args = columns+`, id`, values+`, $15`, append(args, a.ID)
	}
	var id int64
	err := tx.Get(ctx, &id, `INSERT INTO users (site_id, `+columns+`) VALUES ($site, `+values+`) RETURNING id`, args...)
	return id, taken(err)
}

// taken explains that a name is taken.
func taken(err error) error {
	if database.IsDuplicate(err) {
		return &Invalid{"user name or email", "another user already has it"}
	}
	return err
}

// maxNicename is the longest name in URLs, in bytes.
const maxNicename = 50

// nicename turns a text into a name for URLs: lower-case letters, digits and
// hyphens.
func nicename(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-':
			return r
		case r == ' ' || r == '.' || r == '@':
			return '-'
		}
		return -1
	}, fold(text)), "-")
}

// freeNicename shortens a nicename to the allowed length, and adds a number if
// someone else has it.
func freeNicename(ctx context.Context, q database.Queryer, base string, self int64) (string, error) {
	base = base[:min(len(base), maxNicename)]
	if base == "" {
		base = "user"
	}
	name := func(n int) string {
		if n == 1 {
			return base
		}
		return fmt.Sprintf("%s-%d", base, n)
	}
	n, err := database.FirstFree(ctx, 1, math.MaxInt32, name, func(ctx context.Context, names []string) (used []string, err error) {
		err = database.SelectIn(ctx, q, `SELECT nicename FROM users WHERE site_id = $site AND id <> ? AND nicename IN (?)`, names, func(name string) { used = append(used, name) }, self)
		return used, err
	})
	return name(n), err
}

// Profile is a change to what users say about themselves. Nil fields stay as
// they are.
type Profile struct {
	FirstName, LastName, Nickname, Nicename, DisplayName, URL, Bio *string
}

// UpdateProfile changes a user's profile and returns the result. As in
// WordPress, an empty nickname becomes the login, and an empty nicename or
// display name stays as it was. Errors: ErrNotFound, *Invalid.
func (u *Users) UpdateProfile(ctx context.Context, by audit.Actor, id int64, p Profile) (User, error) {
	var user User
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		a, err := find(ctx, tx, `id = $1`, id)
		if err != nil {
			return err
		}
		user = a.User
		set := func(to *string, from *string) {
			if from != nil {
				*to = strings.TrimSpace(*from)
			}
		}
		set(&user.FirstName, p.FirstName)
		set(&user.LastName, p.LastName)
		set(&user.URL, p.URL)
		set(&user.Bio, p.Bio)
		set(&user.Nickname, p.Nickname)
		if user.Nickname == "" {
			user.Nickname = user.Login
		}
		if p.DisplayName != nil && strings.TrimSpace(*p.DisplayName) != "" {
			user.DisplayName = strings.TrimSpace(*p.DisplayName)
		}
		if p.Nicename != nil && strings.TrimSpace(*p.Nicename) != "" {
			name := nicename(*p.Nicename)
			if len(name) > maxNicename {
				return &Invalid{"nicename", fmt.Sprintf("it is longer than %d bytes", maxNicename)}
			}
			if user.Nicename, err = freeNicename(ctx, tx, name, id); err != nil {
				return err
			}
		}
		if err := checkProfile(user); err != nil {
			return err
		}
		if user == a.User {
			return nil
		}
		if err := updateUser(ctx, tx, account{user, a.Hash}); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{
			Kind: UserChanged, UserID: id, By: by, At: u.now(),
			Detail: map[string]string{"changed": "profile"},
		})
	})
	if err != nil {
		return User{}, fmt.Errorf("update a profile: %w", err)
	}
	return user, nil
}

func checkProfile(user User) error {
	for _, f := range []struct {
		name, text string
		limit      int
		lines      bool
	}{
		{"first name", user.FirstName, 250, false},
		{"last name", user.LastName, 250, false},
		{"nickname", user.Nickname, 250, false},
		{"display name", user.DisplayName, 250, false},
		{"url", user.URL, 2000, false},
		{"bio", user.Bio, 65535, true},
	} {
		if len(f.text) > f.limit {
			return &Invalid{f.name, fmt.Sprintf("it is longer than %d bytes", f.limit)}
		}
		if !utf8.ValidString(f.text) || strings.ContainsFunc(f.text, func(r rune) bool {
			return unicode.IsControl(r) && !(f.lines && (r == '\n' || r == '\r' || r == '\t'))
		}) {
			return &Invalid{f.name, "it contains characters that are not allowed"}
		}
	}
	return nil
}

func updateUser(ctx context.Context, tx *database.Tx, a account) error {
	r, err := tx.Exec(ctx, `UPDATE users SET login = $2, login_key = $3, email = $4, email_key = $5, nicename = $6, display_name = $7,
		first_name = $8, last_name = $9, nickname = $10, url = $11, bio = $12, role = $13, registered = $14, password = $15 WHERE site_id = $site AND id = $1`,
		a.ID, a.Login, fold(a.Login), a.Email, fold(a.Email), a.Nicename, a.DisplayName,
		a.FirstName, a.LastName, a.Nickname, a.URL, a.Bio, string(a.Role), a.Registered, a.Hash)
	return touched(r, taken(err))
}

// set runs a statement that changes the user of an event, and records the
// event. Error: ErrNotFound.
func (u *Users) set(ctx context.Context, e audit.Event, statement string, args ...any) error {
	e.At = u.now()
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		r, err := tx.Exec(ctx, statement, args...)
		if err := touched(r, taken(err)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, e)
	})
	return err
}

// SetEmail changes the address; an empty one removes it. Errors: *Invalid,
// ErrNotFound.
func (u *Users) SetEmail(ctx context.Context, by audit.Actor, id int64, email string) error {
	email = strings.TrimSpace(email)
	if err := checkUser(User{Email: email, Role: Subscriber}); err != nil {
		return err
	}
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		a, err := find(ctx, tx, `id = $1`, id)
		if err != nil {
			return err
		}
		if err := u.changeEmail(ctx, tx, id, a.Email, email); err != nil {
			return err
		}
		r, err := tx.Exec(ctx, `UPDATE users SET email = $2, email_key = $3 WHERE site_id = $site AND id = $1`, id, email, fold(email))
		if err := touched(r, taken(err)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: UserChanged, UserID: id, By: by, At: u.now(), Detail: map[string]string{"changed": "email"}})
	})
	if err != nil {
		return fmt.Errorf("set an email address: %w", err)
	}
	return nil
}

// SetPassword changes the password. When it returns nil, the old one is
// invalid, even where it was cached as right, and the user's sessions have
// ended except the one whose ID is session. Keys and tokens stay. Errors:
// *Invalid, ErrNotFound.
func (u *Users) SetPassword(ctx context.Context, by audit.Actor, id int64, password, session string) error {
	user, err := u.Get(ctx, id)
	if err != nil {
		return err
	}
	hash, err := u.newHash(ctx, user, password)
	if err != nil {
		return err
	}
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		return u.setPassword(ctx, tx, audit.Event{Kind: UserPassword, UserID: id, By: by}, hash, session)
	})
	if err != nil {
		return fmt.Errorf("set a password: %w", err)
	}
	return nil
}

func (u *Users) setPassword(ctx context.Context, tx *database.Tx, e audit.Event, hash, session string) error {
	r, err := tx.Exec(ctx, `UPDATE users SET password = $2 WHERE site_id = $site AND id = $1`, e.UserID, hash)
	if err := touched(r, err); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE site_id = $site AND user_id = $1 AND token <> $2`, e.UserID, session); err != nil {
		return err
	}
	if _, err := resets.Drop(ctx, tx, e.UserID, u.now()); err != nil { // a code that was requested before must not undo this
		return err
	}
	e.At = u.now()
	return audit.Append(ctx, tx, e)
}

// SetNetworks limits where the account may be used from, with any credential.
// Errors: *Invalid, ErrNotFound.
func (u *Users) SetNetworks(ctx context.Context, by audit.Actor, id int64, n Networks) error {
	list, err := n.List()
	if err != nil {
		return err
	}
	n = NetworksOf(list)
	err = u.db.Update(ctx, func(tx *database.Tx) error {
		a, err := find(ctx, tx, `id = $1`, id)
		if err != nil {
			return err
		}
		n := n.suspend(a.Networks.Suspended())
		if _, err := tx.Exec(ctx, `UPDATE users SET networks = $2 WHERE site_id = $site AND id = $1`, id, string(n)); err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: UserNetworks, UserID: id, By: by, At: u.now(), Detail: map[string]string{"networks": string(n.networks())}})
	})
	if err != nil {
		return fmt.Errorf("set the networks of a user: %w", err)
	}
	return nil
}

func touched(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// ignore replaces one error by nil.
func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// rehash replaces the hash of a password that has just been verified, unless it
// was changed since. It returns the current hash.
func (u *Users) rehash(ctx context.Context, a account, password string) (string, error) {
	hash, err := u.hasher.hash(ctx, password)
	if err != nil {
		return "", err
	}
	r, err := u.db.Exec(ctx, `UPDATE users SET password = $2 WHERE site_id = $site AND id = $1 AND password = $3`, a.ID, hash, a.Hash)
	if err := touched(r, err); err != nil {
		if errors.Is(err, ErrNotFound) {
			return a.Hash, nil
		}
		return "", fmt.Errorf("renew the hash of a password: %w", err)
	}
	return hash, nil
}
