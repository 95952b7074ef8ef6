package markup_test

import (
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/quillgate/quillgate/markup"
)

// What follows reads the output of the filter as a browser does, wherever a
// page may put it, and holds what it finds against lists of its own: nothing
// here is shared with the filter.

type list struct {
	name     string
	policy   *markup.Policy
	elements string
	style    bool
}

var (
	inlineElements = "a abbr acronym b blockquote cite code del em i q s strike strong"
	postElements   = inlineElements + " address area article aside audio bdo big br button caption col colgroup dd details dfn div dl dt fieldset " +
		"figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr img ins kbd label legend li main map mark menu nav ol p pre rb rp " +
		"rt rtc ruby samp section small span sub summary sup table tbody td textarea tfoot th thead tr track tt u ul var video"
	lists = []list{
		{"post", markup.Post(), postElements, true},
		{"inline", markup.Inline(), inlineElements, false},
		{"bio", markup.Bio(), inlineElements, false},
		{"page", markup.Page(), postElements + " bdi meter picture progress source time wbr", false},
		{"remark", markup.Remark(), inlineElements + " p br pre", false},
	}

	knownAttribute = regexp.MustCompile(`^(?:data(?:-[a-z0-9_]+)+|aria-[a-z]+|abbr|align|alt|autoplay|axis|bgcolor|border|cellpadding|cellspacing|char|charoff|cite|class|` +
		`color|cols|colspan|controls|coords|datetime|default|dir|disabled|download|face|for|headers|height|hidden|high|href|hspace|id|kind|label|` +
		`lang|loading|longdesc|loop|low|max|media|min|muted|name|nohref|noshade|nowrap|open|optimum|playsinline|poster|preload|readonly|rel|rev|` +
		`reversed|role|rows|rowspan|rules|scope|shape|size|sizes|span|src|srclang|srcset|start|style|summary|target|title|type|usemap|valign|value|` +
		`vspace|width|xml:lang)$`)
	addressAttributes = []string{"href", "src", "cite", "poster", "longdesc", "usemap", "srcset"}
	goodScheme        = regexp.MustCompile(`^(?:https?|ftps?|mailto|news|irc|irc6|ircs|gopher|nntp|feed|telnet|mms|rtsp|sms|svn|tel|fax|xmpp|webcal|urn)$`)
	aScheme           = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)
	goodProperty      = regexp.MustCompile(`(?i)^(?:--[a-z0-9_-]+|(?:align|background|border|caption|clear|color|column|columns|cursor|direction|filter|flex|float|font|` +
		`gap|grid|height|justify|letter|line|list|margin|max|min|object|overflow|padding|row|text|vertical|width|aspect)(?:-[a-z-]+)?)$`)
	goodFunction = regexp.MustCompile(`(?i)^(?:calc|clamp|hsla?|max|min|minmax|repeat|rgba?|var|url|(?:repeating-)?(?:linear|radial|conic)-gradient)?$`)
	cssFunction  = regexp.MustCompile(`([A-Za-z0-9_-]*)\(`)
	cssString    = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	cssURL       = regexp.MustCompile(`(?i)url\(([^)]*)\)`)
)

// contexts are the elements that change how a browser reads what is in them.
var contexts = []string{
	"body", "textarea", "title", "table", "tr", "td", "select", "svg", "math", "noscript", "template", "plaintext", "style", "script",
	"caption", "colgroup", "frameset", "head", "foreignObject", "annotation-xml",
}

// everyTag is what a "<" of the output may begin.
var everyTag = regexp.MustCompile(`<(?:/?[a-zA-Z][a-zA-Z0-9]*[ />]|!--[^<>]*-->)`)

// checkAsBrowser reports what the output holds and its list does not, as a
// document and in contexts.
func checkAsBrowser(t *testing.T, in, out string, l list, contexts []string) {
	t.Helper()
	complain := func(where, what string) {
		t.Errorf("%s: %q\nbecomes %q\nand holds, in %s, %s", l.name, in, out, where, what)
	}
	if strings.Count(out, "<") != len(everyTag.FindAllString(out, -1)) || strings.Count(out, "<") != strings.Count(out, ">") {
		complain("the text", "angle brackets that belong to no tag")
	}
	doc, err := html.Parse(strings.NewReader(out))
	if err != nil {
		return // elements nested too deeply: no page shows it
	}
	l.check(doc, func(what string) { complain("a document", what) })
	for _, name := range contexts {
		context := &html.Node{Type: html.ElementNode, Data: name, DataAtom: atom.Lookup([]byte(name))}
		switch name {
		case "svg", "math":
			context.Namespace = name
		case "foreignObject":
			context.Namespace = "svg"
		case "annotation-xml":
			context.Namespace = "math"
		}
		nodes, err := html.ParseFragmentWithOptions(strings.NewReader(out), context, html.ParseOptionEnableScripting(name != "noscript"))
		if err != nil {
			continue
		}
		for _, n := range nodes {
			l.check(n, func(what string) { complain(name, what) })
		}
	}
}

