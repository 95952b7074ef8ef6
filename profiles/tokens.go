package profiles

import (
	"github.com/quillgate/quillgate/apps"
)

func (v *visit) tokens(userID int64, over bool) ([]credential, error) { return nil, nil }

func (v *visit) token(id string) (credential, error) { return credential{}, apps.ErrNotFound }

func (v *visit) revokeToken(c credential) error { return apps.ErrNotFound }

func (v *visit) changeToken(c credential, l limits) error { return apps.ErrNotFound }

func (v *visit) createToken(k kind, l limits) (credential, apps.Secret, error) {
	return credential{}, apps.Secret{}, apps.ErrNotFound
}

func (v *visit) senders() ([]sender, error) { return nil, nil }
