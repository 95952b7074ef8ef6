package site

import "github.com/quillgate/quillgate/methods"

// The well-known paths of clients, below the address of the blog, as in
// WordPress.
const (
	EndpointPath = methods.EndpointPath
	UploadsPath  = "/wp-content/uploads/" // of uploads, each at the name of its file
)

// EndpointURL returns the address of the XML-RPC endpoint of the blog at base.
func EndpointURL(base string) string { return base + EndpointPath }

// EndpointURL returns the address of the blog's XML-RPC endpoint.
func (s *Site) EndpointURL() string { return EndpointURL(s.baseURL) }

// UploadURL returns the address of an upload, given the name of its file. With
// "" it returns the common beginning of all these addresses.
func (s *Site) UploadURL(file string) string { return s.baseURL + UploadsPath + file }
