package markup_test

import (
	"strings"
	"testing"

	"github.com/quillgate/quillgate/markup"
)

func TestPostKeepsWhatAuthorsMayWrite(t *testing.T) {
	for _, text := range []string{
		"plain text",
		"Quotes \"stay\" and so do 'these', – dashes —, 日本語 and 😀.",
		"a &amp; b &lt; c &#8212; &eacute; &nbsp; &#x27; &#0039; &apos;",
		"line\nbreaks\r\n\r\nand\ttabs",
		`[gallery ids="1,2" link='none'] [caption id="a"]text[/caption] [[escaped]] {{x}} $1 \1 %s`,
		"before<!--more-->after<!--nextpage-->third<!--more But read on--><!--noteaser--><!-- two\nlines -->",
		`<!-- wp:paragraph --><p>Text &amp; more</p><!-- /wp:paragraph --><!-- wp:separator /--><!-- wp:my-plugin/block {"a":{"b":[1,2]}} /-->`,
		`<!-- wp:image {"id":5,"caption":"\u003cb\u003e&amp; \"x\"\u003c/b\u003e","u":"a & b"} --><p>x</p><!-- /wp:image -->`,
		`<p>A <strong>b</strong> <em>i</em> <a href="https://example.com/?a=1&amp;b=2" title="t">link</a></p>`,
		`<a href="mailto:x@example.com">m</a><a href="/relative">r</a><a href="#top">t</a><a href="?p=5">x</a><a href="../x">y</a>`,
		`<a href="tel:+123">t</a><a href="ftp://x/y">f</a><a href="feed:x">f</a><a href="webcal://x">w</a><a href="x?HTTP://X">u</a>`,
		`<img src="http://example.org/my photo.jpg" alt="p" /><a href="http://example.org/a b.pdf">doc</a>`,
		"<a href=\"http://example.org/\nfoo\">nl</a><a href=\"http://example.org/100%\">%</a><a href=\"http://example.org/?q=%zz\">%</a>",
		`<a href="http://example.org:port/">p</a><a href="http://exa mple.org/">x</a><a href="http://example.org/x#a b">x</a>`,
		`<a href="http://example.org/ü/日本">x</a><a href="https://example.org/^x">c</a><a href="https://example.org/` + "`" + `x\y|z">c</a>`,
		`<a href="http://x/?a=[b]&amp;c={d}|e f">u</a><a href='http://x/"a'>q</a><a href="http://[::1]/">u</a>`,
		`<a href="wiki/Foo:Bar">w</a><a href="x?y=a:b">q</a><a href="#a:b">f</a><a href="//h/a:b">h</a><a href="a b:c">s</a>`,
		`<h2 class="title" id="x">H</h2><ul><li>1</li></ul><pre><code>x &lt; y</code></pre>`,
		`<blockquote cite="https://example.com"><p>q</p></blockquote><br><hr><br/><br />`,
		`<div data-id="5" data-a-b_1='x"y' aria-label="x">d</div><P CLASS="x">upper</P>`,
		`<p style="color:red;text-align:center">t</p><img src="a" style="width:100px;height:auto" alt="">`,
		`<p style="padding-top: var(--wp--preset--spacing--40);background-color: rgba(1, 2, 3, .5)">t</p>`,
		`<video controls="" src="https://example.com/v.mp4" poster="https://example.com/p.png"></video><video controls muted></video>`,
		`<img src="/a.png" srcset="/a-300.png 300w, https://example.com/a-600.png 600w" sizes="(max-width: 300px) 100vw">`,
		`<textarea rows="1">t</textarea><p title='a"b' class="c'd">x</p>`,
		`</b>stray <b>unclosed <b><i>x</b></i>`,
	} {
		if got := markup.Post().Filter(text); got != text {
			t.Errorf("%q\nbecomes %q", text, got)
		}
	}
}

