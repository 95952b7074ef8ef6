package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// Check is the verification of one request while its body arrives. Write it
// the body, then ask Identify. It is not safe for concurrent use.
type Check struct {
	v       *Verifier
	request *Request
	proof   proof // nil: nothing was presented
}

// proof is what a request presents in one scheme: the body is written to it,
// then it says who this is.
type proof interface {
	Write(p []byte) (int, error)
	// identify returns the caller. e is what is known so far; a refusal is told
	// by deny with it. An error that is not ErrDenied says that the database did
	// not answer.
	identify(ctx context.Context, q *Request, e Event) (Identity, error)
}

// Begin reads what a request presents: a value of the Authorization field, a
// message signature (RFC 9421), or nothing. Never two of them. It looks up
// the key, so that the hash of the body can run while the body is read. What
// is there and cannot be one of ours is refused with ErrDenied, before the
// body. Every other error says that the database did not answer.
func (v *Verifier) Begin(r *http.Request) (*Check, error) {
	ctx := r.Context()
	addr, secure := v.cfg.ClientAddr(r)
	addr = addr.Unmap()
	c := &Check{v: v, request: &Request{v: v, addr: addr, agent: r.UserAgent(), secure: secure, head: r}}
	values := r.Header.Values("Authorization")
	if v.cfg.FallbackHeader {
		values = append(values[:len(values):len(values)], r.Header.Values(FallbackField)...)
	}
	message := len(r.Header.Values("Signature-Input")) > 0 || len(r.Header.Values("Signature")) > 0
	var err error
	switch {
	case len(values) == 0 && !message:
	case len(values) > 1:
		return nil, v.deny(ctx, Event{Reason: SeveralHeaders, Via: ViaSignature, Addr: addr})
	case len(values) == 1 && message:
		return nil, v.deny(ctx, Event{Reason: SeveralSchemes, Via: ViaSignature, Addr: addr})
	case message:
		c.proof, err = v.beginMessage(r, c.request)
	default:
		// The field's optional white space belongs to HTTP. Servers take it
		// off; a request that was built by hand may still have it.
		value := strings.Trim(values[0], " \t")
		if scheme, credentials, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Basic") {
			c.proof, err = v.beginBasic(ctx, c.request, credentials)
		} else {
			c.proof, err = v.beginHeader(ctx, c.request, value)
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Presented tells whether the request carries a credential that is to be
// checked. Where it does not, the body need not be hashed.
func (c *Check) Presented() bool { return c.proof != nil }

// Write takes the next bytes of the body, exactly as they came once the
// transfer coding is off. It never fails.
func (c *Check) Write(p []byte) (int, error) {
	if c.proof == nil {
		return len(p), nil
	}
	return c.proof.Write(p)
}

// Identify ends the verification, once the whole body was written. Where a
// credential was presented, it is right or the error is ErrDenied; every other
// error says that the database did not answer.
func (c *Check) Identify(ctx context.Context) (*Request, error) {
	if c.proof == nil {
		return c.request, nil
	}
	who, err := c.proof.identify(ctx, c.request, Event{Addr: c.request.addr})
	if err != nil {
		return nil, err
	}
	c.request.signed = who
	return c.request, nil
}

// accept makes the identity of a key whose signature holds, and notes its use.
func (q *Request) accept(ctx context.Context, app *apps.App, e Event) (Identity, error) {
	user, err := q.v.cfg.Users.cached(ctx, app.UserID)
	if errors.Is(err, ErrNotFound) {
		e.Reason = KeyWithoutUser
		return Identity{}, q.v.deny(ctx, e)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("verify a signature: %w", err)
	}
	q.v.cfg.Apps.Used(app.Public, apps.Use{Addr: q.addr, Agent: q.agent})
	e.UserID, e.Superseded = user.ID, app.Successor != ""
	q.v.tell(ctx, e)
	return Identity{User: user, App: app, Scope: app.Scope, Via: ViaSignature, Addr: q.addr, Agent: q.agent}, nil
}

func (v *Verifier) deny(ctx context.Context, e Event) error {
	v.tell(ctx, e)
	return ErrDenied
}

// Request is what is known of the sender of one HTTP request. It serves all
// calls of a multicall, and is safe for concurrent use. A nil Request knows
// nobody and lets nobody in.
type Request struct {
	v       *Verifier
	addr    netip.Addr
	agent   string
	secure  bool
	signed  Identity // by whatever the header presented
	head    *http.Request
	signing signing // of the answer

	mu     sync.Mutex // also lets one password be checked at a time
	failed bool
	passed map[credentials]Identity
}

type credentials struct {
	login, password string
	accountOnly     bool
}

// Signed returns who has signed the request.
func (q *Request) Signed() (Identity, bool) {
	if q == nil || !q.signed.LoggedIn() {
		return Identity{}, false
	}
	return q.signed, true
}

// Addr is the address of the client; the zero Addr when it is not known.
func (q *Request) Addr() netip.Addr {
	if q == nil {
		return netip.Addr{}
	}
	return q.addr
}

// Secure tells whether nobody on the way can read the request and its answer: it came over TLS, or from this machine.
func (q *Request) Secure() bool { return q != nil && q.secure }

// Login returns who calls a method that takes a user name (or address) and a
// password. A signed request is its key's, whatever the arguments say.
// Otherwise the password is the account's or an application password.
//
// Only one wrong password is looked at in a request: after it every further
// Login of the same request is refused unverified, or a multicall would be
// hundreds of guesses for the price of one.
//
// Errors: ErrDenied, *Throttled, ErrClearText, ErrBusy.
func (q *Request) Login(ctx context.Context, login, password string) (Identity, error) {
	if who, ok := q.Signed(); ok {
		return who, nil
	}
	if q == nil {
		return Identity{}, ErrDenied
	}
	if !q.secure && !q.v.cfg.ClearTextPasswords {
		q.v.tell(ctx, Event{Reason: ClearText, Via: ViaPassword, Login: login, Addr: q.addr})
		return Identity{}, ErrClearText
	}
	return q.login(ctx, credentials{login, password, false})
}

// PasswordOnly is Login for what a key must not do, such as making keys: a
// signature is refused, an application password does not count, and the
// connection has to be TLS or from this machine whatever the configuration
// says.
func (q *Request) PasswordOnly(ctx context.Context, login, password string) (Identity, error) {
	if q == nil {
		return Identity{}, ErrDenied
	}
	if who, ok := q.Signed(); ok {
		return Identity{}, q.v.deny(ctx, Event{Reason: SignedInstead, Via: ViaSignature, Public: who.App.Public, Addr: q.addr})
	}
	if !q.secure {
		q.v.tell(ctx, Event{Reason: ClearText, Via: ViaPassword, Login: login, Addr: q.addr})
		return Identity{}, ErrClearText
	}
	return q.login(ctx, credentials{login, password, true})
}

// KeyOnly returns the caller of what only an application itself may ask for, such as a new secret: the request has to
// be signed by its key. A password, or whatever else is sent as it is, does not count. Error: ErrDenied.
func (q *Request) KeyOnly(ctx context.Context) (Identity, error) {
	if who, ok := q.Signed(); ok && who.App != nil && who.Via == ViaSignature {
		return who, nil
	}
	if q == nil {
		return Identity{}, ErrDenied
	}
	return Identity{}, q.v.deny(ctx, Event{Reason: NotSigned, Addr: q.addr})
}

func (q *Request) login(ctx context.Context, c credentials) (Identity, error) {
	c.login, c.password = strings.TrimSpace(c.login), cleanPassword(c.password)
	q.mu.Lock()
	defer q.mu.Unlock()
	e := Event{Via: ViaPassword, Login: c.login, Addr: q.addr}
	if q.failed {
		e.Reason = EarlierFailure
		return Identity{}, q.v.deny(ctx, e)
	}
	if who, ok := q.passed[c]; ok {
		return who, nil
	}
	who, err := q.v.verify(ctx, c, e)
	if err != nil {
		q.failed = errors.Is(err, ErrDenied)
		return Identity{}, err
	}
	if q.passed == nil {
		q.passed = make(map[credentials]Identity)
	}
	who.Addr, who.Agent = q.addr, q.agent
	q.passed[c] = who
	return who, nil
}

// verify checks a password, and what has to hold before one is looked at.
func (v *Verifier) verify(ctx context.Context, c credentials, e Event) (Identity, error) {
	now := v.cfg.Clock()
	exempt := v.exempt(e.Addr)
	switch {
	case c.login == "" || c.password == "":
		e.Reason = EmptyPassword
		return Identity{}, v.deny(ctx, e)
	case len(c.password) > MaxPassword || len(c.login) > MaxPassword:
		e.Reason = LongPassword
		return Identity{}, v.deny(ctx, e)
	}
	if !exempt {
		if wait := v.throttle.wait(fold(c.login), e.Addr, now); wait > 0 {
			e.Reason = TooManyFailures
			v.tell(ctx, e)
			return Identity{}, &Throttled{RetryAfter: wait}
		}
	}
	who, reason, err := v.compare(ctx, c, now)
	if err != nil {
		if errors.Is(err, ErrBusy) {
			e.Reason = Overload
			v.tell(ctx, e)
			return Identity{}, ErrBusy
		}
		return Identity{}, fmt.Errorf("verify a password: %w", err)
	}
	e.Reason, e.Via, e.UserID = reason, max(who.Via, ViaPassword), who.User.ID
	if reason != "" {
		if !exempt {
			v.throttle.failed(fold(c.login), e.Addr, now)
		}
		return Identity{}, v.deny(ctx, e)
	}
	v.throttle.passed(fold(c.login), e.Addr)
	v.tell(ctx, e)
	return who, nil
}

func (v *Verifier) exempt(addr netip.Addr) bool {
	for _, p := range v.cfg.ThrottleExempt {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// compare checks the password itself. An unknown user takes the same way as a
// known one, with nothing at its end.
func (v *Verifier) compare(ctx context.Context, c credentials, now time.Time) (Identity, Reason, error) {
	users := v.cfg.Users
	a, err := users.signingIn(ctx, c.login)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Identity{}, "", err
	}
	mark := v.proofs.mark(a.ID, a.Hash, c.password)
	if a.ID != 0 && v.proofs.has(mark, now) {
		return Identity{User: a.User, Via: ViaPassword}, "", nil
	}
	if !c.accountOnly {
		ok, err := users.matchApplicationPassword(ctx, a.ID, c.password, now)
		if err != nil {
			return Identity{}, "", err
		}
		if ok {
			return Identity{User: a.User, Via: ViaApplicationPassword}, "", nil
		}
	}
	ok, old, err := users.hasher.check(ctx, c.password, a.Hash)
	switch {
	case err != nil:
		return Identity{}, "", err
	case a.ID == 0:
		return Identity{}, UnknownUser, nil
	case !ok:
		return Identity{}, WrongPassword, nil
	}
	if old {
		// The password is right all the same when this does not work.
		if hash, err := users.rehash(ctx, a, c.password); err == nil {
			mark = v.proofs.mark(a.ID, hash, c.password)
		} else {
			v.cfg.Logger.WarnContext(ctx, "an old hash of a password stays", "user", a.ID, "error", err)
		}
	}
	v.proofs.add(mark, now)
	return Identity{User: a.User, Via: ViaPassword}, "", nil
}

// matchApplicationPassword tells whether this is an application password of
// the user, and notes its use.
func (u *Users) matchApplicationPassword(ctx context.Context, userID int64, password string, now time.Time) (bool, error) {
	plain := plainApplicationPassword(password)
	var rows []struct {
		ID       int64        `db:"id"`
		Hash     string       `db:"hash"`
		LastUsed sql.NullTime `db:"last_used"`
	}
	err := u.db.Select(ctx, &rows, `SELECT id, hash, last_used FROM application_passwords WHERE user_id = $1 ORDER BY id`, userID)
	if err != nil {
		return false, fmt.Errorf("read application passwords: %w", err)
	}
	for _, r := range rows {
		if !fastMatches(plain, r.Hash) {
			continue
		}
		// Once a minute is often enough, and no write for every request.
		if now.Sub(r.LastUsed.Time) >= time.Minute {
			_, err := u.db.Exec(ctx, `UPDATE application_passwords SET last_used = $2 WHERE id = $1`, r.ID, now.UTC().Truncate(time.Microsecond))
			if err != nil {
				u.logger.WarnContext(ctx, "the use of an application password was not written", "error", err)
			}
		}
		return true, nil
	}
	return false, nil
}
