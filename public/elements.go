package public

// trait holds what the tree builder needs to know about an element. The names
// and groups are those of the HTML standard (sections 13.1.2 and 13.2.4).
type trait uint8

const (
	void       trait = 1 << iota // has no content and no end tag
	block                        // ends a paragraph
	container                    // a block whose text is made into paragraphs
	formatting                   // goes on in the next block when its own block ends first
	barrier                      // end tags inside do not end elements outside
	tablePart                    // stands in tables only
)

var traits = map[string]trait{
	"br": void, "img": void, "wbr": void, "area": void, "source": void, "track": void, "hr": void | block, "col": void | tablePart,
	"input": void, "link": void, "meta": void, "base": void, "basefont": void, "keygen": void, "param": void, "embed": void,

	"address": block | container, "article": block | container, "aside": block | container, "blockquote": block | container, "center": block | container,
	"details": block | container, "div": block | container, "footer": block | container, "header": block | container, "main": block | container,
	"nav": block | container, "section": block | container, "dialog": block | container, "hgroup": block, "search": block | container,

	"p": block, "h1": block, "h2": block, "h3": block, "h4": block, "h5": block, "h6": block, "pre": block, "listing": block, "xmp": block, "ul": block,
	"ol": block, "menu": block, "dir": block, "dl": block, "li": block, "dt": block, "dd": block, "figure": block, "figcaption": block,
	"summary": block, "form": block, "fieldset": block, "legend": block, "textarea": block, "option": block, "optgroup": block,

	"table": block | barrier, "caption": tablePart | barrier | block, "td": tablePart | barrier | block, "th": tablePart | barrier | block,
	"colgroup": tablePart | block, "thead": tablePart | block, "tbody": tablePart | block, "tfoot": tablePart | block, "tr": tablePart | block,

	"a": formatting, "b": formatting, "big": formatting, "code": formatting, "em": formatting, "font": formatting, "i": formatting, "nobr": formatting,
	"s": formatting, "small": formatting, "strike": formatting, "strong": formatting, "tt": formatting, "u": formatting,
}

func (t trait) has(other trait) bool { return t&other != 0 }

// inline are the elements that can occur inside words: the text before and
// after them is connected.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "big": true, "code": true, "del": true, "em": true, "font": true, "i": true, "ins": true,
	"kbd": true, "mark": true, "q": true, "s": true, "small": true, "span": true, "strike": true, "strong": true, "sub": true, "sup": true, "tt": true, "u": true,
	"wbr": true,
}
