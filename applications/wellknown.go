package applications

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/quillgate/quillgate/apps"
	"github.com/quillgate/quillgate/auth"
)

// wellKnown is what a client needs to know to sign strictly and to check signed
// answers; see docs/SIGNING.md.
type wellKnown struct {
	Endpoint   string   `json:"endpoint"`
	Authorize  string   `json:"authorize"` // the page where a person grants access to a client
	Tag        string   `json:"tag"`
	Components []string `json:"components"`
	// ResponseKey signs the answers to keys that have no secret.
	ResponseKey responseKey `json:"response_key"`
}

type responseKey struct {
	KeyID     string `json:"keyid"`
	Alg       string `json:"alg"`
	PublicKey string `json:"public_key"` // PEM
}

// WellKnown serves /.well-known/quillgate for an endpoint and the page on which
// a person grants access to it.
func (a *Calls) WellKnown(endpoint, authorize string, logger *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, err := publicResponseKey(r.Context(), a.cfg.Apps)
		if err != nil {
			logger.ErrorContext(r.Context(), "no key to sign answers", "error", err)
			http.Error(w, "The key that signs answers is not available at the moment.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		// If this fails, the connection is gone, and so is the client.
		_ = json.NewEncoder(w).Encode(wellKnown{Endpoint: endpoint, Authorize: authorize, Tag: auth.Tag, Components: auth.RequiredComponents(), ResponseKey: key})
	}
}

// publicResponseKey returns the public half of the server's key.
func publicResponseKey(ctx context.Context, store *apps.Store) (responseKey, error) {
	key, err := store.ResponseKey(ctx)
	if err != nil {
		return responseKey{}, fmt.Errorf("get the key of answers: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return responseKey{}, fmt.Errorf("write the key of answers: %w", err)
	}
	return responseKey{key.ID, apps.Ed25519, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}, nil
}
