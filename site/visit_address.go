package site

import (
	"slices"
	"strings"

	"github.com/quillgate/quillgate/permalink"
)

// addressShape is the form of the addresses of lists according to the option
// permalink_structure.
type addressShape struct {
	pretty bool
	front  string // what precedes the word category, with slashes around it
	dates  string // the same for dates, which a structure with post ids keeps separate
	slash  string // "/" if addresses end with it
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

// PrettyAddresses reports whether lists have addresses made of words. It
// returns what precedes "category" and the year of a date, each with slashes
// around it, and what ends addresses: a slash or nothing.
func (o *Options) PrettyAddresses() (front, dates, slash string, pretty bool) {
	shape := o.addressShape()
	return shape.front, shape.dates, shape.slash, shape.pretty
}
