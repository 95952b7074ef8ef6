package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/database"
)

var (
	// ErrPasskey means that the answer of a passkey is not right. It is an
	// ErrDenied.
	ErrPasskey = fmt.Errorf("the passkey was not accepted: %w", ErrDenied)
	// ErrNoPasskey means that there is no such passkey, or that it belongs to
	// another user.
	ErrNoPasskey = errors.New("no such passkey")
	// ErrTooManyPasskeys means that the user already has MaxPasskeys.
	ErrTooManyPasskeys = fmt.Errorf("a user can have at most %d passkeys", MaxPasskeys)
	// ErrPasskeyAddress means that passkeys cannot be bound to the address of
	// the site: they need a domain name, and TLS unless the name is localhost.
	ErrPasskeyAddress = errors.New("passkeys need a site with a domain name and https")
)

// CeremonyTime is how long someone may take to use a passkey.
const CeremonyTime = 5 * time.Minute

// MaxPasskeys is the largest number of passkeys of a user.
const MaxPasskeys = 20

// Kinds of audit events about passkeys.
const (
	PasskeyAdded   audit.Kind = "passkey.added"
	PasskeyRenamed audit.Kind = "passkey.renamed"
	PasskeyRemoved audit.Kind = "passkey.removed"
)

// Passkey is a credential of the Web Authentication standard that a user has
// registered.
type Passkey struct {
	ID       string // not secret
	Name     string // the owner's name for it
	Created  time.Time
	LastUsed time.Time // zero: never
}

// Passkeys registers passkeys and checks their answers (W3C Web Authentication,
// Level 3). It is safe for concurrent use.
type Passkeys struct {
	users    *Users
	webauthn *webauthn.WebAuthn
}

// NewPasskeys returns the passkeys of a site, which are bound to the address of
// the home page. Error: ErrPasskeyAddress.
func NewPasskeys(users *Users, home, siteName string) (*Passkeys, error) {
	u, err := url.Parse(home)
	if err != nil {
		return nil, ErrPasskeyAddress
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Hostname() == "" || u.Scheme != "https" && u.Hostname() != "localhost" {
		return nil, ErrPasskeyAddress
	}
	w, err := webauthn.New(&webauthn.Config{RPID: u.Hostname(), RPDisplayName: siteName, RPOrigins: []string{u.Scheme + "://" + u.Host}})
	if err != nil {
		return nil, fmt.Errorf("prepare passkeys: %w", err)
	}
	return &Passkeys{users: users, webauthn: w}, nil
}

// holder adapts a user for the library. The handle is the number of the
// account, which reveals nothing about the person.
type holder struct {
	User
	credentials []webauthn.Credential
}

func (h *holder) WebAuthnID() []byte                         { return binary.BigEndian.AppendUint64(nil, uint64(h.ID)) }
func (h *holder) WebAuthnName() string                       { return h.Login }
func (h *holder) WebAuthnDisplayName() string                { return h.DisplayName }
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.credentials }

func (p *Passkeys) holder(ctx context.Context, userID int64) (*holder, error) {
	user, err := p.users.Get(ctx, userID)
	if err != nil {
		return nil, err
	}
	var stored []string
	err = p.users.db.Select(ctx, &stored, `SELECT credential FROM passkeys WHERE site_id = $site AND user_id = $1 ORDER BY created, credential_id`, userID)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	h := &holder{User: user}
	for _, text := range stored {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return nil, fmt.Errorf("read passkeys: %w", err)
		}
		h.credentials = append(h.credentials, c)
	}
	return h, nil
}

// Ceremony is a challenge for a passkey. Options is JSON for the browser's
// PublicKeyCredential; State must be kept until the answer comes. The State of
// a sign-in is sealed, so that the browser itself can keep it and strangers
// cannot fill the server. It is good for one right answer, within CeremonyTime.
type Ceremony struct{ Options, State []byte }

func ceremony(options any, session *webauthn.SessionData) (c Ceremony, err error) {
	if c.Options, err = json.Marshal(options); err == nil {
		c.State, err = json.Marshal(session)
	}
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask a passkey: %w", err)
	}
	return c, nil
}

// BeginPasskey begins the registration of a passkey. Errors: ErrNotFound,
// ErrTooManyPasskeys.
func (p *Passkeys) BeginPasskey(ctx context.Context, userID int64) (Ceremony, error) {
	h, err := p.holder(ctx, userID)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.credentials) >= MaxPasskeys {
		return Ceremony{}, ErrTooManyPasskeys
	}
	var there []protocol.CredentialDescriptor
	for i := range h.credentials {
		there = append(there, h.credentials[i].Descriptor())
	}
	options, session, err := p.webauthn.BeginRegistration(h, webauthn.WithExclusions(there),
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		}),
		webauthn.WithConveyancePreference(protocol.PreferNoAttestation))
	if err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return ceremony(options.Response, session)
}

