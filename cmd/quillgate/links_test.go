package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeBlocks = regexp.MustCompile("(?s)```.*?```")
	headings   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	linksTo    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	notInLinks = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinksOfTheDocuments checks that links from one document to another, or to
// a heading, lead somewhere.
func TestLinksOfTheDocuments(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	texts, places := map[string]string{}, map[string]map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file], places[file] = codeBlocks.ReplaceAllString(string(text), ""), map[string]bool{}
		for _, h := range headings.FindAllStringSubmatch(texts[file], -1) {
			places[file][strings.ReplaceAll(notInLinks.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
		}
	}
	seen := 0
	for file, text := range texts {
		for _, link := range linksTo.FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], ":") {
				continue // to the web
			}
			seen++
			path, place, _ := strings.Cut(link[1], "#")
			to := file
			if path != "" {
				to = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", file, link[1], err)
			} else if place != "" && places[to] != nil && !places[to][place] {
				t.Errorf("%s links to %s: there is no such heading", file, link[1])
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d links were found", seen)
	}
}
