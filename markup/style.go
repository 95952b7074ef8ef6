package markup

import "strings"

// filterStyle keeps the allowed declarations of a style, unchanged and
// separated by a semicolon without white space. safecss_filter_attr and the
// block editor write styles like this.
func filterStyle(text string) string {
	tidy := true
	for piece := range strings.SplitSeq(text, ";") {
		if tidy = piece != "" && piece == strings.Trim(piece, space) && harmlessDeclaration(piece); !tidy {
			break
		}
	}
	if tidy {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for piece := range strings.SplitSeq(text, ";") {
		piece = strings.Trim(piece, space)
		if piece == "" || !harmlessDeclaration(piece) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(piece)
	}
	return b.String()
}

// harmlessDeclaration reports whether a declaration loads nothing except images
// from the web, runs nothing, and leaves the element in its place.
func harmlessDeclaration(text string) bool {
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return false
	}
	name = strings.Trim(name, space)
	images := isVariable(name)
	if !images {
		name = strings.ToLower(name)
		images = imageProperties[name]
	}
	return (images || properties[name]) && harmlessValue(value, images)
}

// isVariable reports whether a name is that of a custom property.
func isVariable(name string) bool {
	rest, ok := strings.CutPrefix(name, "--")
	for i := range len(rest) {
		if c := rest[i]; !isLetter(c) && !('0' <= c && c <= '9') && c != '-' && c != '_' {
			return false
		}
	}
	return ok && rest != ""
}

// harmlessValue checks a value: words, strings, and allowed functions, each
// closed. It may contain no comment, no escape, and nothing of a rule, so that
// it certainly ends where this function assumes.
func harmlessValue(text string, images bool) bool {
	depth, word := 0, 0 // word is the start of the current word
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < ' ' && !isSpace(c) || strings.IndexByte(`<>{}\&=`, c) >= 0 || c == '/' && strings.HasPrefix(text[i:], "/*") {
			return false
		}
		switch {
		case c == '"' || c == '\'':
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 || strings.ContainsAny(text[i+1:i+1+end], "<>{}\\&\n\r\f") {
				return false
			}
			i += 1 + end
			word = i + 1
		case c == '(':
			name := strings.ToLower(text[word:i])
			if name == "url" {
				end := harmlessURL(text[i+1:])
				if !images || end < 0 {
					return false
				}
				i += 1 + end
				word = i + 1
				continue
			}
			if !(name == "" && depth > 0) && !functions[name] && !(images && gradients[name]) {
				return false
			}
			depth++
			word = i + 1
		case c == ')':
			if depth--; depth < 0 {
				return false
			}
			word = i + 1
		case !isLetter(c) && !('0' <= c && c <= '9') && c != '-' && c != '_':
			if c >= 0x80 {
				continue // part of the word; no function has such a name
			}
			word = i + 1
		}
	}
	return depth == 0
}

// harmlessURL checks the content of the parentheses of url(), and returns the
// position where they close, or -1.
func harmlessURL(text string) int {
	end := strings.IndexByte(text, ')')
	if end < 0 {
		return -1
	}
	inside := strings.Trim(text[:end], space)
	if n := len(inside); n >= 2 && (inside[0] == '"' || inside[0] == '\'') && inside[n-1] == inside[0] {
		inside = inside[1 : n-1]
	}
	if strings.ContainsAny(inside, "\"'()\\<>{}\n\r\f") || !harmlessAddress(inside) {
		return -1
	}
	return end
}
