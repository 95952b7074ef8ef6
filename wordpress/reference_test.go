package wordpress

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/xmlrpc"
)

var update = flag.Bool("update", false, "write the method reference anew")

const referenceFile = "../docs/METHODS.md"

// The method reference says what the table says. After a change: go generate ./wordpress
func TestReference(t *testing.T) {
	want := reference(t)
	if *update {
		if err := os.WriteFile(referenceFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("docs/METHODS.md is not what the method table says; run go generate ./wordpress (-table +file):\n%s", diff)
	}
}

// Each row is complete: types that XML-RPC has, the user name and the password where login says, as many arguments
// demanded as are not optional at most.
func TestRows(t *testing.T) {
	kinds := []string{"int", "string", "boolean", "struct", "array"}
	for _, m := range methods {
		list, demanded := m.parameters(), 0
		for i, p := range list {
			if p.name == "" || !slices.Contains(kinds, p.kind) {
				t.Errorf("%s: parameter %d is %q of type %q", m.name, i+1, p.name, p.kind)
			}
			if !p.optional {
				demanded++
			}
			if i > 0 && list[i-1].optional && !p.optional {
				t.Errorf("%s: %s has to be given after one that may be left out", m.name, p.name)
			}
		}
		if m.min > demanded {
			t.Errorf("%s: %d arguments are demanded, %d described as such", m.name, m.min, demanded)
		}
		if m.login >= 0 && (len(list) < m.login+2 || list[m.login].name != "user" || list[m.login+1].name != "password") {
			t.Errorf("%s: the user name is parameter %d, but the shape is %q", m.name, m.login+1, m.shape)
		}
		functions := 0
		for _, is := range []bool{m.do != nil, m.from != nil, m.ask != nil} {
			if is {
				functions++
			}
		}
		if !slices.Contains(kinds, m.result()) || m.help == "" || functions != 1 {
			t.Errorf("%s: the row lacks a result, words or its one function", m.name)
		}
		if needless := rightless[m.name] || m.login < 0; needless != (len(m.scope) == 0) {
			t.Errorf("%s: the right that a key needs is %q", m.name, m.scope)
		}
	}
}

// rightless are the methods with a sign-in that every key may call.
var rightless = map[string]bool{
	"wp.getUsersBlogs": true, "blogger.getUsersBlogs": true, // clients begin with them
	"xmlrpcs.createApplication": true, // no key may call it
	"xmlrpcs.introspect":        true,
}

// families are the parts of the reference.
var families = []struct{ prefix, title, about string }{
	{"wp.", "WordPress", "The interface of WordPress itself: posts of every type, terms, files, comments, users, options."},
	{"metaWeblog.", "MetaWeblog", "The interface that most desktop programs speak."},
	{"mt.", "Movable Type", "Additions to MetaWeblog."},
	{"blogger.", "Blogger", "The oldest interface. The first argument was the key of the program; it is not looked at."},
	{"pingback.", "Pingback", "Called by other sites, without a sign-in."},
	{"xmlrpcs.", "Applications", "Keys for signed requests."},
	{"system.", "Protocol", "The methods of XML-RPC servers. system.methodSignature and system.methodHelp are there when the setting introspection is on."},
	{"demo.", "Demonstration", "Calls to try a client with."},
}

const preamble = `# Methods

Made from the method table by ` + "`go generate ./wordpress`" + `; a test fails when the two differ.

Arguments are given by position; those in brackets may be left out, each only with all that follow it. Where there are
` + "`user` and `password`" + `, a signed request leaves both empty. The blog's id is taken in any form and not looked at. Ids may
be sent as int or as string, flags as boolean, int or string. A struct named content, filter or options holds members by
name; unknown ones are ignored. An array named fields says which members the answer is to have.

`

func reference(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(preamble)
	protocol := protocolMethods(t)
	for _, f := range families {
		fmt.Fprintf(&b, "## %s\n\n%s\n", f.title, f.about)
		for _, m := range methods {
			for i, name := range append([]string{m.name}, m.aliases...) {
				if strings.HasPrefix(name, f.prefix) {
					m.describe(&b, name, i > 0)
				}
			}
		}
		for _, text := range protocol {
			if strings.HasPrefix(text, "\n### "+f.prefix) {
				b.WriteString(text)
			}
		}
		b.WriteString("\n")
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// describe writes the part of one name.
func (m method) describe(b *bytes.Buffer, name string, alias bool) {
	fmt.Fprintf(b, "\n### %s\n\n", name)
	if alias {
		fmt.Fprintf(b, "Another name of `%s`.\n", m.name)
		return
	}
	fmt.Fprintf(b, "    %s(%s) → %s\n\n%s\n", name, m.arguments(), m.result(), m.help)
	var notes []string
	for _, a := range m.aliases {
		notes = append(notes, fmt.Sprintf("Also called `%s`.", a))
	}
	switch {
	case m.mode == loginKey:
		notes = append(notes, "Sign-in: the signature of the key itself, and nothing else. Not inside system.multicall.")
	case m.login < 0:
		notes = append(notes, "No sign-in.")
	case m.mode == loginOptional:
		notes = append(notes, fmt.Sprintf("Sign-in: arguments %d and %d, or a signature, or neither: then nobody calls.", m.login+1, m.login+2))
	case m.mode == loginPassword:
		notes = append(notes, fmt.Sprintf("Sign-in: arguments %d and %d; a signature does not count.", m.login+1, m.login+2))
	default:
		notes = append(notes, fmt.Sprintf("Sign-in: arguments %d and %d, or a signature.", m.login+1, m.login+2))
	}
	if len(m.scope) > 0 {
		notes = append(notes, fmt.Sprintf("Right of a key: %s.", m.scope))
	}
	if m.min > 0 {
		notes = append(notes, fmt.Sprintf("Fewer than %d arguments are fault %d.", m.min, codeTooFew))
	}
	fmt.Fprintf(b, "%s\n", strings.Join(notes, " "))
}

func (m method) arguments() string {
	var b strings.Builder
	open := 0
	for i, p := range m.parameters() {
		if p.optional {
			b.WriteString(" [")
			open++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.name + " " + p.kind)
	}
	return strings.TrimSpace(b.String()) + strings.Repeat("]", open)
}

// protocolMethods asks the protocol server for the methods that it adds to the table.
func protocolMethods(t *testing.T) []string {
	t.Helper()
	h, err := xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Authenticate:  func(*http.Request) (xmlrpc.Check[*auth.Request], error) { return new(auth.Check), nil },
		SpoolDir:      t.TempDir(),
		Introspection: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/xmlrpc.php", bytes.NewReader(xmlrpc.AppendCall(nil, method, params...)))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return v
	}
	var out []string
	for _, v := range ask("system.listMethods").Elements() {
		name := v.Text()
		if !strings.HasPrefix(name, "system.") && !strings.HasPrefix(name, "demo.") {
			continue
		}
		text := "\n### " + name + "\n\n"
		for _, signature := range ask("system.methodSignature", v).Elements() {
			var kinds []string
			for _, kind := range signature.Elements() {
				kinds = append(kinds, kind.Text())
			}
			text += fmt.Sprintf("    %s(%s) → %s\n", name, strings.Join(kinds[1:], ", "), kinds[0])
		}
		out = append(out, text+"\n"+ask("system.methodHelp", v).Text()+" No sign-in.\n")
	}
	slices.Sort(out)
	return out
}
