package wordpress

import (
	"context"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// function is what answers a method: one of the three.
type function struct {
	do func(a *API, ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error)
	// from is do for methods that keep where a call comes from.
	from func(a *API, ctx context.Context, who auth.Identity, p params, at origin) (xmlrpc.Value, error)
	// ask is do for methods that are about the request itself and who has sent it.
	ask func(a *API, ctx context.Context, who auth.Identity, p params, q *auth.Request) (xmlrpc.Value, error)
}

// method is a row of package methods with its function.
type method struct {
	*methods.Method
	function
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

// origin is where a call comes from.
type origin struct {
	ip    string // of the client; empty when it is not known
	agent string // what the client calls itself
}

func originOf(c *xmlrpc.Call[*auth.Request]) origin {
	var at origin
	if addr := c.Identity.Addr(); addr.IsValid() {
		at.ip = addr.String()
	}
	if c.Request != nil {
		at.agent = c.Request.UserAgent()
	}
	return at
}

// run calls the function of the row.
func (m method) run(ctx context.Context, a *API, who auth.Identity, p params, c *xmlrpc.Call[*auth.Request]) (xmlrpc.Value, error) {
	if m.from != nil {
		return m.from(a, ctx, who, p, originOf(c))
	}
	if m.ask != nil {
		return m.ask(a, ctx, who, p, c.Identity)
	}
	return m.do(a, ctx, who, p)
}
