package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/quillgate/quillgate/audit"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/upstream"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A Profile is the description of a user at the WordPress.
type Profile struct {
	Login, Email, DisplayName string
	Role                      auth.Role
}

// Profile returns the profile of the user whose credential this is. The error
// is auth.ErrDenied if the WordPress refuses it.
func (g *Gateway) Profile(ctx context.Context, login, password string) (Profile, error) {
	row := methods.Lookup("wp.getProfile")
	c := &canonical{method: row, name: row.Name, args: []xmlrpc.Value{xmlrpc.Int(1), xmlrpc.String(""), xmlrpc.String("")}}
	v, err := g.read(ctx, account{login: clean(login), password: clean(password)}, c)
	if f, ok := errors.AsType[*xmlrpc.Fault](err); ok && f.Code == codeForbidden {
		return Profile{}, auth.ErrDenied
	}
	if err != nil {
		return Profile{}, fmt.Errorf("ask the WordPress for a profile: %w", err)
	}
	p := Profile{Login: v.Get("username").Text(), Email: v.Get("email").Text(), DisplayName: v.Get("display_name").Text(), Role: auth.Subscriber}
	if p.Login == "" {
		return Profile{}, errors.New("the WordPress does not report whose credential this is")
	}
	for _, role := range auth.Roles() { // most powerful first
		if slices.ContainsFunc(v.Get("roles").Elements(), func(r xmlrpc.Value) bool { return r.Text() == string(role) }) {
			p.Role = role
			break
		}
	}
	return p, nil
}

// Judge is the auth.Judge of a gateway: the WordPress decides about passwords.
// It creates the local user at the first correct one.
func (g *Gateway) Judge(ctx context.Context, login, password string) (int64, error) {
	p, err := g.Profile(ctx, login, password)
	if err != nil {
		return 0, err
	}
	user, err := UserOf(ctx, g.cfg.Users, audit.Actor{Via: "gateway"}, p)
	return user.ID, err
}

// UserOf returns the local user for a profile, and creates it if necessary,
// with a password that nobody knows. The role follows the one at the WordPress.
func UserOf(ctx context.Context, users *auth.Users, by audit.Actor, p Profile) (auth.User, error) {
	user, err := users.ByLogin(ctx, p.Login)
	if errors.Is(err, auth.ErrNotFound) {
		user, err = users.Create(ctx, by, auth.NewUser{Login: p.Login, Email: p.Email, DisplayName: p.DisplayName, Role: p.Role, Password: rand.Text() + rand.Text()})
	}
	if err != nil {
		return auth.User{}, fmt.Errorf("create the user %s: %w", xmlrpc.Shown(p.Login), err)
	}
	if user.Role != p.Role {
		if err := users.FollowRole(ctx, by, user.ID, p.Role); err != nil {
			return auth.User{}, fmt.Errorf("update the role of %s: %w", xmlrpc.Shown(p.Login), err)
		}
		user.Role = p.Role
	}
	if p.DisplayName != "" && user.DisplayName != p.DisplayName {
		if user, err = users.UpdateProfile(ctx, by, user.ID, auth.Profile{DisplayName: &p.DisplayName}); err != nil {
			return auth.User{}, fmt.Errorf("follow the name of %s: %w", xmlrpc.Shown(p.Login), err)
		}
	}
	return user, nil
}

// RSD serves the Really Simple Discovery document with the gateway's own
// address.
func (g *Gateway) RSD(w http.ResponseWriter, r *http.Request) {
	home := g.cfg.BaseURL.JoinPath("/").String()
	text, err := upstream.RSD(home, g.cfg.BaseURL.JoinPath(methods.EndpointPath).String())
	if err != nil {
		g.cfg.Logger.ErrorContext(r.Context(), "the discovery document cannot be created", "error", err)
		http.Error(w, "The document cannot be created.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(text)
}

// Manifest serves the manifest of Live Writer.
func (g *Gateway) Manifest(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/wlwmanifest+xml")
	_, _ = w.Write(upstream.Manifest())
}
