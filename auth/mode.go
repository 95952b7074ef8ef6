package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

// Mode is how an account's password in a call is treated. It does not affect
// signing in to the pages.
type Mode string

// The modes, each stricter than the one before. In all of them, every answer to
// a call with a user name and password says that this is deprecated.
const (
	ModeDefault Mode = ""       // as the next level: the site for a user, the server for the site
	ModeAllow   Mode = "allow"  // accepted
	ModeWarn    Mode = "warn"   // accepted; the owner should learn which clients send it
	ModeRefuse  Mode = "refuse" // refused
)

// Modes lists the modes, the least strict first, without ModeDefault.
func Modes() []Mode { return []Mode{ModeAllow, ModeWarn, ModeRefuse} }

func (m Mode) strictness() int {
	for i, mode := range Modes() {
		if m == mode {
			return i
		}
	}
	return -1
}

func (m Mode) refuses() bool { return m == ModeRefuse }

// Valid reports whether the mode is one of Modes or ModeDefault.
func (m Mode) Valid() bool { return m == ModeDefault || m.strictness() >= 0 }

// Stricter returns the stricter of two modes.
func Stricter(a, b Mode) Mode {
	if b.strictness() > a.strictness() {
		return b
	}
	return a
}

var errMode = &Invalid{"password mode", "it must be allow, warn, refuse or empty"}

// Policy holds the settings for all accounts.
type Policy struct {
	PasswordMode         Mode `db:"password_mode"` // ModeDefault: as the server
	Tokens               bool `db:"tokens"`        // tokens are accepted
	ApplicationPasswords bool `db:"application_passwords"`
}

// Policy returns the settings for all accounts. A change by another process is
// visible within a second.
func (u *Users) Policy(ctx context.Context) (Policy, error) { return u.policies.Get(ctx, u.db.Site()) }

func (u *Users) readPolicy(ctx context.Context, site int64) (Policy, time.Time, error) {
	p, err := readPolicy(ctx, u.db.Of(site))
	return p, time.Time{}, err
}

func readPolicy(ctx context.Context, q database.Queryer) (Policy, error) {
	p := Policy{Tokens: true, ApplicationPasswords: true}
	err := q.Get(ctx, &p, `SELECT password_mode, tokens, application_passwords FROM account_policy WHERE site_id = $site`)
	if err != nil && !errors.Is(err, database.ErrNoRows) {
		return Policy{}, fmt.Errorf("read the policy of the accounts: %w", err)
	}
	return p, nil
}

// SetPolicy changes the settings for all accounts. Error: *Invalid.
func (u *Users) SetPolicy(ctx context.Context, by audit.Actor, p Policy) error {
	if !p.PasswordMode.Valid() {
		return errMode
	}
	err := u.db.Update(ctx, func(tx *database.Tx) error {
		before, err := readPolicy(ctx, tx)
		if err != nil || before == p {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO account_policy (site_id, password_mode, tokens, application_passwords) VALUES ($site, $1, $2, $3)
			ON CONFLICT (site_id) DO UPDATE SET password_mode = excluded.password_mode, tokens = excluded.tokens,
				application_passwords = excluded.application_passwords`, string(p.PasswordMode), p.Tokens, p.ApplicationPasswords)
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, audit.Event{Kind: PolicyChanged, By: by, At: u.now(), Detail: map[string]string{
			"password mode": string(p.PasswordMode), "tokens": strconv.FormatBool(p.Tokens),
			"application passwords": strconv.FormatBool(p.ApplicationPasswords),
		}})
	})
	if err != nil {
		return fmt.Errorf("set the policy of the accounts: %w", err)
	}
	return nil
}

// SetPasswordMode sets the mode of one user. It cannot be less strict than that
// of the site. Errors: *Invalid, ErrNotFound.
func (u *Users) SetPasswordMode(ctx context.Context, by audit.Actor, id int64, m Mode) error {
	if !m.Valid() {
		return errMode
	}
	e := audit.Event{Kind: UserMode, UserID: id, By: by, Detail: map[string]string{"mode": string(m)}}
	if err := u.set(ctx, e, `UPDATE users SET password_mode = $2 WHERE site_id = $site AND id = $1`, id, string(m)); err != nil {
		return fmt.Errorf("set a password mode: %w", err)
	}
	return nil
}

// PasswordClient is a client that sends the password of an account.
type PasswordClient struct {
	Agent   string // the first 200 bytes of its User-Agent
	Addr    netip.Addr
	First   time.Time
	Last    time.Time
	Taken   int64 // how often it was accepted
	Refused int64 // how often it was refused although the password was right
}

// maxPasswordClients is the number of clients that are stored for a user: the
// most recent ones.
const maxPasswordClients = 20

// PasswordClients returns the clients that have sent the user's password in an
// XML-RPC call, the most recent first. It is accurate to about a minute.
func (u *Users) PasswordClients(ctx context.Context, userID int64) ([]PasswordClient, error) {
	var rows []struct {
		Agent   string    `db:"agent"`
		Address string    `db:"address"`
		First   time.Time `db:"first"`
		Last    time.Time `db:"last"`
		Taken   int64     `db:"taken"`
		Refused int64     `db:"refused"`
	}
	err := u.db.Select(ctx, &rows, `SELECT agent, address, first, last, taken, refused FROM password_clients
		WHERE site_id = $site AND user_id = $1 ORDER BY last DESC, agent LIMIT $2`, userID, maxPasswordClients)
	if err != nil {
		return nil, fmt.Errorf("list the programs that send a password: %w", err)
	}
	list := make([]PasswordClient, len(rows))
	for i, r := range rows {
		list[i] = PasswordClient{Agent: r.Agent, First: r.First, Last: r.Last, Taken: r.Taken, Refused: r.Refused}
		list[i].Addr, _ = netip.ParseAddr(r.Address)
	}
	return list, nil
}
