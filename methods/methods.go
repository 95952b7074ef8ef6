// Package methods lists the XML-RPC calls of WordPress, and those that Quillgate adds, as data: names, parameters, where
// the login stands, which right a key needs, what the call does. It holds no function and imports nothing of ours, so
// that the server, the signer and the gateway read the same rows.
//
// Names, parameters and positions are those of the methods that WordPress 6.1 registers. Each position was compared with
// the real one. A network of sites deviates in two methods: from WordPress 6.1 on, blogger.getUsersBlogs and
// metaWeblog.getUsersBlogs read the user name at position 0 there, so that every client fails; wp.getUsersBlogs answers
// the same.
package methods

import (
	"slices"
	"strings"
)

// EndpointPath is where the methods are called, below the address of the blog.
const EndpointPath = "/xmlrpc.php"

// Method is one row of the table.
type Method struct {
	Name    string
	Aliases []string // other names of the same method
	Params  []Param  // in the order of the call
	Result  string   // the type of the result, by its name in XML-RPC
	// Login is the position of the user name, from 0; the password follows it. It is NoLogin where the method takes
	// neither.
	Login  int
	Min    int // fewer arguments than this are fault 400, before any sign-in
	SignIn SignIn
	// Rights are those of which a limited key needs one: "read", "draft", "publish", "media", "comments", "users",
	// "options". A method without rights may be called with every key.
	Rights   []string
	Effect   Effect
	Help     string
	Protocol bool // package xmlrpc answers it, before anyone has signed in

	shape      string // what Params, Result and Login are read from; see complete
	signatures [][]string
}

// Param is one parameter.
type Param struct {
	Name     string
	Type     string // the name of the type in XML-RPC: int, string, boolean, struct or array
	Optional bool   // it and all that follow it may be left out
}

// NoLogin stands in Method.Login where a method takes no user name and no password.
const NoLogin = -1

// SignIn is how a method learns who is calling.
type SignIn uint8

// The ways to sign in.
const (
	Nobody       SignIn = iota // not at all
	Required                   // by the user name and the password at Login, or by a signature
	Optional                   // as Required, but an empty user name and password call as no one
	PasswordOnly               // as Required, but a signature does not count: the method hands out credentials
	KeyOnly                    // by the signature of an application, for what concerns its own key
	CodeOnly                   // by a one-time code among the arguments
)

// Effect is what a call leaves behind. Callers that send a call again, or keep one from running twice, go by it.
type Effect uint8

// The effects.
const (
	Reads   Effect = iota + 1 // nothing
	Changes                   // something that was there is changed or deleted
	Creates                   // something new; the same call a second time makes a second one
)

// All returns the rows in the order of the table. They are not to be changed.
func All() []*Method { return slices.Clone(table) }

// Lookup returns the row of a method by any of its names, compared exactly, and nil where there is none.
func Lookup(name string) *Method { return byName[name] }

// Names returns the names of all methods, with the aliases.
func Names() []string {
	var names []string
	for _, m := range table {
		names = append(names, m.Names()...)
	}
	return names
}

// LoginPosition returns Method.Login of a method by any of its names, and whether there is such a method.
func LoginPosition(name string) (position int, known bool) {
	m := Lookup(name)
	if m == nil {
		return NoLogin, false
	}
	return m.Login, true
}

// Names returns all names of the method, the first of the row first.
func (m *Method) Names() []string { return append([]string{m.Name}, m.Aliases...) }

// Index returns the position of a parameter by its name, from 0, and -1 where there is none.
func (m *Method) Index(param string) int {
	return slices.IndexFunc(m.Params, func(p Param) bool { return p.Name == param })
}

// Signatures returns what system.methodSignature answers: the type of the result, then those of the parameters, once
// for each number of optional parameters. They are not to be changed.
func (m *Method) Signatures() [][]string {
	if m.signatures != nil {
		return m.signatures
	}
	return m.allSignatures() // of a row that is not in the table
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

// complete reads the shape of each row: the names and types of the parameters, "[" in front of those that may be left
// out, and after "→" the type of the result: "blog:int user:string password:string [fields:array → struct". The
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
