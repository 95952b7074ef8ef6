package profiles

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
)

// met holds the errors that a page can get, by name.
var met = map[string]error{
	"apps.ErrNotFound": apps.ErrNotFound, "apps.ErrRevoked": apps.ErrRevoked, "apps.ErrExpired": apps.ErrExpired, "apps.ErrTaken": apps.ErrTaken,
	"apps.ErrTooMany": apps.ErrTooMany, "apps.ErrSealed": apps.ErrSealed, "apps.ErrRotated": apps.ErrRotated, "apps.ErrUnused": apps.ErrUnused,
	"apps.ErrNoEnrolment": apps.ErrNoEnrolment,
	"auth.ErrDenied":      auth.ErrDenied, "auth.ErrClearText": auth.ErrClearText, "auth.ErrBusy": auth.ErrBusy, "auth.ErrNotFound": auth.ErrNotFound,
	"auth.ErrLastAdministrator": auth.ErrLastAdministrator, "auth.ErrPasskey": auth.ErrPasskey, "auth.ErrNoPasskey": auth.ErrNoPasskey, "auth.ErrTooManyPasskeys": auth.ErrTooManyPasskeys,
	"auth.ErrPasskeyAddress": auth.ErrPasskeyAddress, "auth.ErrSecondFactorOn": auth.ErrSecondFactorOn, "auth.ErrNoSecondFactor": auth.ErrNoSecondFactor,
	"auth.ErrDeparture": auth.ErrDeparture, "auth.ErrWrongCode": auth.ErrWrongCode, "auth.ErrSetUpCode": auth.ErrSetUpCode, "auth.ErrResetCode": auth.ErrResetCode, "apps.ErrNoToken": apps.ErrNoToken, "apps.ErrTooManyTokens": apps.ErrTooManyTokens,
}

// elsewhere lists errors of calls, of content and of the start of the server,
// which no page can get.
var elsewhere = []string{
	"auth.ErrNoReset", "apps.ErrKeysetBusy", "apps.ErrUnsealed", "apps.ErrSealingBegun", "apps.ErrNoUpstream", "apps.ErrOtherToken", "auth.ErrPasswordsRefused",
}

// Every exported error of the packages below has its own answer, or is known
// not to reach a page.
func TestProblems(t *testing.T) {
	for _, pkg := range []string{"apps", "auth"} {
		for _, name := range declared(t, pkg) {
			name = pkg + "." + name
			err, ok := met[name]
			if !ok {
				if !slices.Contains(elsewhere, name) {
					t.Errorf("%s: say in problem.go what a visitor reads, or that no page can meet it", name)
				}
				continue
			}
			found := slices.IndexFunc(problems, func(p problem) bool { return errors.Is(fmt.Errorf("doing this: %w", err), p.err) })
			if found < 0 || problems[found].err != err || problems[found].status < http.StatusBadRequest || problems[found].text == "" {
				t.Errorf("%s has no answer of its own", name)
			}
		}
	}
}

// declared lists the exported errors of a package.
func declared(t *testing.T, pkg string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../" + pkg + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("the files of %s: %d, %v", pkg, len(files), err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, s := range group.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(id.Name, "Err") {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	return names
}

// The pages explain every reason of a refusal, and its remedy.
func TestReasonsInWords(t *testing.T) {
	source, err := os.ReadFile("../auth/auth.go")
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`Reason += "([a-z-]+)"`).FindAllSubmatch(source, -1)
	if len(reasons) < 30 {
		t.Fatalf("%d reasons are found", len(reasons))
	}
	for _, r := range reasons {
		if reason := auth.Reason(r[1]); reason.Words() == string(reason) || reason.Remedy() == "" {
			t.Errorf("%s has no words, or nothing to do about it", reason)
		}
	}
}
