package loose

import (
	"github.com/quillgate/quillgate/methods"
	"github.com/quillgate/quillgate/xmlrpc"
)

// Arguments are those of one call. They are read by the names that the row of the method gives them, so that where each
// stands is said in one place. What is missing reads as the zero of its kind.
type Arguments struct {
	Row    *methods.Method
	Values []xmlrpc.Value
}

// At returns an argument. A name that the row does not have is a mistake of the program; a test finds it.
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
