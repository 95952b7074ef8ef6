// Package applications implements the methods xmlrpcs.*, with which clients
// create, inspect, rotate and revoke their own credentials. A server and a
// gateway answer them alike. Package methods has their rows, package apps their
// rules.
package applications

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Config holds what the methods need. All fields are required.
type Config struct {
	Apps  *apps.Store
	Clock func() time.Time
	// Blogs returns the list of the caller's blogs for xmlrpcs.introspect.
	Blogs func(ctx context.Context, who auth.Identity) (xmlrpc.Value, error)
}

// Calls answers the methods. It is safe for concurrent use.
type Calls struct{ cfg Config }

// New returns the methods for a configuration.
func New(cfg Config) *Calls { return &Calls{cfg} }

// call is one call of a method.
type call struct {
	loose.Arguments
	in *xmlrpc.Call[*auth.Request]
}

// functions maps the name of each method to its implementation.
var functions = map[string]func(*Calls, context.Context, auth.Identity, call) (xmlrpc.Value, error){
	"xmlrpcs.createApplication": (*Calls).createApplication,
	"xmlrpcs.introspect":        (*Calls).introspect,
	"xmlrpcs.rotate":            (*Calls).rotate,
	"xmlrpcs.revoke":            (*Calls).revoke,
	"xmlrpcs.enrol":             (*Calls).enrol,
}

// Rows returns the rows of the methods.
func Rows() []*methods.Method {
	var rows []*methods.Method
	for _, m := range methods.All() {
		if strings.HasPrefix(m.Name, Prefix) {
			rows = append(rows, m)
		}
	}
	return rows
}

// Prefix is the beginning of the names of the methods.
const Prefix = "xmlrpcs."

// Own reports whether the method lets a key inspect or revoke itself. Every key
// may call it, whatever its list of methods.
func Own(name string) bool { return name == "xmlrpcs.introspect" || name == "xmlrpcs.revoke" }

// Special reports whether a row needs more than a login. SignIn authenticates
// the callers of such a method.
func Special(row *methods.Method) bool {
	return row.SignIn == methods.PasswordOnly || row.SignIn == methods.KeyOnly || row.SignIn == methods.CodeOnly
}

// SignIn authenticates the caller of one of these methods, as its row demands.
// Errors: [ErrNotInMulticall], those of package auth.
func SignIn(ctx context.Context, row *methods.Method, c *xmlrpc.Call[*auth.Request]) (auth.Identity, error) {
	switch p := (loose.Arguments{Row: row, Values: c.Params}); {
	case c.Nested && Special(row):
		return auth.Identity{}, fmt.Errorf("%s inside system.multicall: %w", row.Name, ErrNotInMulticall)
	case row.SignIn == methods.KeyOnly:
		return c.Identity.KeyOnly(ctx)
	case row.SignIn == methods.PasswordOnly:
		// The settings hold the code of the second factor.
		return c.Identity.PasswordAndCode(ctx, p.Text("user"), p.Text("password"), loose.Text(p.At("settings").Get("code")))
	case row.SignIn == methods.CodeOnly:
		who, _ := c.Identity.Signed()
		return who, nil
	default:
		return c.Identity.Login(ctx, p.Text("user"), p.Text("password"))
	}
}

// Answer carries out a call.
func (a *Calls) Answer(ctx context.Context, row *methods.Method, who auth.Identity, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
	return functions[row.Name](a, ctx, who, call{loose.Arguments{Row: row, Values: c.Params}, c})
}
