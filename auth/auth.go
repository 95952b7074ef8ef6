// Package auth says who is calling and what they may do: users, their roles
// and passwords, and the verification of what a request presents.
//
// A request is verified on its own, never by its connection. It presents a
// signature in its one Authorization field or nothing; a signature that is
// presented and does not hold ends the request, whatever else is in it. From
// outside all refusals of a credential are one: ErrDenied. Which kind it was
// goes to the log and to Config.Observe.
//
// The caller is a value, Identity, that is passed on as an argument. Its zero
// value is no one.
package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
)

var (
	// ErrDenied is every refusal of a credential: unknown, wrong, revoked,
	// malformed, too late. errors.Is finds it in *Throttled too.
	ErrDenied = errors.New("access denied")
	// ErrClearText refuses a password that came over a connection that others
	// can read, whether or not it is right.
	ErrClearText = errors.New("passwords are accepted over TLS only, or from this machine")
	// ErrBusy means that too many passwords are waiting to be checked; the
	// caller should try again in a few seconds.
	ErrBusy = errors.New("too many passwords are being checked")
	// ErrPasswordsRefused refuses the password of an account unseen, because the
	// site takes none in calls. It is the same for every name.
	ErrPasswordsRefused = errors.New("this site does not accept account passwords in calls")
	// ErrNotFound means that there is no such user.
	ErrNotFound = errors.New("no such user")
)

// Throttled refuses a password unseen, because too many wrong ones came
// before. It is an ErrDenied.
type Throttled struct{ RetryAfter time.Duration }

func (t *Throttled) Error() string {
	return fmt.Sprintf("too many wrong passwords: try again in %v", t.RetryAfter.Round(time.Second))
}

// Is makes errors.Is(err, ErrDenied) true.
func (t *Throttled) Is(target error) bool { return target == ErrDenied }

// Invalid says which value of a user cannot be taken, and why.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }

// Via is how a caller has shown who it is.
type Via int

// The ways.
const (
	ViaNothing Via = iota
	ViaSignature
	ViaPassword
	ViaApplicationPassword
	ViaToken
	ViaSession // of a browser
)

func (v Via) String() string {
	return [...]string{"nothing", "signature", "password", "application password", "token", "session"}[v]
}

// Identity is who calls. The zero value is no one.
type Identity struct {
	User  User
	App   *apps.App   // the key that signed; nil otherwise
	Token *apps.Token // the token or application password that was presented; nil otherwise
	Scope apps.Scope  // what the credential is limited to; the zero Scope: everything that the user may
	Via   Via
	Addr  netip.Addr // of the client; the zero Addr when it is not known
	Agent string     // what the client calls itself

	Repeat Repeat // names the call, where the same request could come again; see Repeat
}

// Actor is the caller as the audit trail knows it.
func (i Identity) Actor() audit.Actor {
	a := audit.Actor{UserID: i.User.ID, Via: i.Via.String(), Addr: i.Addr, Agent: i.Agent}
	if i.App != nil {
		a.App = i.App.Public
	} else if i.Token != nil {
		a.App = i.Token.ID
	}
	return a
}

// LoggedIn reports whether this is someone.
func (i Identity) LoggedIn() bool { return i.User.ID != 0 }

// Reason tells refusals apart, for logs and metrics. The empty reason is
// success.
type Reason string

// The reasons there are.
const (
	MalformedHeader Reason = "malformed-header"
	SeveralHeaders  Reason = "several-headers"
	UnknownKey      Reason = "unknown-key"
	RevokedKey      Reason = "revoked-key"
	ExpiredKey      Reason = "expired-key"
	UnusedKey       Reason = "unused-key"
	WrongNetwork    Reason = "wrong-network"
	StrictKey       Reason = "strict-key"
	SeveralSchemes  Reason = "several-schemes"
	// VerificationKeyOnly refuses the header scheme of a key that has no secret.
	VerificationKeyOnly Reason = "verification-key-only"
	SealedKey           Reason = "sealed-key"
	WrongDigest         Reason = "wrong-digest"
	LegacyForm          Reason = "legacy-form"
	KeyWithoutUser      Reason = "key-without-user"
	SignedInstead       Reason = "signed-instead-of-password"
	NotSigned           Reason = "not-signed"
	WrongCode           Reason = "wrong-code"
	UnknownUser         Reason = "unknown-user"
	WrongPassword       Reason = "wrong-password"
	EmptyPassword       Reason = "empty-password"
	LongPassword        Reason = "long-password"
	EarlierFailure      Reason = "earlier-failure"
	TooManyFailures     Reason = "too-many-failures"
	ClearText           Reason = "clear-text"
	Overload            Reason = "overload"
	UnknownToken        Reason = "unknown-token"
	WrongToken          Reason = "wrong-token"
	RevokedToken        Reason = "revoked-token"
	ExpiredToken        Reason = "expired-token"
	TokensOff           Reason = "tokens-off"
	PasswordsRefused    Reason = "passwords-refused"
	SecondFactorNeeded  Reason = "second-factor-needed"

	// Of message signatures.
	NoTag            Reason = "no-tag"
	MissingParameter Reason = "missing-parameter"
	NotCovered       Reason = "component-not-covered"
	NoContentDigest  Reason = "no-content-digest"
	OtherAlgorithm   Reason = "other-algorithm"
	OtherServer      Reason = "for-another-server"
	StaleSignature   Reason = "stale-signature"
	Replayed         Reason = "replayed"
	ManyNonces       Reason = "too-many-nonces"
)

