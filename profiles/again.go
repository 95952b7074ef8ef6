package profiles

import "net/http"

// againPage asks for the password again, before an action that requires it.
func (v *visit) againPage() error {
	v.title = v.T("Confirm your password")
	return v.show("again", v.r.URL.Query().Get("next"))
}

// again checks the password, and continues with the action.
func (v *visit) again() error {
	next := v.form("next")
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok {
		v.title, v.posted = v.T("Confirm your password"), true
		v.render(http.StatusForbidden, "again", next)
		return nil
	}
	v.redirect(destination(next))
	return nil
}
