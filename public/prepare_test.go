package public_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/database"
	"github.com/quillgate/quillgate/database/databasetest"
	"github.com/quillgate/quillgate/public"
	"github.com/quillgate/quillgate/site"
)

// textOfPost returns the text of a post from the markup of the theme around it.
func textOfPost(t *testing.T, page string) string {
	t.Helper()
	_, rest, _ := strings.Cut(page, `<div class="text" dir="auto">`)
	text, _, found := strings.Cut(rest, "</div>\n<footer class=\"filed\">")
	if !found {
		t.Fatalf("the page has no text:\n%s", page)
	}
	return strings.TrimSpace(text)
}

// Texts of authors become paragraphs, links and closed elements, whatever
// client wrote them.
func TestTexts(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	for _, test := range []struct{ name, text, want string }{
		{"one line", "text", "<p>text</p>"},
		{"lines and blank lines", "one\r\ntwo\n \n\n three", "<p>one<br/>\ntwo</p>\n<p>three</p>"},
		{"a break that is there already", "one<br />\ntwo", "<p>one<br/>\ntwo</p>"},
		{"markup of its own", "<p>one</p>\n<p>two</p>", "<p>one</p><p>two</p>"},
		{"some paragraphs of its own", "<p>one</p>\n\ntwo\n\n<em>three</em>", "<p>one</p><p>two</p>\n<p><em>three</em></p>"},
		{"text behind a heading", "<h2>Head</h2>\ntext", "<h2>Head</h2><p>text</p>"},
		{"a blank line in code", "<pre>\none {\n\n\ttwo\n}</pre>\nafter", "<pre tabindex=\"0\">one {\n\n\ttwo\n}</pre><p>after</p>"},
		{"a list", "<ul>\n<li>one\ntwo</li>\n</ul>", "<ul>\n<li>one\ntwo</li>\n</ul>"},
		{"a quotation", "<blockquote>one\n\ntwo</blockquote>", "<blockquote><p>one</p>\n<p>two</p>\n</blockquote>"},
		{"a box with a line", "<div class=\"x\">one</div>", `<div class="x">one</div>`},
		{"a box with two", "<div>one\n\ntwo</div>", "<div><p>one</p>\n<p>two</p>\n</div>"},
		{"blocks", "<!-- wp:paragraph -->\n<p>one</p>\n<!-- /wp:paragraph -->", "<p>one</p>"},
		{"what is never closed", "<div><span>one", "<div><p><span>one</span></p></div>"},
		{"what was never open", "one</div></article></main><p>two", "<p>one</p><p>two</p>"},
		{"ours by name", `<p id="comments">one</p><p id="mine">two</p>`, `<p>one</p><p id="mine">two</p>`},
		{
			"an address alone", "one\n\nhttps://www.example.com/film/?v=1&amp;w\n\ntwo",
			`<p>one</p><p><a href="https://www.example.com/film/?v=1&amp;w" class="elsewhere">example.com/film?v=1&amp;w</a></p><p>two</p>`,
		},
		{
			"a frame", `<iframe width="5" src="//www.youtube.com/embed/abc-_1?rel=0"></iframe>`,
			`<p><a href="https://www.youtube.com/watch?v=abc-_1" class="elsewhere">youtube.com/watch?v=abc-_1</a></p>`,
		},
		{"a frame of nowhere", `<p>one<iframe src="javascript:alert(1)"></iframe></p>`, `<p>one</p>`},
		{
			"styles that place", `<p style="text-align: center">one</p><img style="display:block; margin-left: auto; margin-right: auto" src="https://x.example/a.png" alt="">`,
			`<p class="has-text-align-center">one</p><p><img src="https://x.example/a.png" alt="" class="aligncenter" decoding="async"/></p>`,
		},
		{
			"what pictures show", `<p><img src="https://x.example/a.png" alt="Who: you &amp; I?" title="&#34;So!&#34;"></p>`,
			`<p><img src="https://x.example/a.png" alt="Who: you &amp; I?" title="&#34;So!&#34;" decoding="async"/></p>`,
		},
		{
			"a frame in a frame's place", `<object width="425"><param name="movie" value="http://www.youtube.com/v/abc-_1&hl=en"></param><embed src="http://www.youtube.com/v/abc-_1&hl=en"></embed><p>Get a player</p></object>after`,
			`<p><a href="https://www.youtube.com/watch?v=abc-_1" class="elsewhere">youtube.com/watch?v=abc-_1</a>after</p>`,
		},
		{"a film of old", `<embed src="http://vimeo.com/moogaloop.swf?clip_id=12&server=vimeo.com">`, `<p><a href="https://vimeo.com/12" class="elsewhere">vimeo.com/12</a></p>`},
		{"an object of nowhere", `<object data="javascript:x"><em>instead</em></object>`, `<p><em>instead</em></p>`},
		{
			"a link to another window", `<p><a href="https://x.example/" target="_blank" rel="nofollow">x</a> <a href="/y" target="y" rel="opener">y</a></p>`,
			`<p><a href="https://x.example/" target="_blank" rel="nofollow noopener">x</a> <a href="/y" target="y" rel="noopener">y</a></p>`,
		},
		{
			"addresses as they were sent", `<p><a href="http://x.example/ü a%.html">x</a> <a href="tel:+1">t</a> <a href="java&#10;script:x">n</a></p>`,
			`<p><a href="http://x.example/ü a%.html">x</a> <a href="tel:+1">t</a> n</p>`,
		},
		{"formats that end in other blocks", `<p><b>one<p>two</b> three`, `<p><b>one</b></p><p><b>two</b> three</p>`},
		{"words of unknown blocks", `<form>one</form><fieldset>two</fieldset>`, `<div>one</div><div>two</div>`},
		{"a place to lead to", `<p><a name="part-2"></a>two <a href="#part-2">up</a></p>`, `<p><span id="part-2"></span>two <a href="#part-2">up</a></p>`},
		{
			"a film", `<video controls loop poster="https://x.example/a.png" src="https://x.example/a.mp4"></video>`,
			`<p><video controls="" loop="" poster="https://x.example/a.png" src="https://x.example/a.mp4"></video></p>`,
		},
	} {
		got := textOfPost(t, f.get(t, link(f.post(t, "Post", test.text))).Body.String())
		if joined := strings.ReplaceAll(got, ">\n<", "><"); joined != strings.ReplaceAll(test.want, ">\n<", "><") {
			t.Errorf("%s: %q: got\n%s\nwant\n%s", test.name, test.text, got, test.want)
		}
	}
	// The page stays intact if elements are nested beyond all limits.
	deep := f.get(t, link(f.post(t, "Post", strings.Repeat("<div>", 3000)+"the bottom")))
	expect(t, "a deep text", deep, 200, "the bottom", `<footer class="colophon">`)
	if strings.Count(deep.Body.String(), "<div>") > 100 {
		t.Error("a deep text: its elements are in the page")
	}
}

