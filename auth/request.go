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

// Check is the verification of one request while its body arrives. Write the
// body to it, then call Identify. It is not safe for concurrent use.
type Check struct {
	v       *Verifier
	request *Request
	proof   proof // nil: no credential was presented
}

// proof verifies a request in one scheme: the body is written to it, then it
// identifies the caller.
type proof interface {
	Write(p []byte) (int, error)
	// identify returns the caller. e is what is known so far, and is passed to
	// deny for a refusal. An error that is not ErrDenied means that the
	// database did not answer.
	identify(ctx context.Context, q *Request, e Event) (Identity, error)
}

// Begin reads the credential of a request: a value of the Authorization field,
// a message signature (RFC 9421), or none, but never two. It looks up the key,
// so that the body can be hashed while it is read. A credential that cannot be
// valid is refused with ErrDenied before the body is read. Any other error
// means that the database did not answer.
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
		// Optional white space around the field belongs to HTTP. Servers remove
		// it; a request built by hand may still have it.
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

// Presented reports whether the request carries a credential. If not, the body
// need not be hashed.
func (c *Check) Presented() bool { return c.proof != nil }

// Write takes the next bytes of the body, as received after the transfer coding
// was removed. It never fails.
func (c *Check) Write(p []byte) (int, error) {
	if c.proof == nil {
		return len(p), nil
	}
	return c.proof.Write(p)
}

// Identify completes the verification after the whole body was written. If the
// presented credential is not valid, the error is ErrDenied; any other error
// means that the database did not answer.
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

// slowAfter is the time after which the credential is looked up again when the
// body has arrived: a client must not publish by sending its body for a quarter
// of an hour with a key that was revoked meanwhile. It is the time in which a
// revocation takes effect everywhere.
const slowAfter = time.Second

// slow reports whether the looked-up credential may have changed.
func (q *Request) slow() bool { return q.v.cfg.Clock().Sub(q.began) > slowAfter }

// accept returns the identity for a key with a valid signature, and records its
// use.
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

// Request is the authenticated origin of an HTTP request. It serves all calls
// of a multicall, and is safe for concurrent use. A nil Request is anonymous
// and lets nobody in.
type Request struct {
	v       *Verifier
	addr    netip.Addr
	agent   string
	secure  bool
	signed  Identity // by the credential in the header
	head    *http.Request
	began   time.Time // when the credential was looked up
	signing signing   // for the answer

	mu     sync.Mutex // also serializes the checks of passwords
	failed error      // the result of every further Login after a refused password
	passed map[credentials]Identity
}

// Signed returns the caller that has signed the request, or sent a token or
// application password in its header.
func (q *Request) Signed() (Identity, bool) {
	if q == nil || !q.signed.LoggedIn() {
		return Identity{}, false
	}
	return q.signed, true
}

// Addr returns the address of the client, or the zero Addr if it is unknown.
func (q *Request) Addr() netip.Addr {
	if q == nil {
		return netip.Addr{}
	}
	return q.addr
}

// Secure reports whether nobody on the way can read the request and its answer:
// it came over TLS, or from this machine.
func (q *Request) Secure() bool { return q != nil && q.secure }

// Login authenticates the caller of a method that takes a user name (or
// address) and a password. For a signed request, it is the user of the key,
// whatever the arguments are. Otherwise the password is the account's or an
// application password.
//
// Only one wrong password is checked in a request. After it, every further
// Login of the same request is refused unchecked: otherwise a multicall would
// allow hundreds of guesses for the price of one.
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

// PasswordOnly is Login for actions that are not allowed with a key, such as
// creating keys. It refuses signatures and application passwords, and requires
// TLS or this machine whatever the configuration is.
func (q *Request) PasswordOnly(ctx context.Context, login, password string) (Identity, error) {
	return q.PasswordAndCode(ctx, login, password, "")
}

// PasswordAndCode is PasswordOnly with a current code of the second factor. The
// code is required if the account has one, and is good for one request.
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

// KeyOnly returns the caller of a method that only an application itself may
// call, such as one for a new secret: the request must be signed by its key.
// Passwords and other credentials that are sent unchanged do not suffice.
// Error: ErrDenied.
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
