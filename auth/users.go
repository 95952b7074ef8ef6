package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/database"
)

// User is an account.
type User struct {
	ID          int64     `db:"id"`
	Login       string    `db:"login"`
	Email       string    `db:"email"`
	Nicename    string    `db:"nicename"` // the name in URLs
	DisplayName string    `db:"display_name"`
	FirstName   string    `db:"first_name"`
	LastName    string    `db:"last_name"`
	Nickname    string    `db:"nickname"`
	URL         string    `db:"url"`
	Bio         string    `db:"bio"`
	Role        Role      `db:"role"`
	Registered  time.Time `db:"registered"`

	PasswordMode Mode     `db:"password_mode"` // cannot be less strict than the site's
	Networks     Networks `db:"networks"`      // where any credential of the account may be used from
}

// Networks is a list of networks in CIDR notation, separated by spaces. An
// empty list allows all. The word suspended at its start suspends the account;
// see Users.Suspend.
type Networks string

// NetworksOf returns a list of networks as Networks.
func NetworksOf(list []netip.Prefix) Networks { return Networks(apps.FormatNetworks(list)) }

// List returns the networks. Error: *Invalid.
func (n Networks) List() ([]netip.Prefix, error) {
	list, err := apps.ParseNetworks(string(n.networks()))
	if err != nil {
		return nil, &Invalid{"networks", err.Error()}
	}
	return list, nil
}

// Allow reports whether an address is in one of the networks, and the account
// is not suspended. A list that cannot be parsed allows none.
func (n Networks) Allow(addr netip.Addr) bool {
	if n == "" || n.Suspended() {
		return n == ""
	}
	list, err := n.List()
	return err == nil && allowed(list, addr)
}

// account is a user with the hash of the password.
type account struct {
	User
	Hash string `db:"password"`
}

const userColumns = `id, login, email, nicename, display_name, first_name, last_name, nickname, url, bio, role, registered, password_mode, networks`

// UsersConfig configures Users.
type UsersConfig struct {
	DB     *database.DB
	Apps   *apps.Store      // stores the keys from ImportUsers
	Clock  func() time.Time // default time.Now
	Logger *slog.Logger     // default: discards
	Hash   HashCost         // of new passwords; default DefaultHashCost
}

// Users holds the accounts of a site. It is safe for concurrent use.
type Users struct {
	*shared
	db   *database.DB // of the site
	apps *apps.Store  // of the site
}

// shared is the part that the accounts of all sites of a database share.
type shared struct {
	clock    func() time.Time
	logger   *slog.Logger
	hasher   *hasher
	recent   *database.Cache[placed[int64], recentUser]
	policies *database.Cache[int64, Policy] // by site
	usage    usage
	names    func(context.Context) ([]string, error) // names of the site; may be nil
}

// Of returns the accounts of another site of the same database. It is cheap:
// caches, hasher and batches are shared. Closing the Users from NewUsers closes
// all of them.
func (u *Users) Of(site int64) *Users { return &Users{u.shared, u.db.Of(site), u.apps.Of(site)} }

// placed is a number or a name within a site; another site may use it too.
type placed[K cmp.Ordered] struct {
	site int64
	key  K
}

func at[K cmp.Ordered](u *Users, key K) placed[K] { return placed[K]{u.db.Site(), key} }

func (p placed[K]) compare(other placed[K]) int {
	return cmp.Or(cmp.Compare(p.site, other.site), cmp.Compare(p.key, other.key))
}

// NewUsers returns the accounts in a database.
func NewUsers(cfg UsersConfig) *Users {
	u := &Users{db: cfg.DB, apps: cfg.Apps, shared: &shared{clock: cfg.Clock, logger: cfg.Logger, hasher: newHasher(cfg.Hash)}}
	u.recent = database.NewCache(database.CacheConfig[placed[int64], recentUser]{DB: u.db, Epoch: epoch, Size: maxRecent, Load: u.readRecent})
	u.policies = database.NewCache(database.CacheConfig[int64, Policy]{DB: u.db, Epoch: epoch, Size: maxPolicies, Load: u.readPolicy})
	u.prepareUsage()
	if u.clock == nil {
		u.clock = time.Now
	}
	if u.logger == nil {
		u.logger = slog.New(slog.DiscardHandler)
	}
	return u
}

func (u *Users) now() time.Time { return u.clock().UTC().Truncate(time.Microsecond) }

