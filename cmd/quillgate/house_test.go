package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/quillgate/quillgate/"

// stairs lists the packages of the module that a package may import. No arrow
// points up or sideways; docs/ARCHITECTURE.md draws it.
var stairs = map[string][]string{
	"network":   nil,
	"xmlrpc":    {"network"},
	"methods":   nil,
	"signature": nil,
	"wxr":       nil,
	"markup":    nil,
	"permalink": nil,
	"fetch":     {"network"},

	"upstream":              {"xmlrpc", "fetch", "network"},
	"upstream/upstreamtest": {"xmlrpc", "methods"},

	"loose": {"xmlrpc", "methods"},

	"migrations": nil,
	"database":   {"migrations"},
	"audit":      {"database"},
	"media":      {"database"},
	"apps":       {"audit", "database"},
	"auth":       {"apps", "audit", "database", "signature", "network"},
	"search":     {"database"},
	"places":     {"database"},
	"options":    {"auth", "audit", "database", "markup", "network", "permalink"},
	"site":       {"options", "auth", "audit", "database", "markup", "media", "network", "methods", "permalink", "places", "search"},

	"pingback": {"site", "options", "database", "markup", "network", "fetch", "loose", "xmlrpc"},

	"mail":          {"database", "network"},
	"mail/mailtest": nil,
	"notices":       {"mail", "site", "auth", "apps", "audit", "database", "markup", "network"},

	"transfer": {"site", "options", "auth", "database", "markup", "media", "permalink", "wxr", "fetch", "network"},

	"applications": {"apps", "auth", "loose", "methods", "xmlrpc"},

	"wordpress": {"applications", "loose", "pingback", "site", "options", "auth", "apps", "xmlrpc", "methods", "fetch", "network"},
	"public":    {"site", "options", "auth", "markup", "network", "permalink", "upstream"},
	"profiles":  {"auth", "apps", "audit", "network", "methods"},
	"desk":      {"profiles", "site", "auth", "markup"},
	"signer":    {"signature", "xmlrpc", "methods"},

	"gateway": {"applications", "loose", "auth", "apps", "audit", "database", "methods", "network", "upstream", "xmlrpc"},

	"signer/local": {"signer", "signature", "xmlrpc", "methods", "upstream"},

	"server":        {"mail", "notices", "gateway", "wordpress", "desk", "pingback", "profiles", "public", "site", "options", "auth", "apps", "audit", "xmlrpc", "methods", "media", "database", "network", "permalink", "markup"},
	"cmd/quillgate": {"server", "mail", "media", "transfer", "gateway", "signer", "signer/local", "upstream", "methods", "signature", "xmlrpc", "wxr", "fetch", "site", "options", "auth", "apps", "audit", "database", "migrations", "network"},

	"database/databasetest": {"database"},
	"media/mediatest":       nil,
	"auth/authtest":         {"auth"},
	"site/sitetest":         {"site", "auth", "auth/authtest", "apps", "media", "database", "database/databasetest"},
	"server/servertest":     {"server", "auth", "auth/authtest", "apps", "audit", "database/databasetest"},
	"interop":               nil, // its tests import what they like; no one imports it
	"interop/clients/kolo":  nil, // a client program in Go, which knows nothing of ours
	"":                      nil, // the module's root holds no code
}

type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// packages lists every package of the module.
func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func ours(path string) (string, bool) {
	if path+"/" == module {
		return "", true
	}
	return strings.CutPrefix(path, module)
}

func TestStairs(t *testing.T) {
	for _, p := range packages(t) {
		name, _ := ours(p.ImportPath)
		if strings.HasPrefix(name, "interop/") || strings.HasPrefix(name, "docs/examples/") {
			continue // client programs, which stand for other people's
		}
		allowed, known := stairs[name]
		if !known {
			t.Errorf("package %s has no place in the house: add it to the table, and to docs/ARCHITECTURE.md", name)
			continue
		}
		for _, path := range p.Imports {
			if dep, mine := ours(path); mine && !slices.Contains(allowed, dep) {
				t.Errorf("%s imports %s: it may import %v", name, dep, allowed)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if dep, _ := ours(path); dep == "interop" {
				t.Errorf("the tests of %s import interop, which is imported by nobody", name)
			}
		}
	}
}

// The shell of the server does not depend on what it serves: a blog is one
// entrance, and a gateway can be another.
func TestHouseShellKnowsNoBlog(t *testing.T) {
	files, err := filepath.Glob("../../server/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("the files of server: %d, %v", len(files), err)
	}
	found := 0
	for _, path := range files {
		name := filepath.Base(path)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			dep, _ := ours(strings.Trim(i.Path.Value, `"`))
			if !slices.Contains([]string{"site", "public", "wordpress", "desk"}, dep) {
				continue
			}
			found++
			if !strings.HasPrefix(name, "blog") && name != "relocate.go" {
				t.Errorf("server/%s imports %s: code about a blog belongs in server/blog_entrance.go", name, dep)
			}
		}
	}
	if found == 0 {
		t.Error("no file of server imports what a blog is made of: this test looks at the wrong place")
	}
}

// Package signer runs inside other people's programs, so it must not depend on
// a database.
func TestSignerReachesNoDatabase(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module+"signer" {
			continue
		}
		for _, dep := range p.Deps {
			if dep == "database/sql" || dep == module+"database" {
				t.Errorf("signer reaches %s", dep)
			}
		}
		return
	}
	t.Error("there is no package signer")
}
