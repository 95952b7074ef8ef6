package profiles

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// kind distinguishes the credentials that a client can sign in with.
type kind string

const (
	kindKey          kind = "key"          // public key and secret
	kindVerification kind = "verification" // a pair whose private half only the client has
	kindPassword     kind = "password"     // an application password, as in WordPress
	kindToken        kind = "token"
)

// rare reports whether few people need the kind, so that the form hides it at
// first.
func (k kind) rare() bool {
	switch k {
	case kindKey, kindPassword:
		return false
	}
	return true
}

// credential is a line of the list: an application with what it signs in with.
type credential struct {
	ID         string
	Kind       kind
	UserID     int64
	Name, Hint string
	Scope      apps.Scope
	Networks   []netip.Prefix
	Created    time.Time
	Expires    time.Time
	State      apps.State
	LastUse    apps.Use
	Uses       int64
	Strict     bool
	Algorithm  string
	Legacy     bool
	Successor  string
	Late       bool // still used after its rotation
	Owner      string
}

// Works reports whether clients can sign in with the credential.
func (c credential) Works() bool { return c.State.Works() }

// Over reports whether the credential was revoked or has expired.
func (c credential) Over() bool { return c.State == apps.Revoked || c.State == apps.Expired }

// Program returns the name of the client that used the credential last.
func (c credential) Program() string { return program(c.LastUse.Agent) }

// IsKey reports whether the credential is a pair of public key and secret.
func (c credential) IsKey() bool { return c.Kind == kindKey }

// IsSigned reports whether requests are signed with it.
func (c credential) IsSigned() bool { return c.Kind == kindKey || c.Kind == kindVerification }

// KindName describes a kind.
func (v *visit) KindName(k kind) string {
	switch k {
	case kindVerification:
		return v.T("Verification key")
	case kindPassword:
		return v.T("Application password")
	case kindToken:
		return v.T("Token")
	}
	return v.T("Key with a secret")
}

// StateName describes a state.
func (v *visit) StateName(s apps.State) string {
	switch s {
	case apps.Superseded:
		return v.T("rotated, still works")
	case apps.Unused:
		return v.T("disabled because it was not used")
	case apps.Expired:
		return v.T("expired")
	case apps.Revoked:
		return v.T("revoked")
	}
	return v.T("in use")
}

// Soon describes when a credential expires, if that is soon.
func (v *visit) Soon(c credential) string {
	switch left := c.Expires.Sub(v.now()); {
	case c.Expires.IsZero() || !c.Works() || left > apps.ExpirySoon:
		return ""
	case left < 24*time.Hour:
		return v.T("expires within a day")
	case left < 48*time.Hour:
		return v.T("expires in one day")
	default:
		return v.T("expires in %d days", int(left.Hours()/24))
	}
}

func (v *visit) ofApp(a apps.App) credential {
	c := credential{
		ID: a.Public, Kind: kindKey, UserID: a.UserID, Name: a.Name, Hint: a.Hint, Scope: a.Scope, Networks: a.Networks,
		Created: a.Created, Expires: a.Expires, State: v.p.cfg.Apps.State(a), LastUse: a.LastUse, Uses: a.Uses, Strict: a.Strict,
		Algorithm: a.Algorithm, Legacy: a.LegacySignatures, Successor: a.Successor, Late: a.UsedAfterRotation(),
	}
	if a.VerificationKey != nil {
		c.Kind = kindVerification
	}
	return c
}

// credentials lists the credentials of a user, or of all users if userID is 0,
// the newest first. over includes revoked and expired ones.
func (v *visit) credentials(userID int64, over bool) ([]credential, error) {
	var list []credential
	for after := ""; ; {
		some, next, err := v.p.cfg.Apps.List(v.ctx(), apps.Filter{UserID: userID, Revoked: over, Limit: 1000, After: after})
		if err != nil {
			return nil, err
		}
		for _, a := range some {
			list = append(list, v.ofApp(a))
		}
		if after = next; next == "" || len(list) >= 10000 {
			break
		}
	}
	tokens, err := v.tokens(userID, over)
	if err != nil {
		return nil, err
	}
	list = append(list, tokens...)
	slices.SortStableFunc(list, func(a, b credential) int { return cmp.Compare(b.Created.UnixMicro(), a.Created.UnixMicro()) })
	return list, nil
}

// credential returns the credential that the path names. It must belong to the
// visitor.
func (v *visit) credential() (credential, error) {
	c, err := v.anyCredential()
	if err == nil && c.UserID != v.who.User.ID {
		return credential{}, apps.ErrNotFound
	}
	return c, err
}

// anyCredential returns the credential that the path names, whoever its owner
// is.
func (v *visit) anyCredential() (credential, error) {
	id := v.r.PathValue("id")
	a, err := v.p.cfg.Apps.Get(v.ctx(), id)
	if errors.Is(err, apps.ErrNotFound) {
		return v.token(id)
	}
	if err != nil {
		return credential{}, err
	}
	return v.ofApp(a), nil
}

// revoke revokes a credential.
func (v *visit) revoke(c credential) error {
	if c.IsSigned() {
		return v.p.cfg.Apps.Revoke(v.ctx(), v.actor(), c.UserID, c.ID)
	}
	return v.revokeToken(c)
}

// matches reports whether a credential matches a search.
func (c credential) matches(search string) bool {
	search = strings.ToLower(search)
	for _, text := range []string{c.Name, c.ID, c.Owner, c.LastUse.Agent, c.LastUse.Addr.String()} {
		if strings.Contains(strings.ToLower(text), search) {
			return true
		}
	}
	return false
}
