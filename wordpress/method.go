package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// function is the implementation of a method.
type function func(a *API, ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error)

// method is a row of package methods with its function.
type method struct {
	*methods.Method
	do    function
	scope need
}

// table joins the rows with their functions.
func table() []method {
	var all []method
	for _, row := range methods.All() {
		if !row.Protocol {
			all = append(all, method{row, functions[row.Name], needOf(row)})
		}
	}
	return all
}

// ofApplications answers the methods with which clients manage their own
// credentials.
func (a *API) ofApplications(ctx context.Context, who auth.Identity, p *call) (xmlrpc.Value, error) {
	return a.applications.Answer(ctx, p.row, who, p.in)
}

// call is one call of a method, with its arguments by name.
type call struct {
	row *methods.Method
	in  *xmlrpc.Call[*auth.Request]
}

func (c *call) args() loose.Arguments { return loose.Arguments{Row: c.row, Values: c.in.Params} }

func (c *call) at(name string) xmlrpc.Value { return c.args().At(name) }
func (c *call) text(name string) string     { return c.args().Text(name) }
func (c *call) int(name string) int64       { return c.args().Int(name) }
func (c *call) truth(name string) bool      { return c.args().Truth(name) }
func (c *call) given(name string) bool      { return c.args().Given(name) }

// credentials returns user name and password. Containers and booleans are
// refused rather than converted to text.
func (c *call) credentials() (login, password string, err error) {
	for _, name := range []string{"user", "password"} {
		switch c.at(name).Kind() {
		case xmlrpc.KindArray, xmlrpc.KindStruct, xmlrpc.KindBool:
			return "", "", errLogin
		}
	}
	return c.text("user"), c.text("password"), nil
}

// origin is the origin of a call.
type origin struct {
	ip    string // of the client; empty if unknown
	agent string // the User-Agent of the client
}

func (c *call) origin() origin {
	var at origin
	if addr := c.in.Identity.Addr(); addr.IsValid() {
		at.ip = addr.String()
	}
	if c.in.Request != nil {
		at.agent = c.in.Request.UserAgent()
	}
	return at
}
