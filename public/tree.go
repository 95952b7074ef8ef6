package public

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// This file parses the HTML of a text into nodes, in one pass over its tokens.
// It follows the tree construction of the HTML standard (section 13.2.6) as far
// as texts need it, so that a browser makes the same tree from the rendered
// nodes: no text can end an element of the page around it. Unbounded growth in
// the standard is bounded here: nesting by maxDepth, copies of formatting
// elements by the length of the text. So time and memory are linear in the
// length of the text, however it nests.

// maxDepth bounds the nesting of elements. The tags of deeper ones are removed;
// their content stays.
const maxDepth = 90

// maxPending bounds how many formatting elements continue in the next block.
const maxPending = 8

// checkEvery is after how many tokens the builder checks whether the request
// was canceled.
const checkEvery = 1024

// element is an open element.
type element struct {
	tag  string // as the text has it; the node may be shown as another element
	node *html.Node
}

// tree is the nodes of a text.
type tree struct {
	root *html.Node // not a part of the text
	// unclosed are the elements that the text has not closed.
	unclosed map[*html.Node]bool
}

type builder struct {
	rules *rules
	open  []element // the root first
	// count is how many of them have each name, so that most lookups by name
	// cost nothing.
	count map[string]int
	// ghosts counts the open elements that were too deep to be shown, by tag.
	ghosts map[string]int
	// pending are formatting elements whose block was closed before them.
	pending []element
	// budget is how many more bytes the copies of formatting elements may take.
	budget int
	// skipping is the element whose content is removed, or "", and skipped how
	// many elements of that name are open in it.
	skipping string
	skipped  int
	// afterPre means that a line end at this position is not shown.
	afterPre bool
	films    films
}

// parse parses a text into nodes. The error is that of ctx.
func (r *rules) parse(ctx context.Context, text string) (*tree, error) {
	root := newNode("div", nil)
	b := &builder{rules: r, open: []element{{"", root}}, count: make(map[string]int), ghosts: make(map[string]int), budget: len(text)}
	z := html.NewTokenizer(strings.NewReader(text))
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch z.Next() {
		case html.ErrorToken:
			t := &tree{root: root, unclosed: make(map[*html.Node]bool)}
			for _, e := range b.open {
				t.unclosed[e.node] = true
			}
			return t, ctx.Err()
		case html.TextToken:
			b.text(string(z.Text()))
		case html.SelfClosingTagToken:
			if t := z.Token(); t.Data != "svg" && t.Data != "math" {
				b.start(t.Data, t.Attr)
			}
		case html.StartTagToken:
			t := z.Token()
			b.start(t.Data, t.Attr)
		case html.EndTagToken:
			name, _ := z.TagName()
			b.end(string(name))
		}
	}
}

func newNode(name string, attrs []html.Attribute) *html.Node {
	return &html.Node{Type: html.ElementNode, Data: name, Attr: attrs}
}

func newText(text string) *html.Node { return &html.Node{Type: html.TextNode, Data: text} }

func (b *builder) top() element { return b.open[len(b.open)-1] }

func (b *builder) text(text string) {
	first := b.afterPre
	b.afterPre = false
	if b.skipping != "" || b.films.hides() {
		return
	}
	if text = strings.ReplaceAll(text, "\x00", ""); first {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "\r"), "\n")
	}
	if text == "" {
		return
	}
	if strings.Trim(text, " \t\r\n\f") == "" {
		b.top().node.AppendChild(newText(text))
		return
	}
	b.resume()
	b.place(newText(text))
}

func (b *builder) start(tag string, attrs []html.Attribute) {
	b.afterPre = false
	if b.skipping != "" {
		if tag == b.skipping {
			b.skipped++
		}
		return
	}
	if b.films.start(b, tag, attrs) {
		return
	}
	if b.rules.policy.Skips(tag) {
		b.skipping = tag
		return
	}
	node := b.rules.element(tag, attrs)
	if tag == "a" {
		b.endAnchor()
	}
	if node == nil {
		return
	}
	if b.fostered() && !b.suits(node) {
		return
	}
	t := traits[node.Data]
	if t.has(tablePart) && !b.makeRoom(tag, node.Data) {
		return
	}
	b.closeBefore(node.Data, t)
	if !t.has(block | tablePart) {
		b.resume()
	}
	if t.has(void) {
		b.place(node)
		return
	}
	b.push(tag, node)
	b.afterPre = node.Data == "pre"
}

