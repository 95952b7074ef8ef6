package wxr_test

import (
	"bytes"
	"encoding/xml"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/wxr"
)

// oracle is wxr.Events by encoding/xml; ok is false when that refuses the
// document.
func oracle(document []byte) (events []string, ok bool) {
	d := xml.NewDecoder(bytes.NewReader(document))
	d.Entity = xml.HTMLEntity
	var text []byte
	flush := func() {
		if len(text) > 0 {
			events, text = append(events, string(text)), text[:0]
		}
	}
	name := func(n xml.Name) string {
		if n.Space != "" {
			return n.Space + ":" + n.Local
		}
		return n.Local
	}
	for {
		before := d.InputOffset()
		tok, err := d.RawToken()
		if err != nil {
			flush()
			return events, before == int64(len(document))
		}
		switch tok := tok.(type) {
		case xml.CharData:
			text = append(text, tok...)
		case xml.StartElement:
			flush()
			events = append(events, "<"+name(tok.Name))
			for _, a := range tok.Attr {
				events = append(events, " "+name(a.Name)+"="+a.Value)
			}
		case xml.EndElement:
			flush()
			events = append(events, "</"+name(tok.Name))
		case xml.Directive:
			return nil, false
		}
	}
}

func TestTokenizerAgreesWithEncodingXML(t *testing.T) {
	documents := exports(t)
	documents["written"] = export(t, specimen())
	for name, document := range map[string]string{
		"references": "<a>&lt;&gt;&amp;&quot;&apos;&eacute;&#65;&#x1F600;&#x41;</a>",
		"line ends":  "<a b='1\r\n2\r3'>1\r\n2\r3\n\r<![CDATA[1\r\n2\r3\r]]>\n&#13;&#10;</a>",
		"sections":   "<a><![CDATA[]]><![CDATA[]]]]><![CDATA[>&amp;]]>&amp;<![CDATA[</a>]]></a>",
		"tags":       "<a b='>' c = \"'&quot;/>\"\n><b/><c d=''/></a\n>",
		"comments":   "<a><!-- <b> ' --><!----><?p <c> ' ?>x</a>",
		"names":      "<_a.b-c:é9 x:y='1'></_a.b-c:é9>",
	} {
		documents[name] = []byte(document)
	}
	agreed := 0
	for name, document := range documents {
		want, ok := oracle(document)
		if !ok {
			continue
		}
		agreed++
		got, strict := wxr.Events(document)
		if diff := cmp.Diff(want, got); diff != "" || !strict {
			t.Errorf("%s: strict %v, events (-encoding/xml +tokenizer):\n%s", name, strict, diff)
		}
	}
	if agreed < 9 {
		t.Errorf("encoding/xml took %d documents only", agreed)
	}
}

// FuzzTokenizer holds the tokenizer against encoding/xml on every document that
// this takes.
func FuzzTokenizer(f *testing.F) {
	for _, document := range exports(f) {
		f.Add(document)
	}
	f.Add([]byte("<a b='1\r\n2' c = \"&quot;\"><![CDATA[]]]]><![CDATA[>]]>&eacute;&#x41;<!-- x --><?p ?><b/></a\n>"))
	f.Fuzz(func(t *testing.T, document []byte) {
		got, strict := wxr.Events(document)
		want, ok := oracle(document)
		if !ok || !strict && bytes.Contains(document, []byte("&#")) { // references to surrogates, which encoding/xml lets pass
			return
		}
		if diff := cmp.Diff(want, got); diff != "" || !strict {
			t.Errorf("strict %v, events (-encoding/xml +tokenizer):\n%s", strict, diff)
		}
	})
}

// TestScannerAndTokenizerAgree frames documents and expects each frame to be
// one element to the tokenizer too.
func TestScannerAndTokenizerAgree(t *testing.T) {
	const document = "text <a><b c='/a>'/><![CDATA[</a>]]><!--</a>--><?x </a>?></a> <d/><e><e/><e></e></e>\n"
	children, err := wxr.Framed([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"<a><b c='/a>'/><![CDATA[</a>]]><!--</a>--><?x </a>?></a>", "<d/>", "<e><e/><e></e></e>"}
	if diff := cmp.Diff(want, children); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}
