package xmlrpc

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Fault is the error answer of an XML-RPC method. It implements error, so
// that methods can return it.
type Fault struct {
	Code    int
	Message string
}

// Error returns code and message.
func (f *Fault) Error() string { return fmt.Sprintf("fault %d: %s", f.Code, f.Message) }

// A SyntaxError is the reason why a document is refused. It is not a [Fault],
// so that the reader of a response can distinguish a fault of the server from
// an invalid document.
type SyntaxError struct {
	Code   int    // CodeParse, CodeEncoding, CodeInvalidRequest or CodeInvalidParams
	Reason string // without text from the document
	Offset int64  // offset at which it was noticed, after the encoding was converted
}

// Error returns the reason and the offset.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s (byte %d)", e.Reason, e.Offset) }

// Fault returns the fault for the sender of the document.
func (e *SyntaxError) Fault() *Fault {
	switch e.Code {
	case CodeParse:
		return &Fault{e.Code, "The request is not well-formed XML: " + e.Error() + "."}
	case CodeEncoding:
		return &Fault{e.Code, "The character encoding of the request is not supported: " + e.Error() + "."}
	case CodeInvalidParams:
		return &Fault{e.Code, "The parameters cannot be accepted: " + e.Error() + "."}
	}
	return &Fault{e.Code, "The request is not an XML-RPC call: " + e.Error() + "."}
}

// shown is how many characters of a stranger's text a fault repeats.
const shown = 100

// Shown cleans a text from a request for a fault or a log line: control
// characters and invalid bytes become question marks, and only the first 100
// characters remain.
func Shown(text string) string {
	var b strings.Builder
	n := 0
	for i, r := range text {
		if n == shown {
			b.WriteString("…")
			break
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				r = '?'
			}
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			r = '?'
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