// The shortcodes for pictures, sound and videos are shown. Others, and those
// that are only mentioned, are text.
func TestShortcodes(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		f := openFace(t, db, public.Config{})
		a, b := f.upload(t, "one.png", 1200, 600), f.upload(t, "two.png", 40, 30)
		folder := base + "/wp-content/uploads/2026/11/"
		if _, err := db.Exec(t.Context(), `UPDATE posts SET excerpt = 'The <b>pier</b>' WHERE id = $1`, a.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(t.Context(), `INSERT INTO post_meta (post_id, key, value) VALUES ($1, '_wp_attachment_image_alt', 'A "pier"')`, a.ID); err != nil {
			t.Fatal(err)
		}
		picture := `<img src="https://x.example/a.png" width="300" height="200" alt="">`
		for _, test := range []struct {
			name, text string
			want       []string
			not        string
		}{
			{
				"a caption", `[caption id="x" align="alignright" width="300"]` + picture + ` The <em>tower</em>[/caption]behind`,
				[]string{`<figure class="wp-caption alignright"><img src="https://x.example/a.png"`, `<figcaption class="wp-caption-text">The <em>tower</em></figcaption></figure>`, "<p>behind</p>"},
				"caption]",
			},
			{
				"a caption of old", `[caption align="javascript" caption="Said &quot;so&quot;"]<a href="https://x.example/">` + picture + `</a>[/caption]`,
				[]string{`<figure class="wp-caption"><a href="https://x.example/"><img`, `Said &#34;so&#34;</figcaption>`},
				"javascript",
			},
			{"a caption of nothing", `[caption width="3"]no picture[/caption]`, []string{`<p>no picture</p>`}, "caption"},
			{"a caption without an end", `one [caption width="3"] two`, []string{`<p>one  two</p>`}, "caption"},
			{
				"a gallery", `[gallery ids="` + itoa(b.ID) + `,` + itoa(a.ID) + `,99999" columns="2" link="file"]`,
				[]string{
					`<figure class="wp-block-gallery is-cropped columns-2"><figure class="wp-block-image"><a href="` + folder + `two.png"><img class="wp-image-` + itoa(b.ID),
					`<a href="` + folder + `one.png"><img class="wp-image-` + itoa(a.ID) + `" src="` + folder + `one-1024x512.png" alt="A &#34;pier&#34;"`, "<figcaption>The pier</figcaption>", "srcset",
				},
				"[gallery",
			},
			{"a gallery of links", `[gallery include="` + itoa(a.ID) + `"]`, []string{`columns-3`, `<a href="` + base + `/?attachment_id=` + itoa(a.ID) + `">`}, "[gallery"},
			{"a gallery of nothing", `one[gallery ids="99999"]two[gallery][playlist]`, []string{`<p>onetwo</p>`}, "gallery"},
			{"sound and films of nothing", `one[audio]two[video][/video]three[embed][/embed]`, []string{`<p>onetwothree</p>`}, "["},
			{
				"sound", `[audio mp3="https://x.example/a.mp3" ogg="https://x.example/a.ogg"][/audio]`,
				[]string{`<figure class="wp-block-audio"><audio controls="" preload="none"><source src="https://x.example/a.mp3"/><source src="https://x.example/a.ogg"/>`},
				"[audio",
			},
			{
				"a film", `[video width="640" height="360" mp4="https://x.example/a.mp4" poster="javascript:x"][/video]`,
				[]string{`<video controls="" preload="none" width="640" height="360" src="https://x.example/a.mp4">`},
				"poster",
			},
			{"sound of another kind", `one[audio src="javascript:alert(1)"]`, []string{`<p>one</p>`}, "audio"},
			{"an address", `[embed width="5"]https://x.example/film[/embed]`, []string{`<a href="https://x.example/film" class="elsewhere">x.example/film</a>`}, "[embed"},
			{"one that is named", `[[gallery ids="1"]] and [[caption]x[/caption]]`, []string{`<p>[gallery ids=&#34;1&#34;] and [caption]x[/caption]</p>`}, "<figure"},
			{"one in code", `<code>[gallery ids="` + itoa(a.ID) + `"]</code>`, []string{`<code>[gallery ids=`}, "<figure"},
			{"one that nobody knows", `[contact-form to="a@b.example"]x[/contact-form]`, []string{`[contact-form to=&#34;a@b.example&#34;]x[/contact-form]`}, "<figure"},
			{"a script", `[caption caption="<script>alert(1)</script>"]<img src=x onerror=alert(1)>[/caption]`, []string{"<figure"}, "alert"},
		} {
			page := f.get(t, link(f.post(t, "Post", test.text))).Body.String()
			text := textOfPost(t, page)
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("%s: got no %q in\n%s", test.name, want, text)
				}
			}
			if strings.Contains(text, test.not) {
				t.Errorf("%s: got %q in\n%s", test.name, test.not, text)
			}
			if found := hurt(page); found != nil {
				t.Errorf("%s: has %s", test.name, found)
			}
		}
		// A gallery without names shows the pictures of its post, in
		// lists and feeds too.
		id := f.post(t, "Post", "[gallery]")
		if _, err := db.Exec(t.Context(), `UPDATE posts SET parent = $2 WHERE id = $1`, a.ID, id); err != nil {
			t.Fatal(err)
		}
		f.set(t, "blog_tagline", "changed")
		for _, target := range []string{link(id), "/", "/?feed=rss2"} {
			expect(t, target, f.get(t, target), 200, "wp-block-gallery", "wp-image-"+itoa(a.ID))
		}
	})
}

