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

// uploadFolders are the parts of addresses and paths behind which the name of an upload begins.
var uploadFolders = []string{"/wp-content/uploads/", "/uploads/", "/files/"}

// monthlyName is the end of an address that says where in the uploads a file is, as those of WordPress.com do.
var monthlyName = regexp.MustCompile(`(?:^|/)([0-9]{4}/[0-9]{2}/[^/]+)$`)

// maxUploadName bounds each part of the name of an upload that comes from
// elsewhere, in bytes; there must be room for the dimensions of smaller
// versions.
const maxUploadName = 200

// uploadOf is the name that the file of an attachment gets; see fileName.
func uploadOf(p *wxr.Post) string {
	attached := ""
	if i := slices.IndexFunc(p.Meta, func(m wxr.Meta) bool { return m.Key == fieldAttached }); i >= 0 {
		attached = p.Meta[i].Value
	}
	return fileName(attached, cmp.Or(p.AttachmentURL, p.GUID))
}

// fileName is the name below the uploads that the file of an attachment gets here: where it was there, as far as the custom
// field _wp_attached_file (attached) or else its address says so. Both may be of another system: with backslashes, a drive,
// letters that are taken apart, or characters that some file systems refuse. It is "" when neither names a file.
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
			text = plain
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

// placed cuts off what stands before the uploads in a path; of an absolute one that does not say where these begin the month
// and the name stay, or the name.
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

// reservedInNames are characters that Windows refuses in the names of files.
const reservedInNames = `<>:"|?*`

// portableName is a part of a name that every file system takes.
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

// foldUploadName is the form in which names of files are the same that systems spell differently: whether letters are
// composed, their case, and what stands in place of characters that a system refuses.
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
