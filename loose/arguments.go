package loose

import (
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Arguments are the arguments of one call, read by the parameter names in the
// method's row, so that positions are written in one place only. A missing
// argument reads as the zero value of its kind.
type Arguments struct {
	Row    *methods.Method
	Values []xmlrpc.Value
}

// At returns the argument called name. A name that the row does not have is a
// programming error, which a test finds.
func (a Arguments) At(name string) xmlrpc.Value {
	i := a.Row.Index(name)
	if i < 0 {
		panic(a.Row.Name + " has no parameter " + name)
	}
	if i >= len(a.Values) {
		return xmlrpc.Value{}
	}
	return a.Values[i]
}

// Text returns an argument as [Text] reads it.
func (a Arguments) Text(name string) string { return Text(a.At(name)) }

// Int returns an argument as [Int] reads it.
func (a Arguments) Int(name string) int64 { return Int(a.At(name)) }

// Truth returns an argument as [Truth] reads it.
func (a Arguments) Truth(name string) bool { return Truth(a.At(name)) }

// Given reports whether the argument was sent and is not nil.
func (a Arguments) Given(name string) bool { return !a.At(name).IsZero() }
