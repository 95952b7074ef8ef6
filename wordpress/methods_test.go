package wordpress

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A row without a function would be offered but not work; a function without a
// row could never be called.
func TestRowsAndFunctionsGoTogether(t *testing.T) {
	for _, row := range methods.All() {
		_, ok := functions[row.Name]
		if ok == row.Protocol {
			t.Errorf("%s: has a function: %v; belongs to the protocol: %v", row.Name, ok, row.Protocol)
		}
	}
	for name := range functions {
		if row := methods.Lookup(name); row == nil || row.Name != name {
			t.Errorf("%s has a function and no row of this name", name)
		}
	}
}

// A function reads no argument that its row lacks. That would be a panic, or an
// argument that nobody can know about.
func TestFunctionsReadArgumentsOfTheirRows(t *testing.T) {
	parsed := map[string]*ast.FuncDecl{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				parsed[f.Name.Name] = f
			}
		}
	}
	read := 0
	for name, f := range functions {
		full := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
		decl := parsed[full[strings.LastIndex(full, ".")+1:]]
		if decl == nil {
			t.Fatalf("the function of %s is not found: %s", name, full)
		}
		for _, argument := range argumentsOf(t, decl) {
			read++
			if methods.Lookup(name).Index(argument) < 0 {
				t.Errorf("%s reads the argument %s, which its row does not have", name, argument)
			}
		}
	}
	if read < 80 {
		t.Errorf("%d arguments are read: this test looks at the wrong place", read)
	}
}

// argumentsOf returns the names of the arguments that a function reads from the
// call p. The function must not pass p to that of another method, whose row has
// other names.
func argumentsOf(t *testing.T, f *ast.FuncDecl) (names []string) {
	t.Helper()
	ast.Inspect(f, func(n ast.Node) bool {
		e, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if id, ok := e.Fun.(*ast.Ident); ok && (id.Name == "fieldsOf" || id.Name == "taxonomyFields") {
			names = append(names, "fields")
		}
		of, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		for _, argument := range e.Args {
			if id, ok := argument.(*ast.Ident); ok && id.Name == "p" {
				t.Errorf("%s hands its call to %s", f.Name.Name, of.Sel.Name)
			}
		}
		if len(e.Args) != 1 {
			return true
		}
		if id, ok := of.X.(*ast.Ident); !ok || id.Name != "p" || !slices.Contains([]string{"at", "text", "int", "truth", "given"}, of.Sel.Name) {
			return true
		}
		if text, ok := e.Args[0].(*ast.BasicLit); ok {
			name, _ := strconv.Unquote(text.Value)
			names = append(names, name)
		}
		return true
	})
	return names
}

// The endpoint offers exactly the rows, and describes each as its row does.
func TestTheEndpointOffersTheRows(t *testing.T) {
	h, err := xmlrpc.New(xmlrpc.Config[*auth.Request]{
		Methods:       new(API).Methods(),
		Authenticate:  func(*http.Request) (xmlrpc.Check[*auth.Request], error) { return new(auth.Check), nil },
		SpoolDir:      t.TempDir(),
		Introspection: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method string, params ...xmlrpc.Value) xmlrpc.Value {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/xmlrpc.php", bytes.NewReader(xmlrpc.AppendCall(nil, method, params...)))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		v, err := xmlrpc.DecodeResponse(w.Body.Bytes(), xmlrpc.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		return v
	}
	var offered []string
	for _, v := range ask("system.listMethods").Elements() {
		offered = append(offered, v.Text())
	}
	rows := methods.Names()
	slices.Sort(offered)
	slices.Sort(rows)
	if diff := cmp.Diff(rows, offered); diff != "" {
		t.Fatalf("the names (-rows +offered):\n%s", diff)
	}
	for _, name := range rows {
		row := methods.Lookup(name)
		if got := ask("system.methodHelp", xmlrpc.String(name)).Text(); got != row.Help {
			t.Errorf("the help of %s is %q, its row says %q", name, got, row.Help)
		}
		var first []string
		for _, kind := range ask("system.methodSignature", xmlrpc.String(name)).Index(0).Elements() {
			first = append(first, kind.Text())
		}
		if want := row.Signatures()[0]; !slices.Equal(first, want) {
			t.Errorf("the signature of %s is %q, its row says %q", name, first, want)
		}
	}
}
