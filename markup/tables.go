package markup

import (
	"maps"
	"strings"
	"sync"
)

// Post is for what authors may write in posts, excerpts and pages: the elements
// and attributes of WordPress's context "post", found by querying a WordPress
// 6.1, and those that newer releases added.
var Post = sync.OnceValue(func() *Policy {
	return &Policy{elements: table(postTable), everywhere: attributesOf(everywhere + " style"), data: true, comments: true}
})

// Inline is for titles, comments and descriptions of terms: WordPress's context
// "data".
var Inline = sync.OnceValue(func() *Policy {
	return &Policy{elements: table(inlineTable), comments: true}
})

// Bio is for what people write about themselves: as in titles, and the
// attribute rel of links.
var Bio = sync.OnceValue(func() *Policy {
	return &Policy{elements: table(inlineTable + "a:rel"), comments: true}
})

// Page is for what a page of the blog shows of a post, whoever wrote it: what
// authors may write, and images for several screen sizes. It excludes comments,
// styles, which the pages' Content-Security-Policy blocks, and parts of forms.
var Page = sync.OnceValue(func() *Policy {
	p := &Policy{elements: table(postTable + pageTable), everywhere: attributesOf(everywhere), skips: hidden}
	for _, name := range []string{"button", "fieldset", "label", "legend", "textarea"} {
		delete(p.elements, name)
	}
	delete(p.elements["audio"], "autoplay")
	delete(p.elements["video"], "autoplay")
	return p
})

// Remark is for what a page shows of a comment.
var Remark = sync.OnceValue(func() *Policy {
	return &Policy{elements: table(inlineTable + "a:rel p br pre"), skips: hidden}
})

// hidden are the elements whose text is not meant for readers.
var hidden = []string{"frameset", "iframe", "math", "noembed", "noframes", "noscript", "object", "script", "select", "style", "svg", "template", "title"}

const everywhere = "class id title role dir lang xml:lang hidden aria-controls aria-current aria-describedby aria-details aria-expanded " +
	"aria-hidden aria-label aria-labelledby aria-live"

// The tables: "name:attribute,attribute name …". Duplicates add up.
const (
	inlineTable = "a:href,title abbr:title acronym:title b blockquote:cite cite code del:datetime em i q:cite s strike strong "

	postTable = "address a:href,rel,rev,name,target,download abbr acronym area:alt,coords,href,nohref,shape,target article:align " +
		"aside:align audio:autoplay,controls,loop,muted,preload,src b bdo big blockquote:cite br button:disabled,name,type,value " +
		"caption:align cite code col:align,char,charoff,span,valign,width colgroup:align,char,charoff,span,valign,width dd " +
		"del:datetime details:align,open dfn div:align dl dt em fieldset figcaption:align figure:align font:color,face,size " +
		"footer:align h1:align h2:align h3:align h4:align h5:align h6:align header:align hgroup:align hr:align,noshade,size,width i " +
		"img:alt,align,border,height,hspace,loading,longdesc,vspace,src,srcset,sizes,usemap,width ins:datetime,cite kbd label:for " +
		"legend:align li:align,value main:align map:name mark menu:type nav:align ol:start,type,reversed p:align pre:width q:cite " +
		"rb rp rt rtc ruby s samp section:align small span:align strike strong sub summary:align sup " +
		"table:align,bgcolor,border,cellpadding,cellspacing,rules,summary,width tbody:align,char,charoff,valign " +
		"td:abbr,align,axis,bgcolor,char,charoff,colspan,headers,height,nowrap,rowspan,scope,valign,width " +
		"textarea:cols,rows,disabled,name,readonly tfoot:align,char,charoff,valign " +
		"th:abbr,align,axis,bgcolor,char,charoff,colspan,headers,height,nowrap,rowspan,scope,valign,width " +
		"thead:align,char,charoff,valign tr:align,bgcolor,char,charoff,valign track:default,kind,label,src,srclang tt u " +
		"ul:type var video:autoplay,controls,height,loop,muted,playsinline,poster,preload,src,width "

	pageTable = "bdi del:cite meter:high,low,max,min,optimum,value picture progress:max,value source:height,media,sizes,src,srcset,type,width " +
		"time:datetime wbr "
)

// kinds are the kinds of attributes that are not plain text.
var kinds = map[string]kind{
	"href": address, "src": address, "cite": address, "poster": address, "longdesc": address, "usemap": address,
	"srcset": addresses, "style": style,
}

func table(text string) map[string]attributes {
	out := map[string]attributes{}
	for entry := range strings.FieldsSeq(text) {
		name, list, _ := strings.Cut(entry, ":")
		if out[name] == nil {
			out[name] = attributes{}
		}
		maps.Copy(out[name], attributesOf(strings.ReplaceAll(list, ",", " ")))
	}
	return out
}

func attributesOf(list string) attributes {
	out := attributes{}
	for name := range strings.FieldsSeq(list) {
		out[name] = max(kinds[name], plain)
	}
	return out
}

func set(list string) map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		out[name] = true
	}
	return out
}

// properties are the CSS properties that WordPress 6.1 allows, and aspect-ratio
// from later releases. None takes an element out of its place (position,
// z-index), and none hides it (display, visibility, opacity).
var properties = set(`align-content align-items align-self aspect-ratio background-attachment background-blend-mode background-color
	background-position background-size border border-bottom border-bottom-color border-bottom-left-radius border-bottom-right-radius
	border-bottom-style border-bottom-width border-collapse border-color border-left border-left-color border-left-style
	border-left-width border-radius border-right border-right-color border-right-style border-right-width border-spacing border-style
	border-top border-top-color border-top-left-radius border-top-right-radius border-top-style border-top-width border-width
	caption-side clear color column-count column-fill column-gap column-rule column-span column-width columns direction filter flex
	flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float font font-family font-size font-style font-variant
	font-weight gap grid-auto-columns grid-auto-rows grid-column-end grid-column-gap grid-column-start grid-gap grid-row-end
	grid-row-gap grid-row-start grid-template-columns grid-template-rows height justify-content justify-items justify-self
	letter-spacing line-height list-style-type margin margin-block-end margin-block-start margin-bottom margin-inline-end
	margin-inline-start margin-left margin-right margin-top max-height max-width min-height min-width object-fit object-position
	overflow padding padding-block-end padding-block-start padding-bottom padding-inline-end padding-inline-start padding-left
	padding-right padding-top row-gap text-align text-decoration text-indent text-transform vertical-align width`)

// imageProperties are the properties that may load an image.
var imageProperties = set("background background-image cursor")

// functions are the functions allowed in a value: those of WordPress 6.1,
// repeat from later releases, and colours.
var functions = set("calc clamp hsl hsla max min minmax repeat rgb rgba var")

var gradients = set(`conic-gradient linear-gradient radial-gradient repeating-conic-gradient repeating-linear-gradient
	repeating-radial-gradient`)
