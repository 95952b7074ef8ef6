package media

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is the longest cleaned name in bytes. It leaves room for a number and
// the dimensions of a smaller version.
const maxName = 200

// dropped are characters that are removed from file names.
const dropped = "?[]/\\=<>:;,'\"&$#*()|~`!{}%+’«»”“"

// Clean turns the name that a client sent into one without folders, spaces,
// accents and characters with a meaning to a shell, a browser or a URL, as
// WordPress does: "My Photo (1)!.PNG" becomes "My-Photo-1.PNG". In the middle
// of a name, it appends an underscore to anything that looks like the extension
// of a type that may not be uploaded, so that no web server takes x.php.png for
// a program. The result is empty if nothing usable is left.
func (r Rules) Clean(name string) string {
	name = plainLatin(strings.Map(func(c rune) rune {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\u00a0':
			return '-'
		case strings.ContainsRune(dropped, c) || unicode.IsControl(c) || unicode.Is(unicode.Cf, c):
			return -1
		}
		return c
	}, norm.NFC.String(strings.ToValidUTF8(name, "")))) // first, because the Greek question mark is a semicolon
	name = strings.Trim(squeeze(name), ".-_")
	if !strings.Contains(name, ".") {
		if _, ok := (Rules{Active: true}).byExtension(name); ok {
			name = "unnamed-file." + name
		}
	}
	return shorten(r.defuse(name))
}

// squeeze replaces each run of dashes by one.
func squeeze(s string) string {
	for strings.Contains(s, "--") {
		s = strings.ReplaceAll(s, "--", "-")
	}
	return s
}

// defuse appends an underscore to extensions in the middle of a name that are
// not those of an allowed type.
func (r Rules) defuse(name string) string {
	parts := strings.Split(name, ".")
	for i := 1; i < len(parts)-1; i++ {
		if _, ok := r.byExtension(parts[i]); !ok && looksLikeExtension(parts[i]) {
			parts[i] += "_"
		}
	}
	return strings.Join(parts, ".")
}

// looksLikeExtension reports whether s is two to five letters, perhaps followed
// by a digit.
func looksLikeExtension(s string) bool {
	letters := strings.TrimRightFunc(s, func(c rune) bool { return c >= '0' && c <= '9' })
	if len(letters) < 2 || len(letters) > 5 || len(s)-len(letters) > 1 {
		return false
	}
	return strings.IndexFunc(letters, func(c rune) bool { return (c|0x20) < 'a' || (c|0x20) > 'z' }) < 0
}

// shorten truncates the part before the extension to fit, between characters.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > maxName/2 {
		ext = ""
	}
	cut := maxName - len(ext)
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return strings.TrimRight(name[:cut], ".-_") + ext
}

// LowerExtension returns the name with its extension in lower case, as files
// are stored.
func LowerExtension(name string) string {
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + strings.ToLower(ext)
}

// latin replaces letters that do not decompose into a base letter and a mark.
var latin = strings.NewReplacer(
	"ß", "s", "Æ", "AE", "æ", "ae", "Œ", "OE", "œ", "oe", "Ø", "O", "ø", "o", "Þ", "TH", "þ", "th", "Ð", "D", "ð", "d", "Đ", "D", "đ", "d",
	"Ħ", "H", "ħ", "h", "ı", "i", "Ĳ", "IJ", "ĳ", "ij", "ĸ", "k", "Ł", "L", "ł", "l", "Ŀ", "L", "ŀ", "l", "ŉ", "n", "Ŋ", "N", "ŋ", "n",
	"Ŧ", "T", "ŧ", "t", "ſ", "s", "ª", "a", "º", "o", "€", "E", "£", "", "ƒ", "f",
)

// plainLatin removes the marks from Latin letters and keeps every other script.
func plainLatin(s string) string {
	s = norm.NFC.String(latin.Replace(norm.NFC.String(s)))
	var b strings.Builder
	marked := false // the previous character is a Latin letter, whose other marks are removed too
	for _, c := range s {
		if marked && unicode.Is(unicode.Mn, c) {
			continue
		}
		marked = unicode.Is(unicode.Latin, c)
		if c < utf8.RuneSelf || !marked {
			b.WriteRune(c)
			continue
		}
		base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(c)))
		b.WriteRune(base)
	}
	return latin.Replace(b.String()) // ǿ was ø with a mark
}
