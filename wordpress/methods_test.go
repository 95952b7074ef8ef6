package wordpress

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/auth"
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// A row without a function would be offered and not answered; a function without a row would never be called.
func TestRowsAndFunctionsGoTogether(t *testing.T) {
	for _, row := range methods.All() {
		f, ok := functions[row.Name]
		if ok == row.Protocol {
			t.Errorf("%s: has a function: %v; belongs to the protocol: %v", row.Name, ok, row.Protocol)
		}
		if n := f.count(); ok && n != 1 {
			t.Errorf("%s has %d functions", row.Name, n)
		}
	}
	for name := range functions {
		if row := methods.Lookup(name); row == nil || row.Name != name {
			t.Errorf("%s has a function and no row of this name", name)
		}
	}
}

func (f function) count() (n int) {
	for _, is := range []bool{f.do != nil, f.from != nil, f.ask != nil} {
		if is {
			n++
		}
	}
	return n
}

// The endpoint offers the rows, all of them and nothing else, and says of each what its row says.
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