// Get returns a user by id. Error: ErrNotFound.
func (u *Users) Get(ctx context.Context, id int64) (User, error) {
	return u.one(ctx, `id = $1`, id)
}

// ByLogin returns a user by name, whatever the case. Error: ErrNotFound.
func (u *Users) ByLogin(ctx context.Context, login string) (User, error) {
	return u.one(ctx, `login_key = $1`, fold(login))
}

// ByEmail returns a user by address, whatever the case. Error: ErrNotFound.
func (u *Users) ByEmail(ctx context.Context, email string) (User, error) {
	if email == "" {
		return User{}, ErrNotFound
	}
	return u.one(ctx, `email_key = $1`, fold(email))
}

func (u *Users) one(ctx context.Context, where string, arg any) (User, error) {
	a, err := find(ctx, u.db, where, arg)
	if err != nil {
		return User{}, err
	}
	return a.User, nil
}

func find(ctx context.Context, q database.Queryer, where string, args ...any) (account, error) {
	var a account
	err := q.Get(ctx, &a, `SELECT `+userColumns+`, password FROM users WHERE site_id = $site AND (`+where+`)`, args...)
	if errors.Is(err, database.ErrNoRows) {
		return account{}, ErrNotFound
	}
	if err != nil {
		return account{}, fmt.Errorf("get a user: %w", err)
	}
	return a, nil
}

// candidate is an account that someone wants to sign in to.
type candidate struct {
	account
	SecondFactor bool `db:"second_factor"` // an active one
}

// signingIn returns the account for a user name or an address; a user name
// takes precedence. It returns the zero candidate if there is none.
func (u *Users) signingIn(ctx context.Context, login string) (candidate, error) {
	var c candidate
	err := u.db.Get(ctx, &c, `SELECT `+userColumns+`, password,
		EXISTS (SELECT 1 FROM second_factors WHERE site_id = $site AND user_id = users.id AND confirmed IS NOT NULL) AS second_factor
		FROM users WHERE site_id = $site AND (login_key = $1 OR (email_key = $1 AND email_key <> ''))
		ORDER BY CASE WHEN login_key = $1 THEN 0 ELSE 1 END LIMIT 1`, fold(login))
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return candidate{}, fmt.Errorf("get a user: %w", err)
	}
	return c, nil
}

// fold makes names equal that differ only in case. Characters that a database
// would refuse are replaced by one that no name contains.
func fold(name string) string {
	return strings.ToLower(Text(name))
}

// Filter selects the users that List returns, and their order.
type Filter struct {
	Role    Role // only this role, if set
	Authors bool // only those who may write posts
	// NoPassword selects only those whose password was never set.
	NoPassword bool
	Search     string  // only those with this text in login, email, url, nicename or display name
	IDs        []int64 // only these; nil: all
	OrderBy    OrderBy // default ByLogin
	Desc       bool    // descending
	Limit      int     // at most this many; 0: all
	Offset     int     // skip this many
}

// OrderBy is the order of a list of users.
type OrderBy string

// The orders. Texts are compared without case.
const (
	ByLogin       OrderBy = "login"
	ByID          OrderBy = "id"
	ByEmail       OrderBy = "email"
	ByNicename    OrderBy = "nicename"
	ByURL         OrderBy = "url"
	ByDisplayName OrderBy = "display_name"
	ByRegistered  OrderBy = "registered"
)

// orderColumns lists the only columns that get into the statement. Texts are
// sorted as people expect.
var orderColumns = map[OrderBy]struct {
	column string
	text   bool
}{
	"":            {"login_key", true},
	ByLogin:       {"login_key", true},
	ByID:          {"id", false},
	ByEmail:       {"email_key", true},
	ByNicename:    {"nicename", true},
	ByURL:         {"url", true},
	ByDisplayName: {"display_name", true},
	ByRegistered:  {"registered", false},
}

// where returns the conditions for a filter, with ? placeholders.
func (f Filter) where() (string, []any, error) {
	conditions, args := []string{"1 = 1"}, []any{}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	if f.Role != "" {
		add("role = ?", string(f.Role))
	}
	if f.Authors {
		var writers []string
		for _, r := range Roles() {
			if r.Can(EditPosts) {
				writers = append(writers, string(r))
			}
		}
		add("role IN (?)", writers)
	}
	if f.NoPassword {
		add("password = ''")
	}
	if f.IDs != nil {
		if len(f.IDs) == 0 {
			add("1 = 0")
		} else {
			add("id IN (?)", f.IDs)
		}
	}
	if f.Search != "" {
		like := "%" + database.Like(fold(f.Search)) + "%"
		add(`(login_key LIKE ? ESCAPE '\' OR email_key LIKE ? ESCAPE '\' OR LOWER(url) LIKE ? ESCAPE '\'
			OR LOWER(nicename) LIKE ? ESCAPE '\' OR LOWER(display_name) LIKE ? ESCAPE '\')`, like, like, like, like, like)
	}
	return database.In(strings.Join(conditions, " AND "), args...)
}

