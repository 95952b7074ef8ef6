// Package auth decides who is calling and what they may do: users, their roles
// and passwords, and the verification of credentials in requests.
//
// Each request is verified on its own, never by its connection. It presents one
// credential or none; a presented signature that is invalid ends the request,
// whatever else it contains. From outside, all refusals of a credential look
// the same: ErrDenied. The reason goes to the log and to Config.Observe.
//
// The caller is a value, Identity, which is passed as an argument. Its zero
// value is anonymous.
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
	// ErrDenied is the error for every refused credential: unknown, wrong,
	// revoked, malformed, expired. A *Throttled is an ErrDenied too.
	ErrDenied = errors.New("access denied")
	// ErrClearText refuses a password that came over a connection that others
	// can read, whether or not it is right.
	ErrClearText = errors.New("passwords are accepted over TLS only, or from this machine")
	// ErrBusy means that too many passwords are waiting to be checked. The
	// caller should try again in a few seconds.
	ErrBusy = errors.New("too many passwords are being checked")
	// ErrPasswordsRefused refuses the password of an account without checking
	// it, because the site accepts none in calls. It is the same for every
	// name.
	ErrPasswordsRefused = errors.New("this site does not accept account passwords in calls")
	// ErrNotFound means that there is no such user.
	ErrNotFound = errors.New("no such user")
)

// Throttled refuses a password without checking it, because of too many wrong
// ones before. It is an ErrDenied.
type Throttled struct{ RetryAfter time.Duration }

func (t *Throttled) Error() string {
	return fmt.Sprintf("too many wrong passwords: try again in %v", t.RetryAfter.Round(time.Second))
}

// Is makes errors.Is(err, ErrDenied) true.
func (t *Throttled) Is(target error) bool { return target == ErrDenied }

// Invalid names the field of a user that is refused, and the reason.
type Invalid struct{ Field, Why string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Why }

// Via is how a caller was authenticated.
type Via int

// The ways of authentication.
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

// Identity is an authenticated caller. The zero value is anonymous.
type Identity struct {
	User  User
	App   *apps.App   // the key of the signature; nil without one
	Token *apps.Token // the presented token or application password; nil without one
	Scope apps.Scope  // the limits of the credential; the zero Scope: everything that the user may do
	Via   Via
	Addr  netip.Addr // of the client; the zero Addr if unknown
	Agent string     // the User-Agent of the client

	Repeat Repeat // identifies the call if the same request could be sent again; see Repeat
}

// Actor returns the caller as an actor of the audit trail.
func (i Identity) Actor() audit.Actor {
	a := audit.Actor{UserID: i.User.ID, Via: i.Via.String(), Addr: i.Addr, Agent: i.Agent}
	if i.App != nil {
		a.App = i.App.Public
	} else if i.Token != nil {
		a.App = i.Token.ID
	}
	return a
}

// LoggedIn reports whether the caller is not anonymous.
func (i Identity) LoggedIn() bool { return i.User.ID != 0 }

// Reason is why a credential was refused, for logs and metrics. The empty
// reason means success.
type Reason string

// The reasons.
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
	// VerificationKeyOnly refuses the header scheme for a key without a secret.
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

	// For message signatures.
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

// Event is one verification with its result.
type Event struct {
	Reason Reason // empty: accepted
	Via    Via
	Public string // the key or token that was named, if any; for an application password, the ID
	Login  string // the given user name, cut to 100 characters
	UserID int64  // the user, if accepted
	Addr   netip.Addr
	// Superseded means that the accepted key was rotated: its client still has
	// to change to the new pair.
	Superseded bool
}

// FallbackField replaces Authorization behind proxies that remove that field,
// if Config.FallbackHeader allows it.
const FallbackField = "X-Quillgate-Authorization"

// Config configures a Verifier.
type Config struct {
	Users *Users
	Apps  *apps.Store

	// ClientAddr returns where a request came from, and whether nobody on the
	// way could read it. By default it is the peer of the connection, and
	// secure means TLS or a peer on this machine. A request that a proxy on
	// this machine forwards is not one from this machine.
	ClientAddr func(*http.Request) (addr netip.Addr, secure bool)

	// FallbackHeader accepts FallbackField in place of a missing Authorization,
	// for proxies that remove it. A request with both is refused.
	FallbackHeader bool

	// Origin returns the address that the client used, which message signatures
	// cover. By default it consists of the connection and the Host field, and
	// counts as this server's.
	Origin func(*http.Request) Origin

	// ClearTextPasswords accepts passwords over unencrypted connections from
	// anywhere. Keys still cannot be created there.
	ClearTextPasswords bool

	// Judge checks passwords in calls if they are stored elsewhere. It is nil
	// if they are stored here.
	Judge Judge

	// PasswordMode is how account passwords in calls are treated. The site and
	// each user can have a stricter mode. The default is ModeAllow.
	PasswordMode Mode

	// ThrottleExempt lists networks from which wrong passwords are not counted.
	ThrottleExempt []netip.Prefix

	Clock   func() time.Time // default time.Now
	Logger  *slog.Logger     // default: discards
	Observe func(context.Context, Event)
}

// Verifier verifies the credentials in requests. It is safe for concurrent use.
type Verifier struct {
	cfg      Config
	throttle throttle
	*memory
}

// memory is the part that the verifiers of all sites of a database share. Its
// entries for a user, a key or a guess belong to one site: numbers of users and
// names of keys are unique over all sites, and guesses are hashed under the
// site's key.
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

// A Site holds what a verifier needs to know of one site, in the fields of
// Config with the same names.
type Site struct {
	Users        *Users
	Apps         *apps.Store
	Judge        Judge
	PasswordMode Mode
	Origin       func(*http.Request) Origin
}

// Of returns the verifier for another site of the same database. It is cheap.
// Run of the first verifier also cleans up for the others.
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
	// As long as the secrets that this server creates.
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
	Authority string // host, and the port unless it is the scheme's default
	// Own reports whether this server answers for the host. A verification key
	// may be known to several servers, and a signature for another one must not
	// be valid here.
	Own bool
}

// origin returns the address that a client used when there is no proxy.
func origin(r *http.Request) Origin {
	if r.TLS != nil {
		return Origin{"https", r.Host, true}
	}
	return Origin{"http", r.Host, true}
}

// allowed reports whether an address is in one of the networks. An empty list
// allows all.
func allowed(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return len(networks) == 0
}

// peer returns the address at the other end of the connection.
func peer(r *http.Request) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, r.TLS != nil
	}
	addr := at.Addr().Unmap()
	return addr, r.TLS != nil || addr.IsLoopback()
}

// tell logs an event and passes it to the observer.
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
