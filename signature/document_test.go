package signature_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quillgate/quillgate/signature"
)

var update = flag.Bool("update", false, "write the vectors of docs again")

// The documents that other people implement clients by.
const (
	document     = "../docs/SIGNING.md"
	vectorFile   = "../docs/signing-vectors.json"
	vectorsBegin = "<!-- vectors begin: go test ./signature -run TestVectorsOfTheDocument -update -->\n"
	vectorsEnd   = "<!-- vectors end -->\n"
)

// docVector is one vector of the document. The names are those of the JSON
// file.
type docVector struct {
	Name          string            `json:"name"`
	Key           string            `json:"key"`    // public key
	Alg           string            `json:"alg"`    // "header" for the header scheme
	Secret        string            `json:"secret"` // or the private key, in PEM
	Message       string            `json:"message"`
	Fields        map[string]string `json:"fields"`
	Body          string            `json:"body"`
	Base          string            `json:"base,omitempty"`
	Authorization string            `json:"authorization,omitempty"`
	Input         string            `json:"signature_input,omitempty"`
	Signature     string            `json:"signature,omitempty"`
}

const (
	docPublic = "b730db0864b0d4453ba6a26ad6613cd4"
	docSecret = "7647a19f5bf3e9fd001419900ad48a54"
	docBody   = `<?xml version="1.0"?><methodCall><methodName>demo.sayHello</methodName><params/></methodCall>`
	docAnswer = `<?xml version="1.0"?><methodResponse><params><param><value><string>Hello!</string></value></param></params></methodResponse>`
	docTime   = 1777622400 // 2026-05-01T08:00:00Z
)

// docVectors makes the vectors.
func docVectors(t *testing.T) []docVector {
	t.Helper()
	private, err := os.ReadFile("testdata/rfc9421/keys.pem")
	if err != nil {
		t.Fatal(err)
	}
	_, private, _ = bytes.Cut(private, []byte("test-key-ed25519 (B.1.4)\n-----BEGIN PRIVATE"))
	pair := "-----BEGIN PRIVATE" + string(private)
	ed := rfcKey(t, "test-key-ed25519", signature.Ed25519)
	shared := signature.HMACKey([]byte(docSecret))
	list := []docVector{
		{Name: "header scheme", Alg: "header", Body: docBody},
		{Name: "header scheme, empty body", Alg: "header"},
	}
	for i := range list {
		list[i].Key, list[i].Secret, list[i].Message = docPublic, docSecret, "POST https://blog.example/xmlrpc.php"
		list[i].Authorization = signature.Sign(docPublic, docSecret, []byte(list[i].Body))
	}
	plain := &signature.Message{Method: "POST", Scheme: "https", Authority: "blog.example", Target: "/xmlrpc.php"}
	odd := &signature.Message{Method: "POST", Scheme: "https", Authority: "Blog.example:8443", Target: "/a%20blog/xmlrpc.php?for=you&x="}
	request := func(name string, m *signature.Message, k signature.Key, secret string) *signature.Message {
		v := docVector{Name: name, Secret: secret, Key: docPublic, Body: docBody}
		return v.sign(t, &list, m, k, "sig", allComponents, signature.Params{
			Created: docTime, KeyID: docPublic, Alg: k.Algorithm(), Nonce: "uG3cNDQOBVQMvQZpXV7gzA", Tag: "quillgate",
		}, "text/xml")
	}
	first := request("strict request, hmac-sha256", plain, shared, docSecret)
	request("strict request to an address with port, escapes and query", odd, shared, docSecret)
	second := request("strict request, ed25519", plain, ed, pair)
	answer := func(name string, to *signature.Message, k signature.Key, keyID, secret string) {
		v := docVector{Name: name, Secret: secret, Key: keyID, Body: docAnswer}
		v.sign(t, &list, &signature.Message{Status: 200, Request: to}, k, "answer",
			[]string{`"@status"`, `"content-type"`, `"content-digest"`, `"signature";req;key="sig"`},
			signature.Params{Created: docTime + 1, KeyID: keyID, Alg: k.Algorithm(), Nonce: "Yx5nq0lQfBtxk8Lq3vWm2A", Tag: "quillgate"}, "text/xml; charset=UTF-8")
	}
	answer("signed answer to the first strict request, hmac-sha256", first, shared, docPublic, docSecret)
	answer("signed answer to the ed25519 request, by the server's key", second, ed, "server-0123456789abcdef", pair)
	return list
}

