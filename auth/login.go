package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
)

// The purposes of passwords, whose failures are counted separately.
const (
	forCalls = "calls" // the password argument of an XML-RPC call
	forPages = "pages" // signing in to the pages
)

type credentials struct {
	login, password, code string
	accountOnly           bool // application passwords are refused
}

// attempt is a set of credentials with its origin.
type attempt struct {
	credentials
	Client
	guess guess
	now   time.Time
	// mark identifies the attempt among recently refused ones, if marked.
	mark   [sha256.Size]byte
	marked bool
}

// Client is the origin of a request.
type Client struct {
	Addr  netip.Addr // the zero Addr if unknown
	Agent string     // the User-Agent
	// Secure means that nobody on the way could read the request: it came over
	// TLS, or from this machine.
	Secure bool
}

func (c Client) actor(userID int64, via Via) audit.Actor {
	return audit.Actor{UserID: userID, Via: via.String(), Addr: c.Addr, Agent: c.Agent}
}

func (v *Verifier) exempt(addr netip.Addr) bool {
	for _, p := range v.cfg.ThrottleExempt {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// checkForm refuses credentials that cannot be right.
func (c credentials) checkForm() Reason {
	switch {
	case c.login == "" || c.password == "":
		return EmptyPassword
	case len(c.password) > MaxPassword || len(c.login) > MaxPassword:
		return LongPassword
	}
	return ""
}

func cleaned(c credentials) credentials {
	c.login, c.password, c.code = strings.TrimSpace(c.login), cleanPassword(c.password), strings.TrimSpace(c.code)
	return c
}

// verify checks the password of a call: the account's, or an application
// password.
func (v *Verifier) verify(ctx context.Context, c credentials, from Client) (Identity, error) {
	e := Event{Via: ViaPassword, Login: c.login, Addr: from.Addr}
	who, err := v.verifyCall(ctx, c, from, &e)
	switch {
	case errors.Is(err, ErrBusy):
		e.Reason = Overload
		err = ErrBusy
	case err != nil && e.Reason == "":
		return Identity{}, fmt.Errorf("verify a password: %w", err)
	}
	e.UserID = who.User.ID
	v.tell(ctx, e)
	return who, err
}

// verifyCall completes the event. An error without a reason means that the
// database did not answer.
func (v *Verifier) verifyCall(ctx context.Context, c credentials, from Client, e *Event) (Identity, error) {
	if e.Reason = c.checkForm(); e.Reason != "" {
		return Identity{}, ErrDenied
	}
	users := v.cfg.Users
	a, wait, err := v.attempt(ctx, forCalls, c, from)
	if err != nil {
		return Identity{}, err
	}
	// Such a password cannot be guessed, so it need not wait because of
	// guesses.
	if wait > 0 && (c.accountOnly || !apps.IsPassword(c.password)) {
		e.Reason = TooManyFailures
		return Identity{}, &Throttled{RetryAfter: wait}
	}
	policy, err := users.Policy(ctx)
	if err != nil {
		return Identity{}, err
	}
	who, err := users.signingIn(ctx, c.login)
	if err != nil {
		return Identity{}, err
	}
	if wait, err = v.meant(ctx, &a, forCalls, who); err != nil {
		return Identity{}, err
	}
	site := Stricter(v.cfg.PasswordMode, policy.PasswordMode)
	// A key is created only if the password is right now.
	remembered := v.cfg.Judge == nil || !c.accountOnly
	if remembered && who.ID != 0 && !site.refuses() && v.remembersFor(who, a) {
		users.passwordSent(who.ID, from.Addr, from.Agent, true)
		return Identity{User: who.User, Via: ViaPassword}, nil
	}
	if !c.accountOnly {
		t, reason, ok, err := users.findApplicationPassword(ctx, who.ID, c.password, from.Addr)
		if err != nil {
			return Identity{}, err
		}
		if ok && reason == "" && policy.ApplicationPasswords && who.Networks.Allow(from.Addr) {
			e.Via, e.Public = ViaApplicationPassword, t.ID
			return withToken(who.User, t), nil
		}
	}
	if v.cfg.Judge != nil {
		a.marked = false // the judge may have changed its answer
		return v.verifyElsewhere(ctx, who, a, Stricter(site, who.PasswordMode), e)
	}
	if site.refuses() {
		// Nothing is compared, so nothing is counted.
		e.Reason = PasswordsRefused
		return Identity{}, ErrPasswordsRefused
	}
	if wait > 0 {
		e.Reason = TooManyFailures
		return Identity{}, &Throttled{RetryAfter: wait}
	}
	return v.verifyAccount(ctx, who, a, e)
}

// attempt converts credentials for the throttle. wait is how long they must
// wait, as far as this process knows.
func (v *Verifier) attempt(ctx context.Context, purpose string, c credentials, from Client) (a attempt, wait time.Duration, err error) {
	a = attempt{credentials: c, Client: from, now: v.cfg.Clock()}
	if v.exempt(from.Addr) {
		return a, 0, nil
	}
	if a.guess, err = v.throttle.guess(ctx, purpose, fold(c.login), from.Addr); err != nil {
		return a, 0, err
	}
	return a, v.throttle.remembered(a.guess, a.now), nil
}

// meant sets the account that an attempt is for: login and e-mail address count
// as one. It returns how long the attempt must wait.
func (v *Verifier) meant(ctx context.Context, a *attempt, purpose string, who candidate) (wait time.Duration, err error) {
	if v.exempt(a.Addr) {
		return 0, nil
	}
	if who.ID != 0 && fold(who.Login) != fold(a.login) {
		typed := a.guess.typed
		if a.guess, err = v.throttle.guess(ctx, purpose, fold(who.Login), a.Addr); err != nil {
			return 0, err
		}
		a.guess.typed = typed
	}
	if a.code == "" {
		state := fmt.Sprint(purpose, a.accountOnly, who.SecondFactor, who.PasswordMode, who.Networks.Allow(a.Addr), a.guess.pair)
		a.mark, a.marked = v.repeated.mark(who.ID, state+who.Hash, a.password), true
	}
	return v.throttle.remembered(a.guess, a.now), nil
}

// remembersFor reports whether the password was right a moment ago, and nothing
// else is required.
func (v *Verifier) remembersFor(who candidate, a attempt) bool {
	return !who.SecondFactor && !who.PasswordMode.refuses() && who.Networks.Allow(a.Addr) &&
		v.proofs.has(v.proofs.mark(who.ID, who.Hash, a.password), a.now)
}

// verifyAccount checks the password of an account in a call. If a right
// password does not suffice, it does not reveal that the password is right:
// otherwise it could be guessed this way.
func (v *Verifier) verifyAccount(ctx context.Context, who candidate, a attempt, e *Event) (Identity, error) {
	var reason Reason
	var right bool
	var err error
	err = v.throttled(ctx, who.ID, a, true, func() (Reason, error) {
		if reason, err = v.compare(ctx, who, a); reason != "" || err != nil {
			return reason, err
		}
		right = true
		switch {
		case !who.Networks.Allow(a.Addr):
			reason = WrongNetwork
		case who.PasswordMode.refuses():
			reason = PasswordsRefused
		case who.SecondFactor && !a.accountOnly, who.SecondFactor && a.code == "":
			reason = SecondFactorNeeded
		case who.SecondFactor:
			reason, err = v.checkCode(ctx, who.ID, a.code, a.Client, false)
		}
		return reason, err
	})
	if before := (*refusedBefore)(nil); errors.As(err, &before) {
		e.Reason = before.reason
		return Identity{}, ErrDenied
	}
	e.note(reason, err)
	if err != nil {
		return Identity{}, err
	}
	if right {
		v.cfg.Users.passwordSent(who.ID, a.Addr, a.Agent, reason == "")
	}
	if reason != "" {
		return Identity{}, ErrDenied
	}
	return Identity{User: who.User, Via: ViaPassword}, nil
}

// note stores in the event why an attempt was refused: the reason of its check,
// or that it must wait.
func (e *Event) note(reason Reason, err error) {
	e.Reason = reason
	if throttled := (*Throttled)(nil); errors.As(err, &throttled) && reason == "" {
		e.Reason = TooManyFailures
	}
}

// refusedBefore means that the same attempt was already refused, with the
// reason.
type refusedBefore struct{ reason Reason }

func (r *refusedBefore) Error() string {
	return "the same password was refused before: " + string(r.reason)
}

// repeats refuses an attempt that was refused before, without checking it
// again. Errors: *Throttled, *refusedBefore; those of the database.
func (v *Verifier) repeats(ctx context.Context, userID int64, a attempt, now time.Time) error {
	if !a.marked {
		return nil
	}
	reason, n, wait := v.repeated.again(a.mark, now)
	switch {
	case reason == "":
		return nil
	case wait > 0:
		return &Throttled{RetryAfter: wait}
	case n == freeFailures+1:
		e := audit.Event{Kind: SignInThrottled, UserID: userID, By: a.actor(0, ViaPassword), At: now, Detail: map[string]string{"failures": strconv.Itoa(n)}}
		if err := v.throttle.note(ctx, e); err != nil {
			return err
		}
	}
	return &refusedBefore{reason}
}

// throttled runs a check, unless the guess must wait, and counts the result.
// whole means that the check alone completes a sign-in. The check returns a
// reason if it fails. Errors: *Throttled, *refusedBefore; those of the check
// and of the database.
func (v *Verifier) throttled(ctx context.Context, userID int64, a attempt, whole bool, check func() (Reason, error)) error {
	if v.exempt(a.Addr) {
		_, err := check()
		return err
	}
	// One at a time for each account and network: guesses that are being
	// compared must not cause the refusal of a right password that arrives
	// together with others.
	leave, err := v.oneByOne.enter(ctx, a.guess.pair, a.guess.addr)
	if err != nil {
		return err
	}
	defer leave()
	now := v.cfg.Clock()
	if err := v.repeats(ctx, userID, a, now); err != nil {
		return err
	}
	if wait := v.throttle.remembered(a.guess, now); wait > 0 {
		return &Throttled{RetryAfter: wait}
	}
	if a.password != "" {
		out, err := v.cfg.Users.hasher.place()
		if err != nil {
			return err
		}
		defer out()
	}
	counted, wait, err := v.throttle.count(ctx, a.guess, now)
	if err != nil {
		return err
	}
	if wait > 0 {
		return &Throttled{RetryAfter: wait}
	}
	reason, err := check()
	// It counts, whether or not the client is still there.
	ctx = context.WithoutCancel(ctx)
	switch {
	case err != nil:
		return errors.Join(err, v.throttle.uncount(ctx, a.guess, counted, now))
	case reason == "":
		return v.throttle.passed(ctx, a.guess, counted, whole, now)
	}
	if a.marked {
		v.repeated.note(a.mark, reason, now)
	}
	return v.throttle.failed(ctx, a.guess, counted, userID, a.actor(0, ViaPassword), now)
}

// compare compares the password of an account. An unknown user takes the same
// path as a known one, without success at its end.
func (v *Verifier) compare(ctx context.Context, who candidate, a attempt) (Reason, error) {
	users := v.cfg.Users
	if who.ID != 0 && v.remembersFor(who, a) {
		return "", nil // another request with the same password was faster
	}
	ok, old, err := users.hasher.check(ctx, a.password, who.Hash)
	switch {
	case err != nil:
		return "", err
	case who.ID == 0:
		return UnknownUser, nil
	case !ok:
		return WrongPassword, nil
	}
	mark := v.proofs.mark(who.ID, who.Hash, a.password)
	if old {
		// If this fails, the password is right nevertheless.
		if hash, err := users.rehash(ctx, who.account, a.password); err == nil {
			mark = v.proofs.mark(who.ID, hash, a.password)
		} else {
			v.cfg.Logger.WarnContext(ctx, "the old hash of a password was not replaced", "user", who.ID, "error", err)
		}
	}
	v.proofs.add(mark, a.now)
	return "", nil
}
