package methods_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/methods"
)

var update = flag.Bool("update", false, "rewrite the method reference")

const referenceFile = "../docs/METHODS.md"

// The method reference matches the table. After a change: go generate ./methods
func TestReference(t *testing.T) {
	want := reference()
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
		t.Errorf("docs/METHODS.md is not what the method table says; run go generate ./methods (-table +file):\n%s", diff)
	}
}

// Each row is complete: it has types that XML-RPC knows, a description, an
// effect and rights that fit each other, and does not require more arguments
// than it describes.
func TestRows(t *testing.T) {
	kinds := []string{"int", "string", "boolean", "struct", "array"}
	for _, m := range methods.All() {
		demanded := 0
		for i, p := range m.Params {
			if p.Name == "" || !slices.Contains(kinds, p.Type) || m.Index(p.Name) != i {
				t.Errorf("%s: parameter %d is %q of type %q", m.Name, i+1, p.Name, p.Type)
			}
			if !p.Optional {
				demanded++
			}
			if i > 0 && m.Params[i-1].Optional && !p.Optional {
				t.Errorf("%s: %s must be given after one that may be left out", m.Name, p.Name)
			}
		}
		if m.Min > demanded {
			t.Errorf("%s: %d arguments are demanded, %d described as such", m.Name, m.Min, demanded)
		}
		if !slices.Contains(kinds, m.Result) || m.Help == "" || m.Effect == 0 {
			t.Errorf("%s: the row lacks a result, words or its effect", m.Name)
		}
		if needless := rightless[m.Name] || m.Login == methods.NoLogin; needless != (len(m.Rights) == 0) {
			t.Errorf("%s: the right that a key needs is %q", m.Name, m.Rights)
		}
		for _, right := range m.Rights {
			if !slices.Contains(apps.Rights(), apps.Right(right)) {
				t.Errorf("%s: there is no right %q", m.Name, right)
			}
		}
		if reads := slices.Contains(m.Rights, "read"); reads && m.Effect != methods.Reads || !reads && len(m.Rights) > 0 && m.Effect == methods.Reads {
			t.Errorf("%s: the effect does not go with the right %q", m.Name, m.Rights)
		}
		_, verb, _ := strings.Cut(m.Name, ".")
		if strings.HasPrefix(verb, "new") && m.Effect != methods.Creates || strings.HasPrefix(verb, "get") && m.Effect != methods.Reads {
			t.Errorf("%s: the effect does not go with the name", m.Name)
		}
	}
}

// The user name is where WordPress reads it: a script compared the positions
// with all methods that WordPress 6.1 registers. A wrong position would forward
// passwords, or read them from another argument.
func TestLoginPositions(t *testing.T) {
	at := map[int][]string{
		0: {"wp.getUsersBlogs", "xmlrpcs.introspect"},
		2: {"wp.getPage", "wp.editPage", "blogger.getPost", "blogger.getRecentPosts", "blogger.newPost", "blogger.editPost", "blogger.deletePost", "metaWeblog.deletePost"},
		methods.NoLogin: {
			"mt.supportedMethods", "mt.supportedTextFilters", "mt.getTrackbackPings", "pingback.ping", "pingback.extensions.getPingbacks",
			"demo.sayHello", "demo.addTwoNumbers", "xmlrpcs.rotate", "xmlrpcs.revoke", "xmlrpcs.enrol",
			"system.multicall", "system.listMethods", "system.getCapabilities", "system.methodSignature", "system.methodHelp",
		},
	}
	for _, name := range methods.Names() {
		want := 1
		for position, names := range at {
			if slices.Contains(names, name) {
				want = position
			}
		}
		if got, known := methods.LoginPosition(name); got != want || !known {
			t.Errorf("the user name of %s is parameter %d, want %d", name, got, want)
		}
		m := methods.Lookup(name)
		if m.Login >= 0 && (m.Login+1 >= len(m.Params) || m.Params[m.Login+1].Name != "password") {
			t.Errorf("%s: no password follows the user name", name)
		}
		if (m.Login == methods.NoLogin) != (m.SignIn == methods.Nobody || m.SignIn == methods.KeyOnly || m.SignIn == methods.CodeOnly) {
			t.Errorf("%s: the sign-in %d does not go with the position %d", name, m.SignIn, m.Login)
		}
	}
	if position, known := methods.LoginPosition("wp.getusersblogs"); known || position != methods.NoLogin {
		t.Error("a name in other letters is taken for a method")
	}
}

