package signer_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quillgate/quillgate/signer"
)

// TestAskForThePage: the page where access is granted is believed on the
// server's own host only.
func TestAskForThePage(t *testing.T) {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	for _, tt := range []struct{ page, want string }{
		{"HOME/quillgate/authorize", "HOME/quillgate/authorize"},
		{"", ""},
		{"https://evil.example/authorize", ""},
		{"javascript:alert(1)", ""},
		{"//evil.example/authorize", ""},
	} {
		var s *httptest.Server
		s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page := strings.Replace(tt.page, "HOME", s.URL, 1)
			json.NewEncoder(w).Encode(map[string]any{"authorize": page, "response_key": map[string]string{"alg": "ed25519", "public_key": key}})
		}))
		known, err := signer.Ask(t.Context(), s.Client(), s.URL+"/xmlrpc.php")
		if want := strings.Replace(tt.want, "HOME", s.URL, 1); err != nil || known.Authorize != want {
			t.Errorf("%q: %q, %v, want %q", tt.page, known.Authorize, err, want)
		}
		s.Close()
	}
}
