package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A REST is the part of WordPress's REST interface that manages application
// passwords. It uses ?rest_route=, which works without permalinks.
type REST struct {
	root    string
	rt      http.RoundTripper
	prepare func(*http.Request)
}

// NewREST returns the interface of the WordPress whose index.php is at the
// address root. prepare sets header fields of the caller, such as User-Agent,
// on each request.
func NewREST(root string, rt http.RoundTripper, prepare func(*http.Request)) *REST {
	return &REST{root: strings.TrimRight(root, "/"), rt: rt, prepare: prepare}
}

// ErrNoREST means that a site does not respond like a REST interface. It may be
// closed to visitors; the site may still have application passwords.
var ErrNoREST = errors.New("the site does not announce application passwords")

// ErrNoPasswords means that the site has disabled application passwords, or
// does not detect that it is served over https.
var ErrNoPasswords = errors.New("the site offers no application passwords")

// An Index is the public description of a WordPress.
type Index struct {
	Name string // of the site
	Home string // the address that visitors see
	URL  string // the address of the WordPress itself, which may be in a folder below Home
	// Authorize is the page on which a person gives a client an application
	// password. It is empty if there is no such page.
	Authorize string
}

// Index requests the index. Error: [ErrNoREST].
func (r *REST) Index(ctx context.Context) (Index, error) {
	var answer struct {
		Name           string          `json:"name"`
		Home           string          `json:"home"`
		URL            string          `json:"url"`
		Authentication json.RawMessage `json:"authentication"`
	}
	status, err := r.do(ctx, http.MethodGet, "/", "", "", nil, &answer)
	if err != nil {
		return Index{}, err
	}
	if status != http.StatusOK || answer.Authentication == nil {
		return Index{}, ErrNoREST
	}
	i := Index{Name: answer.Name, Home: answer.Home, URL: answer.URL}
	var offered struct {
		Passwords struct {
			Endpoints struct {
				Authorization string `json:"authorization"`
			} `json:"endpoints"`
		} `json:"application-passwords"`
	}
	// PHP writes an empty object as an empty list.
	if json.Unmarshal(answer.Authentication, &offered) != nil || offered.Passwords.Endpoints.Authorization == "" {
		return i, nil
	}
	page, err := url.Parse(offered.Passwords.Endpoints.Authorization)
	if err != nil || page.Scheme != "https" && page.Scheme != "http" || page.Host == "" {
		return Index{}, ErrNoREST
	}
	i.Authorize = page.String()
	return i, nil
}

// AuthorizePage returns the address of the page on which a person gives a
// client an application password. Errors: [ErrNoREST], [ErrNoPasswords].
func (r *REST) AuthorizePage(ctx context.Context) (string, error) {
	i, err := r.Index(ctx)
	if err == nil && i.Authorize == "" {
		err = ErrNoPasswords
	}
	return i.Authorize, err
}

// Version returns the major version that a WordPress names in its feed, such as
// 6. The index does not contain it. An error means that the version is unknown.
func (r *REST) Version(ctx context.Context) (major int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.root+"/?feed=rss2", nil)
	if err != nil {
		return 0, fmt.Errorf("ask for the feed: %w", err)
	}
	r.prepare(req)
	resp, err := Send(r.rt, req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, fmt.Errorf("read the feed: %w", err)
	}
	_, after, _ := bytes.Cut(text, []byte("<generator>https://wordpress.org/?v="))
	number, _, ok := bytes.Cut(after, []byte("."))
	if !ok {
		return 0, errors.New("the site does not tell its version")
	}
	if major, err = strconv.Atoi(string(number)); err != nil {
		return 0, errors.New("the site does not tell its version")
	}
	return major, nil
}

// A Password is the description of an application password.
type Password struct {
	UUID string `json:"uuid"`   // identifies the password for Revoke
	App  string `json:"app_id"` // of the client that it was created for; empty if none was named
}

// Introspect returns the description of an application password, which it signs
// in with.
func (r *REST) Introspect(ctx context.Context, user, password string) (Password, error) {
	var answer Password
	status, err := r.do(ctx, http.MethodGet, "/wp/v2/users/me/application-passwords/introspect", user, password, nil, &answer)
	if err == nil && (status != http.StatusOK || answer.UUID == "") {
		err = fmt.Errorf("ask for the number of the application password: the site answers with HTTP status %d", status)
	}
	return answer, err
}

// Create creates another application password for the same user.
func (r *REST) Create(ctx context.Context, user, password, name string) (uuid, fresh string, err error) {
	var answer struct{ UUID, Password string }
	status, err := r.do(ctx, http.MethodPost, "/wp/v2/users/me/application-passwords", user, password, map[string]string{"name": name}, &answer)
	if err == nil && (status != http.StatusCreated || answer.Password == "" || answer.UUID == "") {
		err = fmt.Errorf("make an application password: the site answers with HTTP status %d", status)
	}
	return answer.UUID, answer.Password, err
}

// Revoke deletes an application password, authenticated by that password
// itself. It succeeds only if the site confirms the deletion or says that there
// is no such password.
func (r *REST) Revoke(ctx context.Context, user, password, uuid string) error {
	var answer struct {
		Deleted bool
		Code    string
	}
	// The method travels in a header field: many web servers refuse DELETE
	// here.
	status, err := r.do(ctx, http.MethodDelete, "/wp/v2/users/me/application-passwords/"+uuid, user, password, nil, &answer)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK && answer.Deleted, answer.Code == "rest_application_password_not_found":
		return nil
	}
	return fmt.Errorf("revoke the application password: the site answers with HTTP status %d", status)
}

// do sends one request. It sends DELETE as POST with X-HTTP-Method-Override.
func (r *REST) do(ctx context.Context, method, route, user, password string, body, answer any) (status int, err error) {
	address := r.root + "/?rest_route=" + url.QueryEscape(route)
	switch {
	case route == "/":
		address += "&_fields=name,home,url,authentication" // without the list of all routes
	case method != http.MethodGet:
		address = r.root + "/index.php?rest_route=" + url.QueryEscape(route)
	}
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		content = bytes.NewReader(text)
	}
	send := method
	if method == http.MethodDelete {
		send = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, send, address, content)
	if err != nil {
		return 0, fmt.Errorf("ask the site's REST interface: %w", err)
	}
	if send != method {
		req.Header.Set("X-HTTP-Method-Override", method)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	r.prepare(req)
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := Send(r.rt, req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return 0, fmt.Errorf("read the answer of the site's REST interface: %w", err)
	}
	if json.Unmarshal(text, answer) != nil {
		// Without permalinks, some addresses return the home page.
		return resp.StatusCode, ErrNoREST
	}
	return resp.StatusCode, nil
}