// List returns the users that match a filter.
func (u *Users) List(ctx context.Context, f Filter) ([]User, error) {
	var list []User
	err := u.list(ctx, f, userColumns, &list)
	return list, err
}

func (u *Users) list(ctx context.Context, f Filter, columns string, list any) error {
	order, ok := orderColumns[f.OrderBy]
	if !ok {
		return &Invalid{"order", "users cannot be sorted by this"}
	}
	column := order.column
	if order.text {
		column = u.db.Sorted(column)
	}
	where, args, err := f.where()
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	direction := "ASC"
	if f.Desc {
		direction = "DESC"
	}
	query := fmt.Sprintf(`SELECT %s FROM users WHERE site_id = $site AND %s ORDER BY %s %s, id %s LIMIT %s OFFSET %d`,
		columns, where, column, direction, direction, limit(f.Limit), max(f.Offset, 0))
	if err := u.db.Select(ctx, list, query, args...); err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	return nil
}

// IDs returns the ids of the users that match a filter.
func (u *Users) IDs(ctx context.Context, f Filter) ([]int64, error) {
	var ids []int64
	err := database.Patient(ctx, func() error {
		ids = nil
		return u.list(ctx, f, "id", &ids)
	})
	return ids, err
}

// Walk is List for any number of users: it reads them in pages during the
// iteration.
func (u *Users) Walk(ctx context.Context, f Filter) (iter.Seq2[[]User, error], error) {
	ids, err := u.IDs(ctx, f)
	return u.Pages(ctx, ids), err
}

// usersAtOnce is the number of users that Walk reads with one statement.
const usersAtOnce = 500

// Pages reads users by their ids, in this order, in pages during the iteration.
// Deleted users are missing.
func (u *Users) Pages(ctx context.Context, ids []int64) iter.Seq2[[]User, error] {
	return database.Pages(ctx, ids, usersAtOnce, func(ids []int64) ([]User, error) {
		list, err := u.List(ctx, Filter{IDs: ids, OrderBy: ByID})
		place := make(map[int64]int, len(ids))
		for i, id := range ids {
			place[id] = i
		}
		slices.SortFunc(list, func(a, b User) int { return place[a.ID] - place[b.ID] })
		return list, err
	})
}

func limit(n int) string {
	if n <= 0 {
		n = 1 << 31
	}
	return fmt.Sprint(n)
}

// Count returns how many users match a filter, ignoring its Limit.
func (u *Users) Count(ctx context.Context, f Filter) (int, error) {
	where, args, err := f.where()
	if err != nil {
		return 0, fmt.Errorf("count users: %w", err)
	}
	var n int
	if err := u.db.Get(ctx, &n, `SELECT COUNT(*) FROM users WHERE site_id = $site AND `+where, args...); err != nil {
		return 0, fmt.Errorf("count users: %w", err)
	}
	return n, nil
}

// epoch is the epoch of the tables users and account_policy.
const epoch database.Epoch = "people"

// Sizes of the caches for signed requests.
const (
	maxRecent   = 4096 // users
	maxPolicies = 4096 // of sites
)

// cached is like Get, but may return a cached user. A change by this process is
// visible at once, one by another process within a second.
func (u *Users) cached(ctx context.Context, id int64) (User, error) {
	found, err := u.recent.Get(ctx, at(u, id))
	if err != nil {
		return User{}, err
	}
	return found.user, found.err
}

// recentUser is a cached user, or the error ErrNotFound.
type recentUser struct {
	user User
	err  error
}

func (u *Users) readRecent(ctx context.Context, key placed[int64]) (r recentUser, until time.Time, err error) {
	r.user, r.err = u.Of(key.site).Get(ctx, key.key)
	if r.err != nil && !errors.Is(r.err, ErrNotFound) {
		return recentUser{}, time.Time{}, r.err
	}
	return r, time.Time{}, nil
}
