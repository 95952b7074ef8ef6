package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// function is what answers a method.
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

// call is one call of a method. Its arguments are read by the names that the row gives them, so that where each stands is
// said in one place. Clients send numbers as text, text as numbers and flags as either, so every reader converts as
// loosely as WordPress does; what is missing reads as the zero of its kind.
type call struct {
	row *methods.Method
	in  *xmlrpc.Call[*auth.Request]
}

// at returns an argument. A name that the row does not have is a mistake of the program; a test finds it.
func (c *call) at(name string) xmlrpc.Value {
	i := c.row.Index(name)
	if i < 0 {
		panic(c.row.Name + " has no parameter " + name)
	}
	return c.in.Param(i)
}

func (c *call) text(name string) string { return textOf(c.at(name)) }
func (c *call) int(name string) int64   { return intOf(c.at(name)) }
func (c *call) truth(name string) bool  { return truthOf(c.at(name)) }

// given reports whether the argument was sent and is not nil.
func (c *call) given(name string) bool { return !c.at(name).IsZero() }

// credentials reads user name and password. Containers and flags are no names: they are refused rather than turned into
// text.
func (c *call) credentials() (login, password string, err error) {
	for _, name := range []string{"user", "password"} {
		switch c.at(name).Kind() {
		case xmlrpc.KindArray, xmlrpc.KindStruct, xmlrpc.KindBool:
			return "", "", errLogin
		}
	}
	return c.text("user"), c.text("password"), nil
}

// origin is where a call comes from.
type origin struct {
	ip    string // of the client; empty when it is not known
	agent string // what the client calls itself
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