func (l list) check(root *html.Node, complain func(string)) {
	elements := strings.Fields(l.elements)
	one := func(n *html.Node) {
		if n.Type == html.DoctypeNode {
			complain("a doctype")
		}
		if n.Type != html.ElementNode {
			return
		}
		if !slices.Contains(elements, n.Data) && !slices.Contains([]string{"html", "head", "body"}, n.Data) {
			complain("the element " + n.Data)
		}
		for _, a := range n.Attr {
			l.checkAttribute(n.Data, a, complain)
		}
	}
	one(root)
	for n := range root.Descendants() {
		one(n)
	}
}

func (l list) checkAttribute(element string, a html.Attribute, complain func(string)) {
	name := a.Key
	if a.Namespace != "" {
		name = a.Namespace + ":" + a.Key
	}
	if !knownAttribute.MatchString(name) || strings.HasPrefix(name, "on") {
		complain("the attribute " + name)
	}
	if _, ok := l.policy.Attribute(element, name, a.Val); !ok && a.Val != "" {
		complain("the attribute " + name + " of " + element)
	}
	if slices.Contains(addressAttributes, name) {
		for _, one := range strings.Split(a.Val, ",") {
			if name != "srcset" {
				one = a.Val
			}
			if !schemeAllowed(one) {
				complain("the address " + a.Val)
			}
		}
	}
	if name == "style" {
		if !l.style {
			complain("a style")
		}
		checkStyle(a.Val, complain)
	}
}

// schemeAllowed follows the URL Standard.
func schemeAllowed(address string) bool {
	address = strings.TrimLeftFunc(address, func(c rune) bool { return c <= ' ' })
	m := aScheme.FindStringSubmatch(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(address))
	return m == nil || goodScheme.MatchString(strings.ToLower(m[1]))
}

func checkStyle(text string, complain func(string)) {
	if strings.ContainsAny(text, "\\<>{}") || strings.Contains(text, "/*") {
		complain("the style " + text)
	}
	for _, m := range cssURL.FindAllStringSubmatch(text, -1) {
		if !schemeAllowed(strings.Trim(m[1], " \t\n\f\r\"'")) {
			complain("the style " + text)
		}
	}
	bare := cssString.ReplaceAllString(cssURL.ReplaceAllString(text, "url()"), "''")
	if strings.Count(bare, "(") != strings.Count(bare, ")") {
		complain("open parentheses in the style " + text)
	}
	for _, m := range cssFunction.FindAllStringSubmatch(bare, -1) {
		if !goodFunction.MatchString(m[1]) {
			complain("the function " + m[1] + " in the style " + text)
		}
	}
	for _, declaration := range strings.Split(bare, ";") {
		name, _, _ := strings.Cut(declaration, ":")
		if name = strings.TrimSpace(name); name != "" && !goodProperty.MatchString(name) {
			complain("the property " + name + " in the style " + text)
		}
	}
}

// checkFilter holds every promise of the package against one input. The output
// is read in so many of the contexts, which the input decides.
func checkFilter(t *testing.T, in string, count int) {
	t.Helper()
	first := int(crc32.ChecksumIEEE([]byte(in)) % uint32(len(contexts)))
	contexts := slices.Concat(contexts[first:], contexts[:first])[:count]
	for _, l := range lists {
		out := l.policy.Filter(in)
		checkAsBrowser(t, in, out, l, contexts)
		if again := l.policy.Filter(out); again != out {
			t.Errorf("%s: %q\nbecomes %q\nand that, filtered again, %q", l.name, in, out, again)
		}
		if len(out) > 10*len(in) {
			t.Errorf("%s: %q\ngrows from %d to %d bytes", l.name, in, len(in), len(out))
		}
	}
	remark := list{name: "links", policy: markup.Bio(), elements: inlineElements}
	for _, mark := range []func(string, func(markup.Link) []string) string{markup.AddRel, markup.MoveRel} {
		linked := mark(markup.Inline().Filter(in), func(markup.Link) []string { return []string{"nofollow", "ugc"} })
		checkAsBrowser(t, in, linked, remark, contexts)
		if again := remark.policy.Filter(linked); again != linked {
			t.Errorf("links: %q\nbecomes %q\nand that, filtered, %q", in, linked, again)
		}
	}
}
