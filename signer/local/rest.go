package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/quillgate/quillgate/upstream"
)

// REST is the part of a WordPress's REST interface that is about application
// passwords. It is asked under ?rest_route=, which works without permalinks.
type REST struct {
	home  string
	agent string
	rt    http.RoundTripper
}

// NewREST returns the interface of the WordPress whose home page is home.
func NewREST(home string, base http.RoundTripper, version string) *REST {
	return &REST{home: strings.TrimRight(home, "/"), agent: "quillgate-sign/" + version, rt: base}
}

// ErrNoREST says that a site does not answer as a REST interface does. It may
// be closed to visitors; that proves nothing about application passwords.
var ErrNoREST = errors.New("the site does not tell about application passwords")

// ErrNoPasswords says that the site has switched application passwords off, or
// does not believe that it is on https.
var ErrNoPasswords = errors.New("the site offers no application passwords")

// AuthorizePage returns the address of the page on which a person gives a
// program an application password. Errors: [ErrNoREST], [ErrNoPasswords].
func (r *REST) AuthorizePage(ctx context.Context) (string, error) {
	var index struct {
		Authentication json.RawMessage `json:"authentication"`
	}
	status, err := r.do(ctx, http.MethodGet, "/", "", "", nil, &index)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK || index.Authentication == nil {
		return "", ErrNoREST
	}
	var offered struct {
		Passwords struct {
			Endpoints struct {
				Authorization string `json:"authorization"`
			} `json:"endpoints"`
		} `json:"application-passwords"`
	}
	// An empty list stands for nothing: PHP does not tell it from an object.
	if json.Unmarshal(index.Authentication, &offered) != nil || offered.Passwords.Endpoints.Authorization == "" {
		return "", ErrNoPasswords
	}
	page, err := url.Parse(offered.Passwords.Endpoints.Authorization)
	if err != nil || page.Scheme != "https" && page.Scheme != "http" || page.Host == "" {
		return "", ErrNoREST
	}
	return page.String(), nil
}

// Introspect returns the UUID of an application password, by which it is
// revoked.
func (r *REST) Introspect(ctx context.Context, user, password string) (uuid string, err error) {
	var answer struct {
		UUID string `json:"uuid"`
	}
	status, err := r.do(ctx, http.MethodGet, "/wp/v2/users/me/application-passwords/introspect", user, password, nil, &answer)
	if err == nil && (status != http.StatusOK || answer.UUID == "") {
		err = fmt.Errorf("ask for the number of the application password: the site answers with HTTP status %d", status)
	}
	return answer.UUID, err
}

// Create makes another application password of the same user.
func (r *REST) Create(ctx context.Context, user, password, name string) (uuid, fresh string, err error) {
	var answer struct{ UUID, Password string }
	status, err := r.do(ctx, http.MethodPost, "/wp/v2/users/me/application-passwords", user, password, map[string]string{"name": name}, &answer)
	if err == nil && (status != http.StatusCreated || answer.Password == "" || answer.UUID == "") {
		err = fmt.Errorf("make an application password: the site answers with HTTP status %d", status)
	}
	return answer.UUID, answer.Password, err
}

// Revoke deletes an application password with that password itself, and reports
// success only when the site confirms it or no longer takes the password.
func (r *REST) Revoke(ctx context.Context, user, password, uuid string) error {
	var answer struct{ Deleted bool }
	// The method stands in a field: many web servers refuse DELETE here.
	status, err := r.do(ctx, http.MethodDelete, "/wp/v2/users/me/application-passwords/"+uuid, user, password, nil, &answer)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK && answer.Deleted:
		return nil
	}
	return fmt.Errorf("revoke the application password: the site answers with HTTP status %d", status)
}

// do sends one request. DELETE travels as POST with X-HTTP-Method-Override.
func (r *REST) do(ctx context.Context, method, route, user, password string, body, answer any) (status int, err error) {
	address := r.home + "/?rest_route=" + url.QueryEscape(route)
	if method != http.MethodGet {
		address = r.home + "/index.php?rest_route=" + url.QueryEscape(route)
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
	req.Header.Set("User-Agent", r.agent)
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	resp, err := upstream.Send(r.rt, req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		return 0, fmt.Errorf("read the answer of the site's REST interface: %w", err)
	}
	if json.Unmarshal(text, answer) != nil {
		// Without permalinks some addresses answer with the home page.
		return resp.StatusCode, ErrNoREST
	}
	return resp.StatusCode, nil
}
