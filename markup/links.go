package markup

import (
	"regexp"
	"slices"
	"strings"
)

// A Link describes the start tag of an <a>.
type Link struct {
	Address string // the text with references resolved; empty without href
	Target  bool   // it has the attribute target
	Lines   bool   // the tag spans several lines
}

// AddRel adds words to the attribute rel of links: for each link, those that
// words returns and that are missing. Everything else stays byte for byte,
// whether or not a policy has filtered the text. It ignores scripts and styles.
// The words must be plain letters.
func AddRel(text string, words func(Link) []string) string {
	f := filter{scanner: scanner{text: text}}
	for i := 0; ; {
		next := strings.IndexByte(text[i:], '<')
		if next < 0 {
			break
		}
		i += next
		t, ok := f.tag(i)
		if !ok {
			i++
			continue
		}
		i = t.end
		switch name := text[t.name:t.nameEnd]; {
		case t.closing:
		case strings.EqualFold(name, "a"):
			f.addRel(t, words)
		case strings.EqualFold(name, "script"), strings.EqualFold(name, "style"):
			i = f.contentEnd(i, strings.ToLower(name))
		}
	}
	if f.copied == 0 {
		return text
	}
	f.out.WriteString(text[f.copied:])
	return f.out.String()
}

func (f *filter) addRel(t tag, words func(Link) []string) {
	var (
		link       = Link{Lines: strings.Contains(f.text[t.start:t.end], "\n")}
		rel        attribute
		hasAddress bool
		end        = t.nameEnd // of the last attribute
	)
	for at := t.nameEnd; ; {
		a, next := f.attribute(at)
		if a.none {
			break
		}
		at, end = next, next
		switch name := f.text[a.name:a.nameEnd]; {
		case strings.EqualFold(name, "href") && !hasAddress:
			hasAddress = true
			link.Address = strings.Trim(decode(f.text[a.value:a.valueEnd]), space)
		case strings.EqualFold(name, "target"):
			link.Target = true
		case strings.EqualFold(name, "rel") && rel.name == 0:
			rel = a
			if !a.hasValue {
				rel.value, rel.valueEnd = next, next
			}
		}
	}
	has := strings.Fields(strings.ToLower(f.text[rel.value:rel.valueEnd]))
	missing := slices.DeleteFunc(slices.Clone(words(link)), func(word string) bool { return slices.Contains(has, word) })
	if len(missing) == 0 {
		return
	}
	added := strings.Join(missing, " ")
	switch {
	case rel.name == 0:
		f.put(end, end, ` rel="`+added+`"`)
	case !rel.hasValue:
		f.put(rel.value, rel.value, `="`+added+`"`)
	case rel.quote == 0:
		f.put(rel.value, rel.valueEnd, `"`+string(appendEscaped(nil, f.text[rel.value:rel.valueEnd], '"'))+" "+added+`"`)
	case len(has) == 0:
		f.put(rel.value, rel.valueEnd, added)
	default:
		f.put(rel.valueEnd, rel.valueEnd, " "+added)
	}
}

var (
	anchor  = regexp.MustCompile(`(?is)<a\s([^>]*)>`)
	bareURL = regexp.MustCompile(`(?i)(?:^|[\s(>])https?://`)
)

// CountLinks returns the number of links in a text, including addresses that a
// page would turn into links.
func CountLinks(text string) int64 {
	return int64(len(anchor.FindAllString(text, -1)) + len(bareURL.FindAllString(anchor.ReplaceAllString(text, ""), -1)))
}
