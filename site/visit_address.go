package site

import (
	"slices"
	"strings"

	"github.com/quillgate/quillgate/permalink"
)

// addressShape is how the addresses of lists look, by the option permalink_structure.
type addressShape struct {
	pretty bool
	front  string // what stands before the word category, with slashes around it
	dates  string // the same for dates, which a structure with numbers of posts keeps apart
	slash  string // "/" when addresses end so
}

func (o *Options) addressShape() addressShape {
	structure := o.Text("permalink_structure")
	front, _, pretty := strings.Cut(structure, "%")
	if !pretty {
		return addressShape{}
	}
	shape := addressShape{pretty: true, front: "/" + strings.TrimLeft(front, "/")}
	if strings.HasSuffix(structure, "/") {
		shape.slash = "/"
	}
	shape.dates = shape.front
	tags := permalink.Tags(structure)
	if slices.Contains(tags[:min(len(tags), 3)], "%post_id%") {
		shape.dates += "date/"
	}
	return shape
}

// PrettyAddresses reports whether lists have addresses made of words, and if so
// what stands before "category" and before the year of a date, each with a
// slash at both ends, and whether they end with a slash.
func (o *Options) PrettyAddresses() (front, dates, slash string, pretty bool) {
	shape := o.addressShape()
	return shape.front, shape.dates, shape.slash, shape.pretty
}
