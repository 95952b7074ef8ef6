package public

import (
	"strings"

	"golang.org/x/net/html"
)

// paragraphs turns line ends in the nodes of a text into paragraphs, as
// WordPress does if the author left that to the blog: blank lines separate
// paragraphs, and single line ends break the line. Text in a block element of
// its own stays unchanged.
type paragraphs struct {
	*tree
	budget int                 // the number of bytes that copies of elements with a blank line inside may add
	around map[*html.Node]bool // elements that are not blocks but contain one
}

// blockText reports whether a text was written in the block editor. Such a text
// has all its paragraphs.
func blockText(content string) bool { return strings.Contains(content, "<!-- wp:") }

// makeParagraphs creates the paragraphs of a text with a length.
func makeParagraphs(t *tree, length int) {
	p := &paragraphs{tree: t, budget: length, around: make(map[*html.Node]bool)}
	p.look(t.root)
	p.in(t.root)
}

// look finds the elements that contain a block.
func (p *paragraphs) look(n *html.Node) (found bool) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && (p.look(c) || traits[c.Data].has(block)) {
			found = true
		}
	}
	if found && !traits[n.Data].has(block) {
		p.around[n] = true
	}
	return found
}

// in creates the paragraphs of an element that contains text and blocks. A
// single line in it becomes no paragraph, except in a quotation, in an element
// that is never closed, and outside of all elements.
func (p *paragraphs) in(n *html.Node) {
	full := false
	var run []*html.Node
	flush := func(alone bool) {
		if len(run) > 0 {
			full = p.wrap(n, run, alone) || full
			run = nil
		}
	}
	for c, next := n.FirstChild, (*html.Node)(nil); c != nil; c = next {
		next = c.NextSibling
		isBlock := c.Type == html.ElementNode && traits[c.Data].has(block)
		if !isBlock && !p.around[c] {
			run = append(run, c)
			continue
		}
		flush(false)
		full = true
		// The parts of a ruby would close a paragraph inside it, so it
		// gets none.
		if traits[c.Data].has(container) || !isBlock && c.Data != "ruby" {
			p.in(c)
		}
	}
	flush(!p.unclosed[n] && !full && n.Data != "blockquote")
}

// wrap puts neighbouring nodes into paragraphs, in their place, and reports
// whether it has created any. alone means that a single paragraph needs no
// element.
func (p *paragraphs) wrap(parent *html.Node, run []*html.Node, alone bool) bool {
	after := run[len(run)-1].NextSibling
	parts := [][]*html.Node{nil}
	for _, n := range run {
		parent.RemoveChild(n)
		for i, piece := range p.split(n) {
			if i > 0 {
				parts = append(parts, nil)
			}
			parts[len(parts)-1] = append(parts[len(parts)-1], piece...)
		}
	}
	made := false
	for _, part := range parts {
		if part = trimmed(part); len(part) == 0 {
			continue
		}
		into, before := parent, after
		if !alone || len(parts) > 1 {
			into, before, made = newNode("p", nil), nil, true
			parent.InsertBefore(into, after)
			parent.InsertBefore(newText("\n"), after)
		}
		for _, n := range part {
			insertLine(into, n, before)
		}
	}
	return made
}

// insertLine inserts a node. If the node ends a line, it inserts a line break
// before it, unless there already is one.
func insertLine(into, n, before *html.Node) {
	if n.Type == html.TextNode && n.Data == "\n" {
		last := into.LastChild
		if before != nil {
			last = before.PrevSibling
		}
		if last == nil || last.Type != html.ElementNode || last.Data != "br" {
			into.InsertBefore(newNode("br", nil), before)
		}
	}
	into.InsertBefore(n, before)
}

// split divides a node at its blank lines. Copies of an element that this
// requires use up the budget.
func (p *paragraphs) split(n *html.Node) [][]*html.Node {
	if n.Type == html.TextNode {
		return splitText(n.Data)
	}
	if n.FirstChild == nil || n.Data == "audio" || n.Data == "video" || n.Data == "map" {
		return [][]*html.Node{{n}}
	}
	var children []*html.Node
	for c := n.FirstChild; c != nil; c = n.FirstChild {
		n.RemoveChild(c)
		children = append(children, c)
	}
	out, at := [][]*html.Node{{n}}, n
	for _, c := range children {
		for i, piece := range p.split(c) {
			if i > 0 {
				if clone := copyWithin(&p.budget, n); clone != nil {
					at = clone
					out = append(out, []*html.Node{at})
				} else {
					insertLine(at, newText("\n"), nil)
				}
			}
			for _, m := range piece {
				insertLine(at, m, nil)
			}
		}
	}
	return out
}

// splitText divides text at its blank lines. Every other line end becomes a
// node of its own.
func splitText(text string) [][]*html.Node {
	out := [][]*html.Node{nil}
	add := func(text string) {
		if text != "" {
			out[len(out)-1] = append(out[len(out)-1], newText(text))
		}
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for {
		line, rest, more := strings.Cut(text, "\n")
		if !more {
			add(line)
			return out
		}
		add(strings.TrimRight(line, " \t"))
		below := strings.TrimLeft(rest, " \t\n\f")
		if strings.Contains(rest[:len(rest)-len(below)], "\n") {
			out = append(out, nil)
			rest = below
		} else {
			add("\n")
		}
		text = rest
	}
}

// trimmed removes white space and line ends from both ends of a paragraph.
func trimmed(part []*html.Node) []*html.Node {
	const space = " \t\n"
	for len(part) > 0 && part[0].Type == html.TextNode {
		if part[0].Data = strings.TrimLeft(part[0].Data, space); part[0].Data != "" {
			break
		}
		part = part[1:]
	}
	for len(part) > 0 && part[len(part)-1].Type == html.TextNode {
		last := part[len(part)-1]
		if last.Data = strings.TrimRight(last.Data, space); last.Data != "" {
			break
		}
		part = part[:len(part)-1]
	}
	return part
}
