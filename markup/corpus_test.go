package markup_test

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// moduleDir is where the source of a dependency lies.
func moduleDir(t testing.TB, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}

// The tree-construction tests of html5lib, as golang.org/x/net carries them,
// and the inputs of bluemonday's own tests.
func TestNothingForbiddenComesOutOfTheCorporaOfOthers(t *testing.T) {
	for _, corpus := range []struct {
		name  string
		least int
		texts []string
	}{
		{"html5lib", 1778, treeCases(t)},
		{"bluemonday", 510, bluemondayInputs(t)},
	} {
		if len(corpus.texts) < corpus.least {
			t.Errorf("%s has %d texts, and at least %d are there", corpus.name, len(corpus.texts), corpus.least)
		}
		for _, text := range corpus.texts {
			checkFilter(t, text, len(contexts))
		}
	}
}

// treeCases reads the inputs of the tests: what follows "#data" up to
// "#errors".
func treeCases(t testing.TB) []string {
	t.Helper()
	var out []string
	root := filepath.Join(moduleDir(t, "golang.org/x/net"), "html", "testdata")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".dat" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var lines []string
		reading := false
		for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
			switch line := s.Text(); {
			case line == "#data":
				reading, lines = true, nil
			case reading && line == "#errors":
				reading = false
				out = append(out, strings.Join(lines, "\n"))
			case reading:
				lines = append(lines, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bluemondayInputs reads the values of the fields named "in" and all other
// texts with markup from bluemonday's tests.
func bluemondayInputs(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(moduleDir(t, "github.com/microcosm-cc/bluemonday"), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && strings.ContainsAny(text, "<&") {
					out = append(out, text)
				}
			}
			return true
		})
	}
	return out
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		`<p style="color:red;position:fixed" onclick=x>t</p>`, `<a href='java&#115;cript:x' title="<b>">`, "<!-- a -- <b>", `<!-- wp:x {"a":"<b>"} /-->`,
		`<textarea><b title="</textarea><img src=x onerror=y>">`, `<svg><style><a title="</style><img src=x onerror=y>">`,
		`<div style="background:url('x');width:calc(1px + var(--x))">`, `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=x&gt;">`,
		"<noscript><p title=\"</noscript><img src=x onerror=y>\">", "<![CDATA[<b>]]>", "<plaintext>", "&#xE0F0;0&#xE0F1;", "<img srcset='a 1x, data:x 2x'>", "<a x='\" y=\"<a x='\" y=\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkFilter(t, text, 3) })
}