func TestPostTakesOutTheRest(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"AT&T & co. &bogus; &#0; &copy 2024", "AT&amp;T &amp; co. &amp;bogus; &amp;#0; &amp;copy 2024"},
		{"1 < 2 > 0, 5<6, I <3 you, </3", "1 &lt; 2 &gt; 0, 5&lt;6, I &lt;3 you, &lt;/3"},
		{"1 <2 and 3> 4 if x<y then", "1 &lt;2 and 3&gt; 4 if x&lt;y then"},
		{"a <b and <i>c</i>", "a &lt;b and <i>c</i>"},
		{`<p`, `&lt;p`},
		{`<p title="x>y</p>`, `&lt;p title="x&gt;y</p>`},
		{`x<script>alert(1)</script>y`, `xalert(1)y`},
		{`<ScRiPt src="https://example.com/x.js"></sCrIpT >`, ``},
		{`<scr<script>ipt>x`, `&lt;script&gt;x`},
		{"<scr\x00ipt>x</scr\x00ipt>", `x`},
		{"<s\u017fcript>x<\u017fcript>", "x&lt;\u017fcript&gt;"},
		{`<p onclick="x()" ONMOUSEOVER=y>t</p>`, `<p>t</p>`},
		{`<p/onclick=x>t`, `<p>t`},
		{`<p title="a"onclick="b"class=c>t`, `<p title="a" class="c">t`},
		{"<p \u212alass=a ti\u0131tle=b>t", `<p>t`},
		{`<a href="javascript:alert(1)">t</a>`, `<a>t</a>`},
		{`<a href=" java&#115;cript&colon;alert(1)">t</a>`, `<a>t</a>`},
		{"<a href=\"\x01java\nscript\t:alert(1)\">t</a>", `<a>t</a>`},
		{`<a href="java&Tab;script&#58alert(1)">t</a>`, `<a href="java&Tab;script&amp;#58alert(1)">t</a>`},
		{`<a href=" http://example.org/ ">t</a>`, `<a href="http://example.org/">t</a>`},
		{`<a href="HTTP://X/?A&amp;b">u</a><img src=MAILTO:X>`, `<a href="http://X/?A&amp;b">u</a><img src="mailto:X">`},
		{`<a href=bare onclick=alert(1)>b</a>`, `<a href="bare">b</a>`},
		{`<a href=x"y&z>b</a>`, `<a href="x&quot;y&amp;z">b</a>`},
		{`<a href="x" href="y" HREF=z>b</a>`, `<a href="x">b</a>`},
		{`<img src="x" onerror="alert(1)">`, `<img src="x">`},
		{`<img src="x" alt="a > b <i>">`, `<img src="x" alt="a &gt; b &lt;i&gt;">`},
		{`<textarea><b title="</textarea><img src=x onerror=alert(1)>">`, `<textarea><b title="&lt;/textarea&gt;&lt;img src=x onerror=alert(1)&gt;">`},
		{
			`<textarea><!-- wp:x {"a":"</textarea><img src=x onerror=alert(1)>"} -->`,
			`<textarea><!-- wp:x {"a":"\u003c/textarea\u003e\u003cimg src=\"x\"\u003e"} -->`,
		},
		{`<iframe src="https://example.com"></iframe>after`, `after`},
		{`<video poster="javascript:x"></video><img src="a" longdesc="data:text/html,x" srcset="a 1x, data:x 2x">`, `<video></video><img src="a">`},
		{`<form action="/x"><input name="a"></form>`, ``},
		{`<style>p{color:red}</style>text`, `p{color:red}text`},
		{`<svg><script>x</script></svg>`, `x`},
		{"<!DOCTYPE html>x<?php echo 1; ?>y", "xy"},
		{"<!a <b>c</b>", "&lt;!a <b>c</b>"},
		{`<br / ><b/>`, `<br /><b/>`},
		{`<div data-="3" data-a.b="4" data-a--b="8" data-a-="9">x</div>`, `<div>x</div>`},
		{"a\ue0f00\ue0f1b <i title=\"&#xE0F0;0&#xE0F1;\">c</i>", "a\ue0f00\ue0f1b <i title=\"&#xE0F0;0&#xE0F1;\">c</i>"},

		{`before <!-- never closed <p>all of this</p> is after`, `before &lt;!-- never closed <p>all of this</p> is after`},
		{`text <!-- todo: <b>fix</b> this --> more text after`, `text &lt;!-- todo: <b>fix</b> this --&gt; more text after`},
		{`<p>one</p><!-- a -- b --><p>two</p>`, `<p>one</p><!-- a - b --><p>two</p>`},
		{`<!-- a <!-- b --> c -->`, `&lt;!-- a <!-- b --> c --&gt;`},
		{`<!-- <img src=x onerror=alert(1)> -->`, `&lt;!-- <img src="x"> --&gt;`},
		{`<!--[if IE]><script>x</script><![endif]-->`, `&lt;!--[if IE]&gt;x`},
		{`<!-- a & b > c --->`, `<!-- a &amp; b &gt; c -->`},
		{`<!--><!---->`, `<!--&gt;-->`},
		{`<!--> shown --><!---><b>`, `<!--&gt;--> shown --&gt;<!---&gt;--><b>`},
		{
			`<!-- wp:x {"a":"a --\u003e b","u":"?a=1\u0026b","h":"\u003cimg src=x onerror=\"y\"\u003e \u003cb\u003e"} -->`,
			`<!-- wp:x {"a":"a \u002d\u002d\u0026gt; b","u":"?a=1\u0026b","h":"\u003cimg src=\"x\"\u003e \u003cb\u003e"} -->`,
		},
		{
			`<!-- wp:x {"a":"\u003c!-- wp:y {\"b\":\"\u003cscript\u003e\"} --\u003e"} -->`,
			`<!-- wp:x {"a":"\u0026lt;!\u002d\u002d wp:y {\"b\":\"\"} \u002d\u002d\u0026gt;"} -->`,
		},
		{`<!--a--!>b-->`, `<!--a-!&gt;b-->`},
		{`<!-- wp:latest-posts {"a":"<b>x--</b>"} /-->`, `<!-- wp:latest-posts {"a":"\u003cb\u003ex\u002d\u002d\u003c/b\u003e"} /-->`},
		{`<!-- wp:x {<b>} -->`, `&lt;!-- wp:x {<b>} --&gt;`},
	} {
		if got := markup.Post().Filter(test.in); got != test.want {
			t.Errorf("%q\nbecomes %q\nwant    %q", test.in, got, test.want)
		}
		if again := markup.Post().Filter(test.want); again != test.want {
			t.Errorf("%q, filtered again,\nbecomes %q", test.want, again)
		}
	}
}

