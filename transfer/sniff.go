package transfer

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
)

// HeadSize is how much of the beginning of a file identifies it, together with
// its size.
const HeadSize = 64 << 10 // bytes

// fileKind is the kind of a file, judged by its beginning.
type fileKind string

// The kinds that can be read. Every other kind is a description for NotTaken.
const (
	isExport fileKind = "a WordPress export"
	isBundle fileKind = "a site bundle"
	isGzip   fileKind = "a file compressed with gzip"
	isZIP    fileKind = "a ZIP archive"
	isTar    fileKind = "a tar archive"
)

// adviceFor has advice on files that people may mistake for the export of a
// blog.
var adviceFor = map[fileKind]string{
	isTar:                              "unpack it, and give the exports in it, and the uploads of a blog with --attachments",
	"a Blogger export (Atom)":          "import it into a WordPress with its Blogger importer, and give the export of that",
	"an Atom feed":                     "a feed has only the newest posts; export the blog instead",
	"an RSS feed":                      "a feed has only the newest posts; export the blog instead, under Tools > Export in WordPress",
	"a web page":                       "the download may have ended at a page to sign in; save the file itself",
	"a Ghost export":                   "give an export that the blog's own program made for WordPress",
	"a dump of a database":             "export the blog instead, under Tools > Export in WordPress",
	"an SQLite database":               "use it as the data of a server, with --data",
	"empty":                            "export the blog again",
	"text in UTF-16":                   "save it as UTF-8",
	"an XML file of another program":   "export the blog instead, under Tools > Export in WordPress",
	"a file compressed with bzip2":     "unpack it first",
	"a file compressed with xz":        "unpack it first",
	"a file compressed with Zstandard": "unpack it first",
	"a 7z archive":                     "unpack it first",
	"a RAR archive":                    "unpack it first",
	"a Movable Type export":            "import it into a WordPress with its Movable Type importer, and give the export of that",
	"a JSON list":                      "a site bundle is an object",
	"a sitemap":                        "export the blog instead, under Tools > Export in WordPress",
	"a list of feeds (OPML)":           "export the blog instead, under Tools > Export in WordPress",
	"a program in PHP":                 "export the blog instead, under Tools > Export in WordPress",
	"text":                             "export the blog instead, under Tools > Export in WordPress",
	"a file of unknown format":         "",
}

// magic lists the first bytes of binary files.
var magic = []struct {
	begin string
	kind  fileKind
}{
	{"\x1f\x8b", isGzip},
	{"PK\x03\x04", isZIP},
	{"PK\x05\x06", isZIP},
	{"BZh", "a file compressed with bzip2"},
	{"\xfd7zXZ\x00", "a file compressed with xz"},
	{"\x28\xb5\x2f\xfd", "a file compressed with Zstandard"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"Rar!", "a RAR archive"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"\xfe\xff", "text in UTF-16"},
	{"\xff\xfe", "text in UTF-16"},
}

// what returns the kind of a file from its beginning, of at most HeadSize
// bytes.
func what(head []byte) fileKind {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m.begin)) {
			return m.kind
		}
	}
	const tarMark = 257
	if len(head) > tarMark && bytes.HasPrefix(head[tarMark:], []byte("ustar")) {
		return isTar
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(text) == 0:
		return "empty"
	case text[0] == '{':
		return whatJSON(text)
	case text[0] == '[':
		return "a JSON list"
	case text[0] == '<':
		return whatXML(text)
	}
	return whatText(text)
}

func whatJSON(text []byte) fileKind {
	if text = text[:min(len(text), 1<<10)]; bytes.Contains(text, []byte(`"db"`)) && bytes.Contains(text, []byte(`"exported_on"`)) {
		return "a Ghost export"
	}
	return isBundle
}

// rootElement finds the first element of a document, after its declaration and
// comments.
var rootElement = regexp.MustCompile(`^(?:<\?[^>]*>|<!--(?s:.*?)-->|[ \t\r\n]+)*<(!?[A-Za-z][^ \t\r\n/>]*)`)

// roots lists the first elements of documents that cannot be imported.
var roots = map[string]fileKind{
	"!doctype": "a web page", "html": "a web page", "head": "a web page", "body": "a web page", "urlset": "a sitemap", "sitemapindex": "a sitemap", "opml": "a list of feeds (OPML)",
}

func whatXML(text []byte) fileKind {
	if bytes.HasPrefix(text, []byte("<?php")) {
		return "a program in PHP"
	}
	root := rootElement.FindSubmatch(text)
	if root == nil {
		return "an XML file of another program"
	}
	switch name := strings.ToLower(string(root[1])); {
	case name == "rss" || name == "!doctype" && bytes.Contains(text, []byte("<rss")):
		// WordPress declares its own namespace; some programs only use its
		// usual prefix.
		if bytes.Contains(text, []byte("wordpress.org/export/")) || bytes.Contains(text, []byte("<wp:")) {
			return isExport
		}
		return "an RSS feed"
	case name == "feed" || name == "ns0:feed":
		if bytes.Contains(text, []byte("blogger")) {
			return "a Blogger export (Atom)"
		}
		return "an Atom feed"
	case roots[name] != "":
		return roots[name]
	}
	return "an XML file of another program"
}

var (
	sqlDump     = regexp.MustCompile(`^(?i:-- (?:mysql|mariadb|postgresql|phpmyadmin|adminer)|/\*!|set |create |drop |insert |begin;)`)
	movableType = regexp.MustCompile(`^(?:TITLE|AUTHOR|BASENAME): `)
)

func whatText(text []byte) fileKind {
	switch {
	case sqlDump.Match(text):
		return "a dump of a database"
	case movableType.Match(text):
		return "a Movable Type export"
	}
	kind, _, _ := strings.Cut(http.DetectContentType(text), ";")
	switch family, _, _ := strings.Cut(kind, "/"); {
	case kind == "application/pdf":
		return "a PDF"
	case family == "image":
		return "a picture"
	case family == "audio" || family == "video":
		return "a film or sound"
	case family == "text":
		return "text"
	}
	return "a file of unknown format"
}

func notTaken(name string, head []byte) *NotTaken {
	kind := what(head)
	return &NotTaken{name, string(kind), adviceFor[kind]}
}