// push opens an element, or counts it if it is too deep.
func (b *builder) push(tag string, node *html.Node) {
	limit := maxDepth
	if node.Data == "table" {
		limit -= 4 // so that its cells are not too deep
	}
	if len(b.open) >= limit {
		b.ghosts[tag]++
		return
	}
	b.place(node)
	b.open = append(b.open, element{tag, node})
	b.count[node.Data]++
}

// place adds a node at the current position. Inside a table but outside a cell,
// only parts of tables are allowed: anything else is put before the table, as
// in browsers.
func (b *builder) place(node *html.Node) {
	if b.top().node.Data == "colgroup" && node.Data != "col" {
		b.cut(len(b.open) - 1)
	}
	top := b.top().node
	if inTable(top.Data) && !(node.Type == html.ElementNode && traits[node.Data].has(tablePart)) {
		table := b.open[b.table()].node
		table.Parent.InsertBefore(node, table)
		return
	}
	top.AppendChild(node)
}

// inTable reports whether an element may contain only parts of tables.
func inTable(name string) bool {
	switch name {
	case "table", "thead", "tbody", "tfoot", "tr", "colgroup":
		return true
	}
	return false
}

// table returns the index of the innermost open table, or -1.
func (b *builder) table() int {
	if b.count["table"] == 0 {
		return -1
	}
	for i := len(b.open) - 1; i > 0; i-- {
		if b.open[i].node.Data == "table" {
			return i
		}
	}
	return -1
}

// fostered reports whether the next node would be put before a table.
func (b *builder) fostered() bool {
	at := b.scoped("td", "th", "caption", "table")
	return at > 0 && b.open[at].node.Data == "table"
}

// suits changes an element so that it can stand before a table and nothing
// after it closes an element around it. It returns false if the tag is removed.
func (b *builder) suits(n *html.Node) bool {
	switch n.Data {
	case "li", "dt", "dd", "rb", "rt", "rp", "rtc", "h1", "h2", "h3", "h4", "h5", "h6":
		n.Data = "div"
		n.Attr = b.rules.allowed(n.Data, n.Attr)
	case "a":
		for i := b.table() - 1; i > 0 && !traits[b.open[i].node.Data].has(tablePart); i-- {
			if b.open[i].node.Data == "a" {
				return false
			}
		}
	}
	return true
}

// makeRoom closes and opens elements as a part of a table requires. It returns
// false if the part is not in a table, so that its tag is removed.
func (b *builder) makeRoom(tag, name string) bool {
	at := b.table()
	if at < 0 || b.ghosts["table"] > 0 {
		if at >= 0 && !traits[name].has(void) {
			b.ghosts[tag]++
		}
		return false
	}
	isOpen := func(i int, names ...string) bool {
		for _, n := range names {
			if i < len(b.open) && b.open[i].node.Data == n {
				return true
			}
		}
		return false
	}
	level := at + 1
	switch name {
	case "col":
		if isOpen(level, "colgroup") {
			b.cut(level + 1)
		} else {
			b.cut(level)
			b.push("colgroup", newNode("colgroup", nil))
		}
		return true
	case "tr", "td", "th":
		if !isOpen(level, "tbody", "thead", "tfoot") {
			b.cut(level)
			b.push("tbody", newNode("tbody", nil))
		}
		level++
		if name == "tr" {
			break
		}
		if !isOpen(level, "tr") {
			b.cut(level)
			b.push("tr", newNode("tr", nil))
		}
		level++
	}
	b.cut(level)
	b.pending = nil
	return true
}

