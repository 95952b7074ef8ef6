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

// RSD returns the document of Really Simple Discovery that leads to an
// endpoint: four interfaces, WordPress first and preferred, absolute addresses
// (Open Live Writer, the WordPress apps and MarsEdit read it). WP-API is not
// among the interfaces: newer clients would take it and bypass whoever answers.
func RSD(home, endpoint string) ([]byte, error) {
	var out bytes.Buffer
	if err := rsdTemplate.Execute(&out, struct{ Home, Endpoint string }{home, endpoint}); err != nil {
		return nil, fmt.Errorf("make the discovery document: %w", err)
	}
	return out.Bytes(), nil
}

// Manifest returns the manifest of Windows Live Writer and its successor.
// WordPress has none since 6.3, and both read their options from it.
func Manifest() []byte { return manifest }
