package upstream

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
)

//go:embed templates/rsd.xml
var rsdText string

//go:embed templates/wlwmanifest.xml
var manifest []byte

var rsdTemplate = template.Must(template.New("rsd").Parse(rsdText))

// RSD returns the Really Simple Discovery document that leads to an endpoint.
// It lists four interfaces with absolute addresses, WordPress first and
// preferred, as Open Live Writer, the WordPress apps and MarsEdit expect. It
// omits WP-API: newer clients would choose it and bypass this endpoint.
func RSD(home, endpoint string) ([]byte, error) {
	var out bytes.Buffer
	if err := rsdTemplate.Execute(&out, struct{ Home, Endpoint string }{home, endpoint}); err != nil {
		return nil, fmt.Errorf("make the discovery document: %w", err)
	}
	return out.Bytes(), nil
}

// Manifest returns the manifest from which Windows Live Writer and its
// successor read their options. WordPress has none since 6.3.
func Manifest() []byte { return manifest }
