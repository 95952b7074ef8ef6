package markup

import (
	"slices"
	"strings"
)

// FilesBelow returns the names of the files below an address that a text shows, each once and at most limit of them.
func FilesBelow(text, address string, limit int) []string {
	var files []string
	for len(files) < limit {
		_, rest, found := strings.Cut(text, address)
		if !found {
			break
		}
		end := strings.IndexFunc(rest, func(c rune) bool { return c <= ' ' || strings.ContainsRune(`"'<>()[]?#&,`, c) })
		if end < 0 {
			end = len(rest)
		}
		if file := rest[:end]; file != "" && !slices.Contains(files, file) {
			files = append(files, file)
		}
		text = rest[end:]
	}
	return files
}
