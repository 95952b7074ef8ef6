package auth

import (
	"context"
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
// body. Every other error means that the database did not answer.
func (v *Verifier) Begin(r *http.Request) (*Check, error) {
	ctx := r.Context()
	addr, secure := v.cfg.ClientAddr(r)
	addr = addr.Unmap()
	c := &Check{v: v, request: &Request{v: v, addr: addr, agent: Agent(r), secure: secure, head: r, began: v.cfg.Clock()}}
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

// Presented reports whether the request carries a credential that is to be
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
// error means that the database did not answer.
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

// slowAfter is how long a body may take before the credential is looked up a
// second time: who sends one for a quarter of an hour must not publish with a
// key that was revoked meanwhile. It is the time that a revocation may take to
// be known anywhere.
const slowAfter = time.Second

// slow reports whether what was looked up may be another now.
func (q *Request) slow() bool { return q.v.cfg.Clock().Sub(q.began) > slowAfter }

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
	if !user.Networks.Allow(q.addr) {
		e.Reason = WrongNetwork
		return Identity{}, q.v.deny(ctx, e)
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
// calls of a multicall, and is safe for concurrent use. A nil Request knows no
// one and lets no one in.
type Request struct {
	v       *Verifier
	addr    netip.Addr
	agent   string
	secure  bool
	signed  Identity // by whatever the header presented
	head    *http.Request
	began   time.Time // when the credential was looked up
	signing signing   // of the answer

	mu     sync.Mutex // also lets one password be checked at a time
	failed error      // what every further Login gets, once a password was refused
	passed map[credentials]Identity
}

// Signed returns who has signed the request, or shown a token or application
// password in its header.
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

// Secure reports whether no one on the way can read the request and its answer:
// it came over TLS, or from this machine.
func (q *Request) Secure() bool { return q != nil && q.secure }

// Login returns who calls a method that takes a user name (or address) and a
// password. A signed request is its key's, whatever the arguments say.
// Otherwise the password is the account's or an application password.
//
// Only one wrong password is looked at in a request: after it every further
// Login of the same request is refused unverified, or a multicall would be
// hundreds of guesses for the price of one.
//
// Errors: ErrDenied, *Throttled, ErrClearText, ErrPasswordsRefused, ErrBusy.
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
	return q.login(ctx, credentials{login: login, password: password})
}

// PasswordOnly is Login for what a key must not do, such as making keys: a
// signature is refused, an application password does not count, and the
// connection must be TLS or from this machine whatever the configuration says.
func (q *Request) PasswordOnly(ctx context.Context, login, password string) (Identity, error) {
	return q.PasswordAndCode(ctx, login, password, "")
}

// PasswordAndCode is PasswordOnly with a current code of the second factor,
// which is needed where the account has one; it is good for one request.
func (q *Request) PasswordAndCode(ctx context.Context, login, password, code string) (Identity, error) {
	if q == nil {
		return Identity{}, ErrDenied
	}
	if who, ok := q.Signed(); ok {
		return Identity{}, q.v.deny(ctx, Event{Reason: SignedInstead, Via: who.Via, Public: who.Actor().App, Addr: q.addr})
	}
	if !q.secure {
		q.v.tell(ctx, Event{Reason: ClearText, Via: ViaPassword, Login: login, Addr: q.addr})
		return Identity{}, ErrClearText
	}
	return q.login(ctx, credentials{login: login, password: password, code: code, accountOnly: true})
}

// KeyOnly returns the caller of what only an application itself may ask for,
// such as a new secret: the request must be signed by its key. A password, or
// whatever else is sent as it is, does not count. Error: ErrDenied.
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
	c = cleaned(c)
	q.mu.Lock()
	defer q.mu.Unlock()
	e := Event{Via: ViaPassword, Login: c.login, Addr: q.addr}
	if q.failed != nil {
		e.Reason = EarlierFailure
		q.v.tell(ctx, e)
		return Identity{}, q.failed
	}
	if who, ok := q.passed[c]; ok {
		return who, nil
	}
	who, err := q.v.verify(ctx, c, Client{Addr: q.addr, Agent: q.agent, Secure: q.secure})
	if err != nil {
		switch {
		case errors.Is(err, ErrPasswordsRefused):
			q.failed = ErrPasswordsRefused
		case errors.Is(err, ErrDenied):
			q.failed = ErrDenied
		}
		return Identity{}, err
	}
	if q.passed == nil {
		q.passed = make(map[credentials]Identity)
	}
	who = q.as(who)
	if who.Token != nil {
		q.noted(who.Token)
	}
	q.passed[c] = who
	return who, nil
}
