package pingback

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadSource(t *testing.T) {
	const target = "https://blog.example/?p=1"
	page := func(title, body string) string {
		return "<html><head><title>" + title + "</title></head><body>" + body + "</body></html>"
	}
	link := `<a href="` + target + `">here</a>`
	for _, test := range []struct {
		name, page, title, excerpt string
		err                        error
	}{
		{name: "words on both sides", page: page("A page", "<p>One two three "+link+" four five six.</p>"), title: "A page", excerpt: "two three here four five"},
		{name: "no word behind", page: page("A", "<p>Look at "+link+"!</p>"), title: "A", excerpt: "Look at here!"},
		{name: "link alone", page: page("A", "<p>"+link+"</p>"), title: "A", excerpt: "here"},
		{name: "other attributes", page: page("A", `<p><a class="x" href="`+target+`" rel="nofollow">that</a></p>`), title: "A", excerpt: "that"},
		{name: "single quotes", page: page("A", `<p><a href='`+target+`'>quoted</a></p>`), title: "A", excerpt: "quoted"},
		{name: "place in the post", page: page("A", `<p><a href="`+target+`#section">part</a></p>`), title: "A", excerpt: "part"},
		{name: "markup inside the link", page: page("A", `<p><a href="`+target+`">so <b>very</b> bold</a></p>`), title: "A", excerpt: "so very bold"},
		{name: "markup around", page: page("A", `<p>An <em>old</em> <a href="/">other</a> link, `+link+` <i>and</i> more.</p>`), title: "A", excerpt: "old other link, here and"},
		{name: "the paragraph of the link", page: page("A", "<p>before</p><ul><li>x y "+link+" z z</li></ul>"), title: "A", excerpt: "y here z"},
		{name: "second paragraph links", page: page("A", "<p>"+target+" as text</p><p>"+link+"</p>"), title: "A", excerpt: "here"},
		{name: "second link has text", page: page("A", `<p><a href="`+target+`"><img src="x"></a> `+link+`</p>`), title: "A", excerpt: "here"},
		{name: "lines", page: page("\n Long\ttitle ", "<p>one\r\ntwo\n"+link+"\nthree\nfour</p>"), title: " Long title ", excerpt: "two here three"},
		{name: "title in capitals", page: `<TITLE>Loud</TITLE><p>` + link + `</p>`, title: "Loud", excerpt: "here"},
		{name: "entities stay", page: page("A &amp; B", "<p>&lt;x&gt; "+link+"</p>"), title: "A &amp; B", excerpt: "&lt;x&gt; here"},
		{
			name: "long text", page: page("A", "<p>"+strings.Repeat("lorem ipsum ", 60)+`<a href="`+target+`">`+strings.Repeat("anchor ", 25)+"</a>"+strings.Repeat(" dolor sit", 60)+"</p>"),
			title: "A", excerpt: strings.Repeat("lorem ipsum ", 8) + strings.Repeat("anchor ", 14) + "an&#8230;" + strings.Repeat(" dolor sit", 10),
		},
		{
			name: "long text without blanks", page: page("A", "<p>"+strings.Repeat("ä", 3000)+link+strings.Repeat("ö", 3000)+"</p>"),
			title: "A", excerpt: strings.Repeat("ä", 50) + "here" + strings.Repeat("ö", 50),
		},
		{name: "no title", page: "<html><body><p>" + link + "</p></body></html>", err: ErrTitle},
		{name: "empty title", page: page("", "<p>"+link+"</p>"), err: ErrTitle},
		{name: "blank title", page: page(" \n ", "<p>"+link+"</p>"), err: ErrTitle},
		{name: "plain text", page: "just text with " + target, err: ErrTitle},
		{name: "no link", page: page("A", "<p>Nothing here.</p>"), err: ErrLink},
		{name: "address as text", page: page("A", "<p>The address is "+target+" but not linked.</p>"), err: ErrLink},
		{name: "in a script", page: page("A", "<script>var a = '"+link+"';</script><p>nothing</p>"), err: ErrLink},
		{name: "in a style", page: page("A", "<style>/* "+link+" */</style><p>nothing</p>"), err: ErrLink},
		{name: "in a comment", page: page("A", "<!-- "+link+" --><p>no</p>"), err: ErrLink},
		{name: "in capitals", page: page("A", `<P>Go <A HREF="`+target+`">there</A> now</P>`), err: ErrLink},
		{name: "picture alone", page: page("A", `<p><a href="`+target+`"><img src="x"></a></p>`), err: ErrLink},
		{name: "post of a longer id", page: page("A", `<p><a href="`+target+`2">other</a></p>`), err: ErrLink},
		{name: "other post", page: page("A", `<p><a href="https://blog.example/?p=2">other</a></p>`), err: ErrLink},
		{name: "other element", page: page("A", `<p><link href="`+target+`">here</link></p>`), err: ErrLink},
		{name: "nothing", page: "", err: ErrTitle},
	} {
		t.Run(test.name, func(t *testing.T) {
			title, excerpt, err := readSource(test.page, target)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if title != test.title || excerpt != test.excerpt {
				t.Errorf("got title %q, excerpt %q; want %q, %q", title, excerpt, test.title, test.excerpt)
			}
		})
	}
}

func TestReadSourceAmpersands(t *testing.T) {
	for _, href := range []string{"https://blog.example/?a=b&amp;p=1", "https://blog.example/?a=b&p=1"} {
		_, excerpt, err := readSource(`<title>A</title><p><a href="`+href+`">x</a></p>`, "https://blog.example/?a=b&p=1")
		if err != nil || excerpt != "x" {
			t.Errorf("link to %s: got %q, %v", href, excerpt, err)
		}
	}
}

func FuzzReadSource(f *testing.F) {
	f.Add("<title>A</title><p>one two <a href='https://blog.example/?p=1'>x</a> three four")
	f.Add("<title>A</title><a href='https://blog.example/?p=1")
	f.Add("<TITLE x=y>A</TITLE><scr</script><a b>https://blog.example/?p=1</a>")
	f.Fuzz(func(t *testing.T, page string) {
		title, excerpt, err := readSource(page, "https://blog.example/?p=1")
		if err != nil {
			return
		}
		if strings.TrimSpace(title) == "" || len(excerpt) > excerptMost+2*excerptSide {
			t.Errorf("title %q, excerpt of %d bytes", title, len(excerpt))
		}
	})
}

func TestLinks(t *testing.T) {
	const base = "https://blog.example"
	got := links(`<p><a href="https://a.example/one">1</a> <A HREF='http://b.example/two?x=1&amp;y=2#part'>2</A>
		<a href="https://a.example/one">again</a> <a href="https://a.example/">home</a> <a href="https://a.example/?p=1">query</a>
		<a href="https://blog.example/?p=2">own</a> <a href="https://BLOG.example/x">own</a> <a href="/relative">r</a> <a href="mailto:a@b.example">m</a>
		<a name="x">n</a> <img src="https://a.example/picture.png"> <a href="https://a.example/`+strings.Repeat("x", 2000)+`">long</a> <a href="http://[">bad</a>`, base)
	want := []string{"https://a.example/one", "http://b.example/two?x=1&y=2#part", "https://a.example/?p=1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	var many strings.Builder
	for i := range 200 {
		many.WriteString(`<a href="https://a.example/` + strings.Repeat("x", i+1) + `">x</a>`)
	}
	if n := len(links(many.String(), base)); n != maxPings {
		t.Errorf("of 200 links %d are told, want %d", n, maxPings)
	}
}
