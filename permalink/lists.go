package permalink

import (
	"slices"
	"strings"
)

// Lists is the form that the addresses of lists have in a blog with a
// structure. The zero value means addresses with parameters, such as /?cat=3.
type Lists struct {
	Pretty bool   // addresses are made of words, such as /category/news/
	Front  string // what precedes the word category, with slashes around it
	Dates  string // the same for dates, which a structure with post ids keeps separate
	Slash  string // "/" if addresses end with it
}

// ListsOf returns the form of the addresses of lists for a structure.
func ListsOf(structure string) Lists {
	front, _, pretty := strings.Cut(structure, "%")
	if !pretty {
		return Lists{}
	}
	l := Lists{Pretty: true, Front: "/" + strings.TrimLeft(front, "/")}
	if strings.HasSuffix(structure, "/") {
		l.Slash = "/"
	}
	l.Dates = l.Front
	tags := Tags(structure)
	if slices.Contains(tags[:min(len(tags), 3)], "%post_id%") {
		l.Dates += "date/"
	}
	return l
}
