package wordpress

import (
	"strconv"
	"time"

	"github.com/quillgate/quillgate/xmlrpc"
)

// idText writes an id as text, as WordPress writes most ids.
func idText(id int64) xmlrpc.Value { return xmlrpc.String(strconv.FormatInt(id, 10)) }

// dateTime writes a time in the form that clients expect, yyyyMMddTHH:mm:ss, in
// the time zone of t.
func dateTime(t time.Time) xmlrpc.Value { return xmlrpc.DateTime(t.Format("20060102T15:04:05")) }

// structOf writes members as a struct. Without members it writes an empty
// array: WordPress's encoder cannot distinguish the two.
func structOf(members ...xmlrpc.Member) xmlrpc.Value {
	if len(members) == 0 {
		return xmlrpc.Array()
	}
	return xmlrpc.Struct(members...)
}