// Event is one verification and how it ended.
type Event struct {
	Reason Reason // empty: accepted
	Via    Via
	Public string // the key or token that was named, if one was; of an application password, the ID
	Login  string // the user name that was given, cut to 100 characters
	UserID int64  // who it was, if accepted
	Addr   netip.Addr
	// Superseded means that the key was accepted although it was rotated:
	// its program still must change to the new pair.
	Superseded bool
}

// FallbackField is the field that stands for Authorization behind proxies that
// strip it, where Config.FallbackHeader allows it.
const FallbackField = "X-Quillgate-Authorization"

// Config holds what a Verifier is made of.
type Config struct {
	Users *Users
	Apps  *apps.Store

	// ClientAddr tells where a request came from and whether no one on the
	// way could read it. When nil, it is the peer of the connection, and
	// TLS or a peer on this machine. A request that a proxy on this machine
	// passes on is not one from this machine.
	ClientAddr func(*http.Request) (addr netip.Addr, secure bool)

	// FallbackHeader takes the field FallbackField for Authorization where a
	// request has none, for proxies that take the latter away. A request with
	// both is refused.
	FallbackHeader bool

	// Origin tells which address the client used: message signatures cover it.
	// When nil, it is that of the connection and of the Host field, and it is
	// ours.
	Origin func(*http.Request) Origin

	// ClearTextPasswords takes passwords over plain connections from anywhere.
	// The making of keys stays refused there.
	ClearTextPasswords bool

	// Judge decides about passwords in calls where they are kept elsewhere; nil
	// where they are kept here.
	Judge Judge

	// PasswordMode is what becomes of the passwords of accounts in calls; the
	// site and each user can be set to something stricter. ModeAllow when empty.
	PasswordMode Mode

	// ThrottleExempt lists networks whose wrong passwords are not counted.
	ThrottleExempt []netip.Prefix

	Clock   func() time.Time // time.Now when nil
	Logger  *slog.Logger     // discards when nil
	Observe func(context.Context, Event)
}

// Verifier checks what requests present. It is safe for concurrent use.
type Verifier struct {
	cfg      Config
	throttle throttle
	*memory
}

// memory is what the verifiers of all sites of a database have in common. What is remembered there of a user, a key or a guess is
// of one site: users have their numbers and keys their names in all sites together, and guesses are named under the site's key.
type memory struct {
	blocked  blocked
	quiet    quiet
	proofs   proofs
	repeated repeated
	oneByOne turnstile
	dummy    string
	dummies  dummies
	nonces   nonces
}

// A Site is what a verifier knows of one site: the members of Config of the same names.
type Site struct {
	Users        *Users
	Apps         *apps.Store
	Judge        Judge
	PasswordMode Mode
	Origin       func(*http.Request) Origin
}

// Of returns the verifier of another site of the same database. It costs next to nothing, and Run of the first one keeps house
// for all of them.
func (v *Verifier) Of(site Site) *Verifier {
	cfg := v.cfg
	cfg.Users, cfg.Apps, cfg.Judge, cfg.PasswordMode, cfg.Origin = site.Users, site.Apps, site.Judge, site.PasswordMode, site.Origin
	return &Verifier{cfg, throttle{site.Users, v.throttle.limit, v.throttle.blocked}, v.memory}
}

// New returns a verifier.
func New(cfg Config) *Verifier {
	if cfg.ClientAddr == nil {
		cfg.ClientAddr = peer
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Origin == nil {
		cfg.Origin = origin
	}
	// As long as the secrets that are made here.
	dummy := (rand.Text() + rand.Text() + rand.Text())[:53]
	m := &memory{
		quiet:    newQuiet(),
		proofs:   newProofs(),
		repeated: repeated{proofs: newProofs()},
		dummy:    dummy,
		dummies:  newDummies(dummy),
		nonces:   nonces{db: cfg.Users.db, limit: maxNonces},
	}
	return &Verifier{cfg, throttle{cfg.Users, throttleLimit, &m.blocked}, m}
}

// Origin is the address that a client used.
type Origin struct {
	Scheme    string // "http" or "https"
	Authority string // host, and port if it is not the scheme's own
	// Own reports whether the host is one that this server answers for. A
	// verification key may be known to several servers, and what was signed
	// for another must not pass here.
	Own bool
}

// origin is the address that a client used when there is no proxy.
func origin(r *http.Request) Origin {
	if r.TLS != nil {
		return Origin{"https", r.Host, true}
	}
	return Origin{"http", r.Host, true}
}

// allowed reports whether an address is in one of the networks; none at all
// stand for everywhere.
func allowed(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return len(networks) == 0
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, r.TLS != nil
	}
	addr := at.Addr().Unmap()
	return addr, r.TLS != nil || addr.IsLoopback()
}

// tell logs an event and hands it to the observer.
func (v *Verifier) tell(ctx context.Context, e Event) {
	if runes := []rune(e.Login); len(runes) > 100 {
		e.Login = string(runes[:100])
	}
	if v.cfg.Observe != nil {
		v.cfg.Observe(ctx, e)
	}
	if e.Reason != "" {
		if n, ok := v.quiet.loud(e, v.cfg.Clock()); ok {
			v.cfg.Logger.InfoContext(ctx, "credential refused", "reason", string(e.Reason), "public", e.Public, "login", e.Login, "address", e.Addr, "times", n)
		}
	} else if v.cfg.Logger.Enabled(ctx, slog.LevelDebug) {
		v.cfg.Logger.DebugContext(ctx, "credential accepted", "via", e.Via.String(), "public", e.Public, "user", e.UserID, "address", e.Addr)
	}
}
