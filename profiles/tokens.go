package profiles

import (
	"errors"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// ofToken converts a token or application password for the list.
func (v *visit) ofToken(t apps.Token) credential {
	c := credential{
		ID: t.ID, Kind: kindPassword, UserID: t.UserID, Name: t.Name, Hint: t.Hint, Scope: t.Scope, Networks: t.Networks,
		Created: t.Created, Expires: t.Expires, State: t.State(v.now()), LastUse: t.LastUse,
	}
	if t.Kind == apps.AccessToken {
		c.Kind = kindToken
	}
	return c
}

// tokens lists the tokens of a user, or of all users if userID is 0.
func (v *visit) tokens(userID int64, over bool) ([]credential, error) {
	tokens, err := v.p.cfg.Apps.Tokens(v.ctx(), apps.TokenFilter{UserID: userID, Revoked: over})
	if err != nil {
		return nil, err
	}
	list := make([]credential, len(tokens))
	for i, t := range tokens {
		list[i] = v.ofToken(t)
	}
	return list, nil
}

// token returns a token.
func (v *visit) token(id string) (credential, error) {
	t, err := v.p.cfg.Apps.Token(v.ctx(), id)
	if errors.Is(err, apps.ErrNoToken) {
		return credential{}, apps.ErrNotFound
	}
	if err != nil {
		return credential{}, err
	}
	return v.ofToken(t), nil
}

// createToken creates a token.
func (v *visit) createToken(k kind, l limits) (credential, apps.Secret, error) {
	in := apps.NewToken{UserID: v.who.User.ID, Kind: apps.ApplicationPassword, Name: l.Name, Scope: l.Scope, Networks: l.Networks, Expires: l.Expires}
	switch k {
	case kindToken:
		in.Kind = apps.AccessToken
	case kindPassword:
	default:
		return credential{}, apps.Secret{}, errNothing
	}
	t, text, err := v.p.cfg.Apps.CreateToken(v.ctx(), v.actor(), in)
	return v.ofToken(t), text, err
}

// changeToken changes a token.
func (v *visit) changeToken(c credential, l limits) error {
	change := apps.Change{Scope: &l.Scope, Networks: &l.Networks, Expires: &l.Expires}
	if l.Name != c.Name {
		change.Name = &l.Name
	}
	_, err := v.p.cfg.Apps.UpdateToken(v.ctx(), v.actor(), c.UserID, c.ID, change)
	return err
}

// revokeToken revokes a token.
func (v *visit) revokeToken(c credential) error {
	return v.p.cfg.Apps.RevokeToken(v.ctx(), v.actor(), c.UserID, c.ID)
}

// sendersLately is the period for which the page warns about a client that has
// sent the password.
const sendersLately = 30 * 24 * time.Hour

// senders lists the clients that still send the password of the visitor's
// account.
func (v *visit) senders() ([]sender, error) {
	clients, err := v.p.cfg.Users.PasswordClients(v.ctx(), v.who.User.ID)
	if err != nil {
		return nil, err
	}
	var list []sender
	for _, c := range clients {
		if v.now().Sub(c.Last) > sendersLately {
			continue
		}
		s := sender{Name: shortName(c.Agent), Program: program(c.Agent), Last: c.Last, Taken: c.Taken, Refused: c.Refused}
		if s.Program == "" {
			s.Program = v.T("An unknown client")
			s.Name = s.Program
		}
		if c.Addr.IsValid() {
			s.Addr = c.Addr.String()
		}
		list = append(list, s)
	}
	return list, nil
}
