package gateway

import (
	"context"
	"net/http"

	"github.com/quillgate/quillgate/applications"
	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// ownMethods returns the methods that concern keys here and not the WordPress.
func ownMethods() []xmlrpc.Method[*auth.Request] {
	var out []xmlrpc.Method[*auth.Request]
	for _, row := range applications.Rows() {
		out = append(out, xmlrpc.Method[*auth.Request]{
			Name: row.Name, Signatures: row.Signatures(), Help: row.Help,
			Func: func(ctx context.Context, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
				g := of(ctx)
				v, err := g.own(ctx, row, c)
				return v, g.told(ctx, err)
			},
		})
	}
	return out
}

func (g *Gateway) own(ctx context.Context, row *methods.Method, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
	if len(c.Params) < row.Min {
		return xmlrpc.Value{}, applications.ErrTooFew
	}
	login, password := loose.Text(c.Param(row.Login)), loose.Text(c.Param(row.Login+1))
	if row.Login != methods.NoLogin && (login != "" || password != "") {
		c.Header.Set("X-Deprecated", deprecation)
	}
	who, err := applications.SignIn(ctx, row, c)
	if err != nil {
		return xmlrpc.Value{}, err
	}
	if row.SignIn == methods.PasswordOnly {
		// The WordPress has just accepted the password.
		if _, err := g.Keep(ctx, who, login, password); err != nil {
			return xmlrpc.Value{}, err
		}
	}
	if !applications.Own(row.Name) && row.SignIn != methods.CodeOnly {
		if err := listed(who.Scope, row); err != nil {
			return xmlrpc.Value{}, err
		}
	}
	return g.applications.Answer(ctx, row, who, c)
}

// blogs returns the list of the user's blogs: the one behind the gateway, at
// the gateway's address.
func (g *Gateway) blogs(ctx context.Context, who auth.Identity) (xmlrpc.Value, error) {
	return xmlrpc.Array(xmlrpc.Struct(
		xmlrpc.M("isAdmin", xmlrpc.Bool(who.Can(auth.ManageOptions))),
		xmlrpc.M("url", xmlrpc.String(g.cfg.BaseURL.JoinPath("/").String())),
		xmlrpc.M("blogid", xmlrpc.String("1")),
		xmlrpc.M("blogName", xmlrpc.String(g.Name(ctx))),
		xmlrpc.M("xmlrpc", xmlrpc.String(g.endpoint())),
	)), nil
}

// endpoint returns the address that people enter into their clients.
func (g *Gateway) endpoint() string { return g.cfg.BaseURL.JoinPath(methods.EndpointPath).String() }

// WellKnown answers /.well-known/quillgate.
func (g *Gateway) WellKnown(w http.ResponseWriter, r *http.Request) {
	g.applications.WellKnown(g.endpoint(), g.cfg.BaseURL.JoinPath("quillgate", "authorize").String(), g.cfg.Logger)(w, r)
}