// AddPasskey completes BeginPasskey with the answer. Errors: ErrPasskey,
// *apps.Invalid for the name.
func (p *Passkeys) AddPasskey(ctx context.Context, by audit.Actor, userID int64, state, answer []byte, name string) (Passkey, error) {
	name, err := apps.CleanName(name)
	if err != nil {
		return Passkey{}, err
	}
	h, err := p.holder(ctx, userID)
	if err != nil {
		return Passkey{}, err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return Passkey{}, ErrPasskey
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Passkey{}, ErrPasskey
	}
	credential, err := p.webauthn.CreateCredential(h, session, parsed)
	if err != nil {
		return Passkey{}, ErrPasskey
	}
	text, err := json.Marshal(credential)
	if err != nil {
		return Passkey{}, fmt.Errorf("add a passkey: %w", err)
	}
	key := Passkey{ID: base64.RawURLEncoding.EncodeToString(credential.ID), Name: name, Created: p.users.now()}
	err = p.users.db.Update(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO passkeys (site_id, credential_id, user_id, name, credential, created) VALUES ($site, $1, $2, $3, $4, $5)`,
			credential.ID, userID, name, string(text), key.Created)
		if err != nil {
			return err
		}
		return audit.Append(ctx, tx, passkeyEvent(PasskeyAdded, by, userID, name, key.Created))
	})
	if database.IsDuplicate(err) {
		return Passkey{}, ErrPasskey
	}
	if err != nil {
		return Passkey{}, fmt.Errorf("add a passkey: %w", err)
	}
	return key, nil
}

func passkeyEvent(kind audit.Kind, by audit.Actor, userID int64, name string, at time.Time) audit.Event {
	return audit.Event{Kind: kind, UserID: userID, By: by, At: at, Detail: map[string]string{"name": name}}
}

// BeginPasskeySignIn begins a sign-in with a passkey of this user. If the id is
// 0, any passkey will do, which then determines the user. Errors: ErrNotFound,
// ErrNoPasskey for a user without one.
func (p *Passkeys) BeginPasskeySignIn(ctx context.Context, userID int64) (Ceremony, error) {
	verify := webauthn.WithUserVerification(protocol.VerificationRequired)
	var options *protocol.CredentialAssertion
	var session *webauthn.SessionData
	if userID == 0 {
		var err error
		if options, session, err = p.webauthn.BeginDiscoverableLogin(verify); err != nil {
			return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
		}
		return p.sealed(ctx, options.Response, session)
	}
	h, err := p.holder(ctx, userID)
	if err != nil {
		return Ceremony{}, err
	}
	if len(h.credentials) == 0 {
		return Ceremony{}, ErrNoPasskey
	}
	if options, session, err = p.webauthn.BeginLogin(h, verify); err != nil {
		return Ceremony{}, fmt.Errorf("ask for a passkey: %w", err)
	}
	return p.sealed(ctx, options.Response, session)
}

// sealed returns a ceremony whose state nobody else can forge: a MAC followed
// by the state in JSON.
func (p *Passkeys) sealed(ctx context.Context, options any, session *webauthn.SessionData) (Ceremony, error) {
	session.Expires = p.users.now().Add(CeremonyTime)
	c, err := ceremony(options, session)
	if err != nil {
		return Ceremony{}, err
	}
	key, err := p.users.apps.Keyed(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	c.State = append(key.Sum("passkey question", string(c.State)), c.State...)
	return c, nil
}

// unseal parses the state of a sign-in. Error: ErrPasskey.
func (p *Passkeys) unseal(ctx context.Context, state []byte) (session webauthn.SessionData, err error) {
	key, err := p.users.apps.Keyed(ctx)
	if err != nil {
		return session, err
	}
	mac, text := state[:min(len(state), sha256.Size)], state[min(len(state), sha256.Size):]
	if !hmac.Equal(mac, key.Sum("passkey question", string(text))) || json.Unmarshal(text, &session) != nil || !p.users.now().Before(session.Expires) {
		return session, ErrPasskey
	}
	session.Expires = time.Time{} // the library uses the clock of the system
	return session, nil
}

// SignIn completes BeginPasskeySignIn with the answer, and returns the user. A
// passkey has verified its user, which this server requires, so it counts as
// both factors. Error: ErrPasskey.
func (p *Passkeys) SignIn(ctx context.Context, from Client, state, answer []byte) (User, error) {
	session, err := p.unseal(ctx, state)
	if err != nil {
		return User{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return User{}, ErrPasskey
	}
	var h *holder
	var broken error // the library does not return errors of the callback
	find := func(userID int64) (webauthn.User, error) {
		h, err = p.holder(ctx, userID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			broken = err
		}
		return h, err
	}
	var credential *webauthn.Credential
	if len(session.UserID) == 8 {
		if _, err = find(int64(binary.BigEndian.Uint64(session.UserID))); err == nil {
			credential, err = p.webauthn.ValidateLogin(h, session, parsed)
		}
	} else {
		credential, err = p.webauthn.ValidateDiscoverableLogin(func(_, handle []byte) (webauthn.User, error) {
			if len(handle) != 8 {
				return nil, ErrPasskey
			}
			return find(int64(binary.BigEndian.Uint64(handle)))
		}, session, parsed)
	}
	if broken != nil {
		return User{}, fmt.Errorf("check a passkey: %w", broken)
	}
	// A counter that goes back means a copy of the passkey.
	if err != nil || credential.Authenticator.CloneWarning {
		return User{}, ErrPasskey
	}
	who, err := p.users.signingIn(ctx, h.Login)
	if err != nil {
		return User{}, err
	}
	if !who.Networks.Allow(from.Addr) {
		return User{}, ErrPasskey
	}
	return h.User, p.used(ctx, from, h.ID, session.Challenge, credential)
}

// used stores the counter of a passkey, and that its owner has signed in. It
// refuses the same answer again: its challenge is a nonce.
func (p *Passkeys) used(ctx context.Context, from Client, userID int64, challenge string, credential *webauthn.Credential) error {
	text, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("note the use of a passkey: %w", err)
	}
	err = p.users.db.Update(ctx, func(tx *database.Tx) error {
		r, err := tx.Exec(ctx, `INSERT INTO nonces (public, nonce, expires) VALUES ('passkey', $1, $2) ON CONFLICT DO NOTHING`,
			challenge, p.users.now().Add(2*CeremonyTime))
		if err := touched(r, err); err != nil {
			if errors.Is(err, ErrNotFound) {
				return ErrPasskey
			}
			return err
		}
		r, err = tx.Exec(ctx, `UPDATE passkeys SET credential = $3, last_used = $4 WHERE site_id = $site AND credential_id = $1 AND user_id = $2`,
			credential.ID, userID, string(text), p.users.now())
		if err := touched(r, err); err != nil {
			if errors.Is(err, ErrNotFound) {
				return ErrPasskey // removed meanwhile
			}
			return err
		}
		by := audit.Actor{UserID: userID, Via: "passkey", Addr: from.Addr, Agent: from.Agent}
		return audit.Append(ctx, tx, audit.Event{Kind: SignedIn, UserID: userID, By: by, At: p.users.now()})
	})
	if err != nil {
		return fmt.Errorf("note the use of a passkey: %w", err)
	}
	return nil
}

// List returns the passkeys of a user, in the order of their creation.
func (p *Passkeys) List(ctx context.Context, userID int64) ([]Passkey, error) {
	var rows []struct {
		ID       []byte       `db:"credential_id"`
		Name     string       `db:"name"`
		Created  time.Time    `db:"created"`
		LastUsed sql.NullTime `db:"last_used"`
	}
	err := p.users.db.Select(ctx, &rows, `SELECT credential_id, name, created, last_used FROM passkeys
		WHERE site_id = $site AND user_id = $1 ORDER BY created, credential_id`, userID)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	list := make([]Passkey, len(rows))
	for i, r := range rows {
		list[i] = Passkey{ID: base64.RawURLEncoding.EncodeToString(r.ID), Name: r.Name, Created: r.Created, LastUsed: r.LastUsed.Time}
	}
	return list, nil
}

// Rename renames a passkey of the user. Errors: *apps.Invalid, ErrNoPasskey.
func (p *Passkeys) Rename(ctx context.Context, by audit.Actor, userID int64, id, name string) error {
	name, err := apps.CleanName(name)
	if err != nil {
		return err
	}
	return p.change(ctx, passkeyEvent(PasskeyRenamed, by, userID, name, p.users.now()),
		`UPDATE passkeys SET name = $3 WHERE site_id = $site AND credential_id = $1 AND user_id = $2 RETURNING name`, id, name)
}

// Remove removes a passkey of the user. Error: ErrNoPasskey.
func (p *Passkeys) Remove(ctx context.Context, by audit.Actor, userID int64, id string) error {
	return p.change(ctx, passkeyEvent(PasskeyRemoved, by, userID, "", p.users.now()),
		`DELETE FROM passkeys WHERE site_id = $site AND credential_id = $1 AND user_id = $2 RETURNING name`, id)
}

func (p *Passkeys) change(ctx context.Context, e audit.Event, statement, id string, args ...any) error {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(id))
	if err != nil {
		return ErrNoPasskey
	}
	err = p.users.db.Update(ctx, func(tx *database.Tx) error {
		var name string
		err := tx.Get(ctx, &name, statement, append([]any{raw, e.UserID}, args...)...)
		if errors.Is(err, database.ErrNoRows) {
			return ErrNoPasskey
		}
		if err != nil {
			return err
		}
		e.Detail["name"] = name
		return audit.Append(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("change a passkey: %w", err)
	}
	return nil
}
