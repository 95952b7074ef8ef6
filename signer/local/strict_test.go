package local_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quillgate/quillgate/signature"
	"github.com/quillgate/quillgate/signer/local"
	"github.com/quillgate/quillgate/xmlrpc"
)

// strictBlog takes message signatures by a clock that may be wrong, and signs
// its answers.
type strictBlog struct {
	*httptest.Server
	ahead atomic.Int64 // seconds of its clock
	seen  atomic.Int64 // requests
	field bool         // it says its time in the field of the header
	spoil func(w http.ResponseWriter, body *string)
}

func newStrictBlog(t testing.TB, answer string) *strictBlog {
	t.Helper()
	key := signature.HMACKey([]byte(pairSecret))
	b := &strictBlog{field: true}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.seen.Add(1)
		w.Header().Set("Content-Type", "text/xml")
		now, body := time.Now().Unix()+b.ahead.Load(), answer
		list, err := signature.Signatures(r.Header)
		if err != nil || len(list) != 1 || list[0].Verify(key, signature.RequestMessage(r)) != nil {
			t.Errorf("the request is not signed: %v, %v", err, r.Header)
		} else if age := now - list[0].Params.Created; age > 300 || age < -60 {
			if b.field {
				w.Header().Set("X-Quillgate-Time", fmt.Sprint(now))
			}
			_, _ = w.Write(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: 403, Message: fmt.Sprintf("The signature was not made just now. It is %d.", now)}))
			return
		}
		if err := signAnswer(w, r, key, now, body); err != nil {
			t.Error(err)
		}
		if b.spoil != nil {
			b.spoil(w, &body)
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(b.Close)
	return b
}

// signAnswer signs a body in the way that the request asks for.
func signAnswer(w http.ResponseWriter, r *http.Request, key signature.Key, now int64, body string) error {
	wanted, found := signature.Wanted(r.Header, "quillgate")
	if !found {
		return fmt.Errorf("the request does not ask for a signed answer: %v", r.Header)
	}
	digest, err := signature.ContentDigestOf(strings.NewReader(body))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Digest", digest)
	input, value, err := signature.SignMessage(key, wanted.Label, &signature.Message{Status: 200, Header: w.Header(), Request: signature.RequestMessage(r)},
		wanted.Components, signature.Params{Created: now, KeyID: "k", Alg: key.Algorithm(), Nonce: wanted.Nonce, Tag: "quillgate"})
	w.Header().Set("Signature-Input", input)
	w.Header().Set("Signature", value)
	return err
}

// Nothing of an answer is believed that is not the one that the blog has
// signed, however whole it looks.
func TestChangedAnswersAreNotBelieved(t *testing.T) {
	b := newStrictBlog(t, string(xmlrpc.AppendResponse(nil, xmlrpc.String("41"))))
	p := newProxy(t, local.Quillgate, b.URL+"/xmlrpc.php", nil)
	if _, text := p.send(t, newPost(localPassword)); !strings.Contains(text, "41") {
		t.Fatalf("the signed answer is refused: %s", text)
	}
	whole := string(xmlrpc.AppendResponse(nil, xmlrpc.String("42")))
	for name, spoil := range map[string]func(w http.ResponseWriter, body *string){
		"another body":         func(_ http.ResponseWriter, body *string) { *body = strings.Replace(*body, "41", "42", 1) },
		"more behind the end":  func(_ http.ResponseWriter, body *string) { *body += "<!-- " + strings.Repeat("x", 100000) + " -->" },
		"one before it":        func(_ http.ResponseWriter, body *string) { *body = whole + *body },
		"another signature":    func(w http.ResponseWriter, _ *string) { w.Header().Set("Signature", "sig=:AAAA:") },
		"another length":       func(w http.ResponseWriter, body *string) { *body = whole; w.Header().Set("Content-Length", "100000") },
		"no signature":         func(w http.ResponseWriter, _ *string) { w.Header().Del("Signature"); w.Header().Del("Signature-Input") },
		"another content-type": func(w http.ResponseWriter, _ *string) { w.Header().Set("Content-Type", "text/html") },
	} {
		t.Run(name, func(t *testing.T) {
			b.spoil = spoil
			_, text := p.send(t, newPost(localPassword))
			if f := faultOf(t, text); f == nil || f.Code == 403 || !strings.Contains(f.Message, "not known whether") || !strings.Contains(f.Message, "could not be verified") && name != "another length" {
				t.Errorf("the old program gets %s", text)
			}
		})
	}
}
