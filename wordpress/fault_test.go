package wordpress

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/xmlrpc"
)

// unanswered lists the errors without a fault of their own, with the reason.
var unanswered = map[string]string{
	"apps.ErrOtherToken":   "as ErrRevoked",
	"apps.ErrRevoked":      "a sign-in is refused with ErrDenied: a client must not tell it from a key that never was",
	"apps.ErrExpired":      "as ErrRevoked",
	"apps.ErrUnused":       "as ErrRevoked",
	"apps.ErrSealed":       "as ErrRevoked; where it is the server's own key, it is an incident",
	"apps.ErrRotated":      "it comes as Rotated",
	"apps.ErrTaken":        "only an import brings public keys",
	"apps.ErrKeysetBusy":   "of commands",
	"apps.ErrUnsealed":     "of the start of the server",
	"apps.ErrSealingBegun": "of the start of the server",
	"apps.ErrNoUpstream":   "of the gateway, which has a fault for it",

	"auth.ErrPasskey":           "of pages; it is an ErrDenied",
	"auth.ErrLastAdministrator": "of pages",
	"auth.ErrNoPasskey":         "of pages",
	"auth.ErrTooManyPasskeys":   "of pages",
	"auth.ErrPasskeyAddress":    "of pages",
	"auth.ErrDeparture":         "of pages",
	"auth.ErrNoReset":           "of pages",
	"auth.ErrResetCode":         "of pages",
	"auth.ErrSetUpCode":         "of pages; it is an ErrDenied",
	"auth.ErrWrongCode":         "of pages; it is an ErrDenied",
	"auth.Invalid":              "wp.editProfile answers it itself; no other call changes an account",

	"site.ErrNoParent": "it is an Invalid",
	"site.Repeated":    "it is answered with what was made before: see repeated",
	"site.TermExists":  "it is an ErrTermExists; wp.newTerm answers it with the id",
	"site.Elsewhere":   "of the start of the server",
}

// Every exported error of the packages below has a fault, or a reason to have
// none.
func TestEveryErrorHasAFault(t *testing.T) {
	answered := mentioned(t, "fault.go", "pingback.go", "../applications/fault.go")
	seen := make(map[string]bool)
	for _, pkg := range []string{"site", "auth", "apps", "pingback"} {
		names := exportedErrors(t, pkg)
		if len(names) < 5 {
			t.Errorf("only %d errors of %s were found", len(names), pkg)
		}
		for _, name := range names {
			seen[name] = true
			reason, excepted := unanswered[name]
			switch {
			case answered[name] && excepted:
				t.Errorf("%s has a fault, and is excepted: %s", name, reason)
			case !answered[name] && !excepted:
				t.Errorf("%s has no fault: add one to fault.go, here or in applications, or explain here why no client gets it", name)
			}
		}
	}
	for name := range unanswered {
		if !seen[name] {
			t.Errorf("%s is excepted, but does not exist", name)
		}
	}
	// No row may be unreachable because of one above it.
	for _, row := range faults {
		var got *xmlrpc.Fault
		err := new(API).fault(t.Context(), fmt.Errorf("doing this: %w", row.err))
		if !errors.As(err, &got) || got != row.fault || got.Code == 0 || got.Message == "" {
			t.Errorf("%v: %v, want fault %v", row.err, err, row.fault)
		}
	}
}

// forbidden explains every use of code 403 in this package: it is about the
// caller, or WordPress has it.
var forbidden = map[string]string{
	"apps.ErrTooManyTokens": "of credentials", "auth.ErrPasswordsRefused": "the credential is of the wrong kind",
	"errSiteDetails": "a right is missing", "errMayNotUpload": "a right is missing", "options.ErrDenied": "a right is missing", "admit": "a right of the key is missing",
	"fault":            "a strict signature that is too old",
	"errNoRole":        "WordPress has it",
	"invalidCode":      "WordPress has it for post types, taxonomies and terms",
	"site.ErrTermName": "WordPress has it", "site.ErrCommentsClosed": "WordPress has it", "site.ErrDuplicateComment": "WordPress has it", "site.ErrCommentFlood": "WordPress has it",
	"commentFault": "WordPress has it for comments",
}

// Clients take code 403 for a wrong password and ask for another, so no fault
// about the content of a call has it.
func TestForbiddenIsNotAboutContents(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			name := "" // the declaration that contains the code
			if f, ok := d.(*ast.FuncDecl); ok {
				name = f.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					if _, ok := d.(*ast.GenDecl); ok {
						name = n.Names[0].Name
					}
				case *ast.CompositeLit: // a row of faults
					if err, ok := firstOf(n).(*ast.SelectorExpr); ok {
						name = fmt.Sprint(err.X, ".", err.Sel)
					}
				case *ast.Ident:
					if n.Name == "codeForbidden" && name != "codeForbidden" {
						used[name] = true
					}
				}
				return true
			})
		}
	}
	for name := range used {
		if forbidden[name] == "" {
			t.Errorf("%s answers fault 403: note that it is about the caller, or use code 400", name)
		}
	}
	for name := range forbidden {
		if !used[name] {
			t.Errorf("%s answers no fault 403", name)
		}
	}
}

func firstOf(list *ast.CompositeLit) ast.Expr {
	if len(list.Elts) == 0 {
		return nil
	}
	return list.Elts[0]
}

// mentioned lists the identifiers of other packages that files of this package
// use, such as site.ErrNotFound.
func mentioned(t *testing.T, files ...string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := s.X.(*ast.Ident); ok {
					names[pkg.Name+"."+s.Sel.Name] = true
				}
			}
			return true
		})
	}
	return names
}

// exportedErrors lists the exported variables whose names begin with Err, and
// the exported error types.
func exportedErrors(t *testing.T, pkg string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("../" + pkg + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			for _, id := range errorsOf(d) {
				if id.IsExported() {
					names = append(names, pkg+"."+id.Name)
				}
			}
		}
	}
	return names
}

// errorsOf returns the error variables of a declaration, or the type whose
// method Error it is.
func errorsOf(d ast.Decl) (found []*ast.Ident) {
	switch d := d.(type) {
	case *ast.GenDecl:
		if d.Tok != token.VAR {
			return nil
		}
		for _, s := range d.Specs {
			for _, id := range s.(*ast.ValueSpec).Names {
				if strings.HasPrefix(id.Name, "Err") {
					found = append(found, id)
				}
			}
		}
	case *ast.FuncDecl:
		if d.Recv == nil || d.Name.Name != "Error" {
			return nil
		}
		of := d.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if id, ok := of.(*ast.Ident); ok {
			found = append(found, id)
		}
	}
	return found
}
