package wordpress

import (
	"strconv"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// idText is how WordPress writes most ids: as text.
func idText(id int64) xmlrpc.Value { return xmlrpc.String(strconv.FormatInt(id, 10)) }

// dateTime writes a moment as clients expect it, yyyyMMddTHH:mm:ss, in the clock that t carries.
func dateTime(t time.Time) xmlrpc.Value { return xmlrpc.DateTime(t.Format("20060102T15:04:05")) }

// structOf writes members as a struct, and none of them as an empty array: WordPress's encoder cannot tell the two apart.
func structOf(members ...xmlrpc.Member) xmlrpc.Value {
	if len(members) == 0 {
		return xmlrpc.Array()
	}
	return xmlrpc.Struct(members...)
}
