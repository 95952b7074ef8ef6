package markup

import (
	"encoding/json"
	"strings"
)

// comment handles "<!--". A comment without markup stays: <!--more-->,
// <!--nextpage-->, a note. A comment with markup, or without an end, was meant
// as text or would hide what follows. As in WordPress, its "<" becomes a
// reference, and the pass continues inside. The comment that marks a block may
// hold markup in its attributes, which is filtered, in the spelling of JSON. If
// only browsers read the output, comments are removed.
func (f *filter) comment(i int) int {
	text, inside := f.text, i+len("<!--")
	end, after := f.commentSpan(inside)
	if after > len(text) {
		return f.put(i, i+1, "&lt;")
	}
	if !f.policy.comments {
		return f.put(i, after, "")
	}
	sent := text[inside:end]
	at, block := 0, false
	if !f.inJSON && f.commentStart.next(text, "<!--", inside) >= end { // otherwise the inner ones would be scanned once for each outer one
		at, block = blockAttributes(sent)
	}
	var kept string
	switch {
	case block:
		kept = sent[:at] + f.policy.filterJSON(sent[at:])
	case strings.IndexByte(sent, '<') >= 0:
		return f.put(i, i+1, "&lt;")
	default:
		kept = note(sent)
	}
	switch {
	case kept == "":
		return f.put(i, after, "")
	case kept == sent && after > end:
		return after
	}
	return f.put(i, after, "<!--"+kept+"-->")
}

// commentSpan returns the end of the comment's text and the end of the comment:
// after the text if it has no end.
func (f *filter) commentSpan(inside int) (end, after int) {
	for _, abrupt := range []string{">", "->"} { // as browsers do
		if strings.HasPrefix(f.text[inside:], abrupt) {
			end = inside + len(abrupt)
			return end, end
		}
	}
	end = f.commentEnd.next(f.text, "-->", inside)
	return end, end + len("-->")
}

// filterJSON filters the strings with markup in the attributes of a block,
// since programs insert them into pages unchanged. Everything else stays byte
// for byte. The text is JSON, followed by the rest of the comment.
func (p *Policy) filterJSON(text string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '"')
		if at < 0 {
			break
		}
		end := at + 1
		for text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end++
		b.WriteString(text[:at])
		b.WriteString(p.filterJSONString(text[at:end]))
		text = text[end:]
	}
	b.WriteString(text)
	return b.String()
}

func (p *Policy) filterJSONString(sent string) string {
	var text string
	if json.Unmarshal([]byte(sent), &text) == nil && strings.ContainsAny(text, "<>") {
		// A block in here is a note: each level of JSON in JSON would double
		// the backslashes.
		f := filter{policy: p, scanner: scanner{text: withoutNUL(text)}, inJSON: true}
		if kept := f.run(); kept != text {
			out, err := json.Marshal(kept)
			if err == nil {
				return inJSON.Replace(string(out))
			}
		}
	}
	return inJSON.Replace(sent)
}

// inJSON escapes what ends a comment, or has a meaning where a comment has none
// (in a textarea), as the block editor does. In JSON these characters occur in
// strings only.
var inJSON = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "--", `\u002d\u002d`)

// blockAttributes finds the attributes in the text of the comment that begins a
// block: <!-- wp:name {"json":1} /-->.
func blockAttributes(text string) (at int, ok bool) {
	rest := strings.TrimLeft(text, space)
	if len(rest) == len(text) {
		return 0, false
	}
	rest, ok = strings.CutPrefix(rest, "wp:")
	if !ok {
		return 0, false
	}
	n := strings.IndexAny(rest, space)
	if n < 0 || !isBlockName(rest[:n]) {
		return 0, false
	}
	rest = strings.TrimLeft(rest[n:], space)
	at = len(text) - len(rest)
	rest = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(rest, space), "/"), space)
	return at, strings.HasPrefix(rest, "{") && json.Valid([]byte(rest))
}

// isBlockName reports whether a text has the form name or namespace/name.
func isBlockName(name string) bool {
	space, name, two := strings.Cut(name, "/")
	if !two {
		name = space
	}
	for _, part := range []string{space, name} {
		if part == "" || part[0] < 'a' || part[0] > 'z' || strings.Contains(part, "--") {
			return false
		}
		for i := range len(part) {
			if c := part[i]; !('a' <= c && c <= 'z') && !('0' <= c && c <= '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// note returns the text of a comment without what could end it early: runs of
// hyphens become one, and none is at the end.
func note(text string) string {
	if !strings.ContainsAny(text, ">&") && !strings.Contains(text, "--") && !strings.HasSuffix(text, "-") {
		return text
	}
	b := make([]byte, 0, len(text)+16)
	for i := range len(text) {
		if text[i] != '-' || i == 0 || text[i-1] != '-' {
			b = append(b, text[i])
		}
	}
	return Escape(strings.TrimSuffix(string(b), "-"))
}
