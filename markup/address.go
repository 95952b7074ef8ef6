package markup

import "strings"

// schemes are the schemes that WordPress allows in addresses.
var schemes = map[string]bool{
	"http": true, "https": true, "ftp": true, "ftps": true, "mailto": true, "news": true, "irc": true, "irc6": true, "ircs": true,
	"gopher": true, "nntp": true, "feed": true, "telnet": true, "mms": true, "rtsp": true, "sms": true, "svn": true, "tel": true,
	"fax": true, "xmpp": true, "webcal": true, "urn": true,
}

// maxScheme is the length of the longest of them.
const maxScheme = 6

// harmlessAddress reports whether an address is relative or has an allowed
// scheme. It finds the scheme as browsers do (URL Standard, section 4.4):
// control characters and spaces at the beginning are ignored, and so are tabs
// and line breaks anywhere. The rest of the address does not matter: a space, a
// lone "%" or a port in words cannot run anything.
//
// WordPress removes a scheme that it does not allow, and keeps the rest; here
// the whole address is removed. WordPress also takes "a/b:c" for a scheme; a
// browser does not, so the address stays here.
func harmlessAddress(text string) bool {
	text = strings.TrimLeftFunc(text, func(c rune) bool { return c <= ' ' })
	var scheme [maxScheme]byte
	n := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '\t' || c == '\n' || c == '\r':
			continue
		case c == ':':
			return n == 0 || n <= maxScheme && schemes[string(scheme[:n])]
		case isLetter(c):
			c |= 0x20
		case n > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return true
		}
		if n < maxScheme {
			scheme[n] = c
		}
		n++
	}
	return true
}

// lowerScheme returns an address with its scheme in lower case.
func lowerScheme(text string) string {
	for i := range len(text) {
		switch c := text[i]; {
		case c == ':':
			if scheme := strings.ToLower(text[:i]); scheme != text[:i] {
				return scheme + text[i:]
			}
			return text
		case !isLetter(c) && !('0' <= c && c <= '9') && c != '+' && c != '-' && c != '.':
			return text
		}
	}
	return text
}

// harmlessAddresses is harmlessAddress for the candidates of a srcset.
func harmlessAddresses(text string) bool {
	for candidate := range strings.SplitSeq(text, ",") {
		if !harmlessAddress(candidate) {
			return false
		}
	}
	return true
}
