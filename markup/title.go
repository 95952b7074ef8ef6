package markup

import (
	"html"
	"regexp"
	"strings"
)

// EscapeTitle escapes a title as WordPress stores it: it replaces characters
// with a meaning in HTML, and both quotes, by references, and keeps existing
// references.
func EscapeTitle(text string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;").Replace(EscapeAmpersands(text, "&amp;"))
}

// EscapeAmpersands replaces every & that begins no reference by the reference
// given, such as "&amp;" or "&#038;".
func EscapeAmpersands(text, reference string) string {
	return ampersand.ReplaceAllStringFunc(text, func(m string) string {
		if html.UnescapeString(m) != m {
			return m
		}
		return reference + m[1:]
	})
}

// ampersand matches an & together with what may make it a reference.
var ampersand = regexp.MustCompile(`&(?:#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)?`)

// DropTags removes everything that looks like a tag, even an unclosed one. The
// rest may contain characters with a meaning in HTML.
func DropTags(text string) string { return tagLike.ReplaceAllString(text, "") }

var tagLike = regexp.MustCompile(`<[^>]*(?:>|$)`)
