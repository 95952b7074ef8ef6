package main_test

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// secretFolders hold the code that compares values that nobody may guess piece
// by piece. The hashes of package audit are not secret, because they are stored
// next to the data that they are made from.
var secretFolders = []string{"signature", "auth", "apps", "profiles"}

// secretName matches the names of values that must be compared in constant
// time.
var secretName = regexp.MustCompile(`(?i)(secret|digest|^mac$|^sum$|^outer$|^inner$|^claim$|passw|hash$|token$|^otp$|recovery|reveal)`)

// variableTime are functions whose time depends on how much of two values is
// equal.
var variableTime = map[string]bool{
	"bytes.Equal": true, "bytes.EqualFold": true, "bytes.Compare": true, "bytes.HasPrefix": true, "bytes.HasSuffix": true, "bytes.Contains": true,
	"strings.EqualFold": true, "strings.Compare": true, "strings.Contains": true,
	"slices.Equal": true, "slices.Compare": true, "slices.Contains": true, "reflect.DeepEqual": true,
}

// harmlessComparisons are comparisons that match the rule but reveal nothing,
// by file and text.
var harmlessComparisons = map[string]string{
	"auth/import.go: there != account{user, hash}":                   "the operator's own bundle against what it was imported as before",
	"profiles/security.go: id == auth.SessionID(v.s.Token(v.ctx()))": "the name of a session that the person's own page has shown",
	"profiles/tokens.go: t.Kind == apps.AccessToken":                 "the kind of a token",
}

// S3: digests, secrets and passwords are compared by crypto/subtle or crypto/hmac, never by ==.
func TestS3NoPlainComparison(t *testing.T) {
	for _, folder := range secretFolders {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_planted.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, found := range plainComparisons(file) {
				name := strings.TrimPrefix(filepath.ToSlash(path), "../../") + ": " + spell(files, found)
				if harmlessComparisons[name] == "" {
					t.Errorf("%s\nat %s: a secret is compared in a time that depends on it; use crypto/subtle", name, files.Position(found.Pos()))
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// The rule finds the comparisons that it must, and no harmless ones.
func TestS3RuleFinds(t *testing.T) {
	for _, test := range []struct {
		code string
		want int
	}{
		{`same := digest == claimed`, 1},
		{`same := h.claim != [32]byte(sum)`, 1},
		{`same := hex.EncodeToString(digest[:]) == given`, 1},
		{`same := given == app.Secret.Reveal()`, 1},
		{`same := bytes.Equal(mac, given)`, 1},
		{`same := strings.EqualFold(passwordHash, given)`, 1},
		{`switch digest { case given: return }`, 1},
		{`same := subtle.ConstantTimeCompare(digest, given) == 1`, 0},
		{`none := secret == ""`, 0},
		{`none := c.hash == nil`, 0},
		{`long := len(digest) != len(given)`, 0},
		{`none := !bytes.Equal(body, given)`, 0},
	} {
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, "x.go", "package x\nfunc _() {\n"+test.code+"\n}", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := plainComparisons(file); len(got) != test.want {
			t.Errorf("%s: %d comparisons, want %d", test.code, len(got), test.want)
		}
	}
}

// plainComparisons lists the comparisons of secrets in a file that take
// variable time.
func plainComparisons(file *ast.File) (found []ast.Node) {
	report := func(n ast.Node) { found = append(found, n) }
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && !fixed(n.X) && !fixed(n.Y) && (secret(n.X) || secret(n.Y)) {
				report(n)
			}
		case *ast.SwitchStmt:
			if n.Tag != nil && secret(n.Tag) {
				report(n.Tag)
			}
		case *ast.CallExpr:
			if variableTime[spelled(n.Fun)] {
				for _, arg := range n.Args {
					if secret(arg) {
						report(n)
						break
					}
				}
			}
		}
		return true
	})
	return found
}

// fixed reports whether an operand is one whose comparison reveals nothing
// about the other: a literal, nil, a length, or the result of a comparison in
// constant time.
func fixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.CallExpr:
		name := spelled(e.Fun)
		return name == "len" || strings.HasPrefix(name, "subtle.") || strings.HasPrefix(name, "hmac.")
	}
	return false
}

// secret reports whether a name in an expression is that of a secret.
func secret(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && fixed(call) {
			return false
		}
		if id, ok := n.(*ast.Ident); ok && secretName.MatchString(id.Name) {
			found = true
		}
		return !found
	})
	return found
}

// spell returns the text of a piece of code.
func spell(files *token.FileSet, n ast.Node) string {
	var b strings.Builder
	if err := printer.Fprint(&b, files, n); err != nil {
		return err.Error()
	}
	return b.String()
}

// spelled returns the name of a function as in a call.
func spelled(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return spelled(e.X) + "." + e.Sel.Name
	}
	return ""
}
