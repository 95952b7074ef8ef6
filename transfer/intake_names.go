package transfer

import (
	"cmp"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/wxr"
)

// uploadFolders are the parts of addresses and paths after which the name of an
// upload begins.
var uploadFolders = []string{"/wp-content/uploads/", "/uploads/", "/files/"}

// monthlyName matches the end of an address that shows where in the uploads a
// file is, as on WordPress.com.
var monthlyName = regexp.MustCompile(`(?:^|/)([0-9]{4}/[0-9]{2}/[^/]+)$`)

// maxUploadName bounds each part of the name of an imported upload, in bytes.
// It leaves room for the dimensions of smaller versions.
const maxUploadName = 200

// uploadOf returns the name for the file of an attachment; see fileName.
func uploadOf(p *wxr.Post) string {
	attached := ""
	if i := slices.IndexFunc(p.Meta, func(m wxr.Meta) bool { return m.Key == fieldAttached }); i >= 0 {
		attached = p.Meta[i].Value
	}
	return fileName(attached, cmp.Or(p.AttachmentURL, p.GUID))
}

// fileName returns the name below the uploads for the file of an attachment:
// its place in the source, as the custom field _wp_attached_file (attached) or
// otherwise its address shows. Both may come from another system and have
// backslashes, a drive, decomposed letters, or characters that some file
// systems reject. The name is "" if neither names a file.
func fileName(attached, address string) string {
	if name := uploadName(attached); name != "" {
		return name
	}
	return uploadName(address)
}

func uploadName(text string) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\\", "/")
	if scheme, rest, found := strings.Cut(text, "://"); found && !strings.Contains(scheme, "/") {
		rest, _, _ = strings.Cut(rest, "?")
		rest, _, _ = strings.Cut(rest, "#")
		_, text, _ = strings.Cut(rest, "/")
		if plain, err := url.PathUnescape(text); err == nil {
			// An escaped backslash separates parts like any other.
			text = strings.ReplaceAll(plain, "\\", "/")
		}
		text = placed("/"+text, true)
	} else {
		text = placed(text, strings.HasPrefix(text, "/") || len(text) > 1 && text[1] == ':')
	}
	parts := strings.Split(norm.NFC.String(database.CleanText(text)), "/")
	for i, part := range parts {
		parts[i] = portableName(part)
	}
	text = strings.Trim(path.Clean("/"+strings.Join(parts, "/")), "/")
	if !fs.ValidPath(text) || text == "." {
		return ""
	}
	return text
}

// placed cuts off the part of a path before the uploads. Of an absolute path
// that does not show where they begin, it keeps the month and the name, or only
// the name.
func placed(text string, absolute bool) string {
	for _, mark := range uploadFolders {
		if _, name, found := strings.Cut(text, mark); found {
			return name
		}
	}
	if !absolute {
		return text
	}
	if found := monthlyName.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return path.Base(text)
}

// reservedInNames are characters that Windows does not allow in file names.
const reservedInNames = `<>:"|?*`

// portableName returns a part of a name in a form that every file system
// accepts.
func portableName(part string) string {
	part = strings.Map(func(c rune) rune {
		if strings.ContainsRune(reservedInNames, c) {
			return '-'
		}
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, part)
	part = strings.TrimRight(strings.TrimLeft(strings.TrimSpace(part), "."), ". ")
	if len(part) <= maxUploadName {
		return part
	}
	extension := path.Ext(part)
	if len(extension) > maxUploadName/2 {
		extension = ""
	}
	stem := part[:maxUploadName-len(extension)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimRight(stem, ". ") + extension
}

// foldUploadName returns a form of a file name that is equal for spellings that
// differ between systems: in composed or decomposed letters, in case, and in
// replacements for characters that a system does not allow.
func foldUploadName(name string) string {
	if plain, err := url.PathUnescape(name); err == nil {
		name = plain
	}
	return strings.Map(func(c rune) rune {
		if c == '-' || c == ' ' || strings.ContainsRune(reservedInNames, c) {
			return '_'
		}
		return c
	}, strings.TrimRight(strings.ToLower(norm.NFC.String(database.CleanText(name))), ". "))
}
