package server_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Reasons are labels of a metric, so there are only those that package auth
// declares: none is built from other text.
func TestH16ReasonsAreBounded(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	paths, err := filepath.Glob("../auth/*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "Reason" {
					t.Errorf("%v: a reason is made of something", set.Position(n.Pos()))
				}
			case *ast.ValueSpec:
				if kind, ok := n.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
					break
				}
				for _, v := range n.Values {
					text, ok := v.(*ast.BasicLit)
					if !ok {
						t.Errorf("%v: no literal", set.Position(v.Pos()))
						continue
					}
					word, err := strconv.Unquote(text.Value)
					if err != nil || !form.MatchString(word) {
						t.Errorf("%v: the reason %s", set.Position(v.Pos()), text.Value)
					}
					declared++
				}
			}
			return true
		})
	}
	if declared < 10 {
		t.Errorf("only %d reasons were found", declared)
	}
}
