package public

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// ownIDs are the ids of elements of our pages, which a text must not use.
var ownIDs = []string{"content", "comments", "comments-heading", "respond", "comment", "author", "email", "url", "s", "homepage", "post_password"}

// element converts a start tag to a node for the page, or returns nil if the
// tag is removed.
func (r *rules) element(tag string, given []html.Attribute) *html.Node {
	name := r.name(tag)
	if name == "" {
		return nil
	}
	given = slices.DeleteFunc(given, func(a html.Attribute) bool { return a.Key == "id" && slices.Contains(ownIDs, a.Val) })
	source := &html.Node{Type: html.ElementNode, Data: name, Attr: given}
	if tag == "a" && !r.remark {
		if place := anchored(source); place != nil {
			return place
		}
	}
	n := newNode(name, r.allowed(name, given))
	switch {
	case name == "a" && len(n.Attr) == 0, name == "img" && nodeAttribute(n, "src") == "", name == "source" && nodeAttribute(n, "src") == "":
		return nil
	case r.remark:
		return n
	}
	if tag == "center" {
		addClass(n, "has-text-align-center")
	}
	if style := nodeAttribute(source, "style"); style != "" {
		styleToClass(n, style)
	}
	return n
}

// anchored converts an empty link that is the target of other links in old
// texts to an element with that id. It returns nil for other links.
func anchored(n *html.Node) *html.Node {
	name := firstOf(nodeAttribute(n, "id"), nodeAttribute(n, "name"))
	if nodeAttribute(n, "href") != "" || name == "" || slices.Contains(ownIDs, name) {
		return nil
	}
	return newNode("span", []html.Attribute{{Key: "id", Val: name}})
}

func nodeAttribute(n *html.Node, name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func setAttribute(n *html.Node, name, value string) {
	for i := range n.Attr {
		if n.Attr[i].Key == name {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

func addClass(n *html.Node, class string) {
	if have := nodeAttribute(n, "class"); have != "" {
		class = have + " " + class
	}
	setAttribute(n, "class", class)
}

var (
	alignedText = regexp.MustCompile(`(?i)(?:^|;)\s*text-align\s*:\s*(left|right|center|justify)\b`)
	floating    = regexp.MustCompile(`(?i)(?:^|;)\s*float\s*:\s*(left|right)\b`)
	centred     = regexp.MustCompile(`(?i)(?:^|;)\s*margin(?:-left)?\s*:\s*(?:[0-9]\w*\s+)?auto\b`)
)

// styleToClass converts the part of a style that aligns the element to a class.
// The rest is removed, because styles in texts are not allowed.
func styleToClass(n *html.Node, style string) {
	if m := alignedText.FindStringSubmatch(style); m != nil {
		addClass(n, "has-text-align-"+strings.ToLower(m[1]))
	}
	if !slices.Contains([]string{"img", "figure", "table", "div", "video"}, n.Data) {
		return
	}
	if m := floating.FindStringSubmatch(style); m != nil {
		addClass(n, "align"+strings.ToLower(m[1]))
	} else if centred.MatchString(style) {
		addClass(n, "aligncenter")
	}
}
