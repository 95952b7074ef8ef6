package profiles

import "net/http"

// againPage asks for the password once more, before what needs it.
func (v *visit) againPage() error {
	v.title = v.T("Confirm your password")
	return v.show("again", v.r.URL.Query().Get("next"))
}

// again checks it and goes on.
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
