package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// shared are the tables of two packages, and why.
var shared = map[string]string{
	"one_time_codes": "the column purpose parts them: apps has enrolments, auth has first passwords",
}

// One table, one owner: what a row means, and what goes with it, is known in one package only. Others ask that package.
func TestHouseTablesHaveOneOwner(t *testing.T) {
	created := regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)
	used := regexp.MustCompile(`\b(?:FROM|UPDATE|INTO|JOIN)\s+([a-z_]+)`)
	tables, owners := map[string]bool{}, map[string]map[string]string{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case strings.HasSuffix(path, ".sql"):
			text, err := os.ReadFile(path)
			for _, m := range created.FindAllSubmatch(text, -1) {
				tables[string(m[1])] = true
			}
			return err
		case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		room, err := filepath.Rel("../..", filepath.Dir(path))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				sql, _ := strconv.Unquote(text.Value)
				for _, m := range used.FindAllStringSubmatch(sql, -1) {
					if owners[m[1]] == nil {
						owners[m[1]] = map[string]string{}
					}
					owners[m[1]][room] = filepath.Base(path)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) < 25 {
		t.Fatalf("%d tables are found in the migrations", len(tables))
	}
	for table := range tables {
		var rooms []string
		for room, file := range owners[table] {
			rooms = append(rooms, room+" ("+file+")")
		}
		slices.Sort(rooms)
		if len(rooms) > 1 && shared[table] == "" {
			t.Errorf("the table %s has several owners: %s", table, strings.Join(rooms, ", "))
		}
	}
}
