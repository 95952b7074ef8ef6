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
	return eachLink(text, func(f *filter, t tag) { f.addRel(t, words, false) })
}

// MoveRel is like AddRel, but the attribute becomes the last one of each link
// for which words returns any, and the only one of its name. WordPress stores
// the links of comments in this form.
func MoveRel(text string, words func(Link) []string) string {
	return eachLink(text, func(f *filter, t tag) { f.addRel(t, words, true) })
}

// eachLink calls change for the start tag of each link, and returns the text
// with what it has put.
func eachLink(text string, change func(*filter, tag)) string {
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
			change(&f, t)
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

func (f *filter) addRel(t tag, words func(Link) []string, last bool) {
	var (
		link       = Link{Lines: strings.Contains(f.text[t.start:t.end], "\n")}
		rel        attribute
		all        [][2]int // where attributes rel are, with the blanks before
		hasAddress bool
		end        = t.nameEnd // of the last attribute
	)
	for at := t.nameEnd; ; {
		a, next := f.attribute(at)
		if a.none {
			break
		}
		before := at
		at, end = next, next
		switch name := f.text[a.name:a.nameEnd]; {
		case strings.EqualFold(name, "href") && !hasAddress:
			hasAddress = true
			link.Address = strings.Trim(decode(f.text[a.value:a.valueEnd]), space)
		case strings.EqualFold(name, "target"):
			link.Target = true
		case strings.EqualFold(name, "rel"):
			all = append(all, [2]int{before, next})
			if rel.name == 0 {
				rel = a
				if !a.hasValue {
					rel.value, rel.valueEnd = next, next
				}
			}
		}
	}
	has := strings.Fields(strings.ToLower(f.text[rel.value:rel.valueEnd]))
	want := words(link)
	missing := slices.DeleteFunc(slices.Clone(want), func(word string) bool { return slices.Contains(has, word) })
	if last && len(want) > 0 {
		for _, place := range all {
			between := ""
			if place[1] < end && !strings.Contains(space, f.text[place[1]:place[1]+1]) {
				between = " " // the next attribute follows the quotation mark
			}
			f.put(place[0], place[1], between)
		}
		kept := appendEscaped(nil, strings.Join(strings.Fields(f.text[rel.value:rel.valueEnd]), " "), '"')
		f.put(end, end, ` rel="`+strings.TrimSpace(string(kept)+" "+strings.Join(missing, " "))+`"`)
		return
	}
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