// rightless are the methods that authenticate their caller and that every key
// may call.
var rightless = map[string]bool{
	"wp.getUsersBlogs": true, "blogger.getUsersBlogs": true, // the first call of every client
	"xmlrpcs.createApplication": true, // no key may call it
	"xmlrpcs.introspect":        true,
}

// families are the sections of the reference.
var families = []struct{ prefix, title, about string }{
	{"wp.", "WordPress", "The interface of WordPress itself: posts of every type, terms, files, comments, users, options."},
	{"metaWeblog.", "MetaWeblog", "The interface that most desktop clients use."},
	{"mt.", "Movable Type", "Additions to MetaWeblog."},
	{"blogger.", "Blogger", "The oldest interface. The first argument was an application key; it is ignored."},
	{"pingback.", "Pingback", "Called by other sites, without a sign-in."},
	{"xmlrpcs.", "Applications", "Keys for signed requests."},
	{"system.", "Protocol", "The methods of XML-RPC servers. system.methodSignature and system.methodHelp exist if the setting introspection is on."},
	{"demo.", "Demonstration", "Calls for testing a client."},
}

const preamble = `# Methods

Generated from the method table by ` + "`go generate ./methods`" + `; a test fails if the two differ.

Arguments are positional. Those in brackets are optional: each may be left out together with all that follow it. In a
signed request, ` + "`user` and `password`" + ` are empty. The server accepts any blog id and ignores it. Ids may be sent as int
or string, flags as boolean, int or string. A struct named content, filter or options has members by name; unknown ones
are ignored. An array named fields selects the members of the answer.

`

func reference() []byte {
	var b bytes.Buffer
	b.WriteString(preamble)
	for _, f := range families {
		fmt.Fprintf(&b, "## %s\n\n%s\n", f.title, f.about)
		for _, m := range methods.All() {
			for i, name := range m.Names() {
				if strings.HasPrefix(name, f.prefix) {
					describe(&b, m, name, i > 0)
				}
			}
		}
		b.WriteString("\n")
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// describe writes the section for one name.
func describe(b *bytes.Buffer, m *methods.Method, name string, alias bool) {
	fmt.Fprintf(b, "\n### %s\n\n", name)
	if alias {
		fmt.Fprintf(b, "Another name of `%s`.\n", m.Name)
		return
	}
	fmt.Fprintf(b, "    %s(%s) → %s\n\n%s\n", name, arguments(m), m.Result, m.Help)
	var notes []string
	for _, a := range m.Aliases {
		notes = append(notes, fmt.Sprintf("Also called `%s`.", a))
	}
	switch {
	case m.SignIn == methods.KeyOnly:
		notes = append(notes, "Sign-in: only the signature of the key itself. Not inside system.multicall.")
	case m.Login == methods.NoLogin:
		notes = append(notes, "No sign-in.")
	case m.SignIn == methods.Optional:
		notes = append(notes, fmt.Sprintf("Sign-in: arguments %d and %d, or a signature, or neither: then the call is anonymous.", m.Login+1, m.Login+2))
	case m.SignIn == methods.PasswordOnly:
		notes = append(notes, fmt.Sprintf("Sign-in: arguments %d and %d; a signature is not accepted.", m.Login+1, m.Login+2))
	default:
		notes = append(notes, fmt.Sprintf("Sign-in: arguments %d and %d, or a signature.", m.Login+1, m.Login+2))
	}
	if len(m.Rights) > 0 {
		notes = append(notes, fmt.Sprintf("Right of a key: %s.", strings.Join(m.Rights, " or ")))
	}
	if m.Min > 0 {
		notes = append(notes, fmt.Sprintf("Fewer than %d arguments are fault 400.", m.Min))
	}
	fmt.Fprintf(b, "%s\n", strings.Join(notes, " "))
}

func arguments(m *methods.Method) string {
	var b strings.Builder
	open := 0
	for i, p := range m.Params {
		if p.Optional {
			b.WriteString(" [")
			open++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name + " " + p.Type)
	}
	return strings.TrimSpace(b.String()) + strings.Repeat("]", open)
}
