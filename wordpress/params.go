package wordpress

import (
	"github.com/quillgate/quillgate/loose"
	"github.com/quillgate/quillgate/xmlrpc"
)

// The functions of package loose, under short names because this package uses
// them everywhere.

func textOf(v xmlrpc.Value) string { return loose.Text(v) }
func intOf(v xmlrpc.Value) int64   { return loose.Int(v) }
func truthOf(v xmlrpc.Value) bool  { return loose.Truth(v) }

// optionalText reads a member as text. It returns nil if the member was not
// sent or is nil, so that an edit leaves it alone.
func optionalText(content xmlrpc.Value, name string) *string {
	v, ok := content.Member(name)
	if !ok {
		return nil
	}
	t := textOf(v)
	return &t
}