// closeBefore closes the elements that the start of an element closes: a
// paragraph before a block, a list item before the next one.
func (b *builder) closeBefore(name string, t trait) {
	if name == "table" {
		if b.fostered() {
			b.cut(b.table()) // a table right in a table ends it
		}
	}
	if t.has(block) && !t.has(tablePart) {
		if at := b.scoped("p"); at > 0 {
			p := b.open[at].node
			b.cut(at)
			if len(p.Attr) == 0 && isBlank(p) && p.Parent != nil {
				p.Parent.RemoveChild(p) // it was written around what is not part of it
			}
		}
	}
	switch name {
	case "li":
		b.closeItem("li", "li")
	case "dt", "dd":
		b.closeItem("dt", "dd")
	case "h1", "h2", "h3", "h4", "h5", "h6":
		if isHeading(b.top().node.Data) {
			b.cut(len(b.open) - 1)
		}
	case "rt", "rp", "rb", "rtc":
		for b.scoped("ruby") > 0 && slices.Contains(impliedEnds, b.top().node.Data) {
			if b.top().node.Data == "rtc" && (name == "rt" || name == "rp") {
				break
			}
			b.cut(len(b.open) - 1)
		}
	}
}

// impliedEnds are the elements that an annotation (ruby) ends.
var impliedEnds = []string{"p", "dd", "dt", "li", "rb", "rt", "rp", "rtc"}

func isHeading(name string) bool {
	return len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6'
}

// isBlank reports whether an element contains only white space.
func isBlank(n *html.Node) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.TextNode || strings.TrimSpace(c.Data) != "" {
			return false
		}
	}
	return true
}

// closeItem closes the open list item.
func (b *builder) closeItem(names ...string) {
	if b.count[names[0]]+b.count[names[1]] == 0 {
		return
	}
	for i := len(b.open) - 1; i > 0; i-- {
		name := b.open[i].node.Data
		if name == names[0] || name == names[1] {
			b.cut(i)
			return
		}
		if traits[name].has(block|barrier) && name != "div" && name != "p" && name != "address" {
			return
		}
	}
}

// scoped returns the index of the innermost element with one of these names
// that no barrier hides, or 0.
func (b *builder) scoped(names ...string) int {
	if !slices.ContainsFunc(names, func(name string) bool { return b.count[name] > 0 }) {
		return 0
	}
	for i := len(b.open) - 1; i > 0; i-- {
		for _, name := range names {
			if b.open[i].node.Data == name {
				return i
			}
		}
		if traits[b.open[i].node.Data].has(barrier) {
			return 0
		}
	}
	return 0
}

// cut closes all elements from an index on. Formatting elements among them
// continue in the text that follows.
func (b *builder) cut(at int) {
	if at >= len(b.open) {
		return
	}
	for _, e := range b.open[at:] {
		b.count[e.node.Data]--
		switch {
		case traits[e.node.Data].has(barrier):
			b.pending = nil
		case traits[e.node.Data].has(formatting) && len(b.pending) < maxPending:
			b.pending = append(b.pending, e)
		}
	}
	b.open = b.open[:at]
	clear(b.ghosts)
}

// resume reopens the formatting elements whose block was closed before them.
func (b *builder) resume() {
	list := b.pending
	b.pending = nil
	for _, e := range list {
		if clone := b.copyOf(e.node); clone != nil {
			b.push(e.tag, clone)
		}
	}
}

// copyOf copies an element without its content. It returns nil if the budget
// for copies is used up.
func (b *builder) copyOf(n *html.Node) *html.Node { return copyWithin(&b.budget, n) }

func copyWithin(budget *int, n *html.Node) *html.Node {
	size := 2 * len(n.Data)
	clone := newNode(n.Data, nil)
	for _, a := range n.Attr {
		if a.Key != "id" {
			clone.Attr = append(clone.Attr, a)
			size += len(a.Key) + len(a.Val)
		}
	}
	if *budget < size+8 {
		return nil
	}
	*budget -= size + 8
	return clone
}

