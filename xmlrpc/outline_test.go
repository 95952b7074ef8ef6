package xmlrpc_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/xmlrpc"
)

func outline(text string, names ...string) (*xmlrpc.Outline, error) {
	return xmlrpc.OutlineResponse(strings.NewReader(text), int64(len(text)), names...)
}

func TestOutlineFindsMembersWhereverTheyStand(t *testing.T) {
	const text = `<?xml version="1.0"?>
<methodResponse><params><param><value><array><data>
 <value><struct>
  <member><name>url</name><value><string>https://a.example/</string></value></member>
  <member><name>xmlrpc</name><value><string>https://a.example/xmlrpc.php?a&amp;b</string></value></member>
 </struct></value>
 <value><array><data><value><struct><member><name>xmlrpc</name><value>plain</value></member>
  <member><name>xmlrpc</name><value><array><data/></array></value></member></struct></value></data></array></value>
</data></array></value></param></params></methodResponse>
<!-- cached --> rubbish`
	got, err := outline(text, "xmlrpc")
	if err != nil {
		t.Fatal(err)
	}
	if end := text[:got.Size]; !strings.HasSuffix(end, "</methodResponse>") {
		t.Errorf("the answer ends with %q", end[len(end)-20:])
	}
	if v := strings.TrimSpace(text[got.Value.Start:got.Value.End]); !strings.HasPrefix(v, "<value><array>") || !strings.HasSuffix(v, "</array></value>") {
		t.Errorf("the result is %q", v)
	}
	type seen struct {
		Text, Scalar string
		Path         []int
		Struct       bool
	}
	var all []seen
	for _, m := range got.Texts {
		outer := strings.TrimSpace(text[m.Struct.Start:m.Struct.End])
		all = append(all, seen{
			m.Text, strings.TrimSpace(text[m.Scalar.Start:m.Scalar.End]), m.Path,
			strings.HasPrefix(outer, "<value><struct>") && strings.HasSuffix(outer, "</struct></value>"),
		})
	}
	want := []seen{
		{"https://a.example/xmlrpc.php?a&b", "<value><string>https://a.example/xmlrpc.php?a&amp;b</string></value>", []int{0}, true},
		{"plain", "<value>plain</value>", []int{1, 0}, true},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestOutlineReadsFaults(t *testing.T) {
	f := &xmlrpc.Fault{Code: 403, Message: "no & no"}
	text := strings.TrimSpace(string(xmlrpc.AppendFault(nil, f)))
	got, err := outline(text + "<!-- x -->")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, got.Fault); diff != "" || got.Size != int64(len(text)) {
		t.Errorf("size %d of %d, fault: %s", got.Size, len(text), diff)
	}
}

// A truncated answer must not be taken for a complete one.
func TestOutlineRefusesWhatWasCut(t *testing.T) {
	text := string(xmlrpc.AppendResponse(nil, xmlrpc.Array(xmlrpc.Int(1), xmlrpc.Struct(xmlrpc.M("a", xmlrpc.String("<&>"))), xmlrpc.Bytes([]byte("abc")))))
	text = strings.TrimSpace(text)
	for cut := range len(text) {
		if _, err := outline(text[:cut]); err == nil {
			t.Errorf("%q passes for a whole answer", text[:cut])
		}
	}
	if _, err := outline(text); err != nil {
		t.Error(err)
	}
}

func TestOutlineReadsMoreThanItsWindow(t *testing.T) {
	long := strings.Repeat("x]]<", 50_000)
	text := string(xmlrpc.AppendResponse(nil, xmlrpc.Array(xmlrpc.String(long), xmlrpc.Struct(xmlrpc.M("xmlrpc", xmlrpc.String("here"))))))
	text = strings.Replace(text, "<params>", "<params><!-- "+strings.Repeat("y", 200_000)+" -->", 1)
	got, err := outline(text, "xmlrpc")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Texts) != 1 || got.Texts[0].Text != "here" {
		t.Errorf("found %v", got.Texts)
	}
}

func FuzzOutlineResponse(f *testing.F) {
	for _, text := range []string{
		"<methodResponse><params><param><value><i4>1</i4></value></param></params></methodResponse>",
		"<?xml version='1.0'?><methodResponse><params><param><value><struct><member><name>xmlrpc</name><value> a </value></member></struct></value></param></params></methodResponse>",
		"<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>1</int></value></member></struct></value></fault></methodResponse>",
		"<methodResponse><params><param><value><array><data><value><![CDATA[a]]></value></data></array></value></param></params></methodResponse>",
		"<methodResponse><params><param><value><struct><member><name>a</name></member></struct></value></param></params></methodResponse>",
		"<methodResponse><params><param><value><struct><nil/><nil> </nil><member><name>xmlrpc</name></member></struct></value></param></params></methodResponse>",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := xmlrpc.DecodeResponse(text, xmlrpc.Limits{})
		got, outlined := xmlrpc.OutlineResponse(bytes.NewReader(text), int64(len(text)), "xmlrpc")
		fault := (*xmlrpc.Fault)(nil)
		if errors.As(err, &fault) {
			err = nil
		}
		if err != nil {
			return // an outline checks less
		}
		if outlined != nil {
			t.Fatalf("decodes to %v %v, but has no outline: %v", v, fault, outlined)
		}
		if diff := cmp.Diff(fault, got.Fault); diff != "" {
			t.Fatal(diff)
		}
		if _, err := xmlrpc.DecodeResponse(text[:got.Size], xmlrpc.Limits{}); err != nil && fault == nil {
			t.Fatalf("the document up to the end that the outline reports does not decode: %v", err)
		}
	})
}

func BenchmarkOutlineResponse(b *testing.B) {
	for _, n := range []int{1000, 2000, 4000} {
		var posts []xmlrpc.Value
		for range n {
			posts = append(posts, xmlrpc.Struct(xmlrpc.M("post_id", xmlrpc.String("1")), xmlrpc.M("post_content", xmlrpc.String(strings.Repeat("words & ", 200)))))
		}
		text := xmlrpc.AppendResponse(nil, xmlrpc.Array(posts...))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := xmlrpc.OutlineResponse(bytes.NewReader(text), int64(len(text)), "xmlrpc"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
