package wordpress

import (
	"context"
	"strings"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

// method is one row of the table. The row is data: dispatch, system.listMethods, system.methodSignature,
// system.methodHelp, the metrics' labels and the method reference are made from it.
type method struct {
	name    string
	aliases []string
	// shape says the names and types of the parameters, "[" in front of those that may be left out, and after "→" the
	// type of the result: "blog:int user:string password:string [fields:array → struct". The types are XML-RPC's.
	shape string
	login int // position of the user name, the password follows it; noLogin when the method knows none
	min   int // fewer arguments than this are fault 400, before any sign-in
	mode  loginMode
	scope need
	help  string
	do    func(a *API, ctx context.Context, who auth.Identity, p params) (xmlrpc.Value, error)
	// from is do for methods that keep where a call comes from.
	from func(a *API, ctx context.Context, who auth.Identity, p params, at origin) (xmlrpc.Value, error)
	// ask is do for methods that are about the request itself and who has sent it.
	ask func(a *API, ctx context.Context, who auth.Identity, p params, q *auth.Request) (xmlrpc.Value, error)
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

// noLogin stands in method.login where a method takes no user name and no password.
const noLogin = -1

type loginMode uint8

const (
	loginRequired loginMode = iota
	loginOptional           // empty user name and password call as nobody
	loginPassword           // a signature does not count: the method hands out credentials
	loginKey                // nothing but the signature of an application, for what concerns its key
	loginCode               // none, but a code among the arguments
)

// parameter is one of those that shape names.
type parameter struct {
	name, kind string
	optional   bool // it and all that follow may be left out
}

// parameters are those of the shape.
func (m method) parameters() []parameter {
	in, _, _ := strings.Cut(m.shape, "→")
	var list []parameter
	for _, field := range strings.Fields(in) {
		name, kind, _ := strings.Cut(field, ":")
		list = append(list, parameter{name: strings.TrimPrefix(name, "["), kind: kind, optional: strings.HasPrefix(name, "[")})
	}
	return list
}

// result is the type of the result.
func (m method) result() string {
	_, result, _ := strings.Cut(m.shape, "→")
	return strings.TrimSpace(result)
}

// signatures turns the shape into what system.methodSignature answers: the result's type, then the parameters',
// once for each number of optional parameters.
func (m method) signatures() [][]string {
	out := [][]string{{m.result()}}
	for _, p := range m.parameters() {
		last := out[len(out)-1]
		next := append(append([]string(nil), last...), p.kind)
		if p.optional {
			out = append(out, next)
		} else {
			out[len(out)-1] = next
		}
	}
	return out
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
