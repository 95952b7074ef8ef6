package profiles

import "github.com/quillgate/quillgate/apps"

// applications is the list.
func (v *visit) applications() error {
	list, _, err := v.p.cfg.Apps.List(v.ctx(), apps.Filter{UserID: v.who.User.ID, Limit: 1000})
	if err != nil {
		return err
	}
	v.title = v.T("Remote Publishing Permissions")
	return v.show("applications", list)
}