// sign completes the vector, adds it to the list, and returns the message with
// its fields.
func (v docVector) sign(t *testing.T, list *[]docVector, m *signature.Message, k signature.Key, label string, components []string, p signature.Params, kind string) *signature.Message {
	t.Helper()
	digest, err := signature.ContentDigestOf(strings.NewReader(v.Body))
	if err != nil {
		t.Fatal(err)
	}
	signed := *m
	signed.Header = http.Header{"Content-Type": {kind}, "Content-Digest": {digest}}
	v.Fields = map[string]string{"Content-Type": kind, "Content-Digest": digest}
	v.Input, v.Signature, err = signature.SignMessage(k, label, &signed, components, p)
	if err != nil {
		t.Fatal(err)
	}
	signed.Header.Set("Signature-Input", v.Input)
	signed.Header.Set("Signature", v.Signature)
	read, err := signature.Signatures(signed.Header)
	if err != nil {
		t.Fatal(err)
	}
	base, err := read[0].Base(&signed)
	if err != nil {
		t.Fatal(err)
	}
	v.Base, v.Alg = string(base), string(k.Algorithm())
	v.Message = fmt.Sprintf("%s %s://%s%s", m.Method, m.Scheme, m.Authority, m.Target)
	if m.Status != 0 {
		v.Message = fmt.Sprint("status ", m.Status)
	}
	*list = append(*list, v)
	return &signed
}

// markdown shows a vector.
func (v docVector) markdown() string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-16s%s\n", name, value) }
	fmt.Fprintf(&b, "### %s\n\n```\n", strings.ToUpper(v.Name[:1])+v.Name[1:])
	line("message", v.Message)
	line("key", v.Key)
	if !strings.Contains(v.Secret, "\n") {
		line("secret", v.Secret)
	} else {
		line("private key", "test-key-ed25519 of RFC 9421, appendix B.1.4")
	}
	for _, name := range []string{"Content-Type", "Content-Digest"} {
		if v.Fields[name] != "" {
			line(name, v.Fields[name])
		}
	}
	for _, f := range []struct{ name, value string }{
		{"Authorization", v.Authorization}, {"Signature-Input", v.Input}, {"Signature", v.Signature}, {"body", v.Body},
	} {
		if f.value != "" {
			line(f.name, f.value)
		}
	}
	b.WriteString("```\n\n")
	if v.Base != "" {
		fmt.Fprintf(&b, "The signature base, without a line break at its end:\n\n```\n%s\n```\n\n", v.Base)
	}
	return b.String()
}

// The vectors of the document and of the file next to it are what the code
// makes.
func TestVectorsOfTheDocument(t *testing.T) {
	vectors := docVectors(t)
	var shown strings.Builder
	for _, v := range vectors {
		shown.WriteString(v.markdown())
	}
	var file bytes.Buffer
	e := json.NewEncoder(&file)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"vectors": vectors}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), vectorsBegin)
	between, after, foundEnd := strings.Cut(rest, vectorsEnd)
	if !found || !foundEnd {
		t.Fatalf("%s has no place for the vectors", document)
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+vectorsBegin+"\n"+shown.String()+vectorsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff("\n"+shown.String(), between); diff != "" {
		t.Errorf("%s (-want +got):\n%s", document, diff)
	}
	kept, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file.String(), string(kept)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", vectorFile, diff)
	}
}