func TestStylesLoseWhatIsNotAllowed(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"border-top: 0px; background-image: none; float: left; margin: 0px 10px 0px 0px; display: inline", "border-top: 0px;background-image: none;float: left;margin: 0px 10px 0px 0px"},
		{"margin: 0cm 0cm 0pt; mso-fareast-language: DE", "margin: 0cm 0cm 0pt"},
		{"mso-ansi-language: EN-GB", ""},
		{"text-align: center; clear: both;", "text-align: center;clear: both"},
		{"color:red;", "color:red"},
		{"width: 100%; border-collapse: collapse", "width: 100%;border-collapse: collapse"},
		{"background-image:url(http://example.org/x.jpg);min-height:200px", "background-image:url(http://example.org/x.jpg);min-height:200px"},
		{"background:linear-gradient(135deg,rgb(6,147,227) 0%,rgb(155,81,224) 100%)", "background:linear-gradient(135deg,rgb(6,147,227) 0%,rgb(155,81,224) 100%)"},
		{"grid-template-columns:1fr minmax(1px,2fr);gap:1em", "grid-template-columns:1fr minmax(1px,2fr);gap:1em"},
		{"width:calc(1px + (2px * 3));font-size:clamp(1px,calc(1px + 2vw),3px)", "width:calc(1px + (2px * 3));font-size:clamp(1px,calc(1px + 2vw),3px)"},
		{"color:red !important; --wp--x: var(--a, var(--b))", "color:red !important;--wp--x: var(--a, var(--b))"},
		{" bad:1; color : red ;; width : 1px; ", "color : red;width : 1px"},
		{"font-family: 'A B', \"C\"; COLOR:RED", "font-family: 'A B', \"C\";COLOR:RED"},
		{"font-family:'a;b';color:red", "color:red"},
		{"position:absolute;top:0;z-index:9;visibility:hidden;opacity:0", ""},
		{"width:expression(alert(1));behavior:url(x);-moz-binding:url(http://x)", ""},
		{"background:url(javascript:x);background:url( 'java\tscript:x' );color:url(http://x/);background:url(data:image/png;base64,AA)", ""},
		{`background:url("http://e.org/a b.png") no-repeat;cursor:url(x.cur), auto`, `background:url("http://e.org/a b.png") no-repeat;cursor:url(x.cur), auto`},
		{`background:url(http://x/);}*{color:red`, `background:url(http://x/)`},
		{`color:red/*;c:*/;color:\72 ed;color:a=b;color:a}b;color:(red);color:red);color:rgb(1`, ``},
		{"color", ""},
	} {
		in := strings.ReplaceAll(test.in, `"`, "&quot;")
		want := "<p>"
		if test.want != "" {
			want = `<p style="` + strings.ReplaceAll(test.want, `"`, "&quot;") + `">`
		}
		if got := markup.Post().Filter(`<p style="` + in + `">`); got != want {
			t.Errorf("%q\nbecomes %q\nwant    %q", test.in, got, want)
		}
		if got, ok := markup.Post().Attribute("p", "style", test.in); got != test.want || ok != (got != "") {
			t.Errorf("as the value of a node, %q becomes %q (%t)", test.in, got, ok)
		}
	}
}

