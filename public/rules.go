package public

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/markup"
)

// rules holds the elements and attributes that a text may have on a page. For
// all others the tag is removed, but not the text between the tags. Words that
// an unknown block element separated stay separated by a div.
type rules struct {
	policy *markup.Policy
	// remark marks the rules for visitors: search engines ignore links in their
	// texts.
	remark bool
}

// webAddress matches a web address, or an address on this blog.
var webAddress = regexp.MustCompile(`^(?:(?i:https?)://|/)[^\s<>"']+$`)

// contentRules returns the rules for posts.
func contentRules() *rules { return &rules{policy: markup.Page()} }

// commentRules returns the rules for comments.
func commentRules() *rules { return &rules{policy: markup.Remark(), remark: true} }

// name returns the name of the element in the page, or "" if the tag is
// removed.
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

// allowed returns the attributes that an element may have. Of two with the same
// name the first counts, as in browsers.
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

// relation sets the attribute rel of a link. A page in another window must not
// control ours (noopener, as WordPress adds it), and links by visitors are not
// recommendations (nofollow).
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