// A post that its author has divided has an address for each page.
func TestDividedPosts(t *testing.T) {
	f := openFace(t, databasetest.Open(t, databasetest.SQLite(t)), public.Config{})
	id := f.post(t, "Long", "the first<!--more read on, please--> rest<!--nextpage-->the second\n<!-- wp:nextpage --><!--nextpage--><!-- /wp:nextpage -->the third")
	for _, test := range []struct {
		structure, target, want, leadsTo string
	}{
		{"", link(id), "the first", ""},
		{"", link(id) + "&page=2", "the second", ""},
		{"", link(id) + "&page=9", "", link(id) + "&page=3"},
		{"", link(id) + "&page=1", "", link(id)},
		{"/%year%/%postname%/", "/2026/long/", "the first", ""},
		{"/%year%/%postname%/", "/2026/long/3/", "the third", ""},
		{"/%year%/%postname%/", "/2026/long/3", "", "/2026/long/3/"},
		{"/%year%/%postname%/", "/2026/long/4/", "", "/2026/long/3/"},
		{"/%year%/%postname%/", "/2026/long/1/", "", "/2026/long/"},
		{"/%year%/%postname%/", "/2026/long/?page=2", "", "/2026/long/2/"},
		{"/%postname%/", "/long/2/", "the second", ""},
		{"/archives/%post_id%", "/archives/" + itoa(id) + "/2", "the second", ""},
	} {
		f.set(t, "permalink_structure", test.structure)
		w := f.get(t, test.target)
		if test.leadsTo != "" {
			if got := w.Header().Get("Location"); w.Code != 301 || got != base+test.leadsTo {
				t.Errorf("%s: got %d %s, want a redirect to %s", test.target, w.Code, got, test.leadsTo)
			}
			continue
		}
		expect(t, test.target, w, 200, test.want, `<link rel="canonical" href="`+base+html.EscapeString(test.target)+`" />`, `<nav class="parts"`, `aria-current="page"`)
		for _, other := range []string{"the first", "the second", "the third"} {
			if other != test.want {
				lacks(t, test.target, w, "<p>"+other)
			}
		}
	}
	expect(t, "a page of a post that has one", f.get(t, "/archives/"+itoa(f.post(t, "Short", "short"))+"/2"), 301)
	home := f.get(t, "/")
	expect(t, "the home page", home, 200, "the first", ">read on, please<span")
	lacks(t, "the home page", home, "the second")
	expect(t, "the feed", f.get(t, "/?feed=rss2"), 200, "the first", "the second", "the third")
	locked := f.post(t, "Locked", "veiled one<!--nextpage-->veiled two", func(e *site.PostEdit) { e.Password = new("sesame") })
	lacks(t, "a page behind a password", f.get(t, "/archives/"+itoa(locked)+"/2"), "veiled")
}