func TestInlineIsWhatTitlesAndCommentsMayHold(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`see <a href="http://example.org/a b.html" title="t" class="c" style="color:red" data-a="1">x</a>`, `see <a href="http://example.org/a b.html" title="t">x</a>`},
		{`<a href="tel:+123">call</a> <h1>big</h1><img src=x><p>x</p><br>`, `<a href="tel:+123">call</a> bigx`},
		{"before <!-- never closed and the rest", "before &lt;!-- never closed and the rest"},
		{`<b>b</b> <q cite="x">q</q> <del datetime="2024">d</del><ins>i</ins>`, `<b>b</b> <q cite="x">q</q> <del datetime="2024">d</del>i`},
	} {
		if got := markup.Inline().Filter(test.in); got != test.want {
			t.Errorf("%q\nbecomes %q\nwant    %q", test.in, got, test.want)
		}
	}
}

func TestPageShowsNeitherStylesNorForms(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`<p style="color:red" class="a">x</p><button>b</button><textarea>t</textarea>`, `<p class="a">x</p>bt`},
		{`a<script>if (a < b) { "<p>" }</script >b<style>x</style><svg><circle/></svg><iframe src=x>y</iframe>c`, `abc`},
		{`a<!-- b --><!-- wp:x {"a":"<b>"} --><!-- <p>c</p> -->d<!-- never closed <b>e</b>`, `ad&lt;!-- never closed <b>e</b>`},
		{`a<script>never closed <b>c</b>`, `anever closed <b>c</b>`},
		{`<picture><source srcset="a 1x"><img src="b"></picture><time datetime="2024">t</time>`, `<picture><source srcset="a 1x"><img src="b"></picture><time datetime="2024">t</time>`},
		{`<video autoplay controls src="v"></video>`, `<video controls src="v"></video>`},
	} {
		if got := markup.Page().Filter(test.in); got != test.want {
			t.Errorf("%q\nbecomes %q\nwant    %q", test.in, got, test.want)
		}
	}
}