func (b *builder) end(tag string) {
	b.afterPre = false
	if b.skipping != "" {
		if tag == b.skipping {
			if b.skipped--; b.skipped < 0 {
				b.skipping, b.skipped = "", 0
			}
		}
		return
	}
	if b.films.end(tag) {
		return
	}
	if tag == "br" {
		b.start(tag, nil)
		return
	}
	if b.ghosts[tag] > 0 {
		b.ghosts[tag]--
		return
	}
	at := b.find(tag)
	if at == 0 {
		for i, e := range b.pending {
			if e.tag == tag {
				b.pending = append(b.pending[:i], b.pending[i+1:]...)
				break
			}
		}
		return
	}
	if traits[b.open[at].node.Data].has(formatting) {
		b.endFormatting(at)
		return
	}
	b.cut(at)
}

// find returns the index of the element that an end tag closes, or 0.
func (b *builder) find(tag string) int {
	part := traits[tag].has(tablePart) || tag == "table"
	for i := len(b.open) - 1; i > 0; i-- {
		name := b.open[i].node.Data
		if b.open[i].tag == tag || isHeading(tag) && isHeading(b.open[i].tag) {
			return i
		}
		if name == "table" || !part && traits[name].has(barrier) || tag == "li" && (name == "ul" || name == "ol") {
			return 0
		}
	}
	return 0
}

// endAnchor closes the open link, because links cannot be nested.
func (b *builder) endAnchor() {
	for i, e := range b.pending {
		if e.node.Data == "a" {
			b.pending = append(b.pending[:i], b.pending[i+1:]...)
			break
		}
	}
	if at := b.scoped("a"); at > 0 {
		b.endFormatting(at)
	}
}

// endFormatting closes a formatting element. If a block was opened in it, the
// block is moved out, and the content of the block so far is put into a copy:
// <b>one<p>two</b>three is <b>one</b><p><b>two</b>three. The copy is then
// closed in the same way. This is the adoption agency of the standard.
func (b *builder) endFormatting(at int) {
	for at > 0 {
		first := at + 1
		for first < len(b.open) && !traits[b.open[first].node.Data].has(block) {
			first++
		}
		if first == len(b.open) {
			b.cutFormatting(at)
			return
		}
		at = b.takeOut(at, first)
	}
}

// cutFormatting closes a formatting element in which no block is open.
func (b *builder) cutFormatting(at int) {
	before := len(b.pending)
	b.cut(at)
	if before < len(b.pending) { // what was cut first is what has ended
		b.pending = append(b.pending[:before], b.pending[before+1:]...)
	}
}

// takeOut moves the first block in a formatting element out of it. It returns
// the index of the copy of the formatting element that now contains the content
// of the block, or 0.
func (b *builder) takeOut(at, first int) int {
	ended, inner := b.open[at], b.open[first]
	around := make([]element, 0, first-at+1)
	for _, e := range b.open[at+1 : first] {
		clone := b.copyOf(e.node)
		if clone == nil {
			b.cut(at)
			b.pending = nil
			return 0
		}
		around = append(around, element{e.tag, clone})
	}
	inner.node.Parent.RemoveChild(inner.node)
	outside, before := ended.node.Parent, ended.node.NextSibling
	for _, e := range around {
		outside.InsertBefore(e.node, before)
		outside, before = e.node, nil
	}
	outside.InsertBefore(inner.node, before)
	around = append(around, inner)
	next := 0
	b.count[ended.node.Data]--
	if inner.node.FirstChild != nil {
		if wrap := b.copyOf(ended.node); wrap != nil {
			for c := inner.node.FirstChild; c != nil; c = inner.node.FirstChild {
				inner.node.RemoveChild(c)
				wrap.AppendChild(c)
			}
			inner.node.AppendChild(wrap)
			next = at + len(around)
			b.count[ended.node.Data]++
			around = append(around, element{ended.tag, wrap})
		}
	}
	b.open = append(append(b.open[:at:at], around...), b.open[first+1:]...)
	return next
}
