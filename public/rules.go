package public

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/markup"
)

// rules are what a text may bring into a page: the elements and attributes of a policy. Of everything else the tag goes,
// but not the text between the tags. Words that an unknown block kept apart stay apart, in a div.
type rules struct {
	policy *markup.Policy
	// remark marks the rules for visitors: links from them do not count for search engines.
	remark bool
}

// webAddress is an address of the web, or one on this blog.
var webAddress = regexp.MustCompile(`^(?:(?i:https?)://|/)[^\s<>"']+$`)

// contentRules are the rules for posts.
func contentRules() *rules { return &rules{policy: markup.Page()} }

// commentRules are the rules for comments.
func commentRules() *rules { return &rules{policy: markup.Remark(), remark: true} }

// name is what a page shows an element as; "" when the tag goes.
func (r *rules) name(tag string) string {
	switch {
	case r.policy.Element(tag) && tag != "center":
		return tag
	case tag == "xmp" || tag == "listing":
		return "pre"
	case traits[tag].has(block) && !traits[tag].has(void):
		return "div"
	}
	return ""
}

// allowed are the attributes that an element may have; of two with the same name the first counts, as in browsers.
func (r *rules) allowed(name string, given []html.Attribute) []html.Attribute {
	var out []html.Attribute
	for _, a := range given {
		value, ok := r.policy.Attribute(name, a.Key, a.Val)
		if ok && !slices.ContainsFunc(out, func(o html.Attribute) bool { return o.Key == a.Key }) {
			out = append(out, html.Attribute{Key: a.Key, Val: value})
		}
	}
	if name == "a" || name == "area" {
		out = r.relation(out)
	}
	return out
}

// relation sets the attribute rel of a link. A page that is opened in another window gets no hold of ours (noopener, as
// WordPress adds it), and the links of visitors are not recommended (nofollow).
func (r *rules) relation(attrs []html.Attribute) []html.Attribute {
	at := func(name string) int {
		return slices.IndexFunc(attrs, func(a html.Attribute) bool { return a.Key == name })
	}
	var words []string
	if i := at("rel"); i >= 0 {
		words = slices.DeleteFunc(strings.Fields(attrs[i].Val), func(word string) bool { return strings.EqualFold(word, "opener") })
		attrs = slices.Delete(attrs, i, i+1)
	}
	add := func(word string) {
		if !slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, word) }) {
			words = append(words, word)
		}
	}
	if at("target") >= 0 {
		add("noopener")
	}
	if r.remark && at("href") >= 0 {
		add("nofollow")
	}
	if len(words) > 0 {
		attrs = append(attrs, html.Attribute{Key: "rel", Val: strings.Join(words, " ")})
	}
	return attrs
}