func TestMoveRelPutsOneRelLast(t *testing.T) {
	words := func(l markup.Link) []string {
		if strings.HasPrefix(l.Address, "/") {
			return nil
		}
		return []string{"nofollow", "ugc"}
	}
	for _, test := range []struct{ in, want string }{
		{`<a rel="me" href="/x">x</a>`, `<a rel="me" href="/x">x</a>`},
		{`<a href="x">x</a>`, `<a href="x" rel="nofollow ugc">x</a>`},
		{`<a rev="r" rel="me" href="x">r</a>`, `<a rev="r" href="x" rel="me nofollow ugc">r</a>`},
		{`<a rel="me" rev="r" href="x" rel="b">r</a>`, `<a rev="r" href="x" rel="me nofollow ugc">r</a>`},
		{`<a rel="ugc  nofollow" href="x">r</a>`, `<a href="x" rel="ugc nofollow">r</a>`},
		{`<a rel="me"href="x"title="t">r</a>`, `<a href="x"title="t" rel="me nofollow ugc">r</a>`},
		{`<a href="x"rel='a"b'title="t">r</a>`, `<a href="x" title="t" rel="a&quot;b nofollow ugc">r</a>`},
		{`<a rel href="x" rel=>r</a>`, `<a href="x" rel="nofollow ugc">r</a>`},
		{`<a href=x rel=me />`, `<a href=x rel="me nofollow ugc" />`},
	} {
		if got := markup.MoveRel(test.in, words); got != test.want {
			t.Errorf("%q\nbecomes %q\nwant    %q", test.in, got, test.want)
		}
	}
}

func TestAddRelTouchesOnlyTheRelOfLinks(t *testing.T) {
	words := func(l markup.Link) []string {
		switch {
		case strings.HasPrefix(l.Address, "/"), l.Lines:
			return nil
		case l.Target:
			return []string{"noopener"}
		}
		return []string{"nofollow", "ugc"}
	}
	for _, test := range []struct{ in, want string }{
		{`<a href="/x">x</a>`, `<a href="/x">x</a>`},
		{`<a href="&#47;x">x</a><abbr href="x">`, `<a href="&#47;x">x</a><abbr href="x">`},
		{`x <a href="http://a b">x</a> <i>`, `x <a href="http://a b" rel="nofollow ugc">x</a> <i>`},
		{`<a href=x />`, `<a href=x rel="nofollow ugc" />`},
		{`<A HREF='x' rel="me NoFollow" title="t">`, `<A HREF='x' rel="me NoFollow ugc" title="t">`},
		{`<a rel=me>`, `<a rel="me nofollow ugc">`},
		{`<a rel>`, `<a rel="nofollow ugc">`},
		{`<a rel='' href=x>`, `<a rel='nofollow ugc' href=x>`},
		{`<a target=_blank rel="nofollow ugc">`, `<a target=_blank rel="nofollow ugc noopener">`},
		{`<a title="x rel='y" href='" onmouseover=alert(1) z="'>`, `<a title="x rel='y" href='" onmouseover=alert(1) z="' rel="nofollow ugc">`},
		{"<a href='x\ny'>", "<a href='x\ny'>"},
		{`<script>x = '<a href="x">'</SCRIPT><a href=y><style><a href=z>`, `<script>x = '<a href="x">'</SCRIPT><a href=y rel="nofollow ugc"><style><a href=z rel="nofollow ugc">`},
		{`<a title="<a href=x>"`, `<a title="<a href=x rel="nofollow ugc">"`},
	} {
		if got := markup.AddRel(test.in, words); got != test.want {
			t.Errorf("%q\nbecomes %q\nwant    %q", test.in, got, test.want)
		}
	}
}
