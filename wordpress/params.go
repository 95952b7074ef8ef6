package wordpress

import (
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The readers of package loose, by the short names that this package is full of.

func textOf(v xmlrpc.Value) string { return loose.Text(v) }
func intOf(v xmlrpc.Value) int64   { return loose.Int(v) }
func truthOf(v xmlrpc.Value) bool  { return loose.Truth(v) }

// optionalText reads a member as text, and is nil when the member was not sent or is nil: an edit leaves it alone.
func optionalText(content xmlrpc.Value, name string) *string {
	v, ok := content.Member(name)
	if !ok {
		return nil
	}
	t := textOf(v)
	return &t
}
