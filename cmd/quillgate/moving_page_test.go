package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMovingPage runs every shell block of docs/MOVING.md in order, with an
// archive such as the page describes.
func TestMovingPage(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	r := &readme{folder: folder, environment: append(os.Environ(), "HOME="+folder)}
	m := &moved{t: t}
	first, second := ofWordPressCom()
	people := strings.NewReplacer("jomarsh", "jo", "</channel>", thing{id: 99, title: "By Ann", name: "by-ann", by: "ann"}.String()+"</channel>") // it is in both files
	archive := m.zipped("blog.zip", "blog.wordpress.000.xml", people.Replace(first), "blog.wordpress.001.xml", people.Replace(second))
	pictures := uploads(t, "2015/03/cat.jpg")
	r.sh(t, "what the blocks need", fmt.Sprintf("cp %s blog.zip && tar -cf media.tar -C %s 2015", archive, pictures))
	words := strings.NewReplacer(
		"/srv/blog", folder+"/blog", "/srv/other", folder+"/other",
		"quillgate serve --", "quillgate check-config --", // a server does not end
		"quillgate doctor https://blog.example", "quillgate doctor --help", // it is not there
	)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readTree(t, "docs/MOVING.md"), -1)
	if len(blocks) < 8 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	var said strings.Builder
	for _, b := range blocks {
		said.WriteString(r.sh(t, b[1], "export QUILLGATE_DATA="+folder+"/blog\n"+words.Replace(b[1])))
	}
	for _, want := range []string{`posts +6 `, `Files stored: 1`, `/setup\?code=`, `permalink_structure = /%year%/%monthnum%/%day%/%postname%/`, `timezone_string = Europe/Berlin`, `users +2 `} {
		if !regexp.MustCompile(want).MatchString(said.String()) {
			t.Errorf("the blocks do not print %q:\n%s", want, said.String())
		}
	}
	for _, made := range []string{"report.jsonl", "site.xml", "blog.json"} {
		if _, err := os.Stat(filepath.Join(folder, made)); err != nil {
			t.Error(err)
		}
	}
}
