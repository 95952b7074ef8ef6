// Package applications is the methods xmlrpcs.*, by which programs make, look at, rotate and revoke their own credentials.
// A server and a gateway answer them alike: package methods has their rows, package apps their rules.
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

// Config is what the methods work on. All is needed.
type Config struct {
	Apps  *apps.Store
	Clock func() time.Time
	// Blogs is what xmlrpcs.introspect tells of the blogs of the caller.
	Blogs func(ctx context.Context, who auth.Identity) (xmlrpc.Value, error)
}

// Calls answers the methods. It is safe for concurrent use.
type Calls struct{ cfg Config }

// New returns the methods over the given parts.
func New(cfg Config) *Calls { return &Calls{cfg} }

// call is one call of a method.
type call struct {
	loose.Arguments
	in *xmlrpc.Call[*auth.Request]
}

// functions are what answers the rows.
var functions = map[string]func(*Calls, context.Context, auth.Identity, call) (xmlrpc.Value, error){
	"xmlrpcs.createApplication": (*Calls).createApplication,
	"xmlrpcs.introspect":        (*Calls).introspect,
	"xmlrpcs.rotate":            (*Calls).rotate,
	"xmlrpcs.revoke":            (*Calls).revoke,
	"xmlrpcs.enrol":             (*Calls).enrol,
}

// Rows are the rows of the methods.
func Rows() []*methods.Method {
	var rows []*methods.Method
	for _, m := range methods.All() {
		if strings.HasPrefix(m.Name, Prefix) {
			rows = append(rows, m)
		}
	}
	return rows
}

// Prefix is what the names of the methods begin with.
const Prefix = "xmlrpcs."

// Own reports whether the method lets a key look at itself or end itself, which no list of methods keeps it from.
func Own(name string) bool { return name == "xmlrpcs.introspect" || name == "xmlrpcs.revoke" }

// Special reports whether a row asks for more than a login: SignIn finds out who calls then.
func Special(row *methods.Method) bool {
	return row.SignIn == methods.PasswordOnly || row.SignIn == methods.KeyOnly || row.SignIn == methods.CodeOnly
}

// SignIn finds out who calls one of these methods, by what its row asks for. Errors: [ErrNotInMulticall], those of package
// auth.
func SignIn(ctx context.Context, row *methods.Method, c *xmlrpc.Call[*auth.Request]) (auth.Identity, error) {
	switch p := (loose.Arguments{Row: row, Values: c.Params}); {
	case c.Nested && Special(row):
		return auth.Identity{}, fmt.Errorf("%s inside system.multicall: %w", row.Name, ErrNotInMulticall)
	case row.SignIn == methods.KeyOnly:
		return c.Identity.KeyOnly(ctx)
	case row.SignIn == methods.PasswordOnly:
		// The code of the second factor is a member of the settings.
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
