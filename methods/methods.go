// Package methods lists the XML-RPC calls of WordPress, and those that
// Quillgate adds, as data: names, parameters, the position of the login, the
// rights that a key needs, and the effect. It has no behavior and imports no
// other package of this module, so the server, the signer and the gateway can
// all read the same rows.
//
// Names, parameters and positions are those of the methods that WordPress 6.1
// registers; each position was compared with that WordPress. A multisite
// network differs in two methods: since WordPress 6.1, blogger.getUsersBlogs
// and metaWeblog.getUsersBlogs read the user name at position 0 there, so they
// fail for every client. wp.getUsersBlogs returns the same.
package methods

import (
	"slices"
	"strings"
)

// EndpointPath is the path of the endpoint, relative to the address of the
// blog.
const EndpointPath = "/xmlrpc.php"

// Method is one row of the table.
type Method struct {
	Name    string
	Aliases []string // other names of the method
	Params  []Param  // in the order of the call
	Result  string   // the type of the result, by its name in XML-RPC
	// Login is the position of the user name, from 0; the password follows it.
	// It is NoLogin if the method takes neither.
	Login  int
	Min    int // with fewer arguments, the call gets fault 400 before authentication
	SignIn SignIn
	// Rights lists rights, one of which a limited key needs: "read",
	// "draft", "publish", "media", "comments", "users", "options". Every
	// key may call a method without rights.
	Rights   []string
	Effect   Effect
	Help     string
	Protocol bool // package xmlrpc answers it, before authentication

	shape      string // the source of Params, Result and Login; see complete
	signatures [][]string
}

// Param is one parameter.
type Param struct {
	Name     string
	Type     string // the name of the type in XML-RPC: int, string, boolean, struct or array
	Optional bool   // this parameter and all that follow may be left out
}

// NoLogin is the value of Method.Login if a method takes no user name and no
// password.
const NoLogin = -1

// SignIn is the way in which a method authenticates its caller.
type SignIn uint8

// The values of SignIn.
const (
	Nobody       SignIn = iota // not authenticated
	Required                   // by the user name and the password at Login, or by a signature
	Optional                   // like Required, but an empty user name and password call anonymously
	PasswordOnly               // like Required, but without signatures: the method hands out credentials
	KeyOnly                    // by the signature of an application, which the call is about
	CodeOnly                   // by a one-time code among the arguments
)

// Effect is what a call changes. It decides whether a call may be sent again,
// and whether a second copy must be stopped from running.
type Effect uint8

// The values of Effect.
const (
	Reads   Effect = iota + 1 // changes nothing
	Changes                   // changes or deletes something that exists
	Creates                   // adds something; the same call a second time adds another
)

// All returns the rows in the order of the table. Callers must not change them.
func All() []*Method { return slices.Clone(table) }

// Lookup returns the row of the method with exactly this name or alias, or nil
// if there is none.
func Lookup(name string) *Method { return byName[name] }

// Names returns the names of all methods, including aliases.
func Names() []string {
	var names []string
	for _, m := range table {
		names = append(names, m.Names()...)
	}
	return names
}

// LoginPosition returns Method.Login for the method with this name or alias,
// and reports whether there is such a method.
func LoginPosition(name string) (position int, known bool) {
	m := Lookup(name)
	if m == nil {
		return NoLogin, false
	}
	return m.Login, true
}

// Names returns all names of the method, starting with that of the row.
func (m *Method) Names() []string { return append([]string{m.Name}, m.Aliases...) }

// Index returns the position of a parameter by its name, from 0, or -1 if the
// method has no such parameter.
func (m *Method) Index(param string) int {
	return slices.IndexFunc(m.Params, func(p Param) bool { return p.Name == param })
}

// Signatures returns the answer to system.methodSignature: the type of the
// result followed by those of the parameters, once for each number of optional
// parameters. Callers must not change it.
func (m *Method) Signatures() [][]string {
	if m.signatures != nil {
		return m.signatures
	}
	return m.allSignatures() // the row is not in the table
}

func (m *Method) allSignatures() [][]string {
	out := [][]string{{m.Result}}
	for _, p := range m.Params {
		last := out[len(out)-1]
		next := append(slices.Clone(last), p.Type)
		if p.Optional {
			out = append(out, next)
		} else {
			out[len(out)-1] = next
		}
	}
	return out
}

// complete parses the shape of each row: the names and types of the parameters,
// "[" before those that may be left out, and after "→" the type of the result,
// as in "blog:int user:string password:string [fields:array → struct". The
// parameter called user is the user name.
func complete(rows []Method) []*Method {
	out := make([]*Method, len(rows))
	for i := range rows {
		m := &rows[i]
		in, result, _ := strings.Cut(m.shape, "→")
		for _, field := range strings.Fields(in) {
			name, kind, _ := strings.Cut(field, ":")
			name, optional := strings.CutPrefix(name, "[")
			m.Params = append(m.Params, Param{Name: name, Type: kind, Optional: optional})
		}
		m.Result = strings.TrimSpace(result)
		if m.Login = m.Index("user"); m.Login != NoLogin && m.SignIn == Nobody {
			m.SignIn = Required
		}
		m.signatures = m.allSignatures()
		out[i] = m
	}
	return out
}

var byName = func() map[string]*Method {
	all := make(map[string]*Method)
	for _, m := range table {
		for _, name := range m.Names() {
			if all[name] != nil {
				panic("two methods are called " + name)
			}
			all[name] = m
		}
	}
	return all
}()
