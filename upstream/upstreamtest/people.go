package upstreamtest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A Password is an application password.
type Password struct {
	UUID, Login, Name, App string
	text                   string
}

// Passwords returns all application passwords.
func (wp *WordPress) Passwords() []Password {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	return slices.Clone(wp.passwords)
}

// made creates an application password.
func (wp *WordPress) made(login, name, app string) Password {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	n := strings.ToLower(rand.Text())
	p := Password{UUID: fmt.Sprintf("00000000-0000-4000-8000-%012x", len(n)+wp.numbered), Login: login, Name: name, App: app, text: (rand.Text() + rand.Text())[:24]}
	wp.numbered++
	wp.passwords = append(wp.passwords, p)
	return p
}

var noLetters = regexp.MustCompile(`[^A-Za-z0-9]`)

// application returns the application password with this text. There are none
// if the WordPress does not detect https.
func (wp *WordPress) application(login, password string) (Password, bool) {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	for _, p := range wp.passwords {
		if wp.HTTPS && p.Login == login && p.text == noLetters.ReplaceAllString(password, "") {
			return p, true
		}
	}
	return Password{}, false
}

// page is the template of the pages for people. The texts are our own; the
// fields and their effects are WordPress's.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html><html lang="en"><head><title>{{.Title}}</title><link rel="icon" href="data:,"></head><body><main><h1>{{.Title}}</h1>
{{with .Text}}<p id="text">{{.}}</p>{{end}}{{with .Back}}<p><a href="{{.}}">Go Back</a></p>{{end}}
{{if .Login}}<form method="post" action="/wp-login.php"><input type="hidden" name="redirect_to" value="{{.To}}">
<label>User <input name="log" id="user_login"></label> <label>Password <input name="pwd" id="user_pass" type="password"></label><button id="wp-submit">Log In</button></form>{{end}}
{{if .Ask}}<form method="post" action="/wp-admin/authorize-application.php">{{range $k, $v := .Wish}}<input type="hidden" name="{{$k}}" value="{{index $v 0}}">{{end}}
<button name="approve" value="1" id="approve">Yes</button> <button name="reject" value="1" id="reject">No</button></form>{{end}}
</main></body></html>`))

type shown struct {
	Title, Text, To, Back string
	Login, Ask            bool
	Wish                  url.Values
}

func show(w http.ResponseWriter, status int, s shown) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	_ = page.Execute(w, s)
}

// signedIn returns the user in the cookie: a toy, for tests.
func (wp *WordPress) signedIn(r *http.Request) string {
	c, err := r.Cookie("wordpress_logged_in")
	if err != nil {
		return ""
	}
	wp.mu.Lock()
	defer wp.mu.Unlock()
	for login := range wp.Users {
		if c.Value == login+"|"+wp.cookie {
			return login
		}
	}
	return ""
}

// logIn imitates wp-login.php.
func (wp *WordPress) logIn(w http.ResponseWriter, r *http.Request) {
	to := r.FormValue("redirect_to")
	if r.Method != http.MethodPost {
		show(w, http.StatusOK, shown{Title: "Log In", Login: true, To: to})
		return
	}
	login := r.PostFormValue("log")
	wp.mu.Lock()
	want, ok := wp.Users[login]
	wp.mu.Unlock()
	if !ok || want != r.PostFormValue("pwd") {
		show(w, http.StatusOK, shown{Title: "Log In", Login: true, To: to, Text: "This is not right."})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "wordpress_logged_in", Value: login + "|" + wp.cookie, Path: "/", HttpOnly: true})
	http.Redirect(w, r, to, http.StatusFound)
}

// authorize imitates wp-admin/authorize-application.php of WordPress 6.1 and
// 7.0.
func (wp *WordPress) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		return
	}
	login := wp.signedIn(r)
	if login == "" {
		http.Redirect(w, r, "/wp-login.php?"+url.Values{"redirect_to": {r.URL.RequestURI()}, "reauth": {"1"}}.Encode(), http.StatusFound)
		return
	}
	success, reject := r.Form.Get("success_url"), r.Form.Get("reject_url")
	if reject == "" && success != "" {
		reject = added(success, url.Values{"success": {"false"}})
	}
	if wp.Disabled {
		s := shown{Title: "Not here", Text: "There are no application passwords for you."}
		if reject != "" {
			s.Back = added(reject, url.Values{"error": {"disabled"}})
		}
		show(w, http.StatusNotImplemented, s)
		return
	}
	for _, address := range []string{success, reject} {
		if address != "" && !wp.mayReturn(address) {
			show(w, http.StatusInternalServerError, shown{Title: "Not allowed", Text: "The address has to be one of https."})
			return
		}
	}
	switch {
	case r.Method != http.MethodPost:
		show(w, http.StatusOK, shown{Title: "An application asks", Text: r.Form.Get("app_name"), Ask: true, Wish: r.Form})
	case r.PostFormValue("approve") == "":
		if reject == "" {
			reject = "/wp-admin/"
		}
		http.Redirect(w, r, reject, http.StatusFound)
	case slices.ContainsFunc(wp.Passwords(), func(p Password) bool { return p.Login == login && p.Name == r.Form.Get("app_name") }):
		show(w, http.StatusOK, shown{Title: "An application asks", Text: "Each application name should be of one only."})
	default:
		p := wp.made(login, r.Form.Get("app_name"), r.Form.Get("app_id"))
		if success == "" {
			show(w, http.StatusOK, shown{Title: "Your new password", Text: p.text})
			return
		}
		http.Redirect(w, r, added(success, url.Values{"site_url": {wp.home()}, "user_login": {login}, "password": {p.text}}), http.StatusFound)
	}
}

// mayReturn reports whether WordPress would send a password to an address.
func (wp *WordPress) mayReturn(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && wp.Version >= 7 && (u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
}

// added appends to a query, as WordPress does.
func added(address string, values url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + values.Encode()
	}
	return address + "?" + values.Encode()
}

const ownPasswords = "/wp/v2/users/me/application-passwords"

// rest imitates the part of the REST interface that manages application
// passwords.
func (wp *WordPress) rest(w http.ResponseWriter, r *http.Request, route string) {
	w.Header().Set("Content-Type", "application/json")
	answer := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	if route == "/" {
		var offered any = []string{}
		if wp.HTTPS {
			offered = map[string]any{"application-passwords": map[string]any{"endpoints": map[string]string{"authorization": wp.home() + "/wp-admin/authorize-application.php"}}}
		}
		answer(http.StatusOK, map[string]any{"name": "A small WordPress", "home": wp.home(), "url": wp.home(), "authentication": offered})
		return
	}
	login, password, _ := r.BasicAuth()
	p, ok := wp.application(login, password)
	method := r.Method
	if m := r.Header.Get("X-HTTP-Method-Override"); m != "" {
		method = m
	}
	switch {
	case !ok:
		answer(http.StatusUnauthorized, map[string]string{"code": "rest_not_logged_in"})
	case route == ownPasswords+"/introspect":
		answer(http.StatusOK, map[string]string{"uuid": p.UUID, "app_id": p.App, "name": p.Name})
	case method == http.MethodDelete:
		wp.mu.Lock()
		n := len(wp.passwords)
		wp.passwords = slices.DeleteFunc(wp.passwords, func(q Password) bool { return q.Login == login && ownPasswords+"/"+q.UUID == route })
		gone := len(wp.passwords) < n
		wp.mu.Unlock()
		if !gone {
			answer(http.StatusNotFound, map[string]string{"code": "rest_application_password_not_found"})
			return
		}
		answer(http.StatusOK, map[string]any{"deleted": true})
	default:
		answer(http.StatusNotFound, map[string]string{"code": "rest_no_route"})
	}
}

// home returns the address that the WordPress has for itself.
func (wp *WordPress) home() string {
	if wp.Home != "" {
		return wp.Home
	}
	return wp.URL
}

// RevokeAll revokes all application passwords, as a person may.
func (wp *WordPress) RevokeAll() {
	wp.mu.Lock()
	defer wp.mu.Unlock()
	wp.passwords = nil
}
