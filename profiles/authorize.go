package profiles

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
)

// uuid matches a valid app_id, as WordPress defines it.
var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// wish is what an application requests. It has the parameters of WordPress's
// authorize-application.php, and two more: scope lists rights, separated by
// spaces or commas; kind is "password", as in WordPress, "key", or
// "verification", which comes with the public half of the application's own key
// pair in algorithm and pem.
//
// The response goes into the query of success_url, as in WordPress: site_url,
// user_login and password. For a key it is site_url, user_login, public and
// secret; a verification key has no secret. A refusal calls reject_url
// unchanged, or success_url with success=false if there is no reject_url.
type wish struct {
	Name    string
	Kind    kind
	Scope   apps.Scope
	Success target
	Reject  target
	From    url.Values // all parameters, for the form
}

// wish reads the parameters from the query or the form.
func (v *visit) wish(q url.Values) (wish, error) {
	w := wish{Name: strings.TrimSpace(q.Get("app_name")), Kind: kindPassword, From: wishOf(q)}
	if id := q.Get("app_id"); id != "" && !uuid.MatchString(id) {
		return w, v.unfit(v.T("The client's application id is not a UUID."))
	}
	switch q.Get("kind") {
	case "", "password":
	case "key":
		w.Kind = kindKey
	case "verification":
		w.Kind = kindVerification
		if _, err := apps.ParseVerificationKey(q.Get("algorithm"), []byte(q.Get("pem"))); err != nil {
			return w, v.unfit(v.T("The client's verification key cannot be read."))
		}
	default:
		return w, v.unfit(v.T("The client asks for something that is neither a key nor a password."))
	}
	var err error
	if w.Scope, err = apps.ParseScope(q.Get("scope"), ""); err != nil {
		return w, v.unfit(v.T("The client asks for an unknown permission."))
	}
	for _, t := range []struct {
		to   *target
		name string
	}{{&w.Success, "success_url"}, {&w.Reject, "reject_url"}} {
		if q.Get(t.name) == "" {
			continue
		}
		if *t.to, err = parseTarget(q.Get(t.name)); err != nil {
			return w, v.unfit(v.T("The answer may not be sent to the address that the client gave."))
		}
	}
	return w, nil
}

// wishOf returns those of the parameters that belong to a wish.
func wishOf(q url.Values) url.Values {
	from := url.Values{}
	for _, name := range []string{"app_name", "app_id", "success_url", "reject_url", "scope", "kind", "algorithm", "pem"} {
		if q.Get(name) != "" {
			from.Set(name, q.Get(name))
		}
	}
	return from
}

// unfit refuses a wish on a page. It redirects nowhere.
func (v *visit) unfit(text string) error {
	v.title = v.T("This request cannot be authorised")
	v.render(http.StatusBadRequest, "problem", struct{ Text, ID string }{text, ""})
	return errHandled
}

// authorizePage shows which application requests which rights.
func (v *visit) authorizePage() error {
	w, err := v.wish(v.r.URL.Query())
	if err != nil {
		return err
	}
	return v.showWish(w)
}

// showWish shows the form that asks for approval. Browsers apply form-action to
// redirects too, so the policy of this page also allows the target of the
// response, and nothing else.
func (v *visit) showWish(w wish) error {
	if v.title = v.T("Allow a client to publish in your name?"); w.Name != "" {
		v.title = v.T("Allow %s to publish in your name?", cut(w.Name, 100))
	}
	var sources []string
	page := struct {
		wish
		Where string
	}{w, ""}
	for _, t := range []target{w.Success, w.Reject} {
		if t.url != nil {
			sources = append(sources, t.source())
		}
	}
	if w.Success.url != nil {
		page.Where = w.Success.where()
	}
	v.w.Header().Set("Content-Security-Policy", policy(strings.Join(sources, " ")))
	return v.show("authorize", page)
}

// authorize grants or rejects a wish.
func (v *visit) authorize() error {
	w, err := v.wish(v.r.PostForm)
	if err != nil {
		return err
	}
	if v.form("do") != "approve" {
		return v.reject(w)
	}
	// As in WordPress, the user chooses the name in the list. The name that
	// the application gives itself is only a suggestion.
	name := w.Name
	if v.r.PostForm.Has("name") {
		name = v.form("name")
	}
	if name == "" {
		v.wrong("name", v.T("Give the application a name that you will recognise."))
	}
	ok, err := v.prove()
	if err != nil {
		return err
	}
	if !ok || len(v.problems) > 0 {
		return v.showWish(w)
	}
	c, secret, err := v.make(w.Kind, limits{Name: name, Scope: w.Scope, Expires: time.Time{}})
	if err != nil {
		if err := v.refused(err); err != nil {
			return err
		}
		return v.showWish(w)
	}
	if w.Success.url == nil {
		return v.reveal(c, secret)
	}
	answer := map[string]string{"site_url": v.Base(), "user_login": v.who.User.Login}
	switch w.Kind {
	case kindKey:
		answer["public"], answer["secret"] = c.ID, secret.Reveal()
	case kindVerification:
		answer["public"] = c.ID
	default:
		answer["password"] = secret.Reveal()
	}
	v.leave(w.Success.with(answer))
	return nil
}

// reject sends the browser back to the application, with a refusal.
func (v *visit) reject(w wish) error {
	switch {
	case w.Reject.url != nil:
		v.leave(w.Reject.with(nil))
	case w.Success.url != nil:
		v.leave(w.Success.with(map[string]string{"success": "false"}))
	case w.Name == "":
		return v.done("/profile", v.T("The client was not allowed to publish in your name."))
	default:
		return v.done("/profile", v.T("%s was not allowed to publish in your name.", cut(w.Name, 100)))
	}
	return nil
}

// leave redirects the browser to an application.
func (v *visit) leave(address string) {
	v.w.Header().Set("Referrer-Policy", "no-referrer")
	v.w.Header().Set("Location", address)
	v.w.WriteHeader(http.StatusSeeOther)
}
