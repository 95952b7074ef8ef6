package site

import "github.com/quillgate/quillgate/methods"

// The paths that clients know by heart, below the address of the blog, as in WordPress.
const (
	EndpointPath = methods.EndpointPath
	UploadsPath  = "/wp-content/uploads/" // of uploads, each at the name of its file
)

// EndpointURL is the address of the XML-RPC endpoint of the blog at base.
func EndpointURL(base string) string { return base + EndpointPath }

// EndpointURL is the address of the blog's XML-RPC endpoint.
func (s *Site) EndpointURL() string { return EndpointURL(s.baseURL) }

// UploadURL is the address of an upload by the name of its file; "" gives what the addresses of all uploads begin with.
func (s *Site) UploadURL(file string) string { return s.baseURL + UploadsPath + file }
